"""What stands around the list: the timeline with its numbers, and the overview of who did what."""

import asyncio
import re
from pathlib import Path

from playwright.async_api import Browser, Route, expect

from tests.fakes.ollama import FakeOllama, answer, whole
from tests.page.opened import answered, connected, opened, rows, shown
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


async def test_a_dot_of_what_was_erased_opens_nothing_else(browser: Browser, tmp_path: Path) -> None:
    async with FakeOllama() as ollama, running(tmp_path, OLLAMA_URL=ollama.url) as app:
        # Slow and failed: another place and colour on the timeline.
        ollama.answers("/api/chat", answer(0.5, whole(b'{"error": "it broke"}', status=500)))
        await chat(app, "stays")
        ollama.answers("/api/chat", answer(whole(answered("Done."))))
        gone = await chat(app, "goes")
        await found(app, "", 2)
        async with opened(browser, app, "/healthz", forgiven="status of|MIME type") as page:
            # Nobody tells it that something was erased.
            await page.route("**/live", lambda route: route.fulfill(status=503))
            await page.goto(f"http://127.0.0.1:{app.port}/?from=all")
            picture = page.get_by_role("img", name="2 exchanges")
            await expect(picture).to_be_visible()
            await get(app, f"/exchanges/{gone}", "DELETE")
            place = await picture.evaluate(
                """(picture) => {
                  const dots = picture.querySelector(".completed").getAttribute("d");
                  const [, x, y] = /M([\\d.]+) ([\\d.]+)h0$/.exec(dots);
                  return { x: Number(x), y: Number(y) };
                }"""
            )
            await page.locator("#chart").click(position=place)
            await expect(page.locator("#announcement")).to_have_text("That exchange is not here any more.")
            await expect(shown(page)).to_be_hidden()
            await expect(page.get_by_role("img", name="1 exchange")).to_be_visible()


async def test_the_overview_filters_by_what_it_shows_and_is_new_after_reading(browser: Browser, tmp_path: Path) -> None:
    async with FakeOllama() as ollama, running(tmp_path, OLLAMA_URL=ollama.url) as app:
        await chat(app, "Hello", X_N8N_Workflow_Name="Mails")
        await found(app, "", 1)
        async with opened(browser, app) as page:
            await connected(page)
            overview = page.get_by_role("region", name="Overview")
            await expect(overview.get_by_role("row").nth(1)).to_contain_text(re.compile("^tiny1"))
            await rows(page).click()
            await expect(overview).to_be_hidden()
            await chat(app, "Hello again")
            await expect(rows(page)).to_have_count(2)
            await expect(page.locator("#totals")).to_contain_text("model calls2median")
            await page.keyboard.press("Escape")
            await expect(overview.get_by_role("row").nth(1)).to_contain_text(re.compile("^tiny2"))
            held: list[Route] = []
            await page.route("**/stats.json?*by=workflow*", lambda route: held.append(route))
            async with page.expect_request("**/stats.json?*by=workflow*"):
                await overview.get_by_role("button", name="workflow").click()
            await overview.get_by_role("button", name="tiny").click()
            await expect(page).to_have_url(re.compile("model=tiny"))


async def test_under_a_pointer_that_chooses_a_span_nothing_moves(browser: Browser, tmp_path: Path) -> None:
    async with FakeOllama() as ollama, running(tmp_path, OLLAMA_URL=ollama.url) as app:
        for _ in range(3):
            await chat(app, "Hello")
        await found(app, "", 3)
        async with opened(browser, app) as page:
            await connected(page)
            await expect(page.get_by_role("img", name="3 exchanges")).to_be_visible()
            box = await page.locator("#chart").bounding_box()
            assert box is not None
            height = box["y"] + 40
            await page.mouse.move(box["x"] + 300, height)
            await page.mouse.down()
            await page.mouse.move(box["x"] + 500, height)
            shade = page.locator(".shade")
            await expect(shade).to_be_visible()
            before = await shade.bounding_box()
            await asyncio.sleep(1)
            async with page.expect_response("**/timeline.json*"):
                await chat(app, "One more")
            await expect(page.locator("#totals")).to_contain_text("model calls4median")
            await page.mouse.move(box["x"] + 500, height + 1)
            assert await shade.bounding_box() == before
            await expect(page.get_by_role("img", name="3 exchanges")).to_be_visible()
            await page.keyboard.press("Escape")
            await expect(page.get_by_role("img", name="4 exchanges")).to_be_visible()
            await page.mouse.up()
            await expect(page).to_have_url(re.compile("from=all$"))


async def test_a_wrong_search_leaves_no_overview_that_looks_like_its_answer(browser: Browser, tmp_path: Path) -> None:
    async with FakeOllama() as ollama, running(tmp_path, OLLAMA_URL=ollama.url) as app:
        await chat(app, "parcel")
        await found(app, "", 1)
        async with opened(browser, app, "/?from=all&q=parcel", forgiven="status of 400") as page:
            groups = page.get_by_role("region", name="Groups")
            await expect(groups.get_by_role("row")).to_have_count(2)
            await expect(groups).not_to_have_class(re.compile("stale"))
            await page.get_by_role("searchbox", name="Search").fill("parcel OR")
            await expect(page.get_by_role("heading", name="This cannot be searched for")).to_be_visible()
            await expect(groups).to_have_class(re.compile("stale"))
            await page.get_by_role("searchbox", name="Search").fill("parcel")
            await expect(groups).not_to_have_class(re.compile("stale"))
