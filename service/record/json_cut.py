"""A JSON object made shorter that stays one: messages stay readable, long lists and texts lose their middle.

A cut through the middle of the text leaves JSON only where it falls into a text. Of a request with hundreds of tools it
falls between them, and nobody could then tell what was asked.
"""

from typing import Any

from service.json_writing import write_json
from service.record.bodies import document, left_out

# What a mark takes as an entry of a list, with its quotes and comma.
_MARK = 60
_DEEPEST = 6
_TRIES = 5
_LEAST = 200


def cut_json(text: str, room: int) -> str | None:
    """``text``, a JSON object or list, in at most ``room`` bytes as a text in JSON; None when that cannot be done.

    Members share the room: short ones stay whole. Of a list entries are left out from the middle, of a text characters,
    and a mark says how many bytes that were.
    """
    found = document(text.encode("utf-8", "surrogatepass"))
    if found is None:
        return None
    wanted = room
    try:
        for _ in range(_TRIES):
            shortened = _written(_cut(found, wanted, _DEEPEST)).decode()
            # Written into a line, its quotes and backslashes take another byte each.
            size = _size(shortened)
            if size <= room:
                return shortened
            wanted = int(wanted * 0.98 * room / size)
    except (TypeError, ValueError, RecursionError):
        # Lone surrogates, huge numbers, or deeper than orjson goes.
        pass
    return None


def _written(value: Any) -> bytes:
    return write_json(value)


def _size(value: Any) -> int:
    return len(_written(value))


def _cut(value: Any, room: int, levels: int) -> Any:
    """``value``, which is longer, in about ``room`` bytes of JSON."""
    if levels == 0:
        return value
    if isinstance(value, str):
        return _cut_text(value, room)
    if isinstance(value, dict):
        return _cut_members(value, room, levels)
    return _cut_list(value, room, levels) if isinstance(value, list) else value


def _cut_text(text: str, room: int) -> str:
    half = max(0, room - _MARK) // 2
    head, tail = _fitting(text, half, from_end=False), _fitting(text, half, from_end=True)
    missing = len(text.encode()) - len(head.encode()) - len(tail.encode())
    return f"{head}{left_out(missing)}{tail}"


def _fitting(text: str, room: int, *, from_end: bool) -> str:
    count = min(len(text), room)
    while count > 0:
        part = text[-count:] if from_end else text[:count]
        size = _size(part)
        if size <= room:
            return part
        count = min(count - 1, count * room // size)
    return ""


def _cut_members(holder: dict[str, Any], room: int, levels: int) -> dict[str, Any]:
    sizes = {key: _size(value) for key, value in holder.items()}
    room -= sum(_size(key) + 2 for key in holder) + 2
    cut: dict[str, Any] = {}
    for number, key in enumerate(sorted(sizes, key=lambda key: sizes[key])):
        share = room // (len(sizes) - number)
        cut[key] = holder[key] if sizes[key] <= share else _cut(holder[key], max(_LEAST, share), levels - 1)
        room -= min(sizes[key], share)
    return {key: cut[key] for key in holder}


def _cut_list(values: list[Any], room: int, levels: int) -> list[Any]:
    """Both ends of a list: of messages the first and the newest say most."""
    sizes = [_size(value) + 1 for value in values]
    head: list[Any] = []
    tail: list[Any] = []
    first, last = 0, len(values)
    room -= _MARK
    while first < last:
        is_from_end = len(tail) <= len(head)
        side, index = (tail, last - 1) if is_from_end else (head, first)
        entry, size = values[index], sizes[index]
        if size > room:
            if side or room < _LEAST:
                break
            # Long by itself: half of the room for it, the rest for the other end.
            entry = _cut(entry, room if len(values) == 1 else room // 2, levels - 1)
            size = _size(entry) + 1
        side.append(entry)
        room -= size
        first, last = (first, last - 1) if is_from_end else (first + 1, last)
    mark = [left_out(sum(sizes[first:last])).strip()] if first < last else []
    return [*head, *mark, *reversed(tail)]
