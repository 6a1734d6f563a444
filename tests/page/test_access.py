"""The page for somebody who is not at the recorder's machine."""

from pathlib import Path

from playwright.async_api import Browser, expect

from tests.fakes.ollama import FakeOllama
from tests.page.opened import ELSEWHERE, connected, opened, rows, shown
from tests.running_app import chat, found, running

UNAUTHORIZED = "status of 401"


def put(file: Path, text: str) -> None:
    """Write the file anew."""
    file.write_text(text)


async def test_from_elsewhere_one_signs_in_with_the_token_reads_and_signs_out(browser: Browser, tmp_path: Path) -> None:
    async with FakeOllama() as ollama, running(tmp_path, OLLAMA_URL=ollama.url, INSPECTOR_TOKEN="open sesame") as app:
        await chat(app, "For those who may read it")
        await found(app, "", 1)
        async with opened(browser, app, "/", forgiven=UNAUTHORIZED, extra_http_headers=ELSEWHERE) as page:
            token = page.get_by_label("Token")
            await expect(token).to_be_focused()
            assert "For those" not in await page.content()
            await token.fill("open wheat")
            await page.keyboard.press("Enter")
            await expect(page.get_by_role("alert")).to_be_visible()
            await page.get_by_label("Token").fill("open sesame")
            await page.get_by_role("button", name="Sign in").click()
            await connected(page)
            assert "sesame" not in page.url
            await rows(page).click()
            await expect(shown(page).get_by_role("group", name="user")).to_contain_text("For those who may read it")
            await chat(app, "And this while one looks")
            await expect(rows(page).first).to_contain_text("And this while one looks")
            assert await page.evaluate("document.cookie") == ""
            await page.get_by_role("button", name="Sign out").click()
            await expect(page.get_by_label("Token")).to_be_visible()
            await page.goto(f"http://127.0.0.1:{app.port}/exchanges.json")
            await expect(page.get_by_text("For those who may read it")).to_have_count(0)


async def test_a_view_that_was_sent_is_shown_after_signing_in(browser: Browser, tmp_path: Path) -> None:
    async with FakeOllama() as ollama, running(tmp_path, OLLAMA_URL=ollama.url, INSPECTOR_TOKEN="open sesame") as app:
        await chat(app, "one")
        await chat(app, "two", "other")
        await found(app, "", 2)
        async with opened(browser, app, "/?model=other", forgiven=UNAUTHORIZED, extra_http_headers=ELSEWHERE) as page:
            await page.get_by_label("Token").fill("open sesame")
            await page.keyboard.press("Enter")
            await expect(rows(page)).to_have_count(1)
            await expect(rows(page)).to_contain_text("two")


async def test_without_a_token_nobody_from_elsewhere_sees_anything_and_the_page_says_why(
    browser: Browser, tmp_path: Path
) -> None:
    async with FakeOllama() as ollama, running(tmp_path, OLLAMA_URL=ollama.url) as app:
        await chat(app, "Secret")
        async with opened(browser, app, "/", forgiven=UNAUTHORIZED, extra_http_headers=ELSEWHERE) as page:
            await expect(page.get_by_text("INSPECTOR_TOKEN")).to_be_visible()
            await expect(page.get_by_label("Token")).to_have_count(0)
            await expect(page.get_by_text("Secret")).to_have_count(0)


async def test_nobody_is_offered_what_they_may_not_do(browser: Browser, tmp_path: Path) -> None:
    file = tmp_path / "readers.toml"
    reader = f'[reader."Ann"]\ntoken_sha256 = "{"0" * 64}"\n[here]\nmay = '
    for may, is_erasing, is_export in (('["bodies"]', False, True), ('["numbers", "erase"]', True, False)):
        put(file, reader + may)
        async with (
            FakeOllama() as ollama,
            running(tmp_path / str(is_erasing), OLLAMA_URL=ollama.url, READERS_FILE=str(file)) as app,
        ):
            await chat(app, "Secret words")
            await found(app, "", 1)
            async with opened(browser, app, "/", forgiven="status of 403") as page:
                await connected(page)
                tasks = page.locator(".tasks")
                await expect(tasks.get_by_role("button", name="Erase")).to_be_visible(visible=is_erasing)
                await expect(tasks.get_by_role("button", name="Export")).to_be_visible(visible=is_export)
                await rows(page).click()
                if is_export:
                    await shown(page).get_by_role("button", name="Replay").click()
                    await expect(shown(page)).to_contain_text("this machine has not both in READERS_FILE")
                    await expect(shown(page).get_by_role("button", name="Erase")).to_be_hidden()
                else:
                    await expect(shown(page)).to_contain_text("takes the right 'bodies'")
                    await expect(shown(page)).to_contain_text("tiny")
                    await expect(shown(page).get_by_text("first byte after")).to_be_visible()
                    assert "Secret words" not in await page.content()


async def test_at_this_machine_there_is_nothing_to_sign_out_of(browser: Browser, tmp_path: Path) -> None:
    async with (
        FakeOllama() as ollama,
        running(tmp_path, OLLAMA_URL=ollama.url, INSPECTOR_TOKEN="open sesame") as app,
        opened(browser, app, "/") as page,
    ):
        await connected(page)
        await expect(page.get_by_role("button", name="Sign out")).to_be_hidden()
