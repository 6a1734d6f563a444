"""The recorder's page, opened in a real browser and watched: nothing may go wrong in it, whatever a test does there."""

import asyncio
import json
import re
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from typing import Any, Literal

from playwright.async_api import Browser, Locator, Page, expect

from service.app import App
from tests.running_app import said, until

WIDE = (1280, 800)
PHONE = (390, 844)
# As a proxy tells it of somebody who is not at this machine.
ELSEWHERE = {"X-Forwarded-For": "203.0.113.9"}
# What an answer is made of, in order: bytes to send and events to wait for.
Steps = list[bytes | asyncio.Event]
TAB_IS = """
Object.defineProperty(document, "hidden", {{ value: {}, configurable: true }});
document.dispatchEvent(new Event("visibilitychange"));
"""
_VIOLATIONS = """
window.__violations = [];
document.addEventListener("securitypolicyviolation", (event) => {
  window.__violations.push(`${event.violatedDirective} forbids ${event.blockedURI} ${event.sample}`);
});
"""


@asynccontextmanager
async def opened(
    browser: Browser,
    app: App,
    address: str = "/?from=all",
    *,
    size: tuple[int, int] = WIDE,
    scheme: Literal["light", "dark"] = "light",
    forgiven: str = "",
    **options: Any,
) -> AsyncIterator[Page]:
    """The page at ``address``, connected; ``options`` are of Playwright's context.

    Fails when something was written to the console as a warning or an error (save what the expression ``forgiven``
    matches), was thrown, asked in a dialog of the browser, or was forbidden by the page's policy.
    """
    troubles: list[str] = []
    context = await browser.new_context(
        viewport={"width": size[0], "height": size[1]}, color_scheme=scheme, locale="en-GB", **options
    )
    try:
        await context.add_init_script(_VIOLATIONS)
        page = await context.new_page()
        page.set_default_timeout(15_000)
        page.on("console", lambda said: note(troubles, said.type, said.text))
        page.on("pageerror", lambda error: troubles.append(f"thrown: {error}"))
        page.on("crash", lambda _: troubles.append("crashed"))
        page.on("dialog", lambda dialog: troubles.append(f"dialog: {dialog.message}"))
        await page.goto(f"http://127.0.0.1:{app.port}{address}")
        yield page
        troubles += await page.evaluate("window.__violations")
    finally:
        # A handler may be in the middle of an answer: what it raises once the page goes is no fault of the test, and
        # what the page says of it neither.
        page_troubles = [*troubles]
        for page in context.pages:
            await page.unroute_all(behavior="ignoreErrors")
        await context.unroute_all(behavior="ignoreErrors")
        await context.close()
    assert [trouble for trouble in page_troubles if not (forgiven and re.search(forgiven, trouble))] == []


def note(troubles: list[str], kind: str, text: str) -> None:
    if kind in ("warning", "error"):
        troubles.append(f"{kind}: {text}")


async def connected(page: Page) -> None:
    """Wait until the page hears what happens."""
    await expect(page.get_by_role("heading", level=1)).to_contain_text("live")


def rows(page: Page) -> Locator:
    """The exchanges of the list that are drawn, newest first."""
    return page.get_by_role("listbox").get_by_role("option")


def shown(page: Page) -> Locator:
    """The open exchange."""
    return page.get_by_role("article", name="Exchange")


def selected(page: Page) -> Locator:
    """The selected row."""
    return page.get_by_role("listbox").get_by_role("option", selected=True)


async def indexed(app: App, records: int) -> None:
    """Wait until all of a journal is in its index."""

    async def is_complete() -> bool:
        await asyncio.sleep(0.1)
        index = (await said(app, "/status.json"))["index"]
        return bool(index.get("behind") == 0)

    await until(is_complete, 60 + records / 500)


def answered(text: str, *, message: Mapping[str, Any] | None = None, **more: Any) -> bytes:
    """A whole answer of Ollama's chat; ``more``: durations in nanoseconds (``load_duration`` …) and all else."""
    said: dict[str, Any] = {"model": "tiny", "created_at": "2026-11-21T00:27:43.183292713Z"}
    measured = {
        "total_duration": 300_000_000,
        "load_duration": 10_000_000,
        "prompt_eval_count": 27,
        "prompt_eval_duration": 20_000_000,
        "eval_count": 12,
        "eval_duration": 200_000_000,
    }
    spoken = {"role": "assistant", "content": text, **(message or {})}
    said |= {"message": spoken, "done": True, "done_reason": "stop"}
    return json.dumps(said | measured | more).encode()


def as_json(**body: Any) -> bytes:
    return json.dumps(body).encode()
