"""``python -m tests.pictures [page] [terminal] [n8n]``: take these pictures anew, or all of them."""

import asyncio
import sys
import tempfile
from pathlib import Path

import pytest

from tests.pictures import n8n_credential, n8n_nodes, page, terminal
from tests.pictures.demo import running_demo
from tests.servers.chromium import running_chromium

FOLDER = Path(__file__).parents[2] / "docs" / "pictures"
KINDS = ("page", "terminal", "n8n")


async def _take(kinds: list[str], working: Path) -> None:
    with running_demo(working / "demo") as demo:
        if "terminal" in kinds:
            (FOLDER / "terminal.svg").write_text(terminal.picture(demo), encoding="utf-8")
        async with running_chromium() as browser:
            if "page" in kinds:
                for name, picture in (await page.pictures(browser, demo)).items():
                    (FOLDER / f"{name}.png").write_bytes(picture)
            if "n8n" in kinds:
                (FOLDER / "n8n-credential.png").write_bytes(await n8n_credential.picture(browser, working / "n8n"))
                nodes = await n8n_nodes.pictures(browser, working / "n8n-nodes", demo.url)
                for name, picture in nodes.items():
                    (FOLDER / f"{name}.png").write_bytes(picture)


if __name__ == "__main__":
    chosen = sys.argv[1:] or list(KINDS)
    if unknown := set(chosen) - set(KINDS):
        sys.exit(f"There are no pictures of {', '.join(sorted(unknown))}: expected are {', '.join(KINDS)}.")
    FOLDER.mkdir(exist_ok=True)
    with tempfile.TemporaryDirectory(prefix="ollama-recorder-pictures-") as temporary:
        try:
            asyncio.run(_take(chosen, Path(temporary)))
        except pytest.skip.Exception as absent:
            # What a test is skipped for is what is missing here.
            sys.exit(str(absent))
