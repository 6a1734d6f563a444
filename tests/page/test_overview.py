"""Who uses the machine, what failed, and the week: asked as a person does, on a desktop and on a phone."""

import asyncio
import os
import re
from datetime import datetime
from pathlib import Path

import pytest
from playwright.async_api import Browser, Locator, Page, expect

from service.app import App
from tests.fakes.journals import make_journal
from tests.fakes.ollama import FakeOllama, answer, whole
from tests.page.opened import PHONE, WIDE, answered, indexed, opened, rows, shown
from tests.page.test_accessibility import fine
from tests.running_app import chat, found, running

RECORDS = 4_000
SIZES = pytest.mark.parametrize("size", [WIDE, PHONE], ids=["desktop", "phone"])


def overview(page: Page) -> Locator:
    return page.get_by_role("region", name="Overview")


async def look(page: Page, size: tuple[int, int]) -> None:
    """On a phone the overview takes the place of the list."""
    if size == PHONE:
        await page.get_by_role("button", name="Who uses it, what failed").click()


async def calls(page: Page) -> list[int]:
    """What the table of groups tells of calls, from above."""
    return [
        int(text.replace(",", "")) for text in await overview(page).locator(".told[data-key=calls]").all_text_contents()
    ]


@SIZES
@pytest.mark.blocks("axe-core's source and the page's snapshots pass through it")
async def test_every_head_sorts_the_table_of_who_uses_the_machine(
    size: tuple[int, int], browser: Browser, tmp_path: Path
) -> None:
    await asyncio.to_thread(make_journal, tmp_path, RECORDS, days=0.9)
    async with FakeOllama() as ollama, running(tmp_path, OLLAMA_URL=ollama.url) as app:
        await indexed(app, RECORDS)
        async with opened(browser, app, "/", size=size, bypass_csp=True) as page:
            await look(page, size)
            await overview(page).get_by_role("button", name="workflow", exact=True).click()
            heads = overview(page).locator("thead button")
            await expect(heads.first).to_have_text("workflow")
            sorted_by = overview(page).locator("thead th[aria-sort]")
            await expect(sorted_by).to_have_attribute("aria-sort", "descending")
            await expect(sorted_by).to_contain_text("total time↓")
            assert await heads.count() == 14
            for number in range(await heads.count()):
                label = await heads.nth(number).inner_text()
                await heads.nth(number).click()
                await expect(overview(page).locator("thead button.on")).to_contain_text(label.rstrip("↓↑"))
            await overview(page).get_by_role("button", name="calls", exact=True).click()
            most = await calls(page)
            assert most == sorted(most, reverse=True)
            await overview(page).get_by_role("button", name="calls", exact=True).click()
            await expect(sorted_by).to_have_attribute("aria-sort", "ascending")
            assert await calls(page) == most[::-1]
            await fine(page)
            file = overview(page).get_by_role("link", name="this table as CSV")
            assert "by=workflow" in (await file.get_attribute("href") or "")
            await overview(page).get_by_role("button", name="Summarise mails").click()
            await expect(page).to_have_url(re.compile("workflow=Summarise"))
            await expect(rows(page).first).to_be_visible()


async def failing_and_answered(app: App, ollama: FakeOllama) -> tuple[str, str]:
    """Ids of a failure and of its answer."""
    ollama.answers("/api/chat", answer(whole(b'{"error": "model \'tiny\' not found"}', status=404)))
    await chat(app, "Never", X_Caller="shop")
    failed = await chat(app, "Why?", X_Caller="shop")
    ollama.answers("/api/chat", answer(whole(answered("Because."))))
    answer_id = await chat(app, "Why?", X_Caller="shop")
    await found(app, "caller=shop", 3)
    return failed, answer_id


@SIZES
@pytest.mark.blocks("axe-core's source and the page's snapshots pass through it")
async def test_what_failed_and_whether_they_got_an_answer_takes_two_clicks(
    size: tuple[int, int], browser: Browser, tmp_path: Path
) -> None:
    async with FakeOllama() as ollama, running(tmp_path, OLLAMA_URL=ollama.url) as app:
        _, answer_id = await failing_and_answered(app, ollama)
        async with opened(browser, app, "/", size=size, bypass_csp=True) as page:
            await look(page, size)
            await overview(page).get_by_role("button", name="What failed").click()
            await expect(overview(page)).to_contain_text("2 failures. 1 request got an answer later, 1 never.")
            await expect(overview(page)).to_contain_text("2 × the model is not there status 404")
            await expect(overview(page)).to_contain_text("shop: never answered")
            await expect(overview(page)).to_contain_text("'ollama list' shows the models that are there")
            await fine(page)
            await overview(page).get_by_role("button", name=re.compile("answered after 2 tries, .* later")).click()
            await expect(page).to_have_url(re.compile(f"show={answer_id}"))
            await expect(shown(page)).to_contain_text("Because.")
            await page.go_back()
            await overview(page).get_by_role("button", name="all exchanges that ended so").click()
            await expect(rows(page)).to_have_count(2)


@SIZES
async def test_an_hour_of_the_week_is_looked_at_closer(size: tuple[int, int], browser: Browser, tmp_path: Path) -> None:
    async with FakeOllama() as ollama, running(tmp_path, OLLAMA_URL=ollama.url) as app:
        await chat(app, "Hello")
        await found(app, "", 1)
        await indexed(app, 1)
        async with opened(browser, app, "/?from=-1h", size=size) as page:
            await look(page, size)
            await overview(page).get_by_role("button", name="The week").click()
            # Days go down, and across where there is no room for 24 columns.
            await expect(overview(page).get_by_role("rowheader")).to_have_count(24 if size == PHONE else 7)
            across = overview(page).get_by_role("region", name="Model time of each hour")
            assert await across.evaluate("box => box.scrollWidth - box.clientWidth") == 0
            if folder := os.environ.get("SCREENSHOTS"):
                await page.screenshot(path=f"{folder}/week-{size[0]}.png")
            # The list shows an hour, and the table does not.
            await expect(overview(page).get_by_role("heading")).to_have_text("Seven days")
            hour = overview(page).get_by_role("button", name=re.compile("of model time, 1 call"))
            await expect(hour).to_have_count(1)
            await hour.click()
            await expect(page).to_have_url(re.compile(r"from=20\d\d-.*to=20\d\d-"))
            await expect(rows(page)).to_have_count(1)


async def test_a_time_is_chosen_by_typing_it_or_by_its_name(browser: Browser, tmp_path: Path) -> None:
    async with FakeOllama() as ollama, running(tmp_path, OLLAMA_URL=ollama.url) as app:
        await chat(app, "Hello")
        await found(app, "", 1)
        async with opened(browser, app, timezone_id="Europe/Berlin") as page:
            times = page.get_by_role("group", name="Time")
            await times.get_by_role("button", name="other …").click()
            panel = page.get_by_role("dialog", name="Choose a time")
            await panel.get_by_role("button", name="Show").click()
            await expect(panel.get_by_role("alert")).to_have_text("Type from when on.")
            await panel.get_by_label("From").fill("2026-11-21T08:00")
            await panel.get_by_label("From").press("Enter")
            await expect(page).to_have_url(
                re.compile("from=2026-11-21T07%3A00%3A00.000Z&to=2026-11-21T08%3A00%3A00.000Z")
            )
            await expect(page.get_by_role("heading", name="Nothing in this time")).to_be_visible()
            for name in ("last night", "yesterday", "this week", "today"):
                await times.get_by_role("button", name="other …").click()
                await panel.get_by_role("button", name=name).click()
                await expect(panel).to_be_hidden()
            await expect(rows(page)).to_have_count(1)


async def test_of_thousands_bars_tell_how_many_failed(browser: Browser, tmp_path: Path) -> None:
    await asyncio.to_thread(make_journal, tmp_path, RECORDS, days=0.9)
    async with FakeOllama() as ollama, running(tmp_path, OLLAMA_URL=ollama.url) as app:
        await indexed(app, RECORDS)
        async with opened(browser, app, "/?from=-30d") as page:
            picture = page.locator("#picture")
            await expect(picture.locator(".bars.count")).to_have_count(1)
            await expect(picture.locator(".dots")).to_have_count(0)
            await page.get_by_role("button", name="as dots").click()
            await expect(picture.locator(".dots").first).to_be_attached()
            await expect(page).to_have_url(re.compile("chart=dots"))
            await page.get_by_role("button", name="as bars").click()
            box = await picture.bounding_box()
            assert box is not None
            place = (box["x"] + box["width"] - 40, box["y"] + box["height"] - 24)
            await page.mouse.move(*place)
            await expect(page.locator("#tip")).to_contain_text("exchanges, ")
            await page.mouse.click(*place)
            await expect(page).to_have_url(re.compile("from=20.*to=20"))
            begin, end = re.findall(r"(?:from|to)=([^&]+)", page.url)
            moments = [datetime.fromisoformat(text.replace("%3A", ":").replace("Z", "+00:00")) for text in (begin, end)]
            assert 0 < (moments[1] - moments[0]).total_seconds() < 86_400


async def test_headline_numbers_are_of_model_calls_and_the_others_stand_apart(browser: Browser, tmp_path: Path) -> None:
    async with FakeOllama() as ollama, running(tmp_path, OLLAMA_URL=ollama.url) as app:
        await chat(app, "Hello")
        await chat(app, "", path="/api/ollama/api/tags")
        await chat(app, "Hello", path="/api/ollama/api/pull")
        await found(app, "", 3)
        await indexed(app, 3)
        async with opened(browser, app) as page:
            await expect(page.locator("#totals")).to_contain_text("model calls1median")
            await expect(page.locator("#apart")).to_have_text(re.compile("^and .*refused"))
