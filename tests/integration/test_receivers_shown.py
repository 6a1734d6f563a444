"""What people see of our spans in the real Phoenix and the real MLflow, opened in a real Chromium.

With ``PICTURES=folder`` each page that is looked at is also drawn there, to be looked at by a person.
"""

import asyncio
import json
import os
import urllib.request
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
from playwright.async_api import Browser, Locator, Page, expect

from service.app import App
from tests.fakes.ollama import FakeOllama, json_answer
from tests.running_app import ask, running, said, until
from tests.servers.mlflow import running_mlflow
from tests.servers.phoenix import running_phoenix
from tests.servers.process import RunningServer

pytestmark = [pytest.mark.long, pytest.mark.blocks("other programs start and draw in these tests")]

# A minute is enough on a quiet machine. Both programs are large, and a browser beside them on two cores that are busy
# takes several.
SECONDS = 300.0
WITH_MESSAGES = {"OTEL_INSTRUMENTATION_GENAI_CAPTURE_MESSAGE_CONTENT": "true"}
ANSWERS: dict[str, dict[str, Any]] = {
    "/api/chat": {
        "model": "tiny",
        "message": {"role": "assistant", "content": "Rayleigh scattering."},
        "done": True,
        "done_reason": "stop",
        "prompt_eval_count": 31,
        "eval_count": 5,
        "total_duration": 10**9,
        "load_duration": 10**8,
        "prompt_eval_duration": 2 * 10**8,
        "eval_duration": 5 * 10**8,
    },
    "/v1/chat/completions": {
        "id": "chatcmpl-1",
        "model": "tiny",
        "choices": [{"index": 0, "message": {"role": "assistant", "content": "Paris it is."}, "finish_reason": "stop"}],
        "usage": {"prompt_tokens": 211, "completion_tokens": 4},
    },
    "/v1/messages": {
        "id": "msg_1",
        "type": "message",
        "role": "assistant",
        "model": "tiny",
        "stop_reason": "end_turn",
        "content": [{"type": "thinking", "thinking": "Easy."}, {"type": "text", "text": "Four of them."}],
        "usage": {"input_tokens": 309, "output_tokens": 3},
    },
}
QUESTIONS = {
    "/api/chat": "Why is the sky blue?",
    "/v1/chat/completions": "Capital of France?",
    "/v1/messages": "Two and two?",
}
WORDS = (*QUESTIONS.values(), "Rayleigh scattering.", "Paris it is.", "Four of them.")
# All of a call's tokens: those of prompt and answer.
TOKENS = ("36", "215", "312")
FAILED = "model 'big' not found"


@pytest.fixture(scope="module")
def phoenix(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningServer]:
    with running_phoenix(tmp_path_factory.mktemp("phoenix")) as server:
        yield server


@pytest.fixture(scope="module")
def mlflow(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningServer]:
    with running_mlflow(tmp_path_factory.mktemp("mlflow")) as server:
        yield server


@asynccontextmanager
async def recording(folder: Path, receiver: RunningServer, **environment: str) -> AsyncIterator[App]:
    """A recorder that exports to ``receiver``, in front of an Ollama that answers as above."""
    async with FakeOllama() as ollama:
        for path, answer in ANSWERS.items():
            ollama.answers(path, json_answer(answer))
        ollama.answers("/api/generate", json_answer({"error": FAILED}, 404))
        given: dict[str, Any] = {"OLLAMA_URL": ollama.url, "OTEL_EXPORTER_OTLP_ENDPOINT": receiver.url, **environment}
        async with running(folder, **given) as app:
            yield app


async def call_all(app: App) -> None:
    """One call of each API, one that fails, and polls."""
    for path, question in QUESTIONS.items():
        body = {"model": "tiny", "max_tokens": 50, "messages": [{"role": "user", "content": question}]}
        named = {"X_OpenWebUI_User_Name": "Ada", "X_OpenWebUI_Chat_Id": "chat-1"}
        await ask(app, f"/api/ollama{path}", json.dumps(body).encode(), **named)
    await ask(app, "/api/ollama/api/generate", json.dumps({"model": "big", "prompt": "Tell me a story"}).encode())
    for _ in range(3):
        await ask(app, "/api/ollama/api/tags", b"")


async def has_all(app: App) -> bool:
    """Whether every record has gone where it goes."""
    status = await said(app, "/status.json")
    return all(one["behind_seconds"] == 0 and not one["trouble"] for one in status["receivers"])


async def opened(browser: Browser, url: str) -> Page:
    """A page that begins to load; whoever looks for something on it waits."""
    page = await browser.new_page(viewport={"width": 1800, "height": 1000})
    page.set_default_timeout(SECONDS * 1000)
    await page.goto(url, wait_until="commit")
    return page


async def draw(page: Page, name: str) -> None:
    if folder := os.environ.get("PICTURES"):
        await page.screenshot(path=f"{folder}/{name}.png")


async def shows(place: Page | Locator, *texts: str) -> None:
    for text in texts:
        await expect(place.get_by_text(text).first).to_be_visible(timeout=SECONDS * 1000)


def project_of(phoenix: RunningServer) -> str:
    with urllib.request.urlopen(f"{phoenix.url}/v1/projects", timeout=30) as answer:
        return str(json.load(answer)["data"][0]["id"])


async def test_phoenix_shows_prompt_answer_tokens_error_and_the_tree_of_each_api(
    phoenix: RunningServer, browser: Browser, tmp_path: Path
) -> None:
    async with recording(tmp_path, phoenix, **WITH_MESSAGES) as app:
        await call_all(app)
        await until(lambda: has_all(app), SECONDS)
        # Phoenix writes what it has taken a moment later.
        await asyncio.sleep(2)
    page = await opened(browser, f"{phoenix.url}/projects/{project_of(phoenix)}/spans")
    await shows(page, *WORDS, FAILED, "chain")
    await draw(page, "phoenix-list")
    rows = page.get_by_role("row")
    for question, tokens in zip(QUESTIONS.values(), TOKENS, strict=True):
        await shows(rows.filter(has_text=question), tokens)
    assert await rows.filter(has_text="/api/tags").count() == 0
    await rows.filter(has_text=QUESTIONS["/v1/messages"]).first.get_by_role("link").first.click()
    await shows(page, "chat tiny", "POST /api/ollama/v1/messages", "Four of them.")
    await draw(page, "phoenix-trace")
    await page.get_by_text("chat tiny").first.click()
    # What the model thought is there, folded in or out.
    call = page.get_by_role("tabpanel", name="Info").filter(has_text="Invocation Params")
    for text in ("Two and two?", "Easy.", "Four of them."):
        await expect(call).to_contain_text(text, timeout=SECONDS * 1000)
    await draw(page, "phoenix-call")


async def test_mlflow_without_its_header_loses_nothing_and_then_shows_all(
    mlflow: RunningServer, browser: Browser, tmp_path: Path
) -> None:
    async with recording(tmp_path, mlflow, **WITH_MESSAGES) as app:
        await call_all(app)

        async def is_told() -> bool:
            degraded = (await said(app, "/readyz")).get("degraded", {})
            return "set OTEL_EXPORTER_OTLP_HEADERS=x-mlflow-experiment-id=" in degraded.get("otlp", "")

        await until(is_told, SECONDS)
    header = {"OTEL_EXPORTER_OTLP_HEADERS": "x-mlflow-experiment-id=0"}
    async with recording(tmp_path, mlflow, **WITH_MESSAGES, **header) as app:
        await until(lambda: has_all(app), SECONDS)
        assert (await said(app, "/status.json"))["receivers"][0]["parked"] == 0
    page = await opened(browser, f"{mlflow.url}/#/experiments/0/traces")
    hint = page.get_by_role("button", name="Got it")
    await page.add_locator_handler(hint, lambda: hint.click())
    await shows(page, *WORDS, FAILED, "chat-1")
    await draw(page, "mlflow-list")
    rows = page.get_by_role("row")
    for question, tokens in zip(QUESTIONS.values(), TOKENS, strict=True):
        await shows(rows.filter(has_text=question), tokens)
    assert await rows.filter(has_text="/api/tags").count() == 0
    await page.get_by_text(QUESTIONS["/v1/messages"]).first.click()
    await shows(page, "chat tiny")
    await draw(page, "mlflow-trace")
