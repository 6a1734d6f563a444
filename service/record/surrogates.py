"""Halves of characters that came in two pieces of an answer."""

import re

SURROGATE = re.compile(r"[\ud800-\udfff]")


def joined(text: str) -> str:
    """``text`` with the halves of each character as one; what has no other half stays."""
    if text.isascii() or not SURROGATE.search(text):
        return text
    return text.encode("utf-16-le", "surrogatepass").decode("utf-16-le", "surrogatepass")
