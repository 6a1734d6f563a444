"""Where in a streamed answer its first words stand."""

from collections.abc import Callable, Iterator

from service.record.answer_streams import is_event_stream, is_sign_of_life, offset_of_event, offset_of_line
from service.record.bodies import document
from service.record.exchange import Body
from service.record.replies import Reply

_MOST_LINES, _MOST_BYTES = 200, 65_536


def first_token_offset(read: Callable[[Body], Reply], response: Body, index: int) -> int | None:
    """The offset of the line that completed the piece with this ``index``, the first that carried words.

    ``read`` reads an answer. None: the answer is no stream of lines, or the place is not certain.
    """
    is_events = is_event_stream(response)
    if not is_events and "ndjson" not in response.content_type:
        return None
    offset = (offset_of_event if is_events else offset_of_line)(response.head, index)
    if offset is None or _is_a_piece_each(response.head[: _end_of_line(response.head, offset)], is_events):
        return offset
    return next(_completing(read, response), None)


def _is_a_piece_each(data: bytes, is_events: bool) -> bool:
    """Whether each line that may hold a value holds a whole one, so that lines and pieces have the same numbers."""
    lines = data.removeprefix(b"\xef\xbb\xbf").split(b"\n")
    if not is_events:
        return all(not line.strip() or document(line) is not None for line in lines)
    if any(line.startswith(b"event:") and is_sign_of_life(line[6:].strip().lower()) for line in lines):
        return False
    return all(document(line[5:].strip()) is not None for line in lines if line.startswith(b"data:"))


def _completing(read: Callable[[Body], Reply], response: Body) -> Iterator[int]:
    """Where each line begins up to which there are words."""
    head, start = response.head[:_MOST_BYTES], 0
    for _ in range(_MOST_LINES):
        end = _end_of_line(head, start)
        if end <= start:
            return
        until_here = Body(end, head[:end], b"", response.content_type)
        if read(until_here).first_piece is not None:
            yield start
        start = end


def _end_of_line(data: bytes, start: int) -> int:
    return data.find(b"\n", start) + 1 or len(data)
