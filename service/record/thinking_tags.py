"""Thinking that a model wrote into its answer between tags, as models do whose template Ollama does not know."""

import re

_OPENED = re.compile(r"\s{0,100}<(think|thinking)>", re.IGNORECASE)
_SPACE = re.compile(r"\s*")
_CLOSED = {name: re.compile(f"</{name}>", re.IGNORECASE) for name in ("think", "thinking")}
# Some templates write the opening tag into the prompt, so that the answer has only the closing one, on its own line.
_CLOSED_ALONE = re.compile(r"(?:^|\n)[ \t]{0,20}</(?:think|thinking)>[ \t]{0,20}(?:\r?\n|$)", re.IGNORECASE)


def split_thinking(thinking: str, text: str) -> tuple[str, str]:
    """(thinking, text) with what ``text`` begins with between tags told as thinking. The same where there is none."""
    if thinking or "<" not in text or "think" not in text.lower():
        return thinking, text
    thoughts: list[str] = []
    begins = 0
    while opened := _OPENED.match(text, begins):
        closed = _CLOSED[opened[1].lower()].search(text, opened.end())
        thoughts.append(text[opened.end() : closed.start() if closed else None].strip())
        # Without its end the answer was cut while the model was thinking.
        begins = _SPACE.match(text, closed.end()).end() if closed else len(text)  # type: ignore[union-attr] # always fits
    text = text[begins:]
    if not thoughts and (alone := _closed_alone(text)):
        thoughts.append(text[: alone.start()].strip())
        text = text[alone.end() :].lstrip()
    return "\n".join(filter(None, thoughts)), text


def _closed_alone(text: str) -> "re.Match[str] | None":
    found = _CLOSED_ALONE.search(text)
    before = text[: found.start()] if found else ""
    # Within a block of code it is an example.
    return None if "<think" in before.lower() or "```" in before else found
