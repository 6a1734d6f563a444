"""n8n's own editor, in a real Chromium: the shipped credential as it looks there."""

import json
from pathlib import Path

from playwright.async_api import Browser, expect

from tests.pictures.n8n_sign_in import sign_in
from tests.pictures.png import with_few_colours
from tests.servers.n8n import installed_n8n, signed_in

SHIPPED = Path(__file__).parents[2] / "n8n" / "credentials.json"


async def picture(browser: Browser, folder: Path) -> bytes:
    """The PNG of the dialogue of the credential *Ollama*, with its Base URL as an expression."""
    n8n = installed_n8n(folder)
    (credential,) = json.loads(SHIPPED.read_text())
    n8n.add_credentials([credential])
    with n8n.serving() as server, signed_in(server):
        context = await browser.new_context(
            viewport={"width": 1180, "height": 720}, locale="en-GB", reduced_motion="reduce"
        )
        page = await context.new_page()
        await sign_in(page, server.url)
        await page.goto(f"{server.url}/home/credentials/{credential['id']}")
        dialogue = page.locator('[data-test-id="editCredential-modal"]')
        # n8n fills the fields in after the dialogue stands, the expression and what it is outside a workflow.
        await expect(dialogue.locator(".cm-content").first).to_contain_text("encodeURIComponent", timeout=60_000)
        await expect(dialogue.get_by_text("http://nginx:80/api/ollama/", exact=True)).to_be_visible(timeout=60_000)
        taken = await dialogue.screenshot(animations="disabled", caret="hide")
        small = await with_few_colours(page, taken)
        await context.close()
        return small
