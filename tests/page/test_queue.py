"""The page while calls wait in the recorder for a place at Ollama."""

import asyncio
from pathlib import Path
from typing import Any

from playwright.async_api import Browser, expect

from tests.page.opened import opened, rows, shown
from tests.running_app import said, until
from tests.sharing.held import call, sharing, waiting
from tests.upstreams.pair import chat, pair


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


async def test_a_batch_and_a_person_who_wait_are_both_shown_with_the_reason(browser: Browser, tmp_path: Path) -> None:
    async with sharing(tmp_path, MAX_ACTIVE="1") as (app, held), opened(browser, app) as page:
        batch = [call(app, f"invoice {number}", "workflow=Invoices") for number in range(6)]
        await held.chats(1)
        await waiting(app, 5)
        person = call(app, "a person's question", "user=Ann")
        await waiting(app, 6)
        mine = rows(page).filter(has_text="a person's question")
        await expect(mine).to_contain_text("waits in the recorder at place 1: the one place at Ollama is taken; next")
        last = rows(page).filter(has_text="waits in the recorder at place 6")
        await expect(last).to_contain_text("before it 4 of workflow Invoices, 1 of user Ann")
        await expect(last).to_contain_text("next is who used the model least lately")
        held.let_go(7)
        await asyncio.gather(*batch, person)


async def test_each_of_several_ollamas_is_shown_with_what_it_does(browser: Browser, tmp_path: Path) -> None:
    async with pair(tmp_path, MAX_ACTIVE="1") as (app, one, other):
        other.loaded = ["right"]
        one.let_go.clear()
        calls = [asyncio.create_task(chat(app, f"{number}", "left")) for number in range(3)]

        async def upstreams() -> Any:
            found = (await said(app, "/status.json"))["upstreams"]
            return found if [each["waiting"] for each in found] == [2, 0] and found[1]["loaded"] else None

        first, second = await until(upstreams)
        assert (first["active"], first["places"], second["active"]) == (1, 1, 0)
        async with opened(browser, app) as page:
            table = page.get_by_role("region", name="Ollamas").get_by_role("row")
            await expect(table.nth(1)).to_contain_text(f"{one.name} up since today")
            await expect(table.nth(1)).to_contain_text("1 of 1")
            await expect(table.nth(2)).to_contain_text("0 of 1")
            await expect(table.nth(2)).to_contain_text("right:latest")
        one.let_go.set()
        await asyncio.gather(*calls)
        await other.ollama.stop()

        async def is_gone() -> bool:
            found = (await said(app, "/status.json"))["upstreams"]
            return bool(found[1]["trouble"]) and bool(found[1]["since"] > second["since"])

        await until(is_gone)
        async with opened(browser, app, forgiven=".*") as page:
            row = page.get_by_role("region", name="Ollamas").get_by_role("row").nth(2)
            await expect(row).to_contain_text(f"{other.name} gone since today")


async def test_of_a_thousand_ollamas_those_that_are_gone_or_at_work_come_first(
    browser: Browser, tmp_path: Path
) -> None:
    given: list[dict[str, Any]] = [
        {"name": f"gpu-{number}", "trouble": None, "active": 0, "waiting": 0, "loaded": []} for number in range(1000)
    ]
    given[700] |= {"trouble": "connection refused"}
    given[800] |= {"active": 3}
    given[900] |= {"waiting": 2}
    async with sharing(tmp_path) as (app, held):
        held.let_go()
        await call(app, "hi")
        async with opened(browser, app) as page:
            await page.route("**/status.json", lambda route: route.fulfill(json={"upstreams": given}))
            await page.reload()
            region = page.get_by_role("region", name="Ollamas")
            rows = region.get_by_role("row")
            await expect(rows).to_have_count(21)
            for place, name in enumerate(("gpu-700 gone", "gpu-900 up", "gpu-800 up", "gpu-0 up"), 1):
                await expect(rows.nth(place)).to_contain_text(name)
            await region.get_by_role("button", name="Show 980 more: 980 up").click()
            await expect(rows).to_have_count(1001)
            await expect(rows.nth(1)).to_contain_text("gpu-0 up")
            await expect(region).to_be_focused()


async def test_one_ollama_has_no_table_of_its_own(browser: Browser, tmp_path: Path) -> None:
    async with sharing(tmp_path, MAX_ACTIVE="1") as (app, held):
        held.let_go()
        await call(app, "hi")
        async with opened(browser, app) as page:
            await expect(page.get_by_role("region", name="Limits of callers")).to_be_visible()
            await expect(page.get_by_role("region", name="Ollamas")).to_be_hidden()
