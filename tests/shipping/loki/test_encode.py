import gzip
from typing import Any

import orjson
import pytest

from service.journal.reader import Row
from service.shipping.loki.encode import encode
from service.shipping.receiver import Batch
from tests.shipping.rows import make_row

SECOND = 1_000_000_000


def streams_of(batch: Batch) -> dict[tuple[str, str], list[Any]]:
    pushed = orjson.loads(gzip.decompress(batch.body))["streams"]
    return {(each["stream"]["job"], each["stream"].get("method", "")): each["values"] for each in pushed}


def test_a_row_becomes_its_line_at_the_moment_it_ended() -> None:
    row = make_row(5, ended_ns=1_767_722_308_123_456_789)
    batch = encode([row], "box-1", with_spans=False)
    (stream,) = orjson.loads(gzip.decompress(batch.body))["streams"]
    assert stream["stream"] == {"job": "nginx", "service": "ollama", "method": "POST", "instance": "box-1"}
    ((at, line, metadata),) = stream["values"]
    assert at == "1767722308123456789"
    assert line.encode() == row.line
    assert metadata["tokens_per_second"] == "48.31"
    assert metadata["status"] == "200"
    assert metadata["stream"] == "true"
    assert metadata["workflow"] == "Résumé agent"
    assert "request_body" not in metadata
    assert "response_text" not in metadata
    assert batch.size == len(gzip.decompress(batch.body))


def test_metadata_numbers_are_written_as_in_the_line() -> None:
    row = make_row(wait_time=1e-7, request_bytes=2**53 + 1, prompt_time=0.0)
    ((_, line, metadata),) = streams_of(encode([row], "i", with_spans=False))["nginx", "POST"]
    for key in ("wait_time", "request_bytes", "prompt_time"):
        assert f'"{key}":{metadata[key]}' in line


def test_a_method_of_the_clients_own_gives_no_stream_of_its_own() -> None:
    rows = [make_row(1, method="GET"), make_row(2, method="BREW"), make_row(3, method="GET"), make_row(4, method="X")]
    streams = streams_of(encode(rows, "i", with_spans=False))
    assert {key: len(entries) for key, entries in streams.items()} == {("nginx", "GET"): 2, ("nginx", "OTHER"): 2}


def test_encoding_the_same_rows_again_gives_the_same_bytes() -> None:
    def rows() -> list[Row]:
        return [make_row(number, ended_ns=number * SECOND) for number in range(1, 30)]

    assert encode(rows(), "i", with_spans=True).body == encode(rows(), "i", with_spans=True).body


def test_an_entry_is_the_same_in_whichever_batch_it_goes() -> None:
    rows = [make_row(number, ended_ns=number * SECOND) for number in range(1, 9)]
    together = streams_of(encode(rows, "i", with_spans=True))
    alone = [streams_of(encode([row], "i", with_spans=True)) for row in rows]
    for key, entries in together.items():
        assert entries == [entry for each in alone for entry in each[key]]


def test_spans_go_to_a_stream_of_their_own_with_the_time_of_their_record() -> None:
    row = make_row(5)
    entries = streams_of(encode([row], "i", with_spans=True))["spans", ""]
    lines = [orjson.loads(line) for _, line, _ in entries]
    assert [line["name"] for line in lines] == [
        "POST /api/ollama/api/chat",
        "chat llama3.2",
        "wait",
        "prompt",
        "generation",
    ]
    assert {at for at, _, _ in entries} == {str(row.ended_ns)}
    assert "Why is the sky blue?" in lines[0]["attributes"]["http.request.body.content"]
    assert entries[0][2]["trace_id"] == row.id


def test_the_longest_record_keeps_every_line_below_lokis_limit() -> None:
    row = make_row(request_body='"' * 119_000, node="é" * 500)
    for entries in streams_of(encode([row], "i", with_spans=True)).values():
        for _, line, metadata in entries:
            assert len(line.encode()) <= 256 * 1024
            assert sum(len(key) + len(value.encode()) for key, value in metadata.items()) <= 64 * 1024


def test_an_endless_model_name_does_not_make_its_line_unacceptable() -> None:
    ((_, _, metadata),) = streams_of(encode([make_row(model="m" * 100_000)], "i", False))["nginx", "POST"]
    assert len(metadata["model"]) == 1_000


def test_a_row_that_is_no_json_object_cannot_be_encoded() -> None:
    row = Row(1, "0" * 32, 1, 2, "POST", "chat", "completed", None, b'{"cut')
    with pytest.raises(ValueError, match="no JSON object"):
        encode([row], "i", with_spans=True)
