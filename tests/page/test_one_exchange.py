"""One exchange: read as a conversation, understood, followed, copied, and asked again."""

import asyncio
import base64
import json
import re
import zlib
from pathlib import Path

import pytest
from playwright.async_api import Browser, Page, expect

from tests.fakes.ollama import (
    CHUNKED,
    LAST_CHUNK,
    FakeOllama,
    answer,
    chunk,
    done_line,
    head,
    loaded_with,
    token_line,
    whole,
)
from tests.page.opened import ELSEWHERE, Steps, answered, as_json, opened, rows, shown
from tests.running_app import ask, chat, found, running

TOOL = {"type": "function", "function": {"name": "weather_of", "description": "Tells the weather", "parameters": {}}}
CALL = {"function": {"name": "weather_of", "arguments": {"city": "Lübeck"}}}
TALK = as_json(
    model="tiny",
    messages=[
        {"role": "system", "content": "You are terse."},
        {"role": "user", "content": "What is in this picture?", "images": ["iVBORw0KGgoAAAANSUhEUg=="]},
        {"role": "assistant", "content": "", "tool_calls": [CALL]},
        {"role": "tool", "tool_name": "weather_of", "content": "rain, 11 °C"},
        {"role": "user", "content": "So what?"},
    ],
    tools=[TOOL],
    options={"temperature": 0.25},
    stream=False,
)


async def test_an_answer_of_which_not_all_was_read_is_told_to_be_so(browser: Browser, tmp_path: Path) -> None:
    async with FakeOllama() as ollama, running(tmp_path, OLLAMA_URL=ollama.url) as app:
        parts = [{"type": "text", "text": "An umbrella."}, {"type": "hologram", "data": "x"}]
        ollama.answers("/api/chat", answer(whole(answered("", message={"content": parts}))))
        asked = as_json(model="tiny", messages=[{"role": "user", "content": "What?"}], stream=False)
        identifier = (await ask(app, body=asked)).header("X-Exchange-Id")
        async with opened(browser, app, f"/?show={identifier}") as page:
            await expect(shown(page).get_by_role("group", name="answer")).to_contain_text("An umbrella.")
            await expect(shown(page)).to_contain_text("The answer holds something that the record does not read")
            await expect(shown(page)).not_to_contain_text("Not everything was kept")


async def test_it_reads_as_a_conversation_with_tools_thinking_images_and_parameters(
    browser: Browser, tmp_path: Path
) -> None:
    async with FakeOllama() as ollama, running(tmp_path, OLLAMA_URL=ollama.url) as app:
        message = {
            "thinking": "Rain makes one wet.",
            "tool_calls": [{"function": {"name": "umbrella", "arguments": {}}}],
        }
        ollama.answers("/api/chat", answer(whole(answered("Take an umbrella.", message=message))))
        identifier = (await ask(app, body=TALK)).header("X-Exchange-Id")
        async with opened(browser, app, f"/?show={identifier}") as page:
            article = shown(page)
            await expect(article.get_by_role("group", name="system")).to_contain_text("You are terse.")
            turns = article.get_by_role("group", name="user")
            await expect(turns.first).to_contain_text("What is in this picture?")
            await expect(turns.first).to_contain_text(re.compile(r"image", re.IGNORECASE))
            await expect(turns.last).to_contain_text("So what?")
            await expect(article.get_by_role("group", name="assistant")).to_contain_text("weather_of")
            await expect(article.get_by_role("group", name="assistant")).to_contain_text("Lübeck")
            await expect(article.get_by_role("group", name="tool")).to_contain_text("rain, 11 °C")
            last = article.get_by_role("group", name="answer")
            await expect(last).to_contain_text("Take an umbrella.")
            await expect(last).to_contain_text("umbrella")
            thought = last.get_by_text("Rain makes one wet.")
            await expect(thought).to_be_hidden()
            await last.get_by_text("Thinking, 4 words").click()
            await expect(thought).to_be_visible()
            await expect(article.get_by_text('"temperature": 0.25')).to_be_visible()
            await expect(article).to_contain_text("1 tool offered")


async def test_in_a_long_chat_one_gets_to_the_answer_and_to_what_was_searched_for(
    browser: Browser, tmp_path: Path
) -> None:
    turns = [
        {"role": "user", "content": f"Question {number}" + " with a quokka" * (number == 12)} for number in range(40)
    ]
    async with FakeOllama() as ollama, running(tmp_path, OLLAMA_URL=ollama.url) as app:
        ollama.answers("/api/chat", answer(whole(answered("At last."))))
        body = as_json(model="tiny", messages=turns, stream=False)
        identifier = (await ask(app, body=body)).header("X-Exchange-Id")
        async with opened(browser, app, f"/?from=all&q=quokka&show={identifier}") as page:
            last = shown(page).get_by_role("group", name="answer")
            await expect(last).to_be_attached()  # what is not there yet is not in the viewport either
            await expect(last).not_to_be_in_viewport()
            await page.keyboard.press("a")
            await expect(last).to_be_in_viewport()
            await expect(last).to_be_focused()
            await shown(page).get_by_role("button", name="20 turns in between, 1 with what you search for").click()
            await page.wait_for_function("CSS.highlights.get('found')?.size === 1")
            await shown(page).get_by_role("button", name="Answer ↓").click()
            await expect(last).to_be_in_viewport()
        short = (await ask(app, body=as_json(model="tiny", messages=turns[:1], stream=False))).header("X-Exchange-Id")
        async with opened(browser, app, f"/?from=all&show={short}") as page:
            await expect(shown(page).get_by_role("group", name="answer")).to_be_visible()
            await expect(shown(page).get_by_role("button", name="Answer ↓")).to_be_hidden()


async def test_a_slow_one_says_in_a_sentence_where_its_time_went(browser: Browser, tmp_path: Path) -> None:
    async with FakeOllama() as ollama, running(tmp_path, OLLAMA_URL=ollama.url) as app:
        loaded = answered("At last.", load_duration=1_100_000_000, total_duration=1_350_000_000)
        ollama.answers("/api/chat", answer(1.35, whole(loaded)))
        identifier = await chat(app, "Are you there?", "big:70b")
        async with opened(browser, app, f"/?show={identifier}") as page:
            sentence = "It waited 1.1 s, most likely for big:70b to load: no earlier call of it is on record."
            await expect(shown(page)).to_contain_text(sentence)
            await expect(shown(page)).to_contain_text("keep_alive")
            phases = shown(page).get_by_role("table", name="Where the time went").get_by_role("row")
            await expect(phases.filter(has_text="waiting to run")).to_contain_text(re.compile(r"1\.\d s"))
            await expect(phases.filter(has_text="generating")).to_contain_text("0.20 s")


async def test_its_bytes_can_be_looked_at_and_saved_and_it_is_copied_as_curl(browser: Browser, tmp_path: Path) -> None:
    async with FakeOllama() as ollama, running(tmp_path, OLLAMA_URL=ollama.url) as app:
        identifier = (await ask(app, body=TALK)).header("X-Exchange-Id")
        granted = ["clipboard-read", "clipboard-write"]
        async with opened(browser, app, f"/?show={identifier}", permissions=granted) as page:
            await shown(page).get_by_role("heading", name="Raw").click()
            await shown(page).get_by_text(re.compile(r"^Request \(")).click()
            await expect(shown(page).get_by_text('"content": "You are terse."')).to_be_visible()
            async with page.expect_download() as saving:
                await shown(page).get_by_role("link", name="Save as it was kept").first.click()
            saved = await (await saving.value).path()
            assert await asyncio.to_thread(saved.read_bytes) == TALK
            await shown(page).get_by_role("button", name="Copy as curl").click()
            await expect(shown(page).get_by_role("button", name="Copied")).to_be_visible()
            command = await page.evaluate("navigator.clipboard.readText()")
            assert command.startswith("curl ")
            assert f"http://127.0.0.1:{app.port}/api/ollama/api/chat" in command
            assert "You are terse." in command


async def test_one_steps_through_the_calls_of_its_execution(browser: Browser, tmp_path: Path) -> None:
    async with FakeOllama() as ollama, running(tmp_path, OLLAMA_URL=ollama.url) as app:
        for step in ("Plan", "Write", "Check"):
            await chat(app, f"{step} it", X_N8N_Workflow_Name="Letters", X_N8N_Execution_Id="77", X_N8N_Node=step)
            await chat(app, "something else", X_N8N_Workflow_Name="Letters", X_N8N_Execution_Id="78")
        await chat(app, "Count it", X_N8N_Workflow_Name="Stock", X_N8N_Execution_Id="77")
        await found(app, "execution=77", 4)
        async with opened(browser, app, "/?from=all&q=write") as page:
            await rows(page).filter(has_text="Write it").click()
            heading = shown(page).get_by_role("heading", level=2)
            await expect(heading).to_have_text("Write, in Letters")
            await shown(page).get_by_role("link", name="Later").click()
            await expect(heading).to_have_text("Check, in Letters")
            await expect(shown(page).get_by_role("link", name="Later")).to_have_count(0)
            await page.keyboard.press("[")
            await expect(heading).to_have_text("Write, in Letters")
            await page.keyboard.press("[")
            await expect(heading).to_have_text("Plan, in Letters")
            await expect(shown(page).get_by_role("link", name="Earlier")).to_have_count(0)
            await shown(page).get_by_role("link", name="execution 77").click()
            await expect(rows(page)).to_have_count(3)


async def replay(page: Page, model: str) -> None:
    await shown(page).get_by_role("button", name="Replay …").click()
    form = shown(page).get_by_role("form", name="Replay")
    await form.get_by_role("combobox", name="Model").fill(model)
    await form.get_by_role("button", name="Replay").click()


async def test_it_is_replayed_with_another_model_and_both_answers_are_compared(
    browser: Browser, tmp_path: Path
) -> None:
    rest = asyncio.Event()
    async with FakeOllama() as ollama, running(tmp_path, OLLAMA_URL=ollama.url) as app:
        ollama.answers("/api/chat", answer(whole(answered("The capital is Bonn, I believe."))))
        first = await chat(app, "What is the capital?")
        words: Steps = [
            chunk(token_line("The capital is Berlin,")),
            rest,
            chunk(token_line(" I believe.")),
            chunk(done_line(9)),
        ]
        ollama.answers("/api/chat", answer(head(200, CHUNKED, "application/x-ndjson"), *words, LAST_CHUNK))
        async with opened(browser, app, f"/?show={first}") as page:
            await replay(page, "other")
            await expect(shown(page).get_by_role("group", name="answer")).to_contain_text("Bonn")
            await expect(shown(page).get_by_text("The capital is Berlin,")).to_be_visible()
            rest.set()
            compared = shown(page).get_by_role("region", name="Comparison of both answers")
            await expect(compared.get_by_role("deletion")).to_have_text("Bonn")
            await expect(compared.get_by_role("insertion")).to_have_text("Berlin")
            await expect(compared).to_contain_text("before · tiny")
            await expect(compared).to_contain_text("now · other")
            numbers = compared.get_by_role("row").filter(has_text="tokens out")
            await expect(numbers.get_by_role("cell")).to_contain_text(["12", "9"])
            sent = [json.loads(request.body) for request in ollama.requests if request.path == "/api/chat"]
            assert [body["model"] for body in sent] == ["tiny", "other"]
            await shown(page).get_by_role("link", name="Open the new exchange").click()
            await expect(shown(page).get_by_role("group", name="answer")).to_contain_text("Berlin, I believe.")
            await shown(page).get_by_role("link", name="Repeats an earlier exchange").click()
            await expect(shown(page).get_by_role("group", name="answer")).to_contain_text("Bonn")
            await shown(page).get_by_role("link", name="once").click()
            await shown(page).get_by_role("button", name="Compare", exact=True).click()
            await expect(compared.get_by_role("insertion")).to_have_text("Berlin")


async def test_the_form_for_a_replay_shows_the_options_that_were_sent(browser: Browser, tmp_path: Path) -> None:
    async with FakeOllama() as ollama, running(tmp_path, OLLAMA_URL=ollama.url) as app:
        identifier = (await ask(app, body=TALK)).header("X-Exchange-Id")
        async with opened(browser, app, f"/?show={identifier}") as page:
            await shown(page).get_by_role("button", name="Replay …").click()
            field = shown(page).get_by_role("spinbutton", name="Temperature")
            await expect(field).to_have_attribute("placeholder", "0.25")


@pytest.mark.parametrize(("allowed", "headers"), [("false", {}), ("loopback", ELSEWHERE)])
async def test_where_replaying_is_off_the_page_says_what_to_do(
    allowed: str, headers: dict[str, str], browser: Browser, tmp_path: Path
) -> None:
    async with (
        FakeOllama() as ollama,
        running(tmp_path, OLLAMA_URL=ollama.url, INSPECTOR_REPLAY=allowed, INSPECTOR_TOKEN="secret") as app,
    ):
        identifier = await chat(app, "Hello")
        headers = {**headers, "Authorization": "Bearer secret"}
        async with opened(browser, app, f"/?show={identifier}", extra_http_headers=headers) as page:
            await shown(page).get_by_role("button", name="Replay …").click()
            await expect(shown(page)).to_contain_text("INSPECTOR_REPLAY=true")
            await expect(shown(page).get_by_role("form", name="Replay")).to_have_count(0)


async def test_what_was_not_kept_cannot_be_sent_again_and_the_page_says_why(browser: Browser, tmp_path: Path) -> None:
    async with FakeOllama() as ollama, running(tmp_path, OLLAMA_URL=ollama.url, KEEP_BODY_BYTES="0") as app:
        identifier = await chat(app, "Hello")
        async with opened(browser, app, f"/?show={identifier}") as page:
            await shown(page).get_by_role("button", name="Replay …").click()
            why = "The kept copy of the request is not whole: see KEEP_BODY_BYTES."
            await expect(shown(page)).to_contain_text(why)
            await expect(shown(page).get_by_role("form", name="Replay")).to_have_count(0)


async def test_an_address_that_names_no_exchange_is_told_so(browser: Browser, tmp_path: Path) -> None:
    async with (
        FakeOllama() as ollama,
        running(tmp_path, OLLAMA_URL=ollama.url) as app,
        opened(browser, app, f"/?show={'0' * 32}", forgiven="status of 404") as page,
    ):
        await expect(shown(page).get_by_role("heading", name="This exchange is not here")).to_be_visible()


async def test_n8n_shows_the_execution_of_a_row_and_of_the_opened_exchange(browser: Browser, tmp_path: Path) -> None:
    named = "/api/ollama/~workflow=Mails;workflow_id=Xa9;execution={};node=a1/api/chat"
    n8n = "http://n8n.localhost:5678/flows"
    async with FakeOllama() as ollama, running(tmp_path, OLLAMA_URL=ollama.url, N8N_URL=n8n + "/") as app:
        await chat(app, "Of n8n", path=named.format("231%2F2"))
        await chat(app, "Of curl")
        async with opened(browser, app) as page:
            await expect(rows(page)).to_have_count(2)
            link = rows(page).filter(has_text="Of n8n").get_by_text("n8n ↗")
            await expect(link).to_have_attribute("href", f"{n8n}/workflow/Xa9/executions/231%2F2")
            await expect(rows(page).filter(has_text="Of curl").get_by_text("n8n ↗")).to_be_hidden()
            # The link leads to n8n, and opens nothing here.
            await page.context.route(f"{n8n}/**", lambda route: route.fulfill(body="n8n"))
            async with page.expect_popup() as popup:
                await link.click()
            assert (await popup.value).url == f"{n8n}/workflow/Xa9/executions/231%2F2"
            assert "show=" not in page.url
            await rows(page).filter(has_text="Of n8n").get_by_text("Of n8n").click()
            in_full = shown(page).get_by_role("link", name="n8n ↗")
            await expect(in_full).to_have_attribute("href", f"{n8n}/workflow/Xa9/executions/231%2F2")
            await rows(page).filter(has_text="Of curl").get_by_text("Of curl").click()
            await expect(in_full).to_have_count(0)


async def test_what_the_model_got_is_shown_or_why_it_cannot_be(browser: Browser, tmp_path: Path) -> None:
    async with FakeOllama() as ollama, running(tmp_path, OLLAMA_URL=ollama.url) as app:
        ollama.answers("/api/chat", answer(whole(answered("Dry."))))
        identifier = (await ask(app, body=TALK)).header("X-Exchange-Id")
        got = {"prompt": "user: So what?", "whole_characters": 99, "messages": 5, "left_out": [1], "context_length": 64}
        told: list[dict[str, object]] = [{"status": 409, "json": {"error": "The model is not loaded now."}}]
        told += [{"json": got}, {"json": got | {"left_out": []}}]
        async with opened(browser, app, f"/?show={identifier}", forgiven="status of 409") as page:
            await page.route("**/rendered", lambda route: route.fulfill(**told.pop(0)))
            look = shown(page).get_by_role("button", name="What did the model get?")
            await look.click()
            await expect(shown(page)).to_contain_text("The model is not loaded now.")
            await look.click()
            await expect(shown(page)).to_contain_text("Ollama leaves out 1 of 5 messages: there is room for 64 tokens.")
            await expect(shown(page).get_by_role("listitem")).to_contain_text("user What is in this picture?")
            await expect(shown(page).locator(".rendered")).to_contain_text("user: So what?")
            await look.click()
            await expect(shown(page)).to_contain_text("All of 5 messages are given to the model")


async def test_a_question_about_a_document_is_shown_by_the_words_that_were_typed(
    browser: Browser, tmp_path: Path
) -> None:
    wrapped = "### Task:\nRespond to the user query using the provided context.\n"
    wrapped += "<context>\nBlue.\n</context>\n\nWhy is it so?"
    async with FakeOllama() as ollama, running(tmp_path, OLLAMA_URL=ollama.url) as app:
        ollama.answers("/api/chat", answer(whole(answered("So."))))
        asked = as_json(model="tiny", messages=[{"role": "user", "content": wrapped}], stream=False)
        identifier = (await ask(app, body=asked)).header("X-Exchange-Id")
        async with opened(browser, app, f"/?show={identifier}") as page:
            await expect(rows(page)).to_contain_text("Why is it so?")
            await expect(rows(page)).not_to_contain_text("### Task")
            turn = shown(page).get_by_role("group", name="user")
            await expect(turn.locator(".text").first).to_have_text("Why is it so?")
            await expect(turn.get_by_text("Blue.")).to_be_hidden()
            await turn.get_by_text("As it was sent, with the document").click()
            await expect(turn.get_by_text("Blue.")).to_be_visible()


async def test_any_two_exchanges_are_compared_by_a_key(browser: Browser, tmp_path: Path) -> None:
    async with FakeOllama() as ollama, running(tmp_path, OLLAMA_URL=ollama.url) as app:
        ollama.answers("/api/chat", *[answer(whole(answered(f"It is {colour}."))) for colour in ("red", "blue")])
        first, second = await chat(app, "Which colour?"), await chat(app, "And which colour now?")
        async with opened(browser, app) as page:
            await rows(page).nth(1).click()
            await expect(shown(page).get_by_role("group", name="answer")).to_contain_text("red")
            await page.keyboard.press("m")
            await expect(shown(page)).to_contain_text("Open another exchange")
            await rows(page).nth(0).click()
            compared = shown(page).get_by_role("region", name="Comparison of both answers")
            await expect(compared.get_by_role("deletion")).to_have_text("red")
            await expect(compared.get_by_role("insertion")).to_have_text("blue")
            await expect(shown(page)).to_contain_text("The question is another.")
            assert f"show={second}&against={first}" in page.url
            await shown(page).get_by_role("button", name="Stop comparing").click()
            await expect(compared).to_have_count(0)
            await page.go_back()
            await expect(shown(page).get_by_role("group", name="answer")).to_contain_text("red")
        async with opened(browser, app, f"/?show={first}&against={'f' * 32}", forgiven="404") as page:
            await expect(shown(page)).to_contain_text("There is no exchange")


async def test_who_filled_the_context_is_shown_and_each_message_is_copied(browser: Browser, tmp_path: Path) -> None:
    async with FakeOllama() as ollama, running(tmp_path, OLLAMA_URL=ollama.url) as app:
        ollama.answers("/api/ps", loaded_with(tiny=100))
        ollama.answers("/api/chat", answer(whole(answered("An umbrella."))))
        messages = [{"role": "system", "content": "s" * 300}, {"role": "user", "content": "q" * 100}]
        asked = as_json(model="tiny", messages=messages, options={"num_ctx": 100}, stream=False)
        identifier = (await ask(app, body=asked)).header("X-Exchange-Id")
        async with opened(
            browser, app, f"/?show={identifier}", permissions=["clipboard-read", "clipboard-write"]
        ) as page:
            filled = shown(page).get_by_role("region", name="Who filled the context")
            await expect(filled).to_contain_text("39 of 100 tokens")
            await expect(filled.get_by_role("listitem")).to_have_text(
                ["system 20 % (about 20)", "last question 7 % (about 7)", "answer 12 % (12)"]
            )
            await shown(page).get_by_role("button", name="Copy the answer").click()
            assert await page.evaluate("navigator.clipboard.readText()") == "An umbrella."
            await shown(page).get_by_role("button", name="Copy this message (user)").click()
            assert await page.evaluate("navigator.clipboard.readText()") == "q" * 100


def png(side: int) -> bytes:
    """A square of one colour."""

    def piece(kind: bytes, content: bytes) -> bytes:
        return len(content).to_bytes(4, "big") + kind + content + zlib.crc32(kind + content).to_bytes(4, "big")

    head = side.to_bytes(4, "big") * 2 + bytes((8, 2, 0, 0, 0))
    lines = zlib.compress((b"\0" + b"\x33\x66\x99" * side) * side)
    return b"\x89PNG\r\n\x1a\n" + piece(b"IHDR", head) + piece(b"IDAT", lines) + piece(b"IEND", b"")


async def test_a_picture_of_the_prompt_is_drawn_from_what_was_kept(browser: Browser, tmp_path: Path) -> None:
    async with FakeOllama() as ollama, running(tmp_path, OLLAMA_URL=ollama.url) as app:
        ollama.answers("/api/chat", answer(whole(answered("A square."))))
        images = [base64.b64encode(content).decode() for content in (png(24), b"II*\0" + bytes(60))]
        messages = [{"role": "user", "content": "What is it?", "images": images}]
        identifier = (await ask(app, body=as_json(model="tiny", messages=messages, stream=False))).header(
            "X-Exchange-Id"
        )
        async with opened(browser, app, f"/?show={identifier}", forgiven="404") as page:
            asked = shown(page).get_by_role("group", name="user")
            await asked.get_by_role("button", name="Show image").first.click()
            picture = asked.get_by_role("img", name="image, 88 bytes")
            await expect(picture).to_be_visible()
            assert await picture.evaluate("async (one) => { await one.decode(); return one.naturalWidth }") == 24
            await asked.get_by_role("button", name="Show image").click()
            await expect(asked).to_contain_text("nothing that a browser draws")
            await expect(shown(page)).not_to_contain_text("Not everything was kept")
