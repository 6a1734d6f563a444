"""The pictures of n8n's templates are those of their JSON, and the README shows them."""

import json
import re
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import pytest

from n8n.draw import picture, pictures

SHIPPED = Path(__file__).parents[2] / "n8n"
DRAWN = pictures()
WIDEST = 1012  # what GitHub gives to a README; a wider picture is scaled, and so are its letters
SVG = "{http://www.w3.org/2000/svg}"


def workflow(name: str) -> dict[str, Any]:
    slug = name.replace(".svg", ".json")
    paths = [SHIPPED / folder / slug for folder in ("workflows", "workflows-with-nodes")]
    found: dict[str, Any] = json.loads(next(path for path in paths if path.is_file()).read_text())
    return found


def words(drawn: ElementTree.Element) -> str:
    return " ".join(text.text or "" for text in drawn.iter(SVG + "text"))


@pytest.mark.parametrize("name", DRAWN)
def test_a_committed_picture_is_what_its_workflow_looks_like(name: str) -> None:
    assert (SHIPPED / "pictures" / name).read_text(encoding="utf-8") == DRAWN[name], "run make pictures"


def test_every_workflow_has_a_picture_and_every_picture_a_workflow() -> None:
    assert {path.name for path in (SHIPPED / "pictures").iterdir()} == DRAWN.keys()
    paths = [path for folder in ("workflows", "workflows-with-nodes") for path in (SHIPPED / folder).iterdir()]
    assert {f"{path.stem}.svg" for path in paths} == DRAWN.keys()


@pytest.mark.parametrize("name", DRAWN)
def test_a_picture_shows_every_node_every_connection_and_every_recorded_call(name: str) -> None:
    drawn = ElementTree.fromstring(DRAWN[name])  # noqa: S314 - our own
    nodes = [node for node in workflow(name)["nodes"] if not node["type"].endswith("stickyNote")]
    connections = re.findall('"node":', json.dumps(workflow(name)["connections"]))
    calls = json.dumps(nodes).count("json.ollama }}/") + json.dumps(nodes).count(".lmChatOllama")
    calls += sum(node["parameters"].get("resource") == "model" for node in nodes)
    shown = words(drawn)
    assert all(node["name"] in shown for node in nodes)
    assert len([*drawn.iterfind(f"{SVG}path[@class='icon']")]) == len(nodes)
    assert DRAWN[name].count('class="wire') == len(connections)
    assert DRAWN[name].count('fill="var(--kept)"') == calls
    assert calls > 0 or name == "failures-by-mail.svg"  # it reads records, and calls no model


@pytest.mark.parametrize("name", DRAWN)
def test_a_picture_fits_the_page_and_asks_nobody_for_anything(name: str) -> None:
    drawn = ElementTree.fromstring(DRAWN[name])  # noqa: S314 - our own
    left, top, width, height = map(int, drawn.attrib["viewBox"].split())
    assert width <= WIDEST
    for box in drawn.iter(SVG + "text"):
        assert left < int(box.attrib["x"]) < left + width
        assert top < int(box.attrib["y"]) < top + height
    assert "prefers-color-scheme:dark" in DRAWN[name]
    assert not re.findall(r"https?://(?!www\.w3\.org/2000/svg)|href|@import|<script", DRAWN[name])


@pytest.mark.parametrize("name", DRAWN)
def test_the_readme_shows_the_picture_with_words_for_who_cannot_see_it(name: str) -> None:
    (said,) = re.findall(rf"!\[(.+?)\]\(pictures/{re.escape(name)}\)", (SHIPPED / "README.md").read_text())
    for node in workflow(name)["nodes"]:
        if not node["type"].endswith("stickyNote"):
            assert node["name"].removeprefix("When clicking ") in said


def test_a_name_is_text_and_not_markup() -> None:
    hostile = "</text><script>alert(1)</script> & co"
    node = {"name": hostile, "type": "n8n-nodes-base.set", "position": [0, 0], "parameters": {}}
    drawn = ElementTree.fromstring(picture({"name": hostile, "nodes": [node], "connections": {}}))  # noqa: S314
    assert words(drawn) == f"{hostile} Edit Fields"
