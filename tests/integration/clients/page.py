"""The code blocks of docs/clients.md, to be run as they stand there."""

import functools
import re
from pathlib import Path

from tests.servers.ollama import EMBEDDING_MODEL

PAGE = Path(__file__).parents[3] / "docs" / "clients.md"
BASE = "http://localhost:8080/api/ollama"
"""The address that the page's blocks call."""
_MODELS = re.compile(r"llama3\.2|qwen2\.5-coder:1\.5b")
_EMBEDDING_MODEL = "nomic-embed-text"


@functools.cache
def block(section: str, language: str) -> str:
    """The only block of this language in the section with this title."""
    found = re.findall(rf"^```{language}\n(.*?)^```$", section_text(section), re.MULTILINE | re.DOTALL)
    assert len(found) == 1, f"{len(found)} blocks of {language} in {section!r} of {PAGE.name}"
    code: str = found[0]
    assert BASE in code or language == "nginx", f"the block in {section!r} does not call {BASE}"
    return code


def shown(section: str, language: str, base: str, model: str) -> str:
    """That block with the address ``base``, ``model`` and the tests' embedding model in place of the page's."""
    code = block(section, language).replace(BASE, base).replace(_EMBEDDING_MODEL, EMBEDDING_MODEL)
    return _MODELS.sub(model, code)


def rows(section: str) -> list[list[str]]:
    """The cells of the section's table, without its head."""
    lines = [line for line in section_text(section).splitlines() if line.startswith("|")][2:]
    return [[cell.strip() for cell in line.strip("|").split(" | ")] for line in lines]


def section_text(title: str) -> str:
    """The section with this title, up to the next one."""
    _, _, rest = PAGE.read_text().partition(f"\n## {title}\n")
    assert rest, f"{PAGE.name} has no section {title!r}"
    return rest.partition("\n## ")[0]
