"""Whether the page can be used by those who hear it, magnify it or read it on a phone: what axe-core finds."""

import asyncio
from pathlib import Path
from typing import Literal

import pytest
from playwright.async_api import Browser, Page, expect

from service.app import App
from tests.fakes.journals import make_journal
from tests.fakes.ollama import FakeOllama, answer, whole
from tests.page.opened import PHONE, WIDE, answered, indexed, opened, rows, shown
from tests.page.test_one_exchange import TALK
from tests.running_app import ask, running
from tests.servers.process import require

RECORDS = 300
# What fades in is not judged half-way.
SERIOUS = """async () => {
  await Promise.allSettled(document.getAnimations().map((animation) => animation.finished));
  const {violations} = await axe.run(document, {resultTypes: ["violations"]});
  const serious = violations.filter(({impact}) => impact === "serious" || impact === "critical");
  return serious.flatMap(({id, nodes}) => nodes.map((node) => `${id}: ${node.target} ${node.failureSummary}`));
}"""


async def serious_violations(page: Page) -> list[str]:
    """What axe finds of the page as it is, without what is merely moderate: ``rule: where, why``."""
    if not await page.evaluate("'axe' in window"):
        folder = require("javascript", "make servers")
        # As a part of the test, not of the page: the context leaves the page's policy out.
        await page.evaluate(await asyncio.to_thread((folder / "node_modules/axe-core/axe.min.js").read_text))
    found: list[str] = await page.evaluate(SERIOUS)
    return found


async def is_as_wide_as_the_window(page: Page) -> bool:
    """Whether nothing makes one scroll sideways."""
    return bool(await page.evaluate("document.documentElement.scrollWidth <= window.innerWidth"))


async def fine(page: Page) -> None:
    assert await serious_violations(page) == []
    assert await is_as_wide_as_the_window(page)


async def filled(app: App, ollama: FakeOllama) -> str:
    """An exchange with all that a conversation may have; its id."""
    message = {"thinking": "Rain makes one wet.", "tool_calls": [{"function": {"name": "umbrella", "arguments": {}}}]}
    ollama.answers("/api/chat", answer(whole(answered("Take an umbrella. " * 40, message=message))))
    return (await ask(app, body=TALK, X_Caller="tailor")).header("X-Exchange-Id") or ""


@pytest.mark.parametrize(
    ("size", "scheme"),
    [
        pytest.param(WIDE, "light", id="wide, light"),
        pytest.param(PHONE, "dark", id="phone, dark"),
        pytest.param(WIDE, "dark", id="wide, dark", marks=pytest.mark.long),
        pytest.param(PHONE, "light", id="phone, light", marks=pytest.mark.long),
    ],
)
@pytest.mark.blocks("axe-core's source and the page's snapshots pass through it")
async def test_the_list_one_exchange_and_each_dialog_have_no_serious_fault(
    size: tuple[int, int], scheme: Literal["light", "dark"], browser: Browser, tmp_path: Path
) -> None:
    await asyncio.to_thread(make_journal, tmp_path, RECORDS, days=0.9)
    async with FakeOllama() as ollama, running(tmp_path, OLLAMA_URL=ollama.url) as app:
        identifier = await filled(app, ollama)
        await indexed(app, RECORDS + 1)
        async with opened(browser, app, "/", size=size, scheme=scheme, bypass_csp=True) as page:
            await expect(rows(page).first).to_contain_text("tailor")
            await expect(page.get_by_role("img", name="exchanges")).to_be_visible()
            await fine(page)
            for button, name in (("Export …", "Export"), ("Erase …", "Erase for good"), ("Help", "Help")):
                await page.get_by_role("button", name=button).first.click()
                await expect(page.get_by_role("dialog", name=name)).not_to_contain_text("Counting")
                await fine(page)
                await page.keyboard.press("Escape")
            await page.get_by_role("button", name="Filter by model").click()
            await expect(page.get_by_role("checkbox", name="qwen3:8b")).to_be_visible()
            await fine(page)
            await page.keyboard.press("Escape")
            await rows(page).first.click()
            await expect(shown(page)).to_contain_text("Take an umbrella.")
            await shown(page).get_by_role("button", name="Replay …").click()
            await shown(page).get_by_role("form", name="Replay").get_by_role("button", name="Replay").click()
            await expect(shown(page).get_by_role("region", name="Comparison")).to_be_visible()
            for fold in await shown(page).get_by_role("heading", level=3).filter(has_text="Raw").all():
                await fold.click()
            await fine(page)
            assert identifier in page.url


@pytest.mark.parametrize("scheme", ["light", pytest.param("dark", marks=pytest.mark.long)])
@pytest.mark.blocks("axe-core's source passes through it")
async def test_nothing_yet_nothing_found_and_a_mistake_have_no_serious_fault(
    scheme: Literal["light", "dark"], browser: Browser, tmp_path: Path
) -> None:
    async with FakeOllama() as ollama, running(tmp_path, OLLAMA_URL=ollama.url) as app:
        forgiven = "status of 400"
        async with opened(browser, app, size=PHONE, scheme=scheme, forgiven=forgiven, bypass_csp=True) as page:
            for query, heading in (
                ("", "No exchange yet"),
                ("?model=none", "Nothing matches"),
                ('?q="', "This cannot"),
            ):
                await page.goto(f"http://127.0.0.1:{app.port}/{query}")
                await expect(page.get_by_role("heading", name=heading)).to_be_visible()
                await fine(page)


async def test_on_a_phone_one_reads_an_exchange_and_goes_back_to_the_list(browser: Browser, tmp_path: Path) -> None:
    async with FakeOllama() as ollama, running(tmp_path, OLLAMA_URL=ollama.url) as app:
        await filled(app, ollama)
        async with opened(browser, app, size=PHONE, has_touch=True, is_mobile=True) as page:
            await rows(page).tap()
            await expect(shown(page)).to_contain_text("Take an umbrella.")
            await expect(page.get_by_role("listbox")).to_be_hidden()
            assert await is_as_wide_as_the_window(page)
            await shown(page).get_by_role("button", name="All exchanges").tap()
            await expect(rows(page)).to_be_visible()
            assert await is_as_wide_as_the_window(page)
