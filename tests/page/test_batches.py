"""Is another model better? Many prompts sent again, and judged with the keyboard."""

import json
import os
import time
from pathlib import Path

import pytest
from playwright.async_api import Browser, expect

from tests.fakes.ollama import HOLD, FakeOllama, answer, head, whole
from tests.page.opened import PHONE, answered, as_json, opened, shown
from tests.running_app import ask, chat, found, get, running, said


async def test_twenty_prompts_are_sent_again_and_judged_with_the_keyboard(browser: Browser, tmp_path: Path) -> None:
    async with FakeOllama() as ollama, running(tmp_path, OLLAMA_URL=ollama.url) as app:
        old = [answer(whole(answered(f"The old answer {number} is red."))) for number in range(20)]
        new = [answer(whole(answered(f"The new answer {number} is blue."))) for number in range(20)]
        ollama.answers("/api/chat", *old, *new)
        for number in range(20):
            await chat(app, f"Question {number}", path="/api/ollama/~workflow=Colours;node=Ask/api/chat")
        await found(app, "workflow=Colours", 20)
        async with opened(browser, app, "/?from=all&workflow=Colours") as page:
            await page.get_by_role("button", name="Which model").click()
            form = page.get_by_role("form", name="Send what is shown again")
            await form.get_by_role("combobox", name="Model").fill("big")
            await form.get_by_role("button", name="Send them again").click()
            part = page.get_by_role("region", name="Batches of replays")
            await expect(part.get_by_role("status")).to_contain_text("20 of 20 prompts got a new answer")
            await expect(part.locator("tr[aria-current]")).to_have_count(20)
            await expect(part).to_contain_text("The new answer 0")
            await expect(part.get_by_role("insertion").first).to_have_text("new")
            table = part.get_by_role("group", name="Prompts, old and new")
            await table.focus()
            began = time.monotonic()
            for key in "22212223414212223212":
                await page.keyboard.press(key)
            await expect(part.get_by_role("status")).to_contain_text("Judged 20:")
            # What is left of two minutes is for reading.
            assert time.monotonic() - began < 60
            (listed,) = (await said(app, "/replays.json"))["batches"]
            told = await said(app, f"/replays/{listed['batch']}.json")
            verdicts = [row["verdict"] for row in told["rows"]]
            assert "".join({"old": "1", "new": "2", "same": "3", "bad": "4"}[one] for one in verdicts) == (
                "22212223414212223212"
            )
            assert f"batch={listed['batch']}" in page.url
            await part.get_by_role("button", name="new", exact=True).first.click()
            await expect(shown(page).get_by_role("group", name="answer")).to_contain_text("The new answer 0")
        # Its address shows it, to whom it is sent.
        async with opened(browser, app, f"/?tab=models&batch={listed['batch']}", size=PHONE) as page:
            part = page.get_by_role("region", name="Batches of replays")
            await expect(part.get_by_role("status")).to_contain_text("Judged 20:")
            wide = await page.evaluate("document.documentElement.scrollWidth <= window.innerWidth")
            assert wide


async def test_what_was_typed_into_the_form_stays_when_another_part_is_looked_at(
    browser: Browser, tmp_path: Path
) -> None:
    async with FakeOllama() as ollama, running(tmp_path, OLLAMA_URL=ollama.url) as app:
        for number in range(3):
            await chat(app, f"Question {number}")
        await found(app, "operation=chat", 3)
        async with opened(browser, app, "/?from=all&tab=models") as page:
            form = page.get_by_role("form", name="Send what is shown again")
            most = form.get_by_role("spinbutton", name="At most")
            await most.fill("2")
            # The view is counted anew, and what stands beside it is asked for again.
            async with page.expect_response(lambda got: "/replays.json" in got.url):
                await page.get_by_role("combobox", name="Slower than").select_option("10")
            await page.get_by_role("combobox", name="Slower than").select_option("")
            await expect(most).to_have_value("2")
            await form.get_by_role("button", name="Send them again").click()
            part = page.get_by_role("region", name="Batches of replays")
            await expect(part.get_by_role("status")).to_contain_text("2 of 2 prompts got a new answer")


async def test_a_batch_is_stopped_and_goes_on(browser: Browser, tmp_path: Path) -> None:
    async with FakeOllama() as ollama, running(tmp_path, OLLAMA_URL=ollama.url) as app:
        for number in range(2):
            await chat(app, f"Question {number}")
        await found(app, "operation=chat", 2)
        ollama.answers("/api/chat", answer(whole(answered("New."))), answer(head(200), HOLD))
        async with opened(browser, app, "/?from=all&tab=models") as page:
            part = page.get_by_role("region", name="Batches of replays")
            await part.get_by_role("button", name="Send them again").click()
            await expect(part).to_contain_text("1 of 2 prompts")
            await part.get_by_role("button", name="Stop").click()
            await expect(part.get_by_role("button", name="Go on")).to_be_visible()
            ollama.answers("/api/chat", answer(whole(answered("New as well."))))
            await part.get_by_role("button", name="Go on").click()
            await expect(part.get_by_role("status")).to_contain_text("2 of 2 prompts got a new answer")
            await part.get_by_role("button", name="All batches").click()
            await expect(part.get_by_role("listitem")).to_contain_text("2 prompts with the same model")


async def test_what_is_refused_is_told_in_the_form(browser: Browser, tmp_path: Path) -> None:
    async with FakeOllama() as ollama, running(tmp_path, OLLAMA_URL=ollama.url, INSPECTOR_REPLAY="false") as app:
        await chat(app, "Question")
        async with opened(browser, app, "/?from=all&tab=models", forgiven="403|404") as page:
            part = page.get_by_role("region", name="Batches of replays")
            await part.get_by_role("button", name="Send them again").click()
            await expect(part.get_by_role("alert")).to_contain_text("INSPECTOR_REPLAY=true allows it")
        async with opened(browser, app, "/?tab=models&batch=0123456789abcdef", forgiven="404") as page:
            await expect(page.get_by_role("region", name="Batches of replays")).to_contain_text(
                "There is no such batch"
            )


@pytest.mark.parametrize(("typed", "sent"), [("You are terse.", ["You are terse."]), ("", []), (None, ["Be kind."])])
async def test_another_system_prompt_or_none_is_typed_into_the_form(
    typed: str | None, sent: list[str], browser: Browser, tmp_path: Path
) -> None:
    async with FakeOllama() as ollama, running(tmp_path, OLLAMA_URL=ollama.url) as app:
        messages = [{"role": "system", "content": "Be kind."}, {"role": "user", "content": "Why?"}]
        await ask(app, body=as_json(model="tiny", messages=messages, stream=False))
        await found(app, "operation=chat", 1)
        async with opened(browser, app, "/?from=all&tab=models", size=PHONE) as page:
            part = page.get_by_role("region", name="Batches of replays")
            if typed is not None:
                await part.get_by_role("checkbox", name="another system prompt").check()
                await part.get_by_role("textbox", name="Another system prompt").fill(typed)
            if folder := os.environ.get("SCREENSHOTS"):
                await page.screenshot(path=f"{folder}/batch-form.png")
            await part.get_by_role("button", name="Send them again").click()
            await expect(part.get_by_role("status")).to_contain_text("1 of 1 prompt got a new answer")
        asked = json.loads([request for request in ollama.requests if b"messages" in request.body][-1].body)
        assert [one["content"] for one in asked["messages"] if one["role"] == "system"] == sent


async def test_a_batch_whose_exchanges_were_erased_stays_and_says_so_until_it_is_forgotten(
    browser: Browser, tmp_path: Path
) -> None:
    async with FakeOllama() as ollama, running(tmp_path, OLLAMA_URL=ollama.url) as app:
        await chat(app, "Question")
        await found(app, "operation=chat", 1)
        async with opened(browser, app, "/?from=all&tab=models") as page:
            part = page.get_by_role("region", name="Batches of replays")
            await part.get_by_role("button", name="Send them again").click()
            await expect(part.get_by_role("status")).to_contain_text("1 of 1 prompt got a new answer")
            (listed,) = (await said(app, "/replays.json"))["batches"]
            (row,) = (await said(app, f"/replays/{listed['batch']}.json"))["rows"]
            await chat(app, "Something that stays")
            for side, words in (("new", "the new one is not here"), ("old", "both are not here any more")):
                erased = await get(app, f"/exchanges/{row[side]['exchange']}", "DELETE")
                assert erased.status == 200
                await page.reload()
                await expect(part).to_contain_text(words)
                await expect(part.get_by_role("status")).to_contain_text("1 of 1 prompt got a new answer. Of 1 not all")
            await part.get_by_role("button", name="Forget this batch").click()
            await part.get_by_role("button", name="for good").click()
            await expect(part.get_by_role("form", name="Send what is shown again")).to_be_visible()
            await expect(part.get_by_role("listitem")).to_have_count(0)
        assert (await said(app, "/replays.json"))["batches"] == []
