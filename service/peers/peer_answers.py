"""One other recorder is asked how much a filter would erase there, and to erase it."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final
from urllib.parse import urlencode

import orjson

from service.file_of_setting import read_file_of_setting
from service.shipping.asking import ReceiverAnswer, ask, printable

# Whoever is asked goes on to the end when nobody waits any more: it is looked at again. So a stop is not held up.
_COUNTING_SECONDS: Final = 10.0
_ERASING_SECONDS: Final = 20.0
_QUOTED: Final = 300
_LONGEST_COUNT: Final = 1 << 53

Query = Sequence[tuple[str, str]]
"""A filter as parameters, with absolute times."""


@dataclass(frozen=True, slots=True)
class Peer:
    """``name`` is the label `instance` of what it records, ``url`` its address, ``token`` what opens it, or ""."""

    name: str
    url: str
    token: str = field(default="", repr=False)


@dataclass(frozen=True, slots=True)
class PeerAnswer:
    """``count`` exchanges fit, or are gone now. ``trouble`` is a sentence: then nothing is known; "": there is none."""

    count: int = 0
    trouble: str = ""


def peers_of(addresses: Mapping[str, str], tokens_file: Path | None) -> list[Peer]:
    """Each with its token. The file is read each time: a new token counts at once. A line with a mistake has none."""
    tokens: dict[str, str] = {}
    if tokens_file is not None:
        try:
            tokens, _ = read_tokens(read_file_of_setting(tokens_file))
        except ValueError:
            tokens = {}
    return [Peer(name, url, tokens.get(name, "")) for name, url in addresses.items()]


def read_tokens(text: str) -> tuple[dict[str, str], list[str]]:
    """The tokens by name, and the mistakes in lines of a name and a token; these tell no token.

    Empty lines, and those that begin with ``#``, are left out.
    """
    tokens: dict[str, str] = {}
    mistakes: list[str] = []
    for number, line in enumerate(text.splitlines(), 1):
        words = line.split()
        if not words or words[0].startswith("#"):
            continue
        if len(words) != 2:
            mistakes.append(f"line {number}: expected a name and a token, with a blank between them")
        elif words[0] in tokens:
            mistakes.append(f"line {number}: {words[0][:80]!r} has a token already")
        elif not words[1].isascii() or not words[1].isprintable():
            mistakes.append(f"line {number}: expected a token of letters, digits and marks of ASCII")
        else:
            tokens[words[0]] = words[1]
    return tokens, mistakes


def check_tokens(path: Path) -> None:
    """Raises ValueError that names every mistake in the file of tokens."""
    if mistakes := read_tokens(read_file_of_setting(path))[1]:
        raise ValueError("; ".join(mistakes))


def count_at(peer: Peer, query: Query) -> PeerAnswer:
    """How many ``query`` would erase there. Blocks; never raises."""
    return _counted(peer, _ask(peer, f"/erasing.json?{urlencode(query)}", "GET", _COUNTING_SECONDS), "count")


def erase_at(peer: Peer, query: Query) -> PeerAnswer:
    """Have it erase all that ``query`` lets through. Blocks; never raises. What is not there is erased."""
    found = count_at(peer, query)
    if found.trouble:
        return found
    # Also where nothing was found: it refuses as long as not all of its records are in its index.
    # A filter that is empty but for times is meant: it is all that ended until then.
    asked = [*query, ("count", str(found.count)), ("all", "true")]
    answer = _ask(peer, f"/exchanges?{urlencode(asked)}", "DELETE", _ERASING_SECONDS)
    return _counted(peer, answer, "erased")


def _counted(peer: Peer, answer: ReceiverAnswer | str, field: str) -> PeerAnswer:
    """The number that an answer tells in ``field``."""
    if isinstance(answer, str):
        return PeerAnswer(trouble=answer)
    if answer.status != 200:
        return PeerAnswer(trouble=_refused(peer, answer))
    try:
        count = orjson.loads(answer.body)[field]
        if isinstance(count, int) and not isinstance(count, bool) and 0 <= count < _LONGEST_COUNT:
            return PeerAnswer(count)
    except (ValueError, TypeError, KeyError):
        pass
    return PeerAnswer(trouble=f"What answers at {peer.url} is no recorder: see PEERS.")


def _ask(peer: Peer, path: str, method: str, seconds: float) -> ReceiverAnswer | str:
    """Its answer; or why there is none."""
    headers = {"Authorization": f"Bearer {peer.token}"} if peer.token else {}
    try:
        return ask(peer.url + path, method, headers=headers, seconds=seconds)
    except OSError as error:
        reason = printable(str(error) or type(error).__name__)
        return f"{peer.name} at {peer.url} could not be reached ({reason})."


def _refused(peer: Peer, answer: ReceiverAnswer) -> str:
    words = printable(answer.body[:_QUOTED].decode("utf-8", "replace").strip())
    if answer.status in (401, 403):
        return f"{peer.name} at {peer.url} does not let this recorder erase ({answer.status}): see PEER_TOKENS_FILE."
    return f"{peer.name} at {peer.url} answered {answer.status}: {words}"
