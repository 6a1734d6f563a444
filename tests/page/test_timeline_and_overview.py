"""What stands around the list: the timeline with its numbers, and the overview of who did what."""

import re
from pathlib import Path

from playwright.async_api import Browser, Route, expect

from tests.fakes.ollama import FakeOllama
from tests.page.opened import connected, opened, rows, shown
from tests.running_app import chat, found, get, running


async def test_a_timeline_that_cannot_be_had_says_why_and_is_asked_for_again(browser: Browser, tmp_path: Path) -> None:
    async with FakeOllama() as ollama, running(tmp_path, OLLAMA_URL=ollama.url) as app:
        await chat(app, "Hello")
        await found(app, "", 1)
        async with opened(browser, app, "/healthz", forgiven="status of") as page:

            async def refuse(route: Route) -> None:
                await route.fulfill(status=503, json={"error": "That took too long: choose a shorter time."})

            await page.route("**/timeline.json*", refuse)
            await page.goto(f"http://127.0.0.1:{app.port}/?from=all")
            timeline = page.get_by_role("region", name="Timeline")
            await expect(timeline).to_contain_text("That took too long: choose a shorter time.")
            await expect(timeline.locator("#chart")).to_be_hidden()
            await page.unroute("**/timeline.json*")
            await timeline.get_by_role("button", name="Try again").click()
            await expect(timeline.get_by_role("img", name="1 exchange")).to_be_visible()
            await expect(timeline.get_by_text("That took too long")).to_be_hidden()
