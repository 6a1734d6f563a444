"""Looking at what is being asked: as it happens, by keys alone, by words and filters, and through very many."""

import asyncio
import re
from pathlib import Path

import pytest
from playwright.async_api import Browser, Page, Route, expect

from tests.fakes.journals import make_journal
from tests.fakes.ollama import CHUNKED, LAST_CHUNK, FakeOllama, answer, chunk, done_line, head, token_line
from tests.page.opened import Steps, connected, indexed, opened, rows, selected, shown
from tests.running_app import chat, found, running

BAD_REQUEST = "status of 400"


async def test_without_any_exchange_the_page_says_how_to_begin(browser: Browser, tmp_path: Path) -> None:
    async with (
        FakeOllama() as ollama,
        running(tmp_path, OLLAMA_URL=ollama.url) as app,
        opened(browser, app, "/") as page,
    ):
        await expect(page.get_by_role("heading", name="No exchange yet")).to_be_visible()
        command = page.get_by_role("group", name="A first command")
        await expect(command).to_contain_text(f"curl http://127.0.0.1:{app.port}/api/ollama/api/generate")
        await chat(app, "Hello")
        await expect(rows(page)).to_have_count(1)
        await expect(rows(page)).to_contain_text("Hello")


async def test_an_exchange_is_seen_while_it_is_answered_and_when_it_has_ended(browser: Browser, tmp_path: Path) -> None:
    half, rest = asyncio.Event(), asyncio.Event()
    async with FakeOllama() as ollama, running(tmp_path, OLLAMA_URL=ollama.url) as app, opened(browser, app) as page:
        await connected(page)
        lines: Steps = [chunk(token_line(" well")), half, chunk(token_line(" it depends")), rest, chunk(done_line(9))]
        ollama.answers("/api/chat", answer(head(200, CHUNKED, "application/x-ndjson"), *lines, LAST_CHUNK))
        asking = asyncio.create_task(chat(app, "How long is a piece of string?", X_Caller="tailor"))
        row = rows(page)
        await expect(row).to_contain_text("tailor")
        await expect(row).to_contain_text("How long is a piece of string?")
        await expect(row).to_contain_text("now")
        await expect(row).to_contain_text(re.compile(r"\d s …"))
        await expect(row).to_contain_text("→ well")
        await row.click()
        await expect(shown(page)).to_contain_text("in flight for")
        await expect(shown(page).get_by_role("group", name="answer")).to_contain_text("well")
        half.set()
        await expect(row).to_contain_text("it depends")
        rest.set()
        await asking
        await expect(row).not_to_contain_text("now")
        await expect(row).not_to_contain_text("…")
        await expect(shown(page).get_by_role("group", name="answer")).to_contain_text("well it depends")
        await expect(shown(page)).to_contain_text("answered in full")
        await expect(rows(page)).to_have_count(1)


async def test_keys_alone_move_open_close_search_and_explain_themselves(browser: Browser, tmp_path: Path) -> None:
    async with FakeOllama() as ollama, running(tmp_path, OLLAMA_URL=ollama.url) as app:
        for name in ("first", "second", "third"):
            await chat(app, f"the {name} question")
        await found(app, "", 3)
        async with opened(browser, app) as page:
            await expect(rows(page)).to_have_count(3)
            turns = shown(page).get_by_role("group", name="user")
            for key, name in (("ArrowDown", "third"), ("j", "second"), ("ArrowDown", "first"), ("k", "second")):
                await page.keyboard.press(key)
                await expect(selected(page)).to_contain_text(name)
                await expect(turns).to_contain_text(f"the {name} question")
            await page.keyboard.press("Enter")
            await expect(shown(page).get_by_role("heading", level=2)).to_be_focused()
            await page.keyboard.press("Escape")
            await expect(shown(page)).to_be_hidden()
            await expect(page.get_by_role("listbox")).to_be_focused()
            await page.keyboard.press("/")
            await expect(page.get_by_role("searchbox", name="Search")).to_be_focused()
            await page.keyboard.type("first")
            await expect(rows(page)).to_have_count(1)
            await page.keyboard.press("Escape")
            await expect(page.get_by_role("listbox")).to_be_focused()
            await page.keyboard.press("?")
            help_dialog = page.get_by_role("dialog", name="Help")
            await expect(help_dialog).to_be_visible()
            await page.keyboard.press("Escape")
            await expect(help_dialog).to_be_hidden()


async def test_an_exchange_is_found_by_a_word_of_its_prompt(browser: Browser, tmp_path: Path) -> None:
    async with FakeOllama() as ollama, running(tmp_path, OLLAMA_URL=ollama.url) as app:
        for prompt in ("Where is the parcel?", "The quokka smiles", "Nothing in common"):
            await chat(app, prompt)
        await found(app, "q=quokka", 1)
        async with opened(browser, app) as page:
            await expect(rows(page)).to_have_count(3)
            await page.get_by_role("searchbox", name="Search").fill("quokka")
            await expect(rows(page)).to_have_count(1)
            await expect(rows(page)).to_contain_text("The quokka smiles")
            await page.go_back()
            await expect(rows(page)).to_have_count(3)


async def test_filters_stand_in_the_address_and_a_reload_shows_the_same(browser: Browser, tmp_path: Path) -> None:
    async with FakeOllama() as ollama, running(tmp_path, OLLAMA_URL=ollama.url) as app:
        await chat(app, "one", X_N8N_Workflow_Name="Invoices & taxes", X_N8N_Node="AI Agent")
        await chat(app, "two", X_N8N_Workflow_Name="Mails")
        await chat(app, "three", "other", X_N8N_Workflow_Name="Mails")
        await found(app, "", 3)
        async with opened(browser, app, "/") as page:
            await page.get_by_role("button", name="Filter by workflow").click()
            await page.get_by_role("checkbox", name="Mails").check()
            await page.keyboard.press("Escape")
            await expect(rows(page)).to_have_count(2)
            await page.get_by_role("button", name="Filter by model").click()
            await page.get_by_role("checkbox", name="other").check()
            await page.keyboard.press("Escape")
            await page.get_by_role("group", name="Time").get_by_role("button", name="1 h").click()
            await expect(page).to_have_url(re.compile(r"\?(?=.*model=other)(?=.*workflow=Mails)(?=.*from=-1h)"))
            for _ in range(2):
                await expect(rows(page)).to_have_count(1)
                await expect(rows(page)).to_contain_text("three")
                button = page.get_by_role("button", name="Filter by workflow: Mails")
                await expect(button).to_be_visible()
                await expect(page.get_by_role("button", name="1 h")).to_have_attribute("aria-pressed", "true")
                await page.reload()
            await page.get_by_role("button", name="Clear filters").click()
            await expect(rows(page)).to_have_count(3)


async def test_a_malformed_search_is_answered_with_the_recorders_sentence(browser: Browser, tmp_path: Path) -> None:
    async with FakeOllama() as ollama, running(tmp_path, OLLAMA_URL=ollama.url) as app:
        await chat(app, "hello")
        await found(app, "", 1)
        async with opened(browser, app, forgiven=BAD_REQUEST) as page:
            await page.get_by_role("searchbox", name="Search").fill('"never closed')
            await page.keyboard.press("Enter")
            await expect(page.get_by_role("heading", name="This cannot be searched for")).to_be_visible()
            said = page.get_by_role("region", name="Exchanges")
            await expect(said).to_contain_text("quot")
            await said.get_by_role("button", name="Clear the filters").click()
            await expect(rows(page)).to_have_count(1)


async def test_failed_exchanges_are_marked_and_their_number_is_a_filter(browser: Browser, tmp_path: Path) -> None:
    async with FakeOllama() as ollama, running(tmp_path, OLLAMA_URL=ollama.url) as app:
        await chat(app, "this goes well")
        ollama.answers("/api/chat", answer(head(500, {"Content-Length": "14"}) + b'{"error":"no"}'))
        await chat(app, "this goes wrong")
        await found(app, "", 2)
        async with opened(browser, app) as page:
            await expect(rows(page).first).to_contain_text("error 500")
            await page.get_by_role("button", name="1 failed: show only these").click()
            await expect(rows(page)).to_have_count(1)
            await expect(page).to_have_url(re.compile("failed=true"))


async def test_dragging_across_the_timeline_shows_only_that_span(browser: Browser, tmp_path: Path) -> None:
    await asyncio.to_thread(make_journal, tmp_path, 400, days=1.0)
    async with FakeOllama() as ollama, running(tmp_path, OLLAMA_URL=ollama.url) as app:
        await indexed(app, 400)
        async with opened(browser, app) as page:
            picture = page.get_by_role("img", name="400 exchanges")
            await expect(picture).to_be_visible()
            box = await picture.bounding_box()
            assert box is not None
            middle = box["y"] + box["height"] / 2
            await page.mouse.move(box["x"] + box["width"] * 0.4, middle)
            await page.mouse.down()
            await page.mouse.move(box["x"] + box["width"] * 0.6, middle, steps=5)
            await page.mouse.up()
            await expect(page).to_have_url(re.compile("from=.*to="))
            await expect(picture).to_have_count(0)
            await expect(page.get_by_role("img", name=re.compile(r"^\d\d+ exchanges"))).to_be_visible()


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
