"""The rows of the list: columns to choose, and names that are filters."""

import os
from pathlib import Path

import pytest
from playwright.async_api import Browser, Page, expect

from service.app import App
from tests.fakes.ollama import FakeOllama, answer, whole
from tests.page.opened import PHONE, WIDE, answered, opened, rows, shown
from tests.running_app import chat, found, running

SIZES = pytest.mark.parametrize("size", [WIDE, PHONE], ids=["desktop", "phone"])
PATH = "/api/ollama/~workflow={};node=6f1a2b3c-0d1e-4f5a-8b9c-0d1e2f3a4b5c;user={};execution=7/api/chat"


async def two(app: App, ollama: FakeOllama) -> None:
    """Two chats of two workflows and users."""
    ollama.answers("/api/chat", answer(whole(answered("Because."))))
    for workflow, user in (("Mails", "ada"), ("Bills", "grace")):
        await chat(app, f"Why {workflow}?", path=PATH.format(workflow, user))
    await found(app, "", 2)


async def look(page: Page, name: str) -> None:
    if folder := os.environ.get("SCREENSHOTS"):
        await page.screenshot(path=f"{folder}/{name}-light.png")
        await page.emulate_media(color_scheme="dark")
        await page.screenshot(path=f"{folder}/{name}-dark.png")
        await page.emulate_media(color_scheme="light")


@SIZES
async def test_columns_are_chosen_and_stand_in_the_address_and_in_the_browser(
    size: tuple[int, int], browser: Browser, tmp_path: Path
) -> None:
    async with FakeOllama() as ollama, running(tmp_path, OLLAMA_URL=ollama.url) as app:
        await two(app, ollama)
        async with opened(browser, app, size=size) as page:
            await expect(rows(page).first).to_contain_text("60 tok/s")
            await page.get_by_role("button", name="columns …").click()
            chooser = page.get_by_role("dialog", name="Columns")
            await expect(chooser.get_by_role("checkbox", checked=True)).to_have_count(1)
            for name in ("user", "tokens", "wait"):
                await chooser.get_by_role("checkbox", name=name).check()
            await chooser.get_by_role("checkbox", name="speed").uncheck()
            await page.keyboard.press("Escape")
            await expect(page).to_have_url(f"http://127.0.0.1:{app.port}/?from=all&columns=wait%2Ctokens%2Cuser")
            told = await rows(page).first.locator(".told-column").all_text_contents()
            assert told == ["10 ms", "27 → 12", "grace"]
            heads = page.locator("#list-head .told-column")
            assert await heads.all_text_contents() == ["wait", "tokens", "user"]
            for at in range(3):
                head, cell = (
                    await heads.nth(at).bounding_box(),
                    await rows(page).first.locator(".told-column").nth(at).bounding_box(),
                )
                assert head
                assert cell
                assert abs(head["x"] - cell["x"]) < 2, "a head stands above its column"
            assert await page.evaluate("document.documentElement.scrollWidth") <= size[0]
            await look(page, f"columns-{size[0]}")
            # Without the address this browser keeps them.
            await page.goto(f"http://127.0.0.1:{app.port}/?from=all")
            await expect(heads).to_have_text(["wait", "tokens", "user"])


async def test_a_name_in_the_list_is_a_filter(browser: Browser, tmp_path: Path) -> None:
    async with FakeOllama() as ollama, running(tmp_path, OLLAMA_URL=ollama.url) as app:
        await two(app, ollama)
        async with opened(browser, app) as page:
            names = rows(page).nth(1).locator(".names")
            await expect(names).to_have_text("Mails › 6f1a… · ada · tiny · execution 7")
            for name, query in (("ada", "user=ada"), ("Mails", "workflow=Mails")):
                await names.get_by_text(name, exact=True).click()
                await expect(rows(page)).to_have_count(1)
                assert query in page.url
                await expect(shown(page)).to_be_hidden()
                await page.go_back()
                await expect(rows(page)).to_have_count(2)
            await names.get_by_text("6f1a…").click()
            assert "node=6f1a2b3c-0d1e-4f5a-8b9c-0d1e2f3a4b5c" in page.url


async def test_a_finger_on_a_name_opens_the_exchange(browser: Browser, tmp_path: Path) -> None:
    async with FakeOllama() as ollama, running(tmp_path, OLLAMA_URL=ollama.url) as app:
        await two(app, ollama)
        async with opened(browser, app, size=PHONE, has_touch=True, is_mobile=True) as page:
            await rows(page).first.locator(".names b").tap()
            await expect(shown(page)).to_contain_text("Why Bills?")
            assert "workflow=" not in page.url


async def test_what_ends_while_one_ollama_is_filtered_by_is_listed_at_once(browser: Browser, tmp_path: Path) -> None:
    async with FakeOllama() as first, FakeOllama() as second:
        one, other = (ollama.url.removeprefix("http://") for ollama in (first, second))
        async with running(tmp_path, OLLAMA_URL=f"{first.url},{second.url}") as app:
            for ollama in (first, second):
                ollama.answers("/api/chat", answer(whole(answered("Because."))))
            await chat(app, "Why?", path=f"/api/ollama/~upstream={one}/api/chat")
            await found(app, f"upstream={one}", 1)
            async with opened(browser, app, f"/?from=all&upstream={one}&columns=upstream") as page:
                await expect(rows(page)).to_have_count(1)
                await expect(rows(page).first.locator(".told-column")).to_have_text(one)
                await chat(app, "Why now?", path=f"/api/ollama/~upstream={one}/api/chat")
                await chat(app, "Why there?", path=f"/api/ollama/~upstream={other}/api/chat")
                await expect(rows(page)).to_have_count(2)
                await expect(rows(page).first).to_contain_text("Why now?")
