"""The bar of filters: what is typed and chosen there."""

import asyncio
import re
from pathlib import Path

from playwright.async_api import Browser, Route, expect

from tests.fakes.ollama import CHUNKED, LAST_CHUNK, FakeOllama, answer, chunk, done_line, head, token_line
from tests.page.opened import as_json, opened, rows
from tests.running_app import ask, chat, found, running


async def test_what_is_being_typed_outlives_a_change_of_something_else(browser: Browser, tmp_path: Path) -> None:
    async with FakeOllama() as ollama, running(tmp_path, OLLAMA_URL=ollama.url) as app:
        await chat(app, "Hello")
        await found(app, "", 1)
        async with opened(browser, app, "/?from=all&q=hello") as page:
            search = page.get_by_role("searchbox", name="Search")
            await expect(search).to_have_value("hello")
            await search.fill('"an open phr')
            await page.get_by_role("button", name="1 h", exact=True).click()
            await expect(page).to_have_url(re.compile("from=-1h"))
            await expect(search).to_have_value('"an open phr')
            await search.press("End")
            await search.press_sequentially('ase"')
            await expect(page).to_have_url(re.compile("q=%22an\\+open\\+phrase%22"))
            await page.go_back()
            await expect(search).to_have_value("hello")
            await search.fill('"another')
            await page.get_by_role("button", name="Clear filters").click()
            await expect(search).to_have_value("")
            await expect(rows(page)).to_have_count(1)


async def test_a_value_that_is_not_among_the_most_frequent_can_be_typed(browser: Browser, tmp_path: Path) -> None:
    async with FakeOllama() as ollama, running(tmp_path, OLLAMA_URL=ollama.url) as app:
        await chat(app, "Hello", X_N8N_Workflow_Name="Seldom")
        await chat(app, "Hello", X_N8N_Workflow_Name="Often 7")
        await found(app, "", 2)

        async def most_frequent(route: Route) -> None:
            assert "limit=500" in route.request.url
            await route.fulfill(json={"values": [[f"Often {number}", 2] for number in range(500)]})

        async with opened(browser, app) as page:
            await page.route("**/values.json*", most_frequent)
            await page.get_by_role("button", name="Filter by workflow").click()
            panel = page.get_by_role("dialog", name="Filter by workflow")
            await panel.get_by_role("searchbox").fill("Often 7")
            await expect(panel.get_by_role("checkbox", name="Often 7")).to_have_count(11)  # and Often 70 to 79
            await panel.get_by_role("searchbox").fill("Seldom")
            await panel.get_by_role("checkbox", name="Seldom").check()
            await expect(rows(page)).to_have_count(1)
            await expect(page).to_have_url(re.compile("workflow=Seldom"))


async def test_a_search_says_that_it_does_not_reach_what_is_in_flight(browser: Browser, tmp_path: Path) -> None:
    rest = asyncio.Event()
    async with FakeOllama() as ollama, running(tmp_path, OLLAMA_URL=ollama.url) as app:
        await chat(app, "Hello")
        await found(app, "", 1)
        async with opened(browser, app, "/?from=all&q=hello") as page:
            left_out = page.get_by_text("more is in flight")
            await expect(rows(page)).to_have_count(1)
            await expect(left_out).to_be_hidden()
            begun, ended = chunk(token_line(" well")), chunk(done_line(9)) + LAST_CHUNK
            ollama.answers("/api/chat", answer(head(200, CHUNKED, "application/x-ndjson"), begun, rest, ended))
            asking = asyncio.create_task(chat(app, "Hello again"))
            await expect(left_out).to_be_in_viewport()
            await expect(rows(page)).to_have_count(1)
            rest.set()
            await asking
            await expect(rows(page)).to_have_count(2)
            await expect(left_out).to_be_hidden()


async def test_many_filters_take_several_lines_and_all_can_be_reached(browser: Browser, tmp_path: Path) -> None:
    many = "workflow=Report+writer&node=Draft&outcome=client_left&status=200&slower=300ms"
    async with running(tmp_path) as app, opened(browser, app, f"/?from=all&{many}") as page:
        for name in ("failed", "prompt cut", "Clear filters"):
            button = page.get_by_role("button", name=name, exact=True)
            await expect(button).to_be_in_viewport(ratio=1)
        await expect(page.get_by_role("combobox")).to_have_value("300ms")
        await expect(page.get_by_role("combobox").get_by_role("option", selected=True)).to_have_text(
            "slower than 300ms"
        )


async def test_what_has_no_task_can_be_chosen_and_so_can_prompts_of_which_nobody_knows(
    browser: Browser, tmp_path: Path
) -> None:
    title = (
        "### Task:\nGenerate a concise title summarizing the chat history.\n<chat_history>\nUSER: a\n</chat_history>"
    )
    async with FakeOllama() as ollama, running(tmp_path, OLLAMA_URL=ollama.url) as app:
        await chat(app, "Asked by a person")
        await chat(app, title, X_Caller="Open WebUI")
        await found(app, "task=title", 1)
        async with opened(browser, app) as page:
            await expect(rows(page)).to_have_count(2)
            await expect(rows(page).filter(has_text="› title")).to_have_count(1)
            await page.get_by_role("button", name="More filters").click()
            await page.get_by_role("dialog").get_by_role("button", name="task").click()
            await page.get_by_role("checkbox", name="no task").check()
            await expect(rows(page)).to_have_count(1)
            await expect(rows(page)).to_contain_text("Asked by a person")
            await expect(page).to_have_url(re.compile("task=(&|$)"))
            await page.keyboard.press("Escape")
            await expect(page.get_by_role("button", name="Filter by task: no task")).to_be_visible()
            await page.get_by_role("button", name="perhaps cut").click()
            await expect(page).to_have_url(re.compile("truncated=unknown"))
            await expect(page.get_by_role("button", name="perhaps cut")).to_have_attribute("aria-pressed", "true")
            await expect(page.get_by_role("button", name="prompt cut")).to_have_attribute("aria-pressed", "false")
            await page.get_by_role("button", name="perhaps cut").click()
            await expect(page).not_to_have_url(re.compile("truncated"))


async def test_a_row_shows_where_the_words_of_a_search_stand(browser: Browser, tmp_path: Path) -> None:
    async with FakeOllama() as ollama, running(tmp_path, OLLAMA_URL=ollama.url) as app:
        system = "You answer for the shop <b>Brandt</b> & Sons."
        asked = [{"role": "system", "content": system}, {"role": "user", "content": "Where is my parcel?"}]
        await ask(app, body=as_json(model="tiny", messages=asked, stream=False))
        await found(app, "q=brandt", 1)
        async with opened(browser, app, "/?from=all&q=brandt") as page:
            row = rows(page).first
            await expect(row).to_contain_text("system prompt: …he shop <b>Brandt</b> & Sons.")
            await expect(row.locator("mark")).to_have_text("Brandt")
            await page.get_by_role("searchbox").fill("")
            await expect(row).to_contain_text("Where is my parcel?")
            await expect(row.locator("mark")).to_have_count(0)


async def test_the_bar_of_filters_is_one_line_on_a_small_screen(browser: Browser, tmp_path: Path) -> None:
    async with FakeOllama() as ollama, running(tmp_path, OLLAMA_URL=ollama.url) as app:
        await chat(app, "Hi")
        async with opened(browser, app, "/", size=(1180, 760)) as page:
            await expect(rows(page)).to_have_count(1)
            bar = page.get_by_role("group", name="Filters")
            first = await bar.get_by_role("group", name="Time", exact=True).bounding_box()
            last = await bar.get_by_role("button", name="perhaps cut").bounding_box()
            assert first is not None
            assert last is not None
            assert last["y"] < first["y"] + first["height"]
