"""Records as the journal gives them back, made of whole exchanges by the code that makes the real ones."""

from collections.abc import Iterable
from pathlib import Path
from typing import Any

import orjson

from service.journal.reader import KeptRecord, Row
from service.record.exchange import Body, EncodedRecord, Exchange, OpenExchange, Outcome
from service.record.line import make_record
from tests.journal.given import identifier, open_journal
from tests.record.wire import always, body, exchange

HOSTILE_TEXTS = (
    "=1+1",
    "+cmd|' /C calc'!A0",
    "-2+3",
    '@SUM(1)*cmd|"x"',
    "\t=1+1",
    "\r\n=1+1",
    "\x00=1+1",
    "  =1+1",
    "\u200b\ufeff=1+1",
    "＝1+1",
    "−1",
    '"quoted", "twice"',
    "line\r\nbreaks\nin\rit,and;commas",
    "NUL\x00in the middle",
    "\u202egnp.exe",
    "\x1b[31mred",
    "</script><script>alert(1)</script>",
    "é 猫 🦙\u2028\u2029\x85\x7f",
)


def kept(record: EncodedRecord, number: int = 1) -> KeptRecord:
    row = Row(
        number,
        record.id,
        record.started_ns,
        record.ended_ns,
        record.method,
        record.operation,
        record.outcome,
        record.parent_span_id,
        record.line,
    )
    return KeptRecord(row, record.request, record.response)


def recorded(found: Exchange, *, mask: bool = True) -> KeptRecord:
    """The kept record of an exchange of a model that has room for 32,768 tokens."""
    return kept(make_record(found, context_length_of=always(32_768), mask=mask))


def asked(path: str = "/api/chat", answer: Any = None, question: Any = None, **more: Any) -> KeptRecord:
    """One exchange of JSON bodies: ``question`` was posted to ``path``, ``answer`` came whole."""
    texts = [found if isinstance(found, bytes) else orjson.dumps(found) for found in (question, answer)]
    return recorded(exchange(body(texts[0]), body(texts[1]), path, **more))


def chat(*messages: dict[str, Any], answer: Any = "Because.", more: dict[str, Any] | None = None) -> KeptRecord:
    """One call of Ollama's chat; ``answer`` is the assistant's text or whole message, ``more`` adds to the request."""
    message = answer if isinstance(answer, dict) else {"role": "assistant", "content": answer}
    return asked(
        question={"model": "tiny", "messages": messages, "stream": False, **(more or {})},
        answer={"model": "tiny", "message": message, "done": True, "done_reason": "stop", "prompt_eval_count": 61},
    )


def said(role: str, content: Any, **more: Any) -> dict[str, Any]:
    return {"role": role, "content": content, **more}


def lines_of(pieces: Iterable[bytes]) -> list[Any]:
    return [orjson.loads(line) for line in b"".join(pieces).splitlines()]


def make_journal(folder: Path, sizes: Iterable[tuple[int, int]]) -> None:
    """A journal with one record for each (bytes of request, bytes of response); numbers begin at 1."""
    with open_journal(folder) as journal:
        journal.write([_sized(number, *size) for number, size in enumerate(sizes, 1)])


def _sized(number: int, request: int, response: int) -> EncodedRecord:
    opened = OpenExchange(
        *(identifier(number), 1_700_000_000_000_000_000 + number, "POST", "/api/ollama/api/chat", "/api/chat"),
        *("chat", "ollama", "127.0.0.1", identifier(number), identifier(number)[16:]),
        request=Body(request, b"q" * request),
    )
    ended = Exchange(opened, Outcome.COMPLETED, 1_700_000_001_000_000_000 + number, 200, response=Body(0))
    record = make_record(ended, context_length_of=lambda model: None, mask=False)
    return record._replace(request=b"q" * request, response=b"a" * response)
