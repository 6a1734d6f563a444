"""Answers with status 200 that failed: each is told, once, and under the name of its cause."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from service.cli.doctor.chapters import Chapter
from service.cli.doctor.check_result import Severity
from service.cli.doctor.traffic import look_at_traffic
from service.record.answer_errors import BROKEN_OFF, NO_ANSWER, NO_END, RUNNER_GONE
from tests.cli.doctor.given_traffic import call, happened, went_wrong
from tests.record.wire import exchange, line_of

Make = Callable[..., Any]
DAY = 86_400.0

ERRORS = {
    NO_END: Chapter.CRASHED,
    RUNNER_GONE: Chapter.CRASHED,
    f"{BROKEN_OFF}'error'.": Chapter.CRASHED,
    f"{NO_ANSWER}nothing at all.": Chapter.NOT_OLLAMA,
    f"{NO_ANSWER}a web page: CUDA error, out of memory": Chapter.NOT_OLLAMA,
    "an error was encountered while running the model: unexpected EOF": Chapter.CRASHED,
    'POST predict: Post "http://127.0.0.1:35937/completion": EOF': Chapter.CRASHED,
    "llama-server process has terminated: exit status 2": Chapter.CRASHED,
    "unexpected EOF": Chapter.CRASHED,
    "CUDA error: an illegal memory access was encountered": Chapter.CRASHED,
    "error parsing tool call: raw='ls', err=unexpected end of JSON input": Chapter.ERROR_INSIDE,
    "something that nobody knows": Chapter.ERROR_INSIDE,
}


@pytest.mark.parametrize("status", [200, 500])
@pytest.mark.parametrize("error", ERRORS)
def test_each_failed_answer_is_told_once(error: str, status: int, settings: Make, folder: Path) -> None:
    happened(folder, [call(1, ago=9), went_wrong(2, error, status=status)])
    (found,) = look_at_traffic(settings(), DAY)
    assert (found.state, found.entry) == (Severity.PROBLEM, ERRORS[error])
    assert error[:60] in found.text
    assert "show" in found.advice


def test_answers_of_all_kinds_are_counted_by_kind(settings: Make, folder: Path) -> None:
    kinds = [error for error in ERRORS for _ in range(3)]
    happened(folder, [went_wrong(number, error, ago=number) for number, error in enumerate(kinds, 1)])
    found = look_at_traffic(settings(), DAY)
    assert sum(int(one.text.split()[0]) for one in found) == len(kinds)


@pytest.mark.parametrize(
    ("path", "answer", "entry"),
    [
        ("/api/chat", b'{"model":"m","message":{"role":"assistant","content":"Be"},"done":false}\n', Chapter.CRASHED),
        ("/v1/chat/completions", b'data: {"choices":[{"index":0,"delta":{"content":"Be"}}]}\n\n', Chapter.CRASHED),
        ("/v1/messages", b'event: content_block_delta\ndata: {"type":"content_block_delta","index":0,'
         b'"delta":{"type":"text_delta","text":"Be"}}\n\n', Chapter.CRASHED),
        ("/api/chat", b'{"error":"out of luck"}\n', Chapter.ERROR_INSIDE),
        ("/api/chat", b"<html><title>Sign in</title></html>", Chapter.NOT_OLLAMA),
        ("/v1/chat/completions", b"", Chapter.NOT_OLLAMA),
    ],
)  # fmt: skip
def test_what_the_recorder_writes_is_what_doctor_reads(
    path: str, answer: bytes, entry: Chapter, settings: Make, folder: Path
) -> None:
    asked = b'{"model":"m","stream":true,"messages":[{"role":"user","content":"Why?"}]}'
    line = line_of(exchange(asked, answer, path))
    assert line["failed"] is True
    happened(
        folder, [went_wrong(1, line["error"], **{key: line.get(key) for key in ("operation", "api", "done_reason")})]
    )
    (found,) = look_at_traffic(settings(), DAY)
    assert found.entry is entry
