"""Looking at what is being asked: as it happens, by keys alone, by words and filters, and through very many."""

import asyncio
import json
import re
from pathlib import Path

from playwright.async_api import Browser, Route, expect

from tests.fakes.journals import make_journal
from tests.fakes.ollama import CHUNKED, LAST_CHUNK, FakeOllama, answer, chunk, done_line, head, token_line
from tests.page.opened import TAB_IS, Steps, connected, indexed, opened, rows, selected, shown
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


async def test_what_was_searched_for_is_marked_where_it_stands(browser: Browser, tmp_path: Path) -> None:
    text = "at.startContainer.data.slice(at.startOffset, at.endOffset)"
    marked = f"Array.from(CSS.highlights.get('found') ?? [], (at) => {text})"
    async with FakeOllama() as ollama, running(tmp_path, OLLAMA_URL=ollama.url) as app:
        await chat(app, "Ein schöner QUOKKA, kein Quokkabär; im Zoo 动物园 heißt er so")
        await found(app, "q=quokka", 1)
        async with opened(browser, app, "/?q=quokka") as page:
            await rows(page).click()
            await expect(shown(page).get_by_role("group", name="user")).to_be_visible()
            for query, wanted in (
                ("quokka", ["QUOKKA"]),
                ("quok*", ["QUOKKA", "Quokkabär"]),
                ('schoner OR nichts -katze "im zoo"', ["schöner", "im Zoo"]),
                ("物园", ["物园"]),
                ("", []),
            ):
                await page.get_by_role("searchbox", name="Search").fill(query)
                await page.keyboard.press("Enter")
                await page.wait_for_function(
                    f"([wanted]) => JSON.stringify({marked}) === wanted",
                    arg=[json.dumps(wanted, ensure_ascii=False, separators=(",", ":"))],
                )


async def test_the_numbers_follow_a_search_while_it_finds_more(browser: Browser, tmp_path: Path) -> None:
    async with FakeOllama() as ollama, running(tmp_path, OLLAMA_URL=ollama.url) as app:
        await chat(app, "The quokka smiles")
        await found(app, "q=quokka", 1)
        async with opened(browser, app, "/?from=all&q=quokka") as page:
            await connected(page)
            facts = page.locator("#totals")
            await expect(facts).to_contain_text("model calls1median")
            await chat(app, "The quokka smiles again")
            await expect(rows(page)).to_have_count(2)
            await expect(facts).to_contain_text("model calls2median")


async def test_what_ended_while_nobody_looked_is_counted_when_somebody_looks_again(
    browser: Browser, tmp_path: Path
) -> None:
    async with FakeOllama() as ollama, running(tmp_path, OLLAMA_URL=ollama.url) as app:
        await chat(app, "The quokka smiles")
        await found(app, "q=quokka", 1)
        async with opened(browser, app) as page:
            await connected(page)
            facts = page.locator("#totals")
            await expect(facts).to_contain_text("model calls1median")
            await page.evaluate(TAB_IS.format("true"))
            await chat(app, "The quokka smiles again")
            await expect(rows(page)).to_have_count(2)
            await found(app, "q=quokka", 2)
            await page.evaluate(TAB_IS.format("false"))
            await expect(facts).to_contain_text("model calls2median")


async def test_a_model_keeps_its_colour_while_one_looks_around(browser: Browser, tmp_path: Path) -> None:
    async with FakeOllama() as ollama, running(tmp_path, OLLAMA_URL=ollama.url) as app:
        for count, model in ((3, "often:1b"), (2, "seldom:2b")):
            for _ in range(count):
                await chat(app, "Hello", model)
        await found(app, "model=often:1b", 3)
        await found(app, "model=seldom:2b", 2)
        async with opened(browser, app, "/?from=all&colour=model") as page:
            legend = page.get_by_role("list", name="Models by colour").get_by_role("listitem")
            await expect(legend).to_have_text(["often:1b", "seldom:2b"])
            await expect(legend.filter(has_text="seldom")).to_have_class("model-1")
            await rows(page).filter(has_text="seldom").first.click()
            await shown(page).get_by_role("link", name="seldom:2b").click()
            await expect(legend).to_have_text(["seldom:2b"])
            await expect(legend).to_have_class("model-1")


async def test_on_a_small_screen_each_filter_and_each_number_is_in_sight(browser: Browser, tmp_path: Path) -> None:
    async with FakeOllama() as ollama, running(tmp_path, OLLAMA_URL=ollama.url) as app:
        for model in ("llama3.1:8b", "hf.co/bartowski/Llama-3.2-3B-Instruct-GGUF:Q4_K_M"):
            await chat(app, "Hello", model)
        await found(app, "", 2)
        async with opened(browser, app, "/?from=all&failed=false", size=(1024, 700)) as page:
            await expect(page.get_by_role("region", name="Overview").get_by_role("row")).to_have_count(3)
            for part in (".filters", ".overview .wide"):
                await expect(page.locator(part)).to_have_js_property(
                    "clientWidth", await page.locator(part).evaluate("(one) => one.scrollWidth")
                )


async def test_a_single_exchange_of_all_time_stands_amid_a_timeline_with_hours(
    browser: Browser, tmp_path: Path
) -> None:
    async with FakeOllama() as ollama, running(tmp_path, OLLAMA_URL=ollama.url) as app:
        await chat(app, "The only one")
        await found(app, "", 1)
        async with opened(browser, app, "/?from=all") as page:
            labels = page.locator("#picture text.middle")
            await expect(labels.first).to_contain_text(re.compile(r"^\d\d:\d\d"))


async def test_a_filter_with_a_long_name_says_that_there_are_more(browser: Browser, tmp_path: Path) -> None:
    async with FakeOllama() as ollama, running(tmp_path, OLLAMA_URL=ollama.url) as app:
        await chat(app, "Hello")
        async with opened(browser, app, f"/?from=all&workflow={'Very+long+' * 20}&workflow=Mails") as page:
            button = page.get_by_role("button", name="Filter by workflow")
            await expect(button).to_have_text(re.compile(r"\+1$"))
            await expect(button).to_have_js_property("clientWidth", await button.evaluate("(one) => one.scrollWidth"))


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


async def test_long_names_and_many_marks_stay_inside_a_phone(browser: Browser, tmp_path: Path) -> None:
    async with FakeOllama() as ollama, running(tmp_path, OLLAMA_URL=ollama.url) as app:
        name = "m" * 200
        await chat(app, "Hello", model=name)
        await found(app, "", 1)

        async def marked(route: Route) -> None:
            answer = await route.fetch()
            told = await answer.json()
            slow = {"request_time": 300, "wait_time": 13, "prompt_truncated": True, "context_length": 4096}
            told["exchanges"] = [entry | slow for entry in told["exchanges"]]
            await route.fulfill(response=answer, json=told)

        async with opened(browser, app, "/healthz", size=(360, 800), forgiven="status of") as page:
            await page.route("**/exchanges.json*", marked)
            await page.goto(f"http://127.0.0.1:{app.port}/?from=all")
            row = rows(page)
            await expect(row.locator(".mark")).to_have_count(2)
            took = await row.locator(".took").bounding_box()
            marks = [await mark.bounding_box() for mark in await row.locator(".mark").all()]
            assert took is not None
            assert all(mark and mark["x"] + mark["width"] <= took["x"] for mark in marks)
            await row.click()
            await expect(shown(page)).to_contain_text(name)
            assert await page.evaluate("document.querySelector('#exchange').scrollWidth") <= 360
