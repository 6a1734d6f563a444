"""Messages that are a role and a text, and nothing more, as nearly all are: looked at once for all who ask."""

from typing import Any


def plain_messages(messages: Any) -> list[tuple[str, str]] | None:
    """The role, which is not empty, and the text of each; None where one has more, less, or other types."""
    if type(messages) is not list:
        return None
    found = []
    for message in messages:
        if type(message) is not dict or len(message) != 2:
            return None
        role, text = message.get("role"), message.get("content")
        if type(role) is not str or type(text) is not str or not role:
            return None
        found.append((role, text))
    return found
