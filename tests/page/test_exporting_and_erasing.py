"""Saving what is shown, and erasing it for good."""

import asyncio
import csv
import io
import json
import os
import time
from pathlib import Path
from typing import Any

import pytest
from playwright.async_api import Browser, Page, Route, expect

from service.app import App
from tests.fakes.ollama import FakeOllama, answer, whole
from tests.journal.given import bytes_kept
from tests.page.opened import ELSEWHERE, answered, opened, rows, shown
from tests.running_app import chat, found, get, running, said

SAID = {"chat.jsonl": "Saved, 2 chats, ", "jsonl": "Saved, 2 records, ", "csv": "Saved, ", "har": "Saved, "}
NAMES = {"chat.jsonl": "Chats for fine-tuning", "jsonl": "Records", "csv": "Table", "har": "HAR"}


async def asked(app: App, ollama: FakeOllama) -> None:
    """Two workflows' calls, two of one and one of the other."""
    ollama.answers("/api/chat", answer(whole(answered("It is done."))))
    await chat(app, "The first invoice", X_N8N_Workflow_Name="Invoices")
    await chat(app, "The second invoice", X_N8N_Workflow_Name="Invoices")
    await chat(app, "A mail that is kept", X_N8N_Workflow_Name="Mails")
    await found(app, "", 3)


async def saved(page: Page, kind: str) -> str:
    dialog = page.get_by_role("dialog", name="Export")
    await dialog.get_by_role("radio", name=NAMES[kind]).check()
    async with page.expect_download() as saving:
        await dialog.get_by_role("button", name="Save").click()
    download = await saving.value
    assert download.suggested_filename.endswith(kind.rpartition(".")[2])
    await expect(dialog.get_by_role("status")).to_contain_text(SAID[kind])
    return await asyncio.to_thread((await download.path()).read_text)


async def test_what_is_shown_is_saved_in_each_form(browser: Browser, tmp_path: Path) -> None:
    async with FakeOllama() as ollama, running(tmp_path, OLLAMA_URL=ollama.url) as app:
        await asked(app, ollama)
        async with opened(browser, app, "/?workflow=Invoices") as page:
            await expect(rows(page)).to_have_count(2)
            await page.keyboard.press("e")
            await expect(page.get_by_role("dialog", name="Export")).to_contain_text("2 exchanges")
            chats = [json.loads(line) for line in (await saved(page, "chat.jsonl")).splitlines()]
            prompts = {chat["messages"][0]["content"] for chat in chats}
            assert prompts == {"The first invoice", "The second invoice"}
            records = [json.loads(line) for line in (await saved(page, "jsonl")).splitlines()]
            assert [record["workflow"] for record in records] == ["Invoices"] * 2
            table = list(csv.DictReader(io.StringIO(await saved(page, "csv"))))
            assert [row["workflow"] for row in table] == ["Invoices"] * 2
            archive = json.loads(await saved(page, "har"))
            assert archive["log"]["version"] == "1.2"
            assert len(archive["log"]["entries"]) == 2


async def test_an_export_without_a_chat_says_that_its_file_is_empty(browser: Browser, tmp_path: Path) -> None:
    async with FakeOllama() as ollama, running(tmp_path, OLLAMA_URL=ollama.url) as app:
        ollama.answers("/api/chat", answer(whole(b'{"error": "it broke"}', status=500)))
        await chat(app, "It fails")
        await found(app, "", 1)
        async with opened(browser, app) as page:
            await expect(rows(page)).to_have_count(1)
            await page.keyboard.press("e")
            dialog = page.get_by_role("dialog", name="Export")
            await expect(dialog).to_contain_text("1 exchange")
            async with page.expect_download():
                await dialog.get_by_role("button", name="Save").click()
            await expect(dialog.get_by_role("status")).to_contain_text("the file is empty")


async def test_the_command_that_is_copied_saves_the_same_with_the_token(browser: Browser, tmp_path: Path) -> None:
    token = "open sesame"
    async with FakeOllama() as ollama, running(tmp_path, OLLAMA_URL=ollama.url, INSPECTOR_TOKEN=token) as app:
        await asked(app, ollama)
        options: Any = {
            "permissions": ["clipboard-read", "clipboard-write"],
            "extra_http_headers": ELSEWHERE,
            "forgiven": "status of 401",
        }
        async with opened(browser, app, "/?workflow=Invoices", **options) as page:
            await page.get_by_label("Token").fill(token)
            await page.keyboard.press("Enter")
            await expect(page.get_by_role("button", name="Sign out")).to_be_visible()
            await page.keyboard.press("e")
            dialog = page.get_by_role("dialog", name="Export")
            await expect(dialog).to_contain_text("2 exchanges")
            await dialog.get_by_role("button", name="Copy as curl").click()
            await expect(dialog.get_by_role("status")).to_have_text("The command is on the clipboard.")
            command = await page.evaluate("navigator.clipboard.readText()")
        elsewhere = " ".join(f"-H '{name}: {value}'" for name, value in ELSEWHERE.items())
        results = []
        for environment in ({**os.environ, "INSPECTOR_TOKEN": token}, dict(os.environ)):
            curl = await asyncio.create_subprocess_shell(
                f"{command} -s {elsewhere}", cwd=tmp_path, env=environment, stdout=asyncio.subprocess.DEVNULL
            )
            results.append(await curl.wait())
            files = await asyncio.to_thread(lambda: [file.read_text() for file in tmp_path.glob("*.chat.jsonl")])
            assert [text.count("\n") for text in files] == [2]
        assert results == [0, 22]  # 22: refused, and curl wrote nothing


async def test_to_save_again_takes_the_place_of_a_save_that_goes_on(browser: Browser, tmp_path: Path) -> None:
    async with FakeOllama() as ollama, running(tmp_path, OLLAMA_URL=ollama.url) as app:
        await chat(app, "Hello")
        await found(app, "", 1)
        async with opened(browser, app) as page:
            held: list[Route] = []
            await page.route("**/exchanges.chat.jsonl*", lambda route: held.append(route))
            await page.keyboard.press("e")
            dialog = page.get_by_role("dialog", name="Export")
            await expect(dialog).to_contain_text("1 exchange")
            save, stop = dialog.get_by_role("button", name="Save"), dialog.get_by_role("button", name="Stop")
            for _ in range(2):
                async with page.expect_request("**/exchanges.chat.jsonl*"):
                    await save.click()
            await expect(dialog.get_by_role("status")).to_have_text("Waiting for the first record …")
            await expect(stop).to_be_visible()
            await expect(dialog.get_by_role("progressbar", name="Export")).to_be_visible()
            async with page.expect_download():
                await held[1].continue_()
            await expect(stop).to_be_hidden()


async def test_the_view_is_erased_after_typing_how_many_and_the_rest_stays(browser: Browser, tmp_path: Path) -> None:
    async with FakeOllama() as ollama, running(tmp_path, OLLAMA_URL=ollama.url) as app:
        await asked(app, ollama)
        async with opened(browser, app, "/?workflow=Invoices") as page:
            await expect(rows(page)).to_have_count(2)
            await page.get_by_role("button", name="Erase …").click()
            dialog = page.get_by_role("dialog", name="Erase for good")
            await expect(dialog).to_contain_text("2 exchanges")
            erase = dialog.get_by_role("button", name="Erase")
            typed = dialog.get_by_role("textbox", name="Type 2 to confirm")
            await expect(erase).to_be_disabled()
            await typed.fill("3")
            await expect(erase).to_be_disabled()
            await typed.fill("2")
            await erase.click()
            await expect(dialog).to_contain_text("2 exchanges are erased, from the journal and its index.")
            await dialog.get_by_role("button", name="Close").click()
            await expect(page.get_by_role("heading", name="Nothing matches")).to_be_visible()
            await page.get_by_role("button", name="Clear filters").click()
            await expect(rows(page)).to_have_count(1)
            await expect(rows(page)).to_contain_text("A mail that is kept")
        assert (await said(app, "/exchanges.json?q=invoice"))["exchanges"] == []
        files = await asyncio.to_thread(bytes_kept, tmp_path)
        assert b"invoice" not in files
        assert b"A mail that is kept" in files


async def test_one_exchange_is_erased_from_where_it_is_read(browser: Browser, tmp_path: Path) -> None:
    async with FakeOllama() as ollama, running(tmp_path, OLLAMA_URL=ollama.url) as app:
        await asked(app, ollama)
        (entry,) = await found(app, "q=mail", 1)
        async with opened(browser, app, f"/?show={entry['exchange']}") as page:
            await shown(page).get_by_role("button", name="Erase …").click()
            dialog = page.get_by_role("dialog", name="Erase for good")
            await expect(dialog).to_contain_text("One exchange: Chat, in Mails.")
            await expect(dialog).to_contain_text("There is no way back.")
            await expect(dialog.get_by_role("button", name="Close")).to_be_focused()
            await page.keyboard.press("Shift+Tab")
            await page.keyboard.press("Enter")
            await expect(dialog).to_contain_text("1 exchange is erased")
            await expect(dialog.get_by_role("button", name="Erase")).to_be_disabled()
            await page.keyboard.press("Escape")
            await expect(dialog).to_be_hidden()
            await expect(shown(page)).to_be_hidden()
            await expect(rows(page)).to_have_count(2)
        assert (await get(app, f"/exchanges/{entry['exchange']}.json")).status == 404


@pytest.mark.parametrize("task", ["Export", "Erase for good"])
async def test_a_dialog_that_is_left_changes_nothing(task: str, browser: Browser, tmp_path: Path) -> None:
    async with FakeOllama() as ollama, running(tmp_path, OLLAMA_URL=ollama.url) as app:
        await chat(app, "stays")
        await found(app, "", 1)
        async with opened(browser, app) as page:
            button = page.get_by_role("button", name=f"{task.split()[0]} …")
            await button.click()
            await expect(page.get_by_role("dialog", name=task)).to_contain_text("1 exchange")
            await page.keyboard.press("Escape")
            await expect(page.get_by_role("dialog", name=task)).to_be_hidden()
            await expect(button).to_be_focused()
            await expect(rows(page)).to_have_count(1)


@pytest.mark.parametrize("task", ["Export", "Erase for good"])
async def test_what_the_list_shows_is_what_is_counted_whatever_the_browsers_clock_and_zone(
    task: str, browser: Browser, tmp_path: Path
) -> None:
    today = time.strftime("%Y-%m-%d", time.gmtime())
    async with FakeOllama() as ollama, running(tmp_path, OLLAMA_URL=ollama.url) as app:
        await chat(app, "stays")
        await found(app, "", 1)
        views = ("/", f"/?from={today}&to={today}", f"/?from={today} 00:00")
        async with opened(browser, app, timezone_id="America/New_York") as page:
            await page.clock.install(time=time.time() - 300)
            for view in views:
                await page.goto(f"http://127.0.0.1:{app.port}{view}")
                await expect(rows(page)).to_have_count(1)
                await page.get_by_role("button", name=f"{task.split()[0]} …").click()
                await expect(page.get_by_role("dialog", name=task)).to_contain_text("1 exchange:")


async def test_an_erasure_that_goes_on_leaves_the_dialog_and_the_exchange_that_were_opened_since(
    browser: Browser, tmp_path: Path
) -> None:
    async with FakeOllama() as ollama, running(tmp_path, OLLAMA_URL=ollama.url) as app:
        await asked(app, ollama)
        async with opened(browser, app, forgiven="status of 503") as page:
            held: list[Route] = []

            async def hold(route: Route) -> None:
                if route.request.method == "DELETE":
                    held.append(route)
                else:
                    await route.continue_()

            await page.route("**/exchanges*", hold)
            await page.route("**/exchanges/*", hold)
            dialog = page.get_by_role("dialog", name="Erase for good")
            for prompt in ("first", "second", "mail"):
                await rows(page).filter(has_text=prompt).click()
                await expect(shown(page).get_by_role("group", name="user")).to_contain_text(prompt)
                await shown(page).get_by_role("button", name="Erase …").click()
                if prompt != "mail":
                    await dialog.get_by_role("button", name="Erase").click()
                    await expect(dialog).to_contain_text("Erasing")
                    await page.keyboard.press("Escape")
            await held[0].continue_()
            await expect(rows(page)).to_have_count(2)
            await held[1].fulfill(status=503, json={"error": "The disk is full."})
            await expect(page.locator("#announcement")).to_have_text("The disk is full.")
            await expect(dialog).to_contain_text("One exchange: Chat, in Mails.")
            await expect(dialog.get_by_role("alert")).to_be_empty()
            await expect(dialog.get_by_role("button", name="Erase")).to_be_enabled()
            await page.keyboard.press("Escape")
            await expect(shown(page).get_by_role("group", name="user")).to_contain_text("mail")
            await page.get_by_role("button", name="Erase …").first.click()
            await expect(dialog).to_contain_text("2 exchanges")
            typed = dialog.get_by_role("textbox", name="Type 2 to confirm")
            await typed.fill("2")
            await dialog.get_by_role("button", name="Erase").click()
            await expect(dialog).to_contain_text("Erasing")
            await expect(typed).to_be_hidden()
            await expect(dialog.get_by_role("button", name="Erase")).to_be_disabled()
            await held[2].continue_()
            await expect(dialog).to_contain_text("2 exchanges are erased")
            await expect(shown(page)).to_be_hidden()


async def test_how_old_has_to_be_said_in_days_that_make_sense(browser: Browser, tmp_path: Path) -> None:
    async with FakeOllama() as ollama, running(tmp_path, OLLAMA_URL=ollama.url) as app:
        await chat(app, "stays")
        await found(app, "", 1)
        async with opened(browser, app) as page:
            await page.get_by_role("button", name="Erase …").click()
            dialog = page.get_by_role("dialog", name="Erase for good")
            await dialog.get_by_role("radio", name="Everything older than").check()
            await expect(dialog).to_contain_text("Nothing matches: all that is older than 30 days.")
            days = dialog.get_by_role("spinbutton", name="Days")
            for mistaken in ("", "-1", "99999999999"):
                await days.fill("0")
                await days.press("Tab")
                await expect(dialog).to_contain_text("1 exchange: all that is older than 0 days.")
                await dialog.get_by_role("textbox", name="Type 1 to confirm").fill("1")
                await days.fill(mistaken)
                await days.press("Tab")
                await expect(dialog).to_contain_text("Say how many days, from 0 to 10,000.")
                await expect(dialog.get_by_role("button", name="Erase")).to_be_disabled()
                await expect(dialog.locator("#erase-typed")).to_be_hidden()


async def test_what_cannot_be_searched_for_cannot_be_saved(browser: Browser, tmp_path: Path) -> None:
    wrong = "/?from=all&q=parcel+OR"
    async with running(tmp_path) as app, opened(browser, app, wrong, forgiven="status of 400") as page:
        await page.get_by_role("button", name="Export …").click()
        dialog = page.get_by_role("dialog", name="Export")
        await expect(dialog).to_contain_text("OR stands between two words")
        await expect(dialog.get_by_role("button", name="Save")).to_be_disabled()
        await dialog.get_by_role("button", name="Close").click()
        await page.get_by_role("searchbox", name="Search").fill("parcel")
        await expect(page.get_by_role("heading", name="Nothing matches")).to_be_visible()
        await page.get_by_role("button", name="Export …").click()
        await expect(dialog.get_by_role("button", name="Save")).to_be_enabled()
