"""Asking again with what the form says, and nothing else changed."""

import asyncio
import json
from pathlib import Path

import pytest
from playwright.async_api import Browser, Page, Route, expect

from tests.fakes.ollama import CHUNKED, LAST_CHUNK, FakeOllama, answer, chunk, done_line, head, token_line, whole
from tests.page.opened import Steps, answered, as_json, opened, shown
from tests.running_app import ask, running

SYSTEM = "You are terse.\r\nYou are polite."
TALK = as_json(
    model="tiny",
    messages=[{"role": "system", "content": SYSTEM}, {"role": "user", "content": "So what?"}],
    stream=False,
)


async def form_of(page: Page, **fields: str) -> None:
    """Open the form and fill it."""
    await shown(page).get_by_role("button", name="Replay …").click()
    for title, value in fields.items():
        await shown(page).get_by_label(title.replace("_", " ")).fill(value)


async def test_only_what_was_changed_is_changed_and_a_record_that_comes_later_is_waited_for(
    browser: Browser, tmp_path: Path
) -> None:
    async with FakeOllama() as ollama, running(tmp_path, OLLAMA_URL=ollama.url) as app:
        ollama.answers("/api/chat", answer(whole(answered("It is done."))))
        identifier = (await ask(app, body=TALK)).header("X-Exchange-Id")
        async with opened(browser, app, f"/?show={identifier}", forgiven="status of 404") as page:
            await form_of(page, Temperature="0.33")
            missed: list[str] = []

            async def miss_once(route: Route) -> None:
                missed.append(route.request.url)
                await (route.fulfill(status=404, json={"error": "no"}) if len(missed) == 1 else route.continue_())

            await page.route("**/exchanges/*.json", miss_once)
            await shown(page).get_by_role("button", name="Replay", exact=True).click()
            await expect(shown(page).get_by_role("region", name="Comparison of both answers")).to_be_visible()
            assert len(missed) == 2
        first, second = [json.loads(request.body) for request in ollama.requests if request.path == "/api/chat"]
        assert second == {**first, "options": {"temperature": 0.33}, "stream": True}


async def test_calls_of_tools_are_shown_and_compared(browser: Browser, tmp_path: Path) -> None:
    def calling(city: str) -> bytes:
        return answered(
            " ", message={"tool_calls": [{"function": {"name": "get_weather", "arguments": {"city": city}}}]}
        )

    async with FakeOllama() as ollama, running(tmp_path, OLLAMA_URL=ollama.url) as app:
        streamed = head(200, CHUNKED, "application/x-ndjson"), chunk(calling("Bergen") + b"\n"), LAST_CHUNK
        ollama.answers("/api/chat", answer(whole(calling("Oslo"))), answer(*streamed))
        identifier = (await ask(app, body=TALK)).header("X-Exchange-Id")
        async with opened(browser, app, f"/?show={identifier}") as page:
            await form_of(page)
            await shown(page).get_by_role("button", name="Replay", exact=True).click()
            compared = shown(page).get_by_role("region", name="Comparison of both answers")
            await expect(compared).to_contain_text('get_weather({"city":"Oslo"})')
            await expect(compared.get_by_role("deletion")).to_have_text("Oslo")
            await expect(compared.get_by_role("insertion")).to_have_text("Bergen")
            await expect(compared).not_to_contain_text("the same, word for word")


async def test_the_comparison_and_the_phases_tell_the_same_times(browser: Browser, tmp_path: Path) -> None:
    async with FakeOllama() as ollama, running(tmp_path, OLLAMA_URL=ollama.url) as app:
        # 230 ms of it are measured by Ollama: the rest is a wait too short to be a queue in the record.
        ollama.answers("/api/chat", answer(0.28, whole(answered("It is done."))))
        identifier = (await ask(app, body=TALK)).header("X-Exchange-Id")
        async with opened(browser, app, f"/?show={identifier}") as page:
            await form_of(page)
            await shown(page).get_by_role("button", name="Replay", exact=True).click()
            compared = shown(page).get_by_role("region", name="Comparison of both answers").get_by_role("row")
            phases = shown(page).get_by_role("table", name="Where the time went").get_by_role("row")
            for name in ("waiting to run", "reading the prompt", "generating"):
                took = await phases.filter(has_text=name).get_by_role("cell").last.inner_text()
                await expect(compared.filter(has_text=name).get_by_role("cell").first).to_have_text(took)


async def test_a_replay_that_takes_the_place_of_another_is_not_told_that_it_was_stopped(
    browser: Browser, tmp_path: Path
) -> None:
    rest = asyncio.Event()
    async with FakeOllama() as ollama, running(tmp_path, OLLAMA_URL=ollama.url) as app:
        identifier = (await ask(app, body=TALK)).header("X-Exchange-Id")
        words: Steps = [chunk(token_line("Half an")), rest, chunk(token_line(" answer")), chunk(done_line(9))]
        ollama.answers("/api/chat", answer(head(200, CHUNKED, "application/x-ndjson"), *words, LAST_CHUNK))
        async with opened(browser, app, f"/?show={identifier}") as page:
            await form_of(page)
            new = shown(page).locator(".output")
            for name in ("Replay", "Replay again"):
                await shown(page).get_by_role("button", name=name, exact=True).click()
                await expect(new).to_contain_text("Half an")
            await page.evaluate("new Promise((resolve) => setTimeout(resolve))")
            await expect(new).not_to_contain_text("You stopped it.")
            await shown(page).get_by_role("button", name="Stop").click()
            await expect(new).to_contain_text("You stopped it.")
            rest.set()


@pytest.mark.parametrize(
    ("path", "most", "titles"),
    [
        ("/v1/chat/completions", "max_tokens", ["Model", "Temperature", "Most tokens out", "Seed"]),
        ("/v1/messages", "max_tokens", ["Model", "Temperature", "Most tokens out"]),
    ],
)
async def test_the_fields_are_those_that_have_an_effect(
    path: str, most: str, titles: list[str], browser: Browser, tmp_path: Path
) -> None:
    async with FakeOllama() as ollama, running(tmp_path, OLLAMA_URL=ollama.url) as app:
        body = as_json(model="tiny", messages=[{"role": "user", "content": "So what?"}], max_tokens=77)
        identifier = (await ask(app, f"/api/ollama{path}", body)).header("X-Exchange-Id")
        async with opened(browser, app, f"/?show={identifier}") as page:
            await form_of(page)
            fields = shown(page).get_by_role("form", name="Replay").locator(".fields")
            await expect(fields.locator("label")).to_have_text(titles)
            await expect(fields.locator(f"[name={most}]")).to_have_attribute("placeholder", "77")
