"""A filter as a query to Loki: of all lines, those that may fit.

What it lets through is never less than the filter asks for, and may be more: names are cut in Loki's metadata, and
words are told apart in other ways than there. ``selection`` decides.

Names, numbers and words of a status are structured metadata, so no line is parsed. Words are looked for in the lines:
each letter may be another one with an accent there, or an escape of JSON's.
"""

import re
from collections.abc import Iterable
from typing import Final

from service.record.exchange import Outcome
from service.record.fields import METADATA
from service.record.model_facts import short_name
from service.record.n8n_marks import N8N
from service.search.filters import NO_STATUS, NOBODY, UNKNOWN, Filter
from service.search.parameters import FIELDS_OF, NAME_FIELDS
from service.search.query_language import read_words

# Other lines may have the same labels: those that Promtail read from NGINX's own log before there was a recorder.
_ALL: Final = '{job="nginx", service="ollama"} | exchange=~"[0-9a-f]{32}"'
# So many characters of a value are in the metadata (service/shipping/loki/encode.py).
_LONGEST_VALUE: Final = 1_000
# A body is JSON in the JSON of a line: its escapes have further backslashes before them.
_ESCAPED: Final = r"\\+u[0-9a-fA-F]{4}"
# Loki refuses what is too long. The rest of a word, or of the conditions, is left to the index.
_LONGEST_WORD: Final = 24
_LONGEST_QUERY: Final = 20_000
_OTHER_LETTER: Final = r"[^\x00-\x7f]"
_RUN: Final = re.compile(r"[0-9A-Za-z]+")


def query_of(wanted: Filter) -> str:
    """The log query. Raises ValueError when the filter's text is malformed."""
    parts, room = [_ALL], _LONGEST_QUERY
    for part in (*_names(wanted), *_facts(wanted), *_lines(wanted.text)):
        if len(part) <= room:
            parts.append(part)
            room -= len(part)
    return " | ".join(part for part in parts if not part.startswith("|")) + "".join(
        f" {part}" for part in parts if part.startswith("|")
    )


def _names(wanted: Filter) -> Iterable[str]:
    for name in NAME_FIELDS:
        names: tuple[str, ...] = getattr(wanted, name)
        fields = FIELDS_OF[name]
        # What n8n's library calls itself counts as n8n: only the record as a whole tells.
        is_told_by_all = name == "caller" and not {N8N, NOBODY}.isdisjoint(names)
        if not names or is_told_by_all or not fields or not set(fields) <= set(METADATA):
            continue
        given = [one[:_LONGEST_VALUE] for one in names if one != NOBODY]
        if name == "model":
            either = [f"{field}=~{_quoted(_any_spelling(one))}" for field in fields for one in given]
        else:
            either = [f"{field}={_quoted(one)}" for field in fields for one in given]
        if NOBODY in names:
            either.append("(" + " and ".join(f'{field}=""' for field in fields) + ")")
        yield _any(either)
    if wanted.exchange:
        yield _any(f"exchange={_quoted(one)}" for one in wanted.exchange)


def _any_spelling(model: str) -> str:
    """What fits all names that Ollama takes for one model."""
    return f"(?i).*{re.escape(short_name(model))}.*"


def _facts(wanted: Filter) -> Iterable[str]:
    if wanted.status:
        yield _any(f'status="{"" if status == NO_STATUS else status}"' for status in wanted.status)
    if wanted.failed is True:
        yield _any(('failed="true"', 'failed=""', f'outcome="{Outcome.CLIENT_LEFT}"'))
    elif wanted.failed is False:
        yield _any(('failed="false"', 'failed=""'))
    if wanted.truncated == UNKNOWN:
        yield 'prompt_truncated=""'
    elif wanted.truncated is not None:
        yield f'prompt_truncated="{str(wanted.truncated is True).lower()}"'
    if wanted.slower is not None:
        # Thousandths decide, and are rounded.
        yield f"request_time >= {max(0.0, wanted.slower - 0.001):f}"


def _lines(text: str) -> Iterable[str]:
    """A filter of lines for each word that must be there; of several alternatives any."""
    query = read_words(text)
    for alternatives in query.groups if query else ():
        patterns = [_pattern(term) for term in alternatives]
        # A term without a letter of ASCII may stand anywhere.
        if all(patterns):
            yield "|~ " + " or ".join(_quoted(pattern) for pattern in patterns if pattern)


def _pattern(term: str) -> str | None:
    """What a line with ``term`` has in it: the longest of its words, in any spelling. None: nothing is certain."""
    runs = _RUN.findall(term)
    if not runs:
        return None
    longest = max(runs, key=len)[:_LONGEST_WORD]
    return "".join(f"(?:[{one.lower()}{one.upper()}]|{_OTHER_LETTER}|{_ESCAPED})" + _marks() for one in longest)


def _marks() -> str:
    # An accent may be a character of its own, also escaped.
    return rf"(?:\pM|{_ESCAPED})*"


def _any(either: Iterable[str]) -> str:
    conditions = list(dict.fromkeys(either))
    return conditions[0] if len(conditions) == 1 else "(" + " or ".join(conditions) + ")"


def _quoted(text: str) -> str:
    escaped = "".join(_escape(character) for character in text)
    return f'"{escaped}"'


def _escape(character: str) -> str:
    if character in '"\\':
        return "\\" + character
    return character if character.isprintable() else f"\\U{ord(character):08x}"
