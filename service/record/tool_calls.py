"""Calls of tools in answers, put together from their pieces, in the one shape that records have for all APIs."""

from typing import Any

from service.record.bodies import document
from service.record.surrogates import joined

_QUOTE = '"'
_MOST_ENCODINGS = 3
# What a call of a tool asks for: a function's arguments, a custom tool's text, a server's own tools.
_ARGUMENTS = ("arguments", "input", "action", "code", "queries", "operation")


def call(call_id: Any, name: Any, arguments: Any) -> dict[str, Any]:
    """One tool call: ``{"id"?, "function": {"name", "arguments"}}``.

    OpenAI sends arguments as JSON text; parsed where that is possible.
    """
    function = {"name": name if isinstance(name, str) else "", "arguments": parsed_arguments(arguments)}
    return {"id": call_id, "function": function} if isinstance(call_id, str) and call_id else {"function": function}


def arguments_of(item: dict[str, Any]) -> Any:
    """What a call of a tool asks for, whatever its kind calls that."""
    return next((item[key] for key in _ARGUMENTS if item.get(key) not in (None, "")), item.get("arguments", ""))


def parsed_arguments(arguments: Any) -> Any:
    """Arguments that are JSON text as an object or list, also those that a model encoded twice; others as they are."""
    found = arguments
    for _ in range(_MOST_ENCODINGS):
        if not isinstance(found, str):
            break
        # Text in text is a list of one, so that it can be parsed as any other.
        text = found.strip()
        is_text = text.startswith(_QUOTE)
        parsed = document((f"[{text}]" if is_text else text).encode("utf-8", "surrogatepass"))
        if parsed is None:
            return arguments
        found = parsed[0] if is_text and len(parsed) == 1 else parsed
    return found if isinstance(found, (dict, list)) else arguments


class CallPieces:
    """The calls of one answer, as they come: whole, or in pieces that say by id, index or name whose they are.

    OpenAI gives pieces of a call under one index, and the id and name with the first. Others give every piece the id
    and the name, or several calls the same index, or no id at all, or the name later than the id.
    """

    __slots__ = ("_by_index", "_calls")

    def __init__(self) -> None:
        self._calls: list[_Call] = []
        self._by_index: dict[Any, _Call] = {}

    def __len__(self) -> int:
        return len(self._calls)

    def begin(self, index: Any, call_id: Any, name: Any, arguments: Any = None) -> None:
        """A call begins for certain, whatever was known of this index."""
        self._by_index[index] = known = _Call(_text(call_id), _text(name))
        self._calls.append(known)
        if arguments is not None:
            known.pieces.append(arguments)

    def add(self, index: Any, call_id: Any, name: Any, arguments: Any) -> None:
        """Take a whole call, or a piece of one; None: it does not say."""
        call_id, name = _text(call_id), _text(name)
        known = self._by_index.get(index)
        if known is None and call_id and not name:
            known = next((one for one in self._calls if one.id == call_id), None)
        if known is None or known.is_other(call_id, name, arguments):
            self.begin(index, call_id, name, arguments)
            return
        known.id = known.id or call_id
        known.name = known.name or name
        if arguments is not None:
            known.pieces.append(arguments)

    def drop(self, index: Any) -> None:
        """Forget the call of ``index``, which is told whole elsewhere."""
        known = self._by_index.pop(index, None)
        if known is not None:
            self._calls.remove(known)

    def clear(self) -> None:
        self._calls.clear()
        self._by_index.clear()

    def whole(self) -> list[dict[str, Any]]:
        """The calls, in the order in which they began."""
        return [call(one.id, one.name, one.arguments) for one in self._calls]


class _Call:
    __slots__ = ("id", "name", "pieces")

    def __init__(self, call_id: str, name: str) -> None:
        self.id = call_id
        self.name = name
        self.pieces: list[Any] = []

    @property
    def arguments(self) -> Any:
        text = "".join([piece for piece in self.pieces if isinstance(piece, str)])
        if text:
            return joined(text)
        others = [piece for piece in self.pieces if not isinstance(piece, str)]
        return others[-1] if others else text

    def is_other(self, call_id: str, name: str, arguments: Any) -> bool:
        """Whether a piece with this id and name is of another call than this one."""
        if self.id and call_id:
            # Some give each piece an id of its own: only a name, or the end of the arguments, begins another call.
            return self.id != call_id and bool(name or self._is_complete())
        if not name or not self.name:
            return False
        return name != self.name or (bool(arguments) and self._is_complete())

    def _is_complete(self) -> bool:
        """Whether the arguments so far are all of them, so that more would be another call's."""
        return bool(self.pieces) and not isinstance(parsed_arguments(self.arguments), str)


def _text(value: Any) -> str:
    return value if isinstance(value, str) else ""
