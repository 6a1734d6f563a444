"""What may have made an answer nonsense stands beside the time, and both calls of a node are compared."""

import os
from pathlib import Path
from typing import Any

from playwright.async_api import Browser, expect

from tests.fakes.ollama import FakeOllama, answer, whole
from tests.page.opened import PHONE, answered, as_json, indexed, opened, shown
from tests.running_app import ask, running

PATH = "/api/ollama/~workflow=Mails;node=Reply/api/chat"


def asked(system: str, **more: Any) -> bytes:
    messages = [{"role": "system", "content": system}, {"role": "user", "content": "Which colour?"}]
    return as_json(model="tiny", messages=messages, stream=False, **more)


async def test_what_was_asked_differently_than_the_time_before_is_told_and_compared(
    browser: Browser, tmp_path: Path
) -> None:
    async with FakeOllama() as ollama, running(tmp_path, OLLAMA_URL=ollama.url) as app:
        ollama.answers("/api/chat", answer(whole(answered("It is red."))))
        await ask(app, PATH, asked("You are brief.", options={"temperature": 0}))
        ollama.answers("/api/chat", answer(whole(answered("It is blue."))))
        body = asked("You are <b>kind</b>.", options={"temperature": 1}, format="json")
        identifier = (await ask(app, PATH, body)).header("X-Exchange-Id")
        await indexed(app, 2)
        async with opened(browser, app, f"/?show={identifier}") as page:
            article = shown(page)
            await expect(article).to_contain_text("Content: The request asked for JSON, and the answer is none.")
            await expect(article).to_contain_text("temperature is 1; in this node's previous call it was 0.")
            await expect(article.locator(".finding", has_text="Nothing held it up")).to_contain_text("Time:")
            changed = article.locator(".finding", has_text="The system prompt is another")
            await changed.get_by_text("What differs").click()
            await expect(changed.locator("ins")).to_contain_text("<b>kind</b>")
            await expect(changed.locator("b")).to_have_count(0)
            await article.get_by_role("button", name="Compare with the one before of this node").click()
            await expect(article.get_by_role("region", name="Comparison of both answers")).to_contain_text("red")
            if folder := os.environ.get("SCREENSHOTS"):
                await page.screenshot(path=f"{folder}/content-light.png")
                await page.emulate_media(color_scheme="dark")
                await page.screenshot(path=f"{folder}/content-dark.png")
                await page.set_viewport_size({"width": PHONE[0], "height": PHONE[1]})
                await page.screenshot(path=f"{folder}/content-phone.png", full_page=True)
        async with opened(browser, app, f"/?show={identifier}", size=PHONE) as page:
            width = await page.evaluate("document.documentElement.scrollWidth")
            assert width <= PHONE[0]


async def test_an_answer_that_was_cut_off_is_not_called_answered_in_full(browser: Browser, tmp_path: Path) -> None:
    async with FakeOllama() as ollama, running(tmp_path, OLLAMA_URL=ollama.url) as app:
        for reason, words in (("length", "answer not finished"), ("stop", "answered in full")):
            ollama.answers("/api/chat", answer(whole(answered("It is", done_reason=reason))))
            identifier = (await ask(app, PATH, asked("You are brief."))).header("X-Exchange-Id")
            async with opened(browser, app, f"/?show={identifier}") as page:
                await expect(shown(page)).to_contain_text(words)


async def test_no_word_of_the_help_is_cut_on_a_phone(browser: Browser, tmp_path: Path) -> None:
    async with FakeOllama() as ollama, running(tmp_path, OLLAMA_URL=ollama.url) as app:
        for size in ((320, 568), PHONE):
            async with opened(browser, app, "/", size=size) as page:
                await page.keyboard.press("?")
                dialog = page.get_by_role("dialog")
                await expect(dialog).to_be_visible()
                beyond = "box => box.scrollWidth - box.clientWidth"
                assert await dialog.evaluate(beyond) == 0
