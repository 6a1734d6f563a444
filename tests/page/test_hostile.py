"""Whatever somebody writes into a prompt, a name or a header is text in the page, and nothing else."""

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any
from urllib.parse import quote, urlencode

import pytest
from playwright.async_api import Browser, Page, expect

from service.app import App
from service.record.n8n_marks import is_name
from tests.fakes.conversation import Conversation
from tests.fakes.ollama import FakeOllama, whole
from tests.page.hostile import PAYLOADS, RAN
from tests.page.opened import answered, as_json, opened, rows, shown
from tests.running_app import ask, found, running

TALL = (1280, 12_000)
FACETS = ("model", "workflow", "node", "execution", "caller", "user")


def call_of(payload: str) -> dict[str, Any]:
    return {"function": {"name": payload, "arguments": {payload: payload}}}


async def echo(conversation: Conversation) -> None:
    """Answer with the texts of the request, as words, as thoughts and as calls of tools."""
    await conversation.read_upload()
    said = json.loads(conversation.request.body)
    texts = [message["content"] for message in said["messages"] if message["role"] == "user"]
    message = {"thinking": texts[0], "tool_calls": [call_of(text) for text in texts]}
    await conversation.send(whole(answered(texts[0], message=message, model=said["model"])))


def in_a_header(payload: str) -> str:
    """What of a text a header can carry as it is."""
    return "".join(letter for letter in payload if " " <= letter <= "~").strip() or "none"


async def send(app: App, payload: str) -> str:
    """Ask with ``payload`` in every place that the page shows; the exchange's id."""
    said = quote(payload[:60], safe="")
    headers = {
        **dict.fromkeys(("X_N8N_Workflow_Name", "X_N8N_Node", "X_N8N_Execution_Id", "X_OpenWebUI_User_Name"), said),
        "X_Caller": said,
        "User_Agent": in_a_header(payload)[:500],
    }
    body = as_json(
        model=payload,
        messages=[{"role": "system", "content": payload}, {"role": "user", "content": payload}],
        tools=[{"type": "function", "function": {"name": payload, "description": payload}}],
        options={payload: payload},
        stream=False,
    )
    got = await ask(app, body=body, **headers)
    assert got.status == 200, payload
    return got.header("X-Exchange-Id") or ""


async def nothing_ran(page: Page) -> None:
    assert await page.evaluate("[typeof window.__ran, Object.prototype.__ran, location.pathname]") == [
        *("undefined", None, "/"),
    ]


@pytest.mark.blocks("a hundred rows of hostile text pass through it to and from the browser")
async def test_a_hundred_hostile_texts_are_rows_of_text_in_the_list_the_filters_and_the_overview(
    browser: Browser, tmp_path: Path
) -> None:
    async with FakeOllama() as ollama, running(tmp_path, OLLAMA_URL=ollama.url) as app:
        ollama.answers("/api/chat", echo)
        for payload in PAYLOADS:
            await send(app, payload)
        entries = await found(app, "limit=500", len(PAYLOADS))
        async with opened(browser, app, size=TALL) as page:
            await expect(rows(page)).to_have_count(len(PAYLOADS))
            drawn: dict[str, str] = await page.evaluate(
                "Object.fromEntries([...document.querySelectorAll('.row')].map((row) => [row.id, row.textContent]))"
            )
            for entry in entries:
                row = drawn[f"row-{entry['exchange']}"]
                # What n8n writes where it has no name is none.
                names = ("workflow", "node") if is_name(entry["model"]) else ()
                assert ("workflow" in entry, "node" in entry) == (bool(names), bool(names))
                for name in ("prompt", "model", *names):
                    assert entry[name] in row, name
                assert f"→ {entry['answer']}" in row
            for facet in ("model", "workflow", "caller"):
                await page.get_by_role("button", name=f"Filter by {facet}").click()
                values = page.get_by_role("dialog", name=f"Filter by {facet}").get_by_role("checkbox")
                await expect(values.nth(50)).to_be_attached()
                await page.keyboard.press("Escape")
            for grouping in ("workflow", "node", "caller", "operation", "model"):
                await page.get_by_role("group", name="Group by").get_by_role("button", name=grouping).click()
                await expect(page.get_by_role("columnheader", name=grouping, exact=True)).to_be_visible()
            await nothing_ran(page)


async def test_a_hundred_hostile_turns_tools_and_calls_are_text_in_one_exchange(
    browser: Browser, tmp_path: Path
) -> None:
    async with FakeOllama() as ollama, running(tmp_path, OLLAMA_URL=ollama.url) as app:
        ollama.answers("/api/chat", echo)
        body = as_json(
            model=PAYLOADS[0],
            messages=[{"role": "user", "content": text, "name": text[:50]} for text in PAYLOADS],
            tools=[{"type": "function", "function": {"name": text, "description": text}} for text in PAYLOADS],
            options={text: text for text in PAYLOADS},
            stream=False,
        )
        identifier = (await ask(app, body=body)).header("X-Exchange-Id")
        async with opened(browser, app, f"/?show={identifier}") as page:
            await shown(page).get_by_role("button", name="turns in between").click()
            turns = shown(page).get_by_role("group", name="user", exact=True)
            await expect(turns).to_have_count(len(PAYLOADS))
            for text, turn in zip(PAYLOADS, await turns.all_text_contents(), strict=True):
                assert text in turn
            await unfold(page)
            for text, code in zip(PAYLOADS, await calls(page), strict=True):
                assert code == text
            await nothing_ran(page)


async def calls(page: Page) -> Sequence[str]:
    """The names of the tools that the answer calls."""
    return await shown(page).get_by_role("group", name="answer").get_by_role("code").all_text_contents()


async def unfold(page: Page) -> None:
    """Open all that is folded, so that it is drawn."""
    await page.evaluate("for (const fold of document.querySelectorAll('#exchange details')) fold.open = true")
    await expect(shown(page).get_by_text("Loading …")).to_have_count(0)


@pytest.mark.parametrize("payload", [f"<img src=x onerror={RAN}>", "__proto__", f"javascript:{RAN}", "\u202e\0&lt;"])
@pytest.mark.long
async def test_a_hostile_address_shows_nothing_but_words(payload: str, browser: Browser, tmp_path: Path) -> None:
    single = dict.fromkeys(("q", "failed", "truncated", "slower", "from", "to", "show", "by", "colour"), payload)
    async with FakeOllama() as ollama, running(tmp_path, OLLAMA_URL=ollama.url) as app:
        ollama.answers("/api/chat", echo)
        identifier = await send(app, payload)
        async with opened(browser, app, f"/?{urlencode(single)}", forgiven="status of 4") as page:
            for names in (("q",), ("from",), ("to",), ("slower",), ("failed",), ("by", "show", "colour")):
                await expect(page.get_by_role("region", name="Exchanges")).not_to_contain_text("Loading")
                await nothing_ran(page)
                query = urlencode({name: single[name] for name in names})
                await page.goto(f"http://127.0.0.1:{app.port}/?{query}")
            facets = dict.fromkeys(FACETS, payload[:60])
            await page.goto(f"http://127.0.0.1:{app.port}/?{urlencode({**facets, 'show': identifier})}")
            await expect(rows(page)).to_have_count(1)
            for button in ("Export …", "Erase …"):
                await page.get_by_role("button", name=button).first.click()
                await expect(page.get_by_role("dialog")).to_contain_text("1 exchange")
                await page.keyboard.press("Escape")
            await nothing_ran(page)


@pytest.mark.long
async def test_each_hostile_exchange_is_opened_unfolded_and_offered_for_replay(
    browser: Browser, tmp_path: Path
) -> None:
    async with FakeOllama() as ollama, running(tmp_path, OLLAMA_URL=ollama.url) as app:
        ollama.answers("/api/chat", echo)
        identifiers = [await send(app, payload) for payload in PAYLOADS]
        await found(app, "limit=500", len(PAYLOADS))
        async with opened(browser, app) as page:
            await expect(rows(page).first).to_be_visible()
            for payload, identifier in zip(reversed(PAYLOADS), reversed(identifiers), strict=True):
                await page.keyboard.press("j")
                await expect(page).to_have_url(f"http://127.0.0.1:{app.port}/?from=all&show={identifier}")
                record = shown(page).locator(f"a[href='/exchanges/{identifier}/request']")
                await expect(record).to_be_attached()
                await unfold(page)
                text = await shown(page).text_content() or ""
                assert payload in text
                await page.keyboard.press("r")
                await expect(shown(page).get_by_role("form", name="Replay")).to_be_visible()
                await shown(page).get_by_role("form", name="Replay").get_by_role("button", name="Replay").click()
                await expect(shown(page).get_by_role("region", name="Comparison")).to_be_visible()
                await nothing_ran(page)
                await page.get_by_role("listbox").focus()
