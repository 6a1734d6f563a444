"""The page while calls wait in the recorder for a place at Ollama."""

from pathlib import Path

from playwright.async_api import Browser, expect

from tests.page.opened import opened, rows, shown
from tests.sharing.held import call, sharing, waiting


async def test_what_callers_may_have_and_have_used_is_shown_below_the_overview(
    browser: Browser, tmp_path: Path
) -> None:
    rules = tmp_path / "limits.toml"
    rules.write_text('[workflow."Invoices"]\nmax_active = 1\ntokens_per_day = 5000\npriority = "batch"\n')
    async with sharing(tmp_path, LIMITS_FILE=str(rules)) as (app, held):
        held.let_go()
        await call(app, "an invoice", "workflow=Invoices")
        async with opened(browser, app) as page:
            table = page.get_by_role("region", name="Limits of callers")
            await expect(table).to_contain_text("workflow Invoices batch")
            await expect(table).to_contain_text("0 of 1")
            await expect(table).to_contain_text("42 of 5,000")


async def test_who_waits_is_shown_with_its_place_and_the_reason(browser: Browser, tmp_path: Path) -> None:
    async with sharing(tmp_path, MAX_ACTIVE="1") as (app, held), opened(browser, app) as page:
        runs = call(app, "an invoice", "workflow=Invoices")
        await held.chats(1)
        waits = call(app, "a person's question", "user=Ann")
        await waiting(app, 1)
        mine = rows(page).filter(has_text="a person's question")
        await expect(mine).to_contain_text("waits in the recorder at place 1: the one place at Ollama is taken; next")
        await mine.click()
        await expect(shown(page)).to_contain_text("waits in the recorder at place 1")
        held.let_go(2)
        await runs
        await waits
        await expect(shown(page)).to_contain_text("answered in full")
        await expect(shown(page)).to_contain_text("waiting in the recorder for a place at Ollama")
