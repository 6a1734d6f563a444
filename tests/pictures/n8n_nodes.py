"""Our nodes and their credential in n8n's own editor, in a real Chromium, as whoever sets them up sees them."""

from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any
from urllib.parse import quote

from playwright.async_api import Browser, Locator, Page, expect

from tests.integration.n8n_workflows import EXECUTE, LANGCHAIN, step, workflow
from tests.pictures.n8n_sign_in import sign_in
from tests.pictures.png import with_few_colours
from tests.servers.n8n import installed_n8n, signed_in
from tests.servers.n8n_nodes import built_nodes

MODELS = ("llama3.1:8b", "mistral:7b", "qwen3:32b")
"""Those of the demo, in the order of a list."""
_CHOSEN = {"__rl": True, "mode": "list", "value": MODELS[0], "cachedResultName": MODELS[0]}


@dataclass(frozen=True, slots=True)
class Shown:
    """A node of the workflow, the labels of its fields, and the field of those that has a plain list of models."""

    node: dict[str, Any]
    labels: tuple[str, ...]
    has_models: bool = False


SHOWN = {
    "n8n-node-recorder": Shown(
        step(
            "Why was it slow?",
            "ollamaRecorder",
            resource="call",
            operation="find",
            returnAll=False,
            limit=50,
            filters={"from": "-1h", "model": _CHOSEN},
        ),
        ("Resource", "Operation", "Return All", "Limit", "Filters", "From", "Model"),
    ),
    "n8n-node-trigger": Shown(
        step("When a prompt was cut", "ollamaRecorderTrigger", event="cut", filters={"model": _CHOSEN}),
        ("Event", "Filters", "Model"),
    ),
    "n8n-node-chat-model": Shown(
        step(
            "Recorded Ollama Chat Model",
            "recordedOllamaChatModel",
            model=MODELS[0],
            options={"numCtx": 8192, "temperature": 0.2},
        ),
        ("Model", "Options", "Context Length", "Sampling Temperature"),
        has_models=True,
    ),
    "n8n-node-embeddings": Shown(
        step("Recorded Ollama Embeddings", "recordedOllamaEmbeddings", model=MODELS[1]), ("Model",), has_models=True
    ),
}
"""By the name of the picture."""
# A model that is connected to nothing is shown with a warning.
_AROUND = (
    step("Chain", f"{LANGCHAIN}.chainLlm", 1.7, promptType="define", text="Why?"),
    step("Store", f"{LANGCHAIN}.vectorStoreInMemory", 1.3, mode="insert", memoryKey="k"),
)
_WIRES = {
    "Recorded Ollama Chat Model": ("Chain", "ai_languageModel"),
    "Recorded Ollama Embeddings": ("Store", "ai_embedding"),
}
OUR_NODES = workflow("our-nodes", EXECUTE, *(one.node for one in SHOWN.values()), *_AROUND, **_WIRES)
"""All of our nodes. Its credential is that of ``n8n_workflows``."""


async def pictures(browser: Browser, folder: Path, recorder: str) -> dict[str, bytes]:
    """A PNG of the panel of each node and of the credential, by the picture's name.

    ``recorder`` is the address of one with ``MODELS``.
    """
    extensions = built_nodes(folder / "nodes")
    n8n = replace(installed_n8n(folder / "n8n"), variables={"N8N_CUSTOM_EXTENSIONS": str(extensions)})
    data = {"address": recorder, "apiKey": "", "readerToken": ""}
    credential = {"id": "the-recorder", "name": "The recorder", "type": "ollamaRecorderApi", "data": data}
    n8n.add_credentials([credential])
    n8n.add_workflows(OUR_NODES)
    with n8n.serving() as server, signed_in(server):
        page = await signed_in_page(browser, server.url)
        taken = {name: await _panel(page, await opened(page, server.url, one)) for name, one in SHOWN.items()}
        taken["n8n-node-credential"] = await _credential(page, server.url)
        await page.context.close()
        return taken


async def signed_in_page(browser: Browser, url: str) -> Page:
    """A page of the n8n at ``url``, whose owner has signed in."""
    context = await browser.new_context(
        viewport={"width": 1240, "height": 900}, locale="en-GB", reduced_motion="reduce"
    )
    page = await context.new_page()
    await sign_in(page, url)
    return page


async def opened(page: Page, url: str, shown: Shown) -> Locator:
    """The panel of a node of ``OUR_NODES``, with all of its fields and without a complaint of n8n."""
    await page.goto(f"{url}/workflow/{OUR_NODES['id']}/{quote(shown.node['id'])}")
    panel = page.locator('[data-test-id="node-parameters"]').first
    await expect(panel).to_be_visible(timeout=120_000)
    for label in shown.labels:
        await expect(panel.get_by_text(label, exact=True).first).to_be_visible(timeout=60_000)
    if shown.has_models:
        models = panel.locator('[data-test-id="parameter-input-model"] input').first
        await expect(models).to_have_value(shown.node["parameters"]["model"], timeout=60_000)
        await models.click()
        await expect(page.get_by_role("option").filter(visible=True)).to_have_text(MODELS, timeout=60_000)
        await page.keyboard.press("Escape")
        await expect(page.get_by_role("option").filter(visible=True)).to_have_count(0)
    await expect(panel.locator('[data-test-id="parameter-issues"]')).to_have_count(0)
    return panel


async def _panel(page: Page, panel: Locator) -> bytes:
    """The panel down to its last field."""
    await page.evaluate("document.activeElement?.blur()")
    box = await panel.bounding_box()
    fields = panel.locator('[data-test-id="parameter-item"], [data-test-id="collection-parameter-add"]').filter(
        visible=True
    )
    ends = [await one.bounding_box() for one in await fields.all()]
    assert box is not None
    bottom = max(end["y"] + end["height"] for end in ends if end is not None) + 12
    taken = await page.screenshot(
        animations="disabled",
        caret="hide",
        clip={"x": box["x"], "y": box["y"], "width": box["width"], "height": bottom - box["y"]},
    )
    return await with_few_colours(page, taken)


async def _credential(page: Page, url: str) -> bytes:
    """The credential's dialogue, after n8n has tested it."""
    await page.goto(f"{url}/home/credentials/the-recorder")
    dialogue = page.locator('[data-test-id="editCredential-modal"]')
    await expect(dialogue.get_by_text("Connection tested successfully")).to_be_visible(timeout=120_000)
    return await with_few_colours(page, await dialogue.screenshot(animations="disabled", caret="hide"))
