"""The Astro example in a real browser: its development server is another origin than the recorder."""

import asyncio
import contextlib
import json
import re
from collections.abc import AsyncIterator, Callable
from pathlib import Path

import pytest
from playwright.async_api import Browser, Page, expect

from tests.fakes.ollama import CHUNKED, HOLD, FakeOllama, answer, chunk, head, json_answer
from tests.integration.watching import records, started
from tests.servers.astro import build_site, prepare_site, running_development_server, running_site
from tests.servers.process import RunningServer

pytestmark = pytest.mark.long
StartRecorder = Callable[..., RunningServer]


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return prepare_site(tmp_path_factory.mktemp("astro") / "site")


@contextlib.asynccontextmanager
async def open_page(browser: Browser, site: Path, recorder: RunningServer) -> AsyncIterator[Page]:
    """The example's first page, in front of ``recorder``; it may not say anything to the console but what failed."""
    address = f"http://localhost:{recorder.port}"
    servers = contextlib.ExitStack()
    server = await asyncio.to_thread(
        servers.enter_context, running_development_server(site, PUBLIC_RECORDER_URL=address, RECORDER_URL=address)
    )
    page = await browser.new_page()
    try:
        await page.goto(f"http://localhost:{server.port}/")
        yield page
    finally:
        await page.close()
        await asyncio.to_thread(servers.close)


def line(text: str) -> bytes:
    return chunk(json.dumps({"model": "tiny", "response": text, "done": False}).encode() + b"\n")


async def test_ideas_appear_as_they_are_generated_and_cancel_stops_ollama(
    browser: Browser, site: Path, start_recorder: StartRecorder
) -> None:
    async with FakeOllama() as ollama:
        ollama.answers("/api/tags", json_answer({"models": [{"name": "tiny", "model": "tiny"}]}))
        ollama.answers("/api/generate", answer(head(200, CHUNKED), line("1. First"), HOLD))
        recorder = await started(start_recorder, OLLAMA_URL=ollama.url)
        async with open_page(browser, site, recorder) as page:
            await page.get_by_label("What should the ideas be about?").fill("Bread")
            await page.get_by_role("button", name="Generate").click()
            await expect(page.get_by_role("region", name="Ideas")).to_have_text("1. First")
            await expect(page.get_by_role("status")).to_have_text("Generating…")
            await expect(page.get_by_role("button", name="Generate")).to_be_disabled()
            await page.get_by_role("button", name="Cancel").click()
            await expect(page.get_by_role("status")).to_have_text("Cancelled.")
            asked = next(request for request in ollama.requests if request.path == "/api/generate")
            await asyncio.wait_for(asked.hung_up.wait(), 20)
            assert json.loads(asked.body)["prompt"] == "Bread"
            await expect(page.get_by_role("button", name="Generate")).to_be_enabled()


async def test_what_goes_wrong_is_told_on_the_page(browser: Browser, site: Path, start_recorder: StartRecorder) -> None:
    async with FakeOllama() as ollama:
        ollama.answers("/api/tags", json_answer({"models": []}))
        recorder = await started(start_recorder, OLLAMA_URL=ollama.url)
        async with open_page(browser, site, recorder) as page:
            await page.get_by_role("button", name="Generate").click()
            await expect(page.get_by_role("alert")).to_contain_text("ollama pull")
            await asyncio.to_thread(recorder.stop)
            await page.get_by_role("button", name="Generate").click()
            await expect(page.get_by_role("alert")).to_contain_text("cannot be reached")


@pytest.fixture(scope="module")
def built(site: Path) -> Path:
    build_site(site)
    return site


async def test_a_real_model_answers_in_the_browser_and_on_the_server(
    browser: Browser, site: Path, recorder: RunningServer
) -> None:
    before = len(await asyncio.to_thread(records, recorder.log.parent, 0))
    async with open_page(browser, site, recorder) as page:
        await page.get_by_role("button", name="Generate").click()
        await expect(page.get_by_role("status")).to_have_text("Done.", timeout=20_000)
        await expect(page.get_by_role("region", name="Ideas")).to_have_text(re.compile(r"\S"))
        await page.get_by_role("link", name="On the server").click()
        await page.get_by_role("button", name="Generate").click()
        await expect(page.get_by_role("region", name="Ideas")).to_have_text(re.compile(r"\S"), timeout=20_000)
    kept = await asyncio.to_thread(records, recorder.log.parent, before + 2)
    said = [json.loads(one.row.line) for one in kept[before:]]
    assert [one["stream"] for one in said if one["operation"] == "generate"] == [True, False]


async def test_the_built_site_asks_from_its_server_and_the_browser_never_sees_the_recorder(
    browser: Browser, built: Path, recorder: RunningServer
) -> None:
    with contextlib.ExitStack() as servers:
        address = f"http://127.0.0.1:{recorder.port}"
        server = await asyncio.to_thread(servers.enter_context, running_site(built, RECORDER_URL=address))
        page = await browser.new_page(java_script_enabled=False)
        asked: list[str] = []
        page.on("request", lambda request: asked.append(request.url))
        await page.goto(f"http://localhost:{server.port}/server")
        await page.get_by_role("button", name="Generate").click()
        await expect(page.get_by_role("region", name="Ideas")).to_have_text(re.compile(r"\S"), timeout=20_000)
        assert asked
        assert not [url for url in asked if str(recorder.port) in url]
        await asyncio.to_thread(recorder.stop)
        await page.get_by_role("button", name="Generate").click()
        await expect(page.get_by_role("alert")).to_contain_text("cannot be reached now")
