"""One page over many recorders: what all of them shipped to one Loki, also of one that is gone."""

import re
from pathlib import Path

import pytest
from playwright.async_api import Browser, expect

from tests.fakes.ollama import FakeOllama
from tests.page.opened import connected, opened, rows, shown
from tests.running_app import chat, running, said
from tests.servers.loki import Loki

pytestmark = pytest.mark.blocks("the fixtures start and stop Loki on the event loop's thread")


async def test_the_exchanges_of_all_recorders_are_listed_searched_and_read(
    browser: Browser, loki: Loki, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    names = iter(("office", "garage"))
    monkeypatch.setattr("service.journal.journal.socket.gethostname", lambda: next(names))
    peers = "garage=http://garage.example:8080"
    async with (
        FakeOllama() as ollama,
        running(tmp_path / "a", OLLAMA_URL=ollama.url, LOKI_URL=loki.url, PEERS=peers) as here,
    ):
        async with running(tmp_path / "b", OLLAMA_URL=ollama.url, LOKI_URL=loki.url, KEEP_BODY_BYTES="200") as there:
            theirs = await chat(there, "the red parcel " * 40)
            mine = await chat(here, "the blue parcel")
        # The other's machine is gone.
        async with opened(browser, here, "/?from=-1h") as page:
            await connected(page)
            await expect(rows(page)).to_have_count(1)
            choice = page.get_by_role("group", name="Recorders")
            await choice.get_by_role("button", name="all recorders").click()
            await expect(page).to_have_url(re.compile("store=loki"))
            await expect(rows(page)).to_have_count(2)
            garage = rows(page).filter(has_text="the red parcel")
            await expect(garage.locator("a", has_text="garage ↗")).to_have_attribute(
                "href", f"http://garage.example:8080/?from=all&show={theirs}"
            )
            await expect(rows(page).filter(has_text="the blue parcel")).to_contain_text("office")
            await expect(page.locator("#scanned")).to_contain_text("Loki looked through")
            await expect(page.locator("#totals")).to_contain_text("model calls")
            await expect(page.get_by_role("button", name="Erase …")).to_have_count(0)

            # What was recorded elsewhere is read here, and its page has the rest.
            await garage.click()
            await expect(shown(page).get_by_role("group", name="user")).to_contain_text("the red parcel")
            note = shown(page).get_by_text("Recorded by garage")
            await expect(note).to_contain_text("The request and the answer are shortened in it.")
            await expect(note.get_by_role("link", name="Open it at garage ↗")).to_have_attribute(
                "href", f"http://garage.example:8080/?from=all&show={theirs}"
            )
            await expect(shown(page).get_by_role("button", name="Replay …")).to_have_count(0)

            # One of our own leads to itself.
            await rows(page).filter(has_text="the blue parcel").click()
            await shown(page).get_by_role("link", name="Open it in this recorder").click()
            await expect(shown(page).get_by_role("button", name="Replay …")).to_be_visible()
            assert f"show={mine}" in page.url
            assert "store" not in page.url
            await page.go_back()

            # Words are looked for in all of them; new ones of any come by themselves.
            await page.get_by_role("searchbox", name="Search").fill("red")
            await expect(rows(page)).to_have_count(1)
            await expect(rows(page)).to_contain_text("garage")
            await page.get_by_role("searchbox", name="Search").fill("")
            await expect(rows(page)).to_have_count(2)
            await chat(here, "a third parcel")
            await expect(rows(page)).to_have_count(3, timeout=40_000)
            await page.reload()
            await expect(rows(page)).to_have_count(3)
            assert (await said(here, "/status.json"))["stores"] == ["journal", "loki"]


async def test_without_a_loki_there_is_no_choice(browser: Browser, tmp_path: Path) -> None:
    async with FakeOllama() as ollama, running(tmp_path, OLLAMA_URL=ollama.url) as app:
        await chat(app, "Hello")
        async with opened(browser, app, "/?store=loki", forgiven="status of 409") as page:
            await expect(page.get_by_text("set LOKI_URL first").first).to_be_visible()
            await page.get_by_role("button", name="this recorder").click()
            await expect(rows(page)).to_have_count(1)
            await expect(page.get_by_role("group", name="Recorders")).to_be_hidden()
