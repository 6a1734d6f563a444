"""docs/troubleshooting.md, read: its chapters by their anchors, and what is printed in them."""

import re
from pathlib import Path

PAGE = Path(__file__).parents[3] / "docs" / "troubleshooting.md"


def anchor(heading: str) -> str:
    """As GitHub makes it: lower case, blanks as hyphens, no other punctuation."""
    return re.sub(r"[^\w\- ]", "", heading.strip().lower()).replace(" ", "-")


def chapters() -> dict[str, str]:
    """The text of each chapter, in the order of the page."""
    pieces = re.split(r"^## (.+)$", PAGE.read_text(), flags=re.MULTILINE)[1:]
    return {anchor(heading): text for heading, text in zip(pieces[::2], pieces[1::2], strict=True)}


def blocks(kind: str, text: str) -> list[str]:
    """The fenced blocks of a kind: ``sh``, ``logql``, ``promql``, ``text``."""
    return [found.strip() for found in re.findall(rf"^```{kind}\n(.*?)^```$", text, re.MULTILINE | re.DOTALL)]


def compared(sentence: str) -> str:
    """A sentence without what is another one each time: numbers, times, folders."""
    sentence = re.sub(r"\d\d [A-Z][a-z]{2} \d\d:\d\d", "#", sentence)
    sentence = re.sub(r"'/[^' ]*(?:data|tmp)[^' ]*'", "#", sentence)
    sentence = re.sub(r"\b[0-9a-f]{12}\b", "#", sentence)
    return " ".join(re.sub(r"\d[\d,.]*\d|\d", "#", sentence).split())
