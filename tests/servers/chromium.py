"""A real Chromium for tests of pages, driven by Playwright. No browser is fetched: it is the system's."""

import contextlib
from collections.abc import AsyncIterator

from playwright.async_api import Browser, async_playwright

from tests.servers.process import require


@contextlib.asynccontextmanager
async def running_chromium() -> AsyncIterator[Browser]:
    """A headless browser; what a test opens in it are contexts (profiles) and pages."""
    executable = require("chromium", "apt-get install chromium")
    async with async_playwright() as playwright:
        # Without a sandbox: in containers, where tests often run, root may not make one. It visits loopback only.
        browser = await playwright.chromium.launch(
            executable_path=executable, args=["--no-sandbox", "--disable-dev-shm-usage", "--disable-gpu"]
        )
        try:
            yield browser
        finally:
            await browser.close()
