"""The record of an exchange, as whoever reads it sees it.

A line is written once, by ``line``. Everybody else reads it through this view. It is parsed at the first question and
only once. What a line holds of the wrong type, or out of all measure, is None here, so that no reader has to look.
"""

from collections.abc import Callable, Iterable, Mapping
from typing import Any, Final, Generic, TypeVar, overload

import orjson

# Nothing that is counted or timed in an exchange comes near. SQLite and JavaScript count exactly up to the first.
_MOST: Final = 1 << 53
_LONGEST: Final = 10 * 365 * 86_400
_LONGEST_SECONDS: Final = float(_LONGEST)
_NESTED: Final = frozenset({dict, list})

Value = TypeVar("Value")


class _Field(Generic[Value]):
    """A property that gives a field of the line as ``read`` makes a getter for it.

    Its getter takes its place in the class: a record is asked for a dozen fields by whoever reads a million of them.
    """

    def __init__(self, read: "Callable[[str], Callable[[Record], Value | None]]") -> None:
        self._read = read

    def __set_name__(self, owner: type, name: str) -> None:
        setattr(owner, name, property(self._read(name)))

    @overload
    def __get__(self, record: None, owner: type) -> "_Field[Value]": ...
    @overload
    def __get__(self, record: "Record", owner: type) -> Value | None: ...
    def __get__(self, record: "Record | None", owner: type) -> "_Field[Value] | Value | None":
        return self if record is None else self._read("")(record)


def _text(name: str) -> "Callable[[Record], str | None]":
    def read(record: "Record") -> str | None:
        values = record._values
        value = (record.values if values is None else values).get(name)
        return value if isinstance(value, str) else None

    return read


def _number(name: str) -> "Callable[[Record], float | None]":
    def read(record: "Record") -> float | None:
        values = record._values
        value = (record.values if values is None else values).get(name)
        # NaN compares as neither.
        if type(value) is float:
            return value if 0 <= value < _LONGEST_SECONDS else None
        # Whole numbers are compared as such: one out of all measure is no float.
        return float(value) if type(value) is int and 0 <= value < _LONGEST else None

    return read


def _count(name: str) -> "Callable[[Record], int | None]":
    def read(record: "Record") -> int | None:
        values = record._values
        value = (record.values if values is None else values).get(name)
        return value if type(value) is int and 0 <= value < _MOST else None

    return read


def _truth(name: str) -> "Callable[[Record], bool | None]":
    def read(record: "Record") -> bool | None:
        values = record._values
        value = (record.values if values is None else values).get(name)
        return value if isinstance(value, bool) else None

    return read


def _names(name: str) -> "Callable[[Record], tuple[str, ...] | None]":
    def read(record: "Record") -> tuple[str, ...] | None:
        value = record.values.get(name)
        return tuple(value) if isinstance(value, list) and all(isinstance(one, str) for one in value) else None

    return read


class Record:
    """A read-only view of one line: texts, seconds and other numbers from 0 on, truths; None: absent or nonsense.

    Its properties are the fields of ``fields``, under the same names.

    ``values`` is the parsed line, for those who take what stands in it as it is; empty for a line that is no JSON
    object. Never raises. Nobody may change what it gives.
    """

    __slots__ = ("_values", "line")

    time = _Field(_text)
    method = _Field(_text)
    request_uri = _Field(_text)
    status = _Field(_count)
    request_time = _Field(_number)
    request_body = _Field(_text)
    response_text = _Field(_text)
    thinking = _Field(_text)
    tool_calls = _Field(_text)
    response_body = _Field(_text)
    error = _Field(_text)
    outcome = _Field(_text)
    failed = _Field(_truth)
    operation = _Field(_text)
    api = _Field(_text)
    model = _Field(_text)
    remote_host = _Field(_text)
    remote_model = _Field(_text)
    response_model = _Field(_text)
    response_id = _Field(_text)
    stream = _Field(_truth)
    done_reason = _Field(_text)
    prompt_tokens = _Field(_count)
    cached_tokens = _Field(_count)
    completion_tokens = _Field(_count)
    tokens_per_second = _Field(_number)
    prompt_truncated = _Field(_truth)
    prompt_truncated_by = _Field(_text)
    prompt_lost_messages = _Field(_count)
    prompt_lost_tokens = _Field(_count)
    context_length = _Field(_count)
    queue_time = _Field(_number)
    queue_behind = _Field(_text)
    upload_time = _Field(_number)
    wait_time = _Field(_number)
    load_time = _Field(_number)
    prompt_time = _Field(_number)
    generation_time = _Field(_number)
    time_to_first_byte = _Field(_number)
    time_to_first_token = _Field(_number)
    energy = _Field(_number)
    upstream = _Field(_text)
    upstream_status = _Field(_count)
    workflow = _Field(_text)
    workflow_id = _Field(_text)
    execution_id = _Field(_text)
    conversation_id = _Field(_text)
    node = _Field(_text)
    item = _Field(_count)
    attempt = _Field(_count)
    caller = _Field(_text)
    user = _Field(_text)
    replay_of = _Field(_text)
    key = _Field(_text)
    task = _Field(_text)
    user_agent = _Field(_text)
    remote_addr = _Field(_text)
    request_bytes = _Field(_count)
    response_bytes = _Field(_count)
    changed = _Field(_names)
    request_truncated = _Field(_truth)
    response_truncated = _Field(_truth)
    images = _Field(_count)
    dimensions = _Field(_count)
    exchange = _Field(_text)
    trace_id = _Field(_text)
    span_id = _Field(_text)
    started = _Field(_text)

    def __init__(self, line: bytes, values: Mapping[str, Any] | None = None) -> None:
        """``line`` is the JSON object of the contract. ``values``: what it is parsed to, where that is known."""
        self.line = line
        self._values = values

    def __deepcopy__(self, memo: object) -> "Record":
        """Itself, as nobody changes it."""
        return self

    @property
    def values(self) -> Mapping[str, Any]:
        values = self._values
        if values is None:
            values = self._values = _parsed(self.line)
        return values

    def texts(self, names: Iterable[str]) -> list[str | None]:
        """The texts of several fields at once, in their order; None: absent, empty or no text."""
        values = self.values
        found = map(values.get, names)
        return [value if isinstance(value, str) and value else None for value in found]


def record_of(values: Mapping[str, Any]) -> Record:
    """The view of a line that is parsed already. It has no bytes."""
    return Record(b"", values)


def _parsed(line: bytes) -> Mapping[str, Any]:
    try:
        values = orjson.loads(line)
    except ValueError:
        return {}
    if not isinstance(values, dict):
        return {}
    if not _NESTED.isdisjoint(map(type, values.values())):
        return {name: value for name, value in values.items() if not _is_foreign(value)}
    return values


def _is_foreign(value: Any) -> bool:
    """Whether no recorder writes such a value: one in others, which may be nested too deeply to be written anew."""
    return type(value) is dict or (type(value) is list and not _NESTED.isdisjoint(map(type, value)))
