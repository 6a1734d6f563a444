"""A filter of exchanges, and how an address or a command line writes it."""

import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, fields, replace
from typing import Any, Final, Literal

from service.record.timestamps import WHAT_IS_A_MOMENT, read_duration, read_moment, write_duration, write_moment
from service.search.parameters import MAY_BE_NONE, NAME_FIELDS, PARAMETERS, Parameter, Takes
from service.search.query_language import read_words

LONGEST_NAME: Final = 1000
MOST_REPEATED: Final = 500
"""Values of one parameter."""

LARGEST_NUMBER: Final = 10**18 - 1
_EXCHANGE = re.compile(r"[0-9a-f]{32}")
_YES, _NO = ("true", "1", "yes"), ("false", "0", "no")
UNKNOWN: Final = "unknown"
NOBODY: Final = ""
NO_STATUS: Final = 0


@dataclass(frozen=True, slots=True)
class Filter:
    """All conditions hold at once; of a field with several values any. An empty one lets everything through.

    ``text`` is in the language of ``query_language``. ``workflow`` finds names and ids; ``truncated`` asks whether
    the model got less of the prompt than it was sent, or where nobody knows (``UNKNOWN``); ``slower`` is in seconds,
    and more than that is slower. Among names "" (NOBODY), among statuses 0 stands for exchanges without one.
    An exchange counts from ``since_ns`` on and before ``until_ns`` (Unix nanoseconds, looked at in milliseconds) by
    the time of its end; ``before`` and ``after`` are numbers that are not included; ``exchange`` are ids.
    """

    text: str = ""
    model: tuple[str, ...] = ()
    workflow: tuple[str, ...] = ()
    execution: tuple[str, ...] = ()
    conversation: tuple[str, ...] = ()
    node: tuple[str, ...] = ()
    caller: tuple[str, ...] = ()
    user: tuple[str, ...] = ()
    key: tuple[str, ...] = ()
    address: tuple[str, ...] = ()
    task: tuple[str, ...] = ()
    upstream: tuple[str, ...] = ()
    operation: tuple[str, ...] = ()
    outcome: tuple[str, ...] = ()
    status: tuple[int, ...] = ()
    failed: bool | None = None
    truncated: bool | Literal["unknown"] | None = None
    cut: tuple[str, ...] = ()
    slower: float | None = None
    since_ns: int | None = None
    until_ns: int | None = None
    before: int | None = None
    after: int | None = None
    exchange: tuple[str, ...] = ()

    @property
    def has_conditions(self) -> bool:
        """Whether anything but a place in the list (``before``, ``after``) is asked for."""
        empty = Filter(before=self.before, after=self.after)
        return self != empty

    @property
    def asks_only_for_nobody(self) -> bool:
        """Whether its conditions are empty names, and nothing else: exchanges without a user, say."""
        conditions = [getattr(self, field.name) for field in fields(self) if field.name not in ("before", "after")]
        asked = [condition for condition in conditions if condition not in ("", (), None)]
        return bool(asked) and all(condition == (NOBODY,) for condition in asked)


@dataclass(frozen=True, slots=True)
class _Values:
    """``read`` turns a text into a value, or raises ValueError; ``expected`` describes it; ``write`` is the inverse."""

    read: Callable[[str], Any]
    expected: str
    write: Callable[[Any], str] = str


def _words(text: str) -> str:
    read_words(text)
    return text


def _name(text: str) -> str:
    if not text or text.isspace():
        return NOBODY
    # A command line that is no UTF-8 arrives with lone surrogates, which no record has: encode() refuses them.
    if len(text) > LONGEST_NAME or not text.encode():
        raise ValueError
    return text


def _number(text: str) -> int:
    if not (text.isascii() and text.isdecimal()) or len(text) > 30 or int(text) > LARGEST_NUMBER:
        raise ValueError
    return int(text)


def _status(text: str) -> int:
    if not text:
        return NO_STATUS
    if not 100 <= (status := _number(text)) <= 999:
        raise ValueError
    return status


def _truth(text: str) -> bool:
    if text.lower() not in _YES + _NO:
        raise ValueError
    return text.lower() in _YES


def _truth_if_known(text: str) -> bool | str:
    return UNKNOWN if text.lower() == UNKNOWN else _truth(text)


def _exchange(text: str) -> str:
    if not _EXCHANGE.fullmatch(text.lower()):
        raise ValueError
    return text.lower()


def _write_status(status: int) -> str:
    return "" if status == NO_STATUS else str(status)


def _write_truth(value: bool | str) -> str:
    return value if isinstance(value, str) else "true" if value else "false"


_VALUES = {
    Takes.WORDS: _Values(_words, "words"),
    Takes.NAME: _Values(_name, f"a name of at most {LONGEST_NAME} characters"),
    Takes.STATUS: _Values(_status, "an HTTP status such as 200 or 499", _write_status),
    Takes.TRUTH: _Values(_truth, "true or false", _write_truth),
    Takes.TRUTH_IF_KNOWN: _Values(_truth_if_known, "true, false or unknown", _write_truth),
    Takes.SECONDS: _Values(read_duration, "seconds, or a duration such as 300ms or 2m", write_duration),
    Takes.TIME: _Values(read_moment, WHAT_IS_A_MOMENT, write_moment),
    Takes.NUMBER: _Values(_number, "the number of an exchange"),
    Takes.ID: _Values(_exchange, "the id of an exchange, 32 hexadecimal digits"),
}
_BY_NAME = {parameter.name: parameter for parameter in PARAMETERS}


def read_filter(query: Mapping[str, str] | Iterable[tuple[str, str]], also: Iterable[str] = ()) -> Filter:
    """The filter that ``query`` (also a MultiDict, or pairs) asks for.

    An empty value asks for exchanges that have none, where that can be, and otherwise for nothing. ``also`` names
    parameters that the caller reads itself. Raises ValueError, with one sentence that names the parameter, its value
    and what is expected.
    """
    also = set(also)
    found: dict[str, list[Any]] = {}
    for name, text in query.items() if isinstance(query, Mapping) else query:
        if name in also:
            continue
        parameter = _BY_NAME.get(name)
        if parameter is None:
            known = ", ".join((*_BY_NAME, *sorted(also)))
            raise ValueError(f"There is no parameter {_shown(name)}; the known ones are {known}.")
        if text.strip() or parameter.takes in MAY_BE_NONE:
            found.setdefault(name, []).append(_read(parameter, text))
    given: dict[str, Any] = {}
    for name, values in found.items():
        parameter = _BY_NAME[name]
        if parameter.is_repeatable:
            if len(values) > MOST_REPEATED:
                raise ValueError(
                    f"{name} is given {len(values)} times; at most {MOST_REPEATED} values can be asked for."
                )
            given[parameter.attribute] = tuple(dict.fromkeys(values))
        elif len(values) > 1:
            raise ValueError(f"{name} is given {len(values)} times, and can be given once.")
        else:
            given[parameter.attribute] = values[0]
    return _checked(Filter(**given))


def read_limit(query: Mapping[str, str], default: int, most: int) -> int:
    """How many are asked for (``limit``). Raises ValueError, with a sentence, when it is not from 1 to ``most``."""
    text = query.get("limit", "")
    if not text.strip():
        return default
    try:
        limit = _number(text)
    except ValueError:
        limit = 0
    if not 1 <= limit <= most:
        raise ValueError(f"limit={_shown(text)} is not understood: expected is a number from 1 to {most}.")
    return limit


def to_query(wanted: Filter) -> list[tuple[str, str]]:
    """The parameters that ``read_filter`` makes ``wanted`` from; times in them are absolute."""
    pairs: list[tuple[str, str]] = []
    for parameter in PARAMETERS:
        value, write = getattr(wanted, parameter.attribute), _VALUES[parameter.takes].write
        if isinstance(value, tuple):
            pairs.extend((parameter.name, write(one)) for one in value)
        elif value is not None and value != "":
            pairs.append((parameter.name, write(value)))
    return pairs


def without(wanted: Filter, field: str) -> Filter:
    """The same with nothing asked of one of NAME_FIELDS. Raises ValueError when ``field`` is none of them."""
    if field not in NAME_FIELDS:
        raise ValueError(f"There are no values of {_shown(field)}; there are those of {', '.join(NAME_FIELDS)}.")
    nothing: dict[str, Any] = {field: ()}
    return replace(wanted, **nothing)


def _read(parameter: Parameter, text: str) -> Any:
    values = _VALUES[parameter.takes]
    sentence = ""
    try:
        if parameter.name == "to":
            return read_moment(text.strip(), is_end=True)
        return values.read(text if parameter.takes in (Takes.WORDS, Takes.NAME) else text.strip())
    except ValueError as error:
        # The query language explains itself in a sentence.
        sentence = str(error) if parameter.takes is Takes.WORDS else ""
    raise ValueError(sentence or f"{parameter.name}={_shown(text)} is not understood: expected is {values.expected}.")


def _checked(read: Filter) -> Filter:
    if read.since_ns is not None and read.until_ns is not None and read.since_ns > read.until_ns:
        since, until = write_moment(read.since_ns), write_moment(read.until_ns)
        raise ValueError(f"from={since} is later than to={until}: nothing can lie between them.")
    return read


def _shown(text: str) -> str:
    return repr(text if len(text) <= 80 else text[:77] + "...")
