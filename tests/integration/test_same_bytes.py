"""What is written of a fixed set of exchanges stays the same, byte for byte: records, spans, pushes, exports, lists.

A digest that changes is a change that users, dashboards and receivers see. Where it is meant, write them anew with
``python -m tests.integration.test_same_bytes`` and say in the CHANGELOG what became different.
"""

import gzip
import hashlib
import json
import tempfile
from collections.abc import Callable, Iterable, Iterator
from dataclasses import asdict
from functools import cache
from pathlib import Path

import orjson
import pytest

from service.exports.chats import ChatOptions
from service.exports.dataset import write_dataset
from service.exports.formats import FORMATS
from service.inspector.one_exchange import curl_command
from service.journal.reader import KeptRecord, Row
from service.journal.shedding import lightest
from service.record.bare_record import bare_record
from service.record.conversation import read_conversation
from service.record.exchange import EncodedRecord, Outcome
from service.record.explanation import explain
from service.record.findings import Surroundings
from service.record.line import make_record
from service.record.record import Record
from service.record.summary import summarise
from service.search.index_columns import columns_of
from service.shipping import spans
from service.shipping.loki import encode as loki
from service.shipping.otlp import encode as otlp
from service.shipping.span_content import SpanContent
from tests.fakes.journals import make_records
from tests.record.wire import NAMES, always, recorded

DIGESTS = Path(__file__).parents[1] / "recordings" / "same_bytes.json"
_UNTIL_NS = 1_767_722_308_000_000_000
_RESOURCE = (("service.name", "ollama-recorder"), ("service.instance.id", "box"))
_AROUND = Surroundings(model_last_used=400.0, in_flight=2, median_rate=38.0, median_count=20)
_ERROR = "Ollama closed the connection"


def _exchanges() -> Iterator[EncodedRecord]:
    """Records of a real Ollama's recordings, ended in every way, and a day of invented traffic."""
    for position, name in enumerate(NAMES):
        for number, outcome in enumerate(Outcome):
            whole = recorded(name)
            identifier = f"{position * 100 + number + 1:032x}"
            opened = whole.opened._replace(id=identifier, started_ns=_UNTIL_NS + position * 1_000_000_000)
            found = whole._replace(opened=opened, outcome=outcome, ended_ns=opened.started_ns + 1_123_456_789)
            if outcome is not Outcome.COMPLETED:
                half = whole.response.head[: len(whole.response.head) // 2]
                body = whole.response._replace(length=len(half), head=half, is_incomplete=True)
                found = found._replace(response=body, error=_ERROR, status=None, upload=0.25)
            yield make_record(found, context_length_of=always(256), mask=True, keep=1 << 20)
    yield bare_record(recorded("chat_once"), ValueError("odd"))
    yield from make_records(400, seed=7, days=1.0, until_ns=_UNTIL_NS)


@cache
def _kept() -> tuple[KeptRecord, ...]:
    return tuple(
        KeptRecord(
            Row(
                number,
                one.id,
                one.started_ns,
                one.ended_ns,
                one.method,
                one.operation,
                str(one.outcome),
                "f" * 16,
                one.line,
            ),
            one.request,
            one.response,
        )
        for number, one in enumerate(_exchanges(), 1)
    )


def _rows() -> list[Row]:
    return [kept.row for kept in _kept()]


def _records() -> Iterator[bytes]:
    for one in _exchanges():
        yield from (one.line, one.summary, one.request, one.response, lightest(one).line)


def _loki() -> Iterator[bytes]:
    for with_messages in (False, True):
        yield gzip.decompress(
            loki.encode(_rows(), "box", with_spans=True, content=SpanContent(messages=with_messages)).body
        )


def _otlp() -> Iterator[bytes]:
    for with_messages in (False, True):
        content = SpanContent(messages=with_messages, list_views=True, polls=False, upstream="http://box:11434")
        yield otlp.encode(_rows(), _RESOURCE, compresses=False, content=content).body


def _spans() -> Iterator[bytes]:
    for row in _rows():
        for span in spans.make_spans(row, Record(row.line), SpanContent(messages=True)):
            yield spans.span_line(span, 4_000)


def _export(suffix: str) -> Callable[[], Iterable[bytes]]:
    return lambda: FORMATS[suffix].write(reversed(_kept()))


def _dataset() -> Iterator[bytes]:
    with tempfile.TemporaryDirectory() as folder:
        write_dataset(reversed(_kept()), Path(folder), ChatOptions(), 0.2)
        yield from (path.read_bytes() for path in sorted(Path(folder).iterdir()))


def _summaries() -> Iterator[bytes]:
    for row in _rows():
        summary = summarise(row.number, Record(row.line))
        summary.pop("phases", None)
        yield orjson.dumps(summary)


def _phases() -> Iterator[bytes]:
    return (orjson.dumps(summarise(row.number, Record(row.line)).get("phases")) for row in _rows())


def _explanations() -> Iterator[bytes]:
    for kept in _kept():
        line = Record(kept.row.line)
        yield orjson.dumps([asdict(explain(line, _AROUND)), read_conversation(line, kept.request).as_json_object()])


def _commands() -> Iterator[bytes]:
    return (curl_command(kept, Record(kept.row.line), "http://localhost:8080").encode() for kept in _kept())


def _index() -> Iterator[bytes]:
    return (repr([*columns_of(row)]).encode() for row in _rows())


WRITTEN: dict[str, Callable[[], Iterable[bytes]]] = {
    "records": _records,
    "loki": _loki,
    "otlp": _otlp,
    "spans": _spans,
    **{suffix: _export(suffix) for suffix in ("jsonl", "chat.jsonl", "csv", "har")},
    "dataset": _dataset,
    "summaries": _summaries,
    "phases": _phases,
    "explanations": _explanations,
    "commands": _commands,
    "index": _index,
}


def digest(pieces: Iterable[bytes]) -> str:
    made = hashlib.sha256()
    for piece in pieces:
        made.update(piece)
        # So that a byte that moves from one piece to the next is seen.
        made.update(b"\0")
    return made.hexdigest()


@pytest.mark.parametrize("name", WRITTEN)
def test_what_is_written_of_fixed_exchanges_is_byte_for_byte_as_before(name: str) -> None:
    assert digest(WRITTEN[name]()) == json.loads(DIGESTS.read_text())[name]


def test_no_digest_is_of_nothing() -> None:
    assert json.loads(DIGESTS.read_text()).keys() == WRITTEN.keys()
    assert len(_rows()) > 600
    assert all(b"".join(pieces()) for pieces in WRITTEN.values())


if __name__ == "__main__":
    DIGESTS.write_text(json.dumps({name: digest(pieces()) for name, pieces in WRITTEN.items()}, indent=2) + "\n")
