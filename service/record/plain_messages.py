"""Messages that are a role and a text, and nothing more: nearly all are, and all of a request are told at once."""

from itertools import chain
from operator import itemgetter
from typing import Any

_ROLE_AND_TEXT = itemgetter("role", "content")


def plain_messages(messages: Any) -> list[tuple[str, str]] | None:
    """The role, which is not empty, and the text of each; None where one has more, less, or other types.

    No loop of Python's goes over the messages: what costs is the number of its steps, and this is asked of each chat.
    """
    if type(messages) is not list:
        return None
    try:
        found = list(map(_ROLE_AND_TEXT, messages))
        sizes = set(map(len, messages))
    except (TypeError, KeyError):
        return None
    if sizes != {2} or set(map(type, chain.from_iterable(found))) != {str} or "" in dict(found):
        return None
    return found
