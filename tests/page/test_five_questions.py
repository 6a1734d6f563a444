"""Why slow, why nonsense, who, what failed, which model is better: each in three clicks, among 100,000 exchanges."""

import asyncio
import os
import sys
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, closing
from pathlib import Path

import pytest
from playwright.async_api import Browser, Locator, Page, expect

from service.app import App
from service.search.indexing import Indexer
from tests.fakes.journals import make_journal
from tests.fakes.ollama import FakeOllama
from tests.page.opened import PHONE, WIDE, opened, rows, shown
from tests.running_app import running, said

RECORDS = 100_000
MOST_CLICKS = 3
# Of a machine that does nothing else: see ``crowding``.
MOST_SECONDS = 10.0


class Person:
    """Whoever looks for an answer: clicks are counted."""

    def __init__(self, page: Page, size: tuple[int, int]) -> None:
        self.page = page
        self.is_on_phone = size == PHONE
        self.clicks = 0

    async def click(self, what: Locator) -> None:
        self.clicks += 1
        await what.click()

    async def button(self, name: str, *, exact: bool = False) -> None:
        await self.click(self.page.get_by_role("button", name=name, exact=exact).first)

    async def overview(self, tab: str) -> Locator:
        """On a phone it takes the place of the list."""
        if self.is_on_phone:
            await self.button("Who uses it, what failed")
        if tab != "Who uses it":
            await self.button(tab, exact=True)
        return self.page.get_by_role("region", name="Overview")


async def why_was_it_slow(person: Person) -> None:
    person.clicks += 1
    await person.page.get_by_role("combobox", name="Slower than").select_option("10")
    await person.click(rows(person.page).first)
    await expect(shown(person.page).locator(".finding").first).to_contain_text("s")
    await expect(shown(person.page).get_by_role("table", name="Where the time went")).to_be_visible()


async def why_is_it_nonsense(person: Person) -> None:
    named = rows(person.page).filter(has_text="›")
    await person.click(named.first)
    await person.click(shown(person.page).get_by_role("button", name="Compare with the one before of this node"))
    compared = shown(person.page).get_by_role("region", name="Comparison of both answers")
    await expect(compared).to_contain_text("tokens in")


async def who_uses_the_machine(person: Person) -> None:
    part = await person.overview("Who uses it")
    await person.click(part.get_by_role("button", name="user", exact=True))
    await expect(part.locator("thead button").first).to_have_text("user")
    await expect(part.locator("tbody tr").nth(1)).to_contain_text("%")


async def what_failed(person: Person) -> None:
    part = await person.overview("What failed")
    await expect(part.locator(".failure-summary")).to_contain_text("got an answer later")
    await expect(part.locator(".cause").first).to_contain_text("×")


async def which_model_is_better(person: Person) -> None:
    part = await person.overview("Which model")
    await part.get_by_role("combobox", name="Model").fill("big")
    await part.get_by_role("spinbutton", name="At most").fill("5")
    await person.click(part.get_by_role("button", name="Send them again"))
    await expect(part.get_by_role("status")).to_contain_text("5 of 5 prompts got a new answer")
    await expect(part.get_by_role("region", name="Comparison of both answers")).to_contain_text("tokens out")


Question = Callable[[Person], Awaitable[None]]
QUESTIONS: list[Question] = [
    *(why_was_it_slow, why_is_it_nonsense, who_uses_the_machine, what_failed, which_model_is_better),
]


@asynccontextmanager
async def busy_recorder(folder: Path) -> AsyncIterator[App]:
    """A recorder with much behind it."""
    await asyncio.to_thread(make_journal, folder, RECORDS, days=20)
    with closing(Indexer(folder)) as indexer:
        await asyncio.to_thread(indexer.catch_up)
    async with FakeOllama() as ollama, running(folder, OLLAMA_URL=ollama.url) as app:
        yield app


def crowding() -> float:
    """How many times longer things take here than where nothing else runs: what a core is shared with."""
    began, used = time.perf_counter(), time.thread_time()
    while time.thread_time() - used < 0.1:
        sum(range(1000))
    return max(1.0, (time.perf_counter() - began) / (time.thread_time() - used))


async def in_time(question: str, answer: Awaitable[None]) -> float:
    """Wait for ``answer``; the seconds that it would have taken here alone, which are few enough."""
    before, began = crowding(), time.monotonic()
    await answer
    took = time.monotonic() - began
    alone = took / max(before, crowding())
    print(f"{question}: {took:.1f} s, alone {alone:.1f} s")
    assert alone < MOST_SECONDS, question
    return alone


async def by_a_person(browser: Browser, app: App, size: tuple[int, int], question: Question) -> None:
    async with opened(browser, app, "/?from=-7d", size=size) as page:
        await expect(rows(page).first).to_be_visible()
        person = Person(page, size)
        await question(person)
        assert person.clicks <= MOST_CLICKS, question.__name__


async def by_a_command(app: App, *words: str, tells: str) -> None:
    environment = {
        "PATH": os.environ["PATH"],
        "DATA_DIR": str(app.settings.data_dir),
        "LISTEN": f"127.0.0.1:{app.port}",
        "OLLAMA_URL": app.settings.ollama_url,
    }
    running_command = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "service", *words),
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
        env=environment,
    )
    printed, errors = await running_command.communicate()
    assert tells in printed.decode(), (words, printed[-2000:], errors[-2000:])


async def commands(app: App) -> list[tuple[tuple[str, ...], str]]:
    """A command for each question, and what it prints."""
    (slow,) = (await said(app, "/exchanges.json?slower=10&model=qwen3:8b&failed=false&limit=1"))["exchanges"]
    return [
        (("show", slow["exchange"]), "generation"),
        (("search", "invoice", "--truncated", "--limit", "3"), "cut"),
        (("stats", "--by", "user", "--from", "-7d"), "ada@example.org"),
        (("failures", "--from", "-7d"), "answered"),
        (("report", "--since", "-20d"), "Who used the machine: by user"),
        (("replay-all", "--new-model", "big", "--limit", "5", "--from", "-7d"), "5 of 5 prompts got a new answer"),
    ]


@pytest.mark.long
@pytest.mark.blocks("the journal is made by this process")
async def test_each_question_is_answered_in_three_clicks_or_one_command(browser: Browser, tmp_path: Path) -> None:
    async with busy_recorder(tmp_path) as app:
        for size in (WIDE, PHONE):
            for question in QUESTIONS:
                await in_time(f"{question.__name__} {size}", by_a_person(browser, app, size, question))
        for words, tells in await commands(app):
            await in_time(" ".join(words), by_a_command(app, *words, tells=tells))
