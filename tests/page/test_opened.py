"""How the tests open the page."""

import asyncio
from pathlib import Path

from playwright.async_api import Browser, Route

from tests.fakes.ollama import FakeOllama
from tests.page.opened import opened
from tests.running_app import running


async def test_a_question_that_is_still_being_answered_when_the_page_closes_fails_no_test(
    browser: Browser, tmp_path: Path
) -> None:
    asked, closed, tried = asyncio.Event(), asyncio.Event(), asyncio.Event()

    async def late(route: Route) -> None:
        answer = await route.fetch()
        asked.set()
        await closed.wait()
        tried.set()
        await answer.json()

    async with FakeOllama() as ollama, running(tmp_path, OLLAMA_URL=ollama.url) as app:
        async with opened(browser, app, "/healthz", forgiven="status of") as page:
            await page.route("**/status.json", late)
            await page.evaluate("void fetch('/status.json')")
            await asked.wait()
        closed.set()
        await tried.wait()
        # What a handler raised comes out at the next answer of the browser.
        for _ in range(3):
            await (await browser.new_context()).close()
