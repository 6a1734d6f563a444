"""README and guides: their links lead somewhere, the README stays short, and they name what there is."""

import json
import re
from pathlib import Path

import pytest

from tests.cli.doctor.page import anchor
from tests.servers.recorder import PROJECT

GUIDES = [
    PROJECT / "README.md",
    PROJECT / "CHANGELOG.md",
    *sorted((PROJECT / "docs").rglob("*.md")),
    *(PROJECT / folder / "README.md" for folder in ("grafana", "n8n", "nginx", "tests", "deploy/helm/ollama-recorder")),
]
MOST_WORDS = 1050
QUESTIONS = (
    "Why was it slow?",
    "Why is the answer nonsense?",
    "Who uses it?",
    "What failed?",
    "Which model is better?",
)


def anchors_of(page: Path) -> set[str]:
    return {anchor(heading) for heading in re.findall(r"^#+ (.+)$", page.read_text(), re.MULTILINE)}


def without_code(text: str) -> str:
    return re.sub(r"^```.*?^```$|`[^`\n]*`", "", text, flags=re.MULTILINE | re.DOTALL)


@pytest.mark.parametrize("guide", GUIDES, ids=lambda path: str(path.relative_to(PROJECT)))
def test_every_link_leads_somewhere(guide: Path) -> None:
    astray = []
    for link in re.findall(r"\]\(((?!https?:)[^)\s]+)\)", without_code(guide.read_text())):
        name, _, place = link.partition("#")
        page = (guide.parent / name).resolve() if name else guide
        if not page.exists() or (place and place not in anchors_of(page)):
            astray.append(link)
    assert astray == []


def test_the_readme_is_read_in_five_minutes() -> None:
    readme = (PROJECT / "README.md").read_text()
    assert len(readme.split()) <= MOST_WORDS
    places = [readme.find(text) for text in ("make run", "make test", "curl http", "\n## n8n", *QUESTIONS)]
    assert -1 not in places
    assert places == sorted(places)


def test_each_question_of_the_readme_has_its_picture() -> None:
    readme = (PROJECT / "README.md").read_text()
    for question in QUESTIONS:
        assert re.search(r"^\*\*" + re.escape(question) + r"\*\* .+\n\n<img alt=", readme, re.MULTILINE), question


def test_the_n8n_page_has_the_expression_of_the_credential() -> None:
    (credential,) = json.loads((PROJECT / "n8n" / "credentials.json").read_text())
    assert f"\n{credential['data']['baseUrl']}\n" in (PROJECT / "n8n" / "README.md").read_text()


def test_the_page_of_the_tests_names_every_helper_module() -> None:
    page = (PROJECT / "tests" / "README.md").read_text()
    named = set(re.findall(r"`([a-z0-9_]+\.py)`", page))
    modules = {
        path.name
        for path in (PROJECT / "tests").rglob("*.py")
        if not path.name.startswith(("test_", "__", "conftest")) and path.parent.name not in ("benchmarks", "pictures")
    }
    assert modules - named == set()
    assert named - modules == set()
