"""The report in HTML, as a browser or a mail program with style sheets shows it: nothing lies beyond the edge."""

import os
from pathlib import Path
from urllib.parse import quote

import pytest
from playwright.async_api import Browser, expect

from tests.fakes.ollama import FakeOllama, answer, whole
from tests.page.opened import PHONE, WIDE, answered, indexed, opened
from tests.running_app import chat, running

NAME = quote("Monatsabschlussrechnungsprüfung_mit_Rückfragen")
PATH = f"/api/ollama/~workflow={NAME};node=Summarise;user=ada/api/chat"


@pytest.mark.parametrize("size", [WIDE, PHONE, (320, 568)], ids=["desktop", "phone", "small"])
async def test_all_of_the_report_is_in_sight(size: tuple[int, int], browser: Browser, tmp_path: Path) -> None:
    async with FakeOllama() as ollama, running(tmp_path, OLLAMA_URL=ollama.url) as app:
        ollama.answers("/api/chat", answer(whole(answered("Because."))))
        await chat(app, "Hello", path=PATH)
        error = whole(b'{"error":"model runner has unexpectedly stopped"}', status=500)
        ollama.answers("/api/chat", answer(error))
        await chat(app, "Hello again", path=PATH)
        await indexed(app, 2)
        async with opened(browser, app, "/report.html?since=today", size=size) as page:
            await expect(page.get_by_role("heading", name="Who used the machine: by model")).to_be_visible()
            # A table in a box that is moved sideways counts as well.
            beyond = "[...document.querySelectorAll('html, div')].map((box) => box.scrollWidth - box.clientWidth)"
            assert max(await page.evaluate(beyond)) <= 0
            label = page.get_by_text("total time: ").first
            assert await label.is_visible() == (size != WIDE)
            if folder := os.environ.get("SCREENSHOTS"):
                await page.screenshot(path=f"{folder}/report-{size[0]}.png", full_page=True)
