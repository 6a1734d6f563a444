"""Halves of characters, as of an emoji: in two pieces of an answer, or for ever without the other."""

import re

SURROGATE = re.compile(r"[\ud800-\udfff]")


def joined(text: str) -> str:
    """``text`` with the halves of each character as one; what has no other half stays."""
    if text.isascii() or not SURROGATE.search(text):
        return text
    return text.encode("utf-16-le", "surrogatepass").decode("utf-16-le", "surrogatepass")


def storable(text: str) -> str:
    """``text`` as JSON, UTF-8 and the database take it: what has no other half is ``\\ud83d`` there."""
    if text.isascii():
        return text
    try:
        text.encode()
    except UnicodeEncodeError:
        return joined(text).encode("utf-8", "backslashreplace").decode()
    return text
