"""What happens while the page is open: heard of late, by halves, or not at all."""

import asyncio
import re
import time
from pathlib import Path

from playwright.async_api import Browser, expect

from tests.fakes.journals import make_journal
from tests.fakes.ollama import CHUNKED, LAST_CHUNK, FakeOllama, answer, chunk, done_line, head, token_line
from tests.page.opened import TAB_IS, connected, indexed, opened, rows, shown
from tests.running_app import chat, found, get, running


async def test_an_exchange_that_could_not_be_read_is_tried_again_by_a_click(browser: Browser, tmp_path: Path) -> None:
    async with FakeOllama() as ollama, running(tmp_path, OLLAMA_URL=ollama.url) as app:
        await chat(app, "Are you there?")
        async with opened(browser, app, forgiven="status of 503") as page:
            failed = page.get_by_role("heading", name="This exchange could not be read")
            for again in (rows(page), page.get_by_role("button", name="Try again")):
                await page.route("**/exchanges/*.json", lambda route: route.fulfill(status=503), times=1)
                await rows(page).click()
                await expect(failed).to_be_visible()
                await again.click()
                await expect(shown(page)).to_contain_text("answered in full")
                await page.keyboard.press("Escape")
                await expect(shown(page)).to_be_hidden()


async def test_a_tab_that_was_opened_in_the_background_connects_when_it_is_looked_at(
    browser: Browser, tmp_path: Path
) -> None:
    async with FakeOllama() as ollama, running(tmp_path, OLLAMA_URL=ollama.url) as app, opened(browser, app) as page:
        await page.add_init_script(TAB_IS.format("true"))
        asked: list[str] = []
        page.on("request", lambda request: asked.append(request.url))
        await page.reload()
        await expect(page.get_by_role("heading", level=1)).to_contain_text("resting")
        await chat(app, "Are you there?")
        await found(app, "", 1)
        assert [url for url in asked if url.endswith("/live")] == []
        await page.evaluate(TAB_IS.format("false"))
        await connected(page)
        await expect(rows(page)).to_contain_text("Are you there?")


async def test_one_that_ended_while_the_tab_rested_is_shown_as_it_ended(browser: Browser, tmp_path: Path) -> None:
    rest = asyncio.Event()
    async with FakeOllama() as ollama, running(tmp_path, OLLAMA_URL=ollama.url) as app, opened(browser, app) as page:
        # By the browser's clock, which is behind, nothing has begun yet.
        await page.clock.install(time=time.time() - 600)
        await page.reload()
        await connected(page)
        begun, ended = chunk(token_line(" well")), chunk(done_line(9)) + LAST_CHUNK
        ollama.answers("/api/chat", answer(head(200, CHUNKED, "application/x-ndjson"), begun, rest, ended))
        asking = asyncio.create_task(chat(app, "How long is a piece of string?"))
        await rows(page).click()
        light = page.get_by_role("heading", level=1)
        # What rests while it goes on finds it in flight again; what rests until it has ended finds that.
        for goes_on in (True, False):
            await expect(shown(page)).to_contain_text(re.compile(r"in flight for [1-9]"))
            await expect(rows(page)).to_contain_text(re.compile(r"[1-9] s …"))
            await page.evaluate(TAB_IS.format("true"))
            await page.clock.fast_forward("01:01")
            await expect(light).to_contain_text("resting")
            if not goes_on:
                rest.set()
                await asking
            await page.evaluate(TAB_IS.format("false"))
            await connected(page)
        await expect(shown(page)).to_contain_text("answered in full")
        await expect(rows(page)).not_to_contain_text("now")


async def test_the_last_hour_goes_on_unless_somebody_reads_further_down(browser: Browser, tmp_path: Path) -> None:
    await asyncio.to_thread(make_journal, tmp_path, 60, days=0.02)
    async with FakeOllama() as ollama, running(tmp_path, OLLAMA_URL=ollama.url) as app:
        await indexed(app, 60)
        async with opened(browser, app, "/?from=-1h") as page:
            await page.clock.install()
            await page.reload()
            await connected(page)
            await expect(page.get_by_text("That is all: 60 exchanges.")).to_be_attached()
            scroller = page.locator("#scroller")
            await scroller.evaluate("scroller => { scroller.scrollTop = 1000; }")
            await page.clock.fast_forward("02:00:00")
            await page.clock.run_for(100)
            await expect(page.get_by_text("That is all: 60 exchanges.")).to_be_attached()
            await scroller.evaluate("scroller => { scroller.scrollTop = 0; }")
            await page.clock.fast_forward("00:06")
            await expect(page.get_by_role("heading", name="Nothing in this time")).to_be_visible()


async def test_numbers_come_back_with_the_list(browser: Browser, tmp_path: Path) -> None:
    async with FakeOllama() as ollama, running(tmp_path, OLLAMA_URL=ollama.url) as app:
        await chat(app, "Hello")
        await chat(app, "Hello again", model="other")
        await found(app, "", 2)
        async with opened(browser, app, forgiven="status of 503") as page:
            numbers = page.locator("#totals")
            await expect(numbers).to_contain_text("model calls2median")
            await page.route("**/exchanges.json*q=again*", lambda route: route.fulfill(status=503), times=1)
            await page.get_by_role("searchbox", name="Search").fill("again")
            await page.get_by_role("button", name="Try again").click()
            await expect(rows(page)).to_have_count(1)
            await expect(numbers).to_contain_text("model calls1median")
            await expect(page.get_by_role("region", name="Overview")).to_contain_text("with again")


async def test_what_could_not_be_loaded_is_asked_for_again_once_the_recorder_is_heard(
    browser: Browser, tmp_path: Path
) -> None:
    async with FakeOllama() as ollama, running(tmp_path, OLLAMA_URL=ollama.url) as app:
        await chat(app, "Hello")
        await found(app, "", 1)
        async with opened(browser, app, "/healthz", forgiven="status of|MIME type") as page:
            await page.route("**/live", lambda route: route.fulfill(status=503), times=1)
            await page.route("**/exchanges.json*", lambda route: route.fulfill(status=503), times=1)
            await page.goto(f"http://127.0.0.1:{app.port}/?from=all")
            await connected(page)
            await expect(rows(page)).to_have_count(1)
            await expect(page.locator("#totals")).to_contain_text("model calls1median")


async def test_what_somebody_else_erases_goes_from_every_window(browser: Browser, tmp_path: Path) -> None:
    async with FakeOllama() as ollama, running(tmp_path, OLLAMA_URL=ollama.url) as app:
        gone = await chat(app, "of nobody else's business")
        await chat(app, "Hello")
        await found(app, "", 2)
        async with opened(browser, app, f"/?from=all&show={gone}") as page, opened(browser, app) as resting:
            await connected(page)
            await connected(resting)
            await expect(shown(page)).to_contain_text("of nobody else's business")
            await resting.evaluate(TAB_IS.format("true"))
            await get(app, f"/exchanges/{gone}", "DELETE")
            await expect(shown(page)).to_be_hidden()
            for window in (page, resting):
                await window.evaluate(TAB_IS.format("false"))
                await expect(rows(window)).to_have_count(1)
                await expect(window.locator("#totals")).to_contain_text("model calls1median")
                assert "nobody else" not in await window.content()
