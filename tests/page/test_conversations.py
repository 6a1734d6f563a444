"""One click leads from a turn to its whole conversation, also where its client names none."""

import re
from pathlib import Path

from playwright.async_api import Browser, expect

from tests.fakes.ollama import FakeOllama
from tests.integration.test_conversations import asked
from tests.page.opened import opened, rows, shown
from tests.running_app import chat, found, running


async def test_all_turns_of_a_conversation_are_a_click_away(browser: Browser, tmp_path: Path) -> None:
    talk: list[dict[str, str]] = []
    async with FakeOllama() as ollama, running(tmp_path, OLLAMA_URL=ollama.url) as app:
        first = await asked(app, talk, "Hi")
        await chat(app, "Something else")
        second = await asked(app, talk, "And now?")
        await found(app, f"conversation={first}", 2)
        async with opened(browser, app, f"/?show={second}&from=-1h") as page:
            await shown(page).get_by_role("link", name="conversation of 2 turns").click()
            await expect(rows(page)).to_have_count(2)
            await expect(page).to_have_url(re.compile(rf"[?&]conversation={first}(&|$)"))
            await shown(page).get_by_role("link", name="‹ Earlier").click()
            await expect(shown(page).get_by_role("group", name="user")).to_have_count(1)
            # In a row too, where it goes on.
            await page.goto(f"http://127.0.0.1:{app.port}/?from=all")
            await expect(rows(page)).to_have_count(3)
            await rows(page).filter(has_text="And now?").get_by_text("conversation", exact=True).click()
            await expect(rows(page)).to_have_count(2)
