"""Our nodes in n8n's own editor, in a real Chromium: each with its fields, as whoever sets it up sees it."""

from dataclasses import replace
from pathlib import Path

from playwright.async_api import Browser, Page, expect

from tests.integration.n8n_workflows import EXECUTE, LANGCHAIN, MODEL, step, workflow
from tests.pictures.n8n_sign_in import sign_in
from tests.pictures.png import with_few_colours
from tests.servers.n8n import installed_n8n, signed_in
from tests.servers.n8n_nodes import built_nodes

_NODES = {
    "n8n-node-recorder": step(
        "Why was it slow?", "ollamaRecorder", resource="call", operation="find", returnAll=False, limit=50, filters={}
    ),
    "n8n-node-trigger": step("When a prompt was cut", "ollamaRecorderTrigger", event="cut", filters={"model": MODEL}),
    "n8n-node-chat-model": step(
        "Recorded Ollama Chat Model", "recordedOllamaChatModel", model="tiny:latest", options={}
    ),
    "n8n-node-embeddings": step("Recorded Ollama Embeddings", "recordedOllamaEmbeddings", model="tiny:latest"),
}
_WORKFLOW = "our-nodes"
# A model that is connected to nothing is shown with a warning.
_AROUND = (
    step("Chain", f"{LANGCHAIN}.chainLlm", 1.7, promptType="define", text="Why?"),
    step("Store", f"{LANGCHAIN}.vectorStoreInMemory", 1.3, mode="insert", memoryKey="k"),
)
_WIRES = {
    "Recorded Ollama Chat Model": ("Chain", "ai_languageModel"),
    "Recorded Ollama Embeddings": ("Store", "ai_embedding"),
}


async def pictures(browser: Browser, folder: Path, recorder: str) -> dict[str, bytes]:
    """A PNG of the panel of each node, by the picture's name. ``recorder`` is the address of one with models."""
    extensions = built_nodes(folder / "nodes")
    n8n = replace(installed_n8n(folder / "n8n"), variables={"N8N_CUSTOM_EXTENSIONS": str(extensions)})
    data = {"address": recorder, "apiKey": "", "readerToken": ""}
    credential = {"id": "the-recorder", "name": "The recorder", "type": "ollamaRecorderApi", "data": data}
    n8n.add_credentials([credential])
    n8n.add_workflows(workflow(_WORKFLOW, EXECUTE, *_NODES.values(), *_AROUND, **_WIRES))
    with n8n.serving() as server, signed_in(server):
        context = await browser.new_context(
            viewport={"width": 1240, "height": 640}, locale="en-GB", reduced_motion="reduce"
        )
        page = await context.new_page()
        await sign_in(page, server.url)
        taken = {}
        for name, node in _NODES.items():
            await page.goto(f"{server.url}/workflow/{_WORKFLOW}/{node['id'].replace(' ', '%20').replace('?', '%3F')}")
            taken[name] = await _panel(page)
        await context.close()
        return taken


async def _panel(page: Page) -> bytes:
    panel = page.locator('[data-test-id="node-parameters"]').first
    await expect(panel).to_be_visible(timeout=120_000)
    await expect(panel.get_by_placeholder("Loading options")).to_have_count(0, timeout=60_000)
    await expect(panel.get_by_text("Loading options")).to_have_count(0, timeout=60_000)
    return await with_few_colours(page, await panel.screenshot(animations="disabled", caret="hide"))
