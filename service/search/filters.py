"""A filter of exchanges, and how an address or a command line writes it."""

import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, replace
from typing import Any

from service.record.timestamps import WHAT_IS_A_MOMENT, read_duration, read_moment, write_moment
from service.search.query_language import read_words

NAME_FIELDS = ("model", "workflow", "execution", "node", "caller", "user", "operation", "outcome")
"""The fields that hold names; any of those given may be an exchange's."""

_LONGEST_NAME = 1000
_MOST_VALUES = 500
_EXCHANGE = re.compile(r"[0-9a-f]{32}")
_YES, _NO = ("true", "1", "yes"), ("false", "0", "no")


@dataclass(frozen=True, slots=True)
class Filter:
    """All conditions hold at once; of a field with several values any. An empty one lets everything through.

    ``text`` is in the language of ``query_language``. ``workflow`` finds names and ids; ``truncated`` asks whether
    the model got less of the prompt than it was sent; ``slower`` is in seconds, and more than that is slower.
    An exchange counts from ``since_ns`` on and before ``until_ns`` (Unix nanoseconds, looked at in milliseconds) by
    the time of its end; ``before`` and ``after`` are numbers that are not included; ``exchange`` are ids.
    """

    text: str = ""
    model: tuple[str, ...] = ()
    workflow: tuple[str, ...] = ()
    execution: tuple[str, ...] = ()
    node: tuple[str, ...] = ()
    caller: tuple[str, ...] = ()
    user: tuple[str, ...] = ()
    operation: tuple[str, ...] = ()
    outcome: tuple[str, ...] = ()
    status: tuple[int, ...] = ()
    failed: bool | None = None
    truncated: bool | None = None
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


@dataclass(frozen=True, slots=True)
class _Parameter:
    """``read`` turns a value into what ``field`` of a Filter holds, or raises ValueError; ``expected`` describes it."""

    field: str
    read: Callable[[str], Any]
    expected: str
    is_repeatable: bool = False
    write: Callable[[Any], str] = str


def _words(text: str) -> str:
    read_words(text)
    return text


def _name(text: str) -> str:
    # A command line that is no UTF-8 arrives with lone surrogates, which no record has: encode() refuses them.
    if len(text) > _LONGEST_NAME or not text.encode():
        raise ValueError
    return text


def _number(text: str) -> int:
    if not (text.isascii() and text.isdecimal()) or len(text) > 18:
        raise ValueError
    return int(text)


def _status(text: str) -> int:
    if not 100 <= (status := _number(text)) <= 999:
        raise ValueError
    return status


def _truth(text: str) -> bool:
    if text.lower() not in _YES + _NO:
        raise ValueError
    return text.lower() in _YES


def _exchange(text: str) -> str:
    if not _EXCHANGE.fullmatch(text.lower()):
        raise ValueError
    return text.lower()


def _write_truth(value: bool) -> str:
    return "true" if value else "false"


def _until(text: str) -> int:
    return read_moment(text, is_end=True)


_A_NAME = f"a name of at most {_LONGEST_NAME} characters"
_PARAMETERS = {
    "q": _Parameter("text", _words, "words"),
    **{name: _Parameter(name, _name, _A_NAME, is_repeatable=True) for name in NAME_FIELDS},
    "status": _Parameter("status", _status, "an HTTP status such as 200 or 499", is_repeatable=True),
    "failed": _Parameter("failed", _truth, "true or false", write=_write_truth),
    "truncated": _Parameter("truncated", _truth, "true or false", write=_write_truth),
    "slower": _Parameter("slower", read_duration, "seconds, or a duration such as 300ms or 2m", write=repr),
    "from": _Parameter("since_ns", read_moment, WHAT_IS_A_MOMENT, write=write_moment),
    "to": _Parameter("until_ns", _until, WHAT_IS_A_MOMENT, write=write_moment),
    "before": _Parameter("before", _number, "the number of an exchange"),
    "after": _Parameter("after", _number, "the number of an exchange"),
    "exchange": _Parameter("exchange", _exchange, "the id of an exchange, 32 hexadecimal digits", is_repeatable=True),
}
PARAMETERS = tuple(_PARAMETERS)
"""Every parameter of a filter's address."""


def read_filter(query: Mapping[str, str] | Iterable[tuple[str, str]], also: Iterable[str] = ()) -> Filter:
    """The filter that ``query`` (also a MultiDict, or pairs) asks for; an empty value asks for nothing.

    ``also`` names parameters that the caller reads itself. Raises ValueError, with one sentence that names the
    parameter, its value and what is expected.
    """
    also = set(also)
    found: dict[str, list[Any]] = {}
    for name, text in query.items() if isinstance(query, Mapping) else query:
        if name in also:
            continue
        parameter = _PARAMETERS.get(name)
        if parameter is None:
            known = ", ".join((*PARAMETERS, *sorted(also)))
            raise ValueError(f"There is no parameter {_shown(name)}; the known ones are {known}.")
        if text.strip():
            found.setdefault(name, []).append(_read(name, parameter, text))
    given: dict[str, Any] = {}
    for name, values in found.items():
        parameter = _PARAMETERS[name]
        if parameter.is_repeatable:
            if len(values) > _MOST_VALUES:
                raise ValueError(
                    f"{name} is given {len(values)} times; at most {_MOST_VALUES} values can be asked for."
                )
            given[parameter.field] = tuple(dict.fromkeys(values))
        elif len(values) > 1:
            raise ValueError(f"{name} is given {len(values)} times, and can be given once.")
        else:
            given[parameter.field] = values[0]
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
    for name, parameter in _PARAMETERS.items():
        value = getattr(wanted, parameter.field)
        values = value if isinstance(value, tuple) else (value,)
        pairs.extend((name, parameter.write(one)) for one in values if one is not None and one != "")
    return pairs


def without(wanted: Filter, field: str) -> Filter:
    """The same with nothing asked of one of NAME_FIELDS. Raises ValueError when ``field`` is none of them."""
    if field not in NAME_FIELDS:
        raise ValueError(f"There are no values of {_shown(field)}; there are those of {', '.join(NAME_FIELDS)}.")
    nothing: dict[str, Any] = {field: ()}
    return replace(wanted, **nothing)


def _read(name: str, parameter: _Parameter, text: str) -> Any:
    try:
        return parameter.read(text if parameter.read in (_words, _name) else text.strip())
    except ValueError as error:
        # What the search says about itself is already a sentence.
        sentence = str(error) if parameter.read is _words else ""
    raise ValueError(sentence or f"{name}={_shown(text)} is not understood: expected is {parameter.expected}.")


def _checked(read: Filter) -> Filter:
    if read.since_ns is not None and read.until_ns is not None and read.since_ns > read.until_ns:
        since, until = write_moment(read.since_ns), write_moment(read.until_ns)
        raise ValueError(f"from={since} is later than to={until}: nothing can lie between them.")
    return read


def _shown(text: str) -> str:
    return repr(text if len(text) <= 80 else text[:77] + "...")
