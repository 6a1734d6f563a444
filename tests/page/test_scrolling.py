"""A long list: scrolled to its end, read while more arrives."""

import asyncio
import os
import re
import time
from itertools import pairwise
from pathlib import Path

import pytest
from playwright.async_api import Browser, Page, Route, expect

from tests.fakes.journals import make_journal
from tests.fakes.ollama import FakeOllama
from tests.page.opened import PHONE, WIDE, connected, indexed, opened, rows, selected
from tests.running_app import chat, found, running

# Rows and headings from above: where each begins and ends, and what a heading says.
IN_PLACE = """
[...document.querySelectorAll("#list > *")].map((part) => {
  const { top, bottom } = part.getBoundingClientRect();
  return [top, bottom, part.classList.contains("day") ? part.textContent : ""];
}).sort((one, other) => one[0] - other[0])
"""


async def scroll_to_the_far_end(page: Page, records: int, seconds: float) -> None:
    """As somebody who holds the End key; at no moment are there more rows than fit on a few screens."""
    await page.get_by_role("listbox").focus()
    end = page.get_by_text(f"That is all: {records:,} exchanges.")
    async with asyncio.timeout(seconds):
        while not await end.is_visible():
            await page.keyboard.press("End")
            assert await rows(page).count() < 100
            await asyncio.sleep(0.02)
    await page.keyboard.press("End")
    await expect(selected(page)).to_have_attribute("aria-posinset", str(records))
    await page.keyboard.press("Home")
    await expect(selected(page)).to_have_attribute("aria-posinset", "1")


@pytest.mark.blocks("the journal is made by this process")
async def test_whoever_reads_further_down_is_not_thrown_back_when_the_index_has_caught_up(
    browser: Browser, tmp_path: Path
) -> None:
    await asyncio.to_thread(make_journal, tmp_path, 600, days=20)
    behind = 500

    async def status(route: Route) -> None:
        answer = await route.fetch()
        told = await answer.json()
        told["index"]["behind"] = behind
        await route.fulfill(response=answer, json=told)

    async with FakeOllama() as ollama, running(tmp_path, OLLAMA_URL=ollama.url) as app:
        await indexed(app, 600)
        async with opened(browser, app, "/") as page:
            await page.route("**/status.json", status)
            await page.goto(f"http://127.0.0.1:{app.port}/?from=all")
            await connected(page)
            await expect(page.get_by_text("The index is catching up: 500 exchanges to go.")).to_be_visible()
            await expect(rows(page).first).to_be_visible()
            await page.locator("#scroller").evaluate("scroller => { scroller.scrollTop = 3000; }")
            behind = 0
            newer = page.get_by_role("button", name="newer ones")
            await expect(newer).to_be_visible()
            assert await page.locator("#scroller").evaluate("scroller => scroller.scrollTop") == 3000
            await newer.click()
            await expect(newer).to_be_hidden()
            await expect(page.locator("[data-index='0']")).to_be_in_viewport()


async def test_thousands_of_exchanges_scroll_to_the_end_with_a_few_rows_drawn(browser: Browser, tmp_path: Path) -> None:
    await asyncio.to_thread(make_journal, tmp_path, 3_000, days=20)
    async with FakeOllama() as ollama, running(tmp_path, OLLAMA_URL=ollama.url) as app:
        await indexed(app, 3_000)
        async with opened(browser, app) as page:
            await scroll_to_the_far_end(page, 3_000, 15)


async def test_while_there_are_older_ones_the_list_does_not_say_that_this_is_all(
    browser: Browser, tmp_path: Path
) -> None:
    await asyncio.to_thread(make_journal, tmp_path, 1_500, days=20)
    async with FakeOllama() as ollama, running(tmp_path, OLLAMA_URL=ollama.url) as app:
        await indexed(app, 1_500)
        async with opened(browser, app) as page:
            await expect(rows(page).first).to_have_attribute("aria-setsize", "-1")
            await expect(page.get_by_text("Looking for older exchanges …")).to_have_count(0)
            await expect(page.get_by_text("That is all:")).to_have_count(0)


@pytest.mark.long
@pytest.mark.blocks("the journal is made by this process")
async def test_a_hundred_thousand_exchanges_scroll_to_the_end_with_a_few_rows_drawn(
    browser: Browser, tmp_path: Path
) -> None:
    await asyncio.to_thread(make_journal, tmp_path, 100_000, days=20)
    async with FakeOllama() as ollama, running(tmp_path, OLLAMA_URL=ollama.url) as app:
        await indexed(app, 100_000)
        async with opened(browser, app) as page:
            await scroll_to_the_far_end(page, 100_000, 240)


async def test_on_a_phone_the_list_stays_where_it_was_while_one_reads(browser: Browser, tmp_path: Path) -> None:
    await asyncio.to_thread(make_journal, tmp_path, 60, days=20)
    async with FakeOllama() as ollama, running(tmp_path, OLLAMA_URL=ollama.url) as app:
        await indexed(app, 60)
        async with opened(browser, app, size=PHONE) as page:
            await connected(page)
            await page.locator("#scroller").evaluate("scroller => { scroller.scrollTop = 1500; }")
            row = page.locator("[data-index='24']")
            place, name = await row.bounding_box(), await row.get_attribute("id")
            await row.click()
            await expect(page.get_by_role("listbox")).to_be_hidden()
            for _ in range(3):
                await chat(app, "Hello")
            await found(app, "", 50)
            await page.get_by_role("button", name="All exchanges").click()
            await expect(page.get_by_role("button", name="3 new")).to_be_visible()
            assert await page.locator(f"#{name}").bounding_box() == place


@pytest.mark.parametrize("size", [WIDE, PHONE], ids=["desktop", "phone"])
@pytest.mark.blocks("the journal is made by this process")
async def test_each_day_has_a_heading_and_no_row_lies_on_another(
    size: tuple[int, int], browser: Browser, tmp_path: Path
) -> None:
    await asyncio.to_thread(make_journal, tmp_path, 300, days=20)
    async with FakeOllama() as ollama, running(tmp_path, OLLAMA_URL=ollama.url) as app:
        await indexed(app, 300)
        async with opened(browser, app, size=size) as page:
            await expect(rows(page).first).to_be_visible()
            days = set[str]()
            for y in range(0, 300 * 70, 900):
                await page.locator("#scroller").evaluate("(scroller, y) => { scroller.scrollTop = y; }", y)
                await page.evaluate("new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(done)))")
                parts: list[tuple[float, float, str]] = await page.evaluate(IN_PLACE)
                days |= {text for _, _, text in parts if text}
                for (_, bottom, _), (top, _, _) in pairwise(parts):
                    assert abs(bottom - top) < 1
                if (folder := os.environ.get("SCREENSHOTS")) and y == 900:
                    await page.screenshot(path=f"{folder}/days-{size[0]}.png")
            assert 19 <= len(days) <= 21
            assert sum(day.startswith("yesterday, ") for day in days) == 1
            assert all(re.fullmatch(r"(yesterday, \w+day|\w+day, \d+ \w+( \d{4})?)", day) for day in days)


@pytest.mark.blocks("the journal is made by this process")
async def test_rows_that_come_above_leave_those_that_are_read_in_place_across_days(
    browser: Browser, tmp_path: Path
) -> None:
    until_ns = time.time_ns() - 3 * 86_400 * 10**9
    await asyncio.to_thread(make_journal, tmp_path, 60, days=20, until_ns=until_ns)
    async with FakeOllama() as ollama, running(tmp_path, OLLAMA_URL=ollama.url) as app:
        await indexed(app, 60)
        async with opened(browser, app) as page:
            await connected(page)
            await page.locator("#scroller").evaluate("scroller => { scroller.scrollTop = 1500; }")
            row = page.locator("[data-index='24']")
            place, name = await row.bounding_box(), await row.get_attribute("id")
            # Today is another day than that of the first row, which gets a heading by that.
            await chat(app, "Hello")
            await expect(page.get_by_role("button", name="1 new")).to_be_visible()
            now = await page.locator(f"#{name}").bounding_box()
            assert place
            assert now
            assert abs(place["y"] - now["y"]) < 1
