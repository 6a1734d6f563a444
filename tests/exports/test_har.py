"""HTTP Archive 1.2."""

import base64
from typing import Any

import orjson
import pytest

from service.exports import har
from service.journal.reader import KeptRecord
from service.record.exchange import Outcome
from tests.exports.har_rules import faults
from tests.exports.kept import HOSTILE_TEXTS, chat, recorded, said
from tests.record.wire import NAMES, body, exchange, shortened
from tests.record.wire import recorded as recording


def archive(*records: KeptRecord, **options: Any) -> Any:
    return orjson.loads(b"".join(har.write(records, **options)))


def entry(record: KeptRecord, **options: Any) -> Any:
    found = archive(record, **options)
    assert faults(found) == []
    return found["log"]["entries"][0]


def test_every_recording_of_a_real_ollama_becomes_a_valid_entry() -> None:
    found = archive(*(recorded(recording(name)) for name in NAMES))
    assert faults(found) == []
    assert len(found["log"]["entries"]) == len(NAMES) > 20


def test_the_checks_of_this_test_find_faults() -> None:
    found = archive(chat(said("user", "Why?")))
    one = found["log"]["entries"][0]
    one["timings"]["wait"] += 5
    one["request"]["url"] = "/relative"
    one["startedDateTime"] = "2026-01-01T00:00:00.0"
    del one["response"]["redirectURL"]
    assert len(faults(found)) == 4


def test_no_records_make_a_valid_archive() -> None:
    assert faults(archive()) == []


def test_bodies_are_the_kept_bytes() -> None:
    name = "chat_stream"
    record = recorded(recording(name))
    found = entry(record)
    assert found["request"]["postData"] == {"mimeType": "application/json", "text": record.request.decode()}
    assert found["response"]["content"] == {
        "size": len(record.response),
        "mimeType": "application/x-ndjson",
        "text": record.response.decode(),
    }
    assert (found["request"]["bodySize"], found["response"]["bodySize"]) == (len(record.request), len(record.response))


@pytest.mark.parametrize(
    ("kept", "mime_type"),
    [
        (b'{"done":true}\n', "application/json"),
        (b'[{"a":1}]', "application/json"),
        (b'{"a":1}\n{"b":2}\n', "application/x-ndjson"),
        (b'{\n  "a": {}\n}', "application/json"),
        (b'data: {"a":1}\n\n', "text/event-stream"),
        (b"event: message_start\ndata: {}\n\n", "text/event-stream"),
        (b"Ollama is running", "text/plain"),
        (b"\xff\xfe\x00", "application/octet-stream"),
    ],
)
def test_the_type_of_a_body_is_concluded_from_what_it_holds(kept: bytes, mime_type: str) -> None:
    assert entry(recorded(exchange(b"{}", body(kept, ""))))["response"]["content"]["mimeType"] == mime_type


def test_what_is_not_text_is_base64_in_both_directions() -> None:
    data = bytes(range(256))
    found = entry(recorded(exchange(body(data, "application/octet-stream"), body(data, "audio/wav"))))
    content, post = found["response"]["content"], found["request"]["postData"]
    assert content["encoding"] == post["_encoding"] == "base64"
    assert base64.b64decode(content["text"]) == base64.b64decode(post["text"]) == data
    assert content["size"] == 256


def test_a_form_keeps_its_boundary() -> None:
    form = b'--xyz\r\nContent-Disposition: form-data; name="model"\r\n\r\ntiny\r\n--xyz--\r\n'
    found = entry(recorded(exchange(body(form, "multipart/form-data; boundary=xyz"), b"{}")))
    assert found["request"]["postData"]["mimeType"] == "multipart/form-data; boundary=xyz"


def test_a_request_without_a_body_posts_nothing() -> None:
    found = entry(recorded(exchange(b"", b'{"models":[]}', "/api/tags", "GET")))
    assert "postData" not in found["request"]
    assert found["request"]["bodySize"] == 0


def test_the_middle_that_was_not_kept_is_counted_and_told() -> None:
    whole = b'{"model":"tiny","prompt":"' + b"long " * 1000 + b'"}'
    found = entry(recorded(exchange(shortened(whole, 100, 100), shortened(whole, 50, 50), "/api/generate")))
    missing = len(whole) - 200
    assert found["request"]["postData"]["comment"] == f"{missing} bytes in the middle are not kept"
    assert found["response"]["content"]["comment"] == f"{len(whole) - 100} bytes in the middle are not kept"
    assert found["response"]["content"]["size"] == len(whole)


def test_bytes_that_are_not_kept_are_told_and_the_copy_of_the_record_stands_in() -> None:
    record = chat(said("user", "Why?"), answer="Because.")
    found = entry(KeptRecord(record.row, b"", b""))
    assert '"Why?"' in found["request"]["postData"]["text"]
    assert found["response"]["content"]["text"] == "Because."
    assert "not kept" in found["request"]["postData"]["comment"]
    assert "not kept" in found["response"]["content"]["comment"]
    assert found["response"]["content"]["size"] == found["response"]["bodySize"] == len(record.response)
    vectors = recorded(recording("embed"))
    content = entry(KeptRecord(vectors.row, b"", b""))["response"]["content"]
    assert content == {
        "size": len(vectors.response),
        "mimeType": "x-unknown",
        "comment": "the bytes are not kept",
    }


def test_times_are_those_of_the_record_in_milliseconds_and_utc() -> None:
    found = entry(recorded(recording("chat_stream")))
    facts = found["_record"]
    assert found["startedDateTime"] == facts["started"] == "2026-01-06T17:58:28.000000Z"
    assert found["time"] == pytest.approx(facts["request_time"] * 1000)
    assert found["timings"]["wait"] == pytest.approx(facts["time_to_first_byte"] * 1000)
    assert "reading the prompt" in found["timings"]["comment"]


@pytest.mark.parametrize(
    ("duration", "first_byte", "timings"),
    [
        (2.0, 0.5, (0, 500, 1500)),
        (2.0, None, (0, 2000, 0)),
        # The record rounds the one to three decimals and the other to six.
        (0.0101, 0.010099, (0, 10, 0)),
        (None, None, (0, 0, 0)),
    ],
)
def test_timings_are_never_negative_and_add_up(
    duration: float | None, first_byte: float | None, timings: tuple[float, float, float]
) -> None:
    found = entry(recorded(exchange(b"{}", b"{}", duration=duration, first_byte=first_byte)))["timings"]
    assert (found["send"], found["wait"], found["receive"]) == timings


def test_an_exchange_that_was_never_answered_has_status_0_and_says_why() -> None:
    found = entry(
        recorded(exchange(b"{}", b"", status=None, outcome=Outcome.GATEWAY_DIED, duration=None, first_byte=None))
    )
    assert (found["response"]["status"], found["response"]["statusText"]) == (0, "")
    assert found["response"]["comment"] == "nothing was answered"
    assert found["comment"] == "gateway_died"


@pytest.mark.parametrize(
    ("status", "text"), [(200, "OK"), (404, "Not Found"), (499, "Client Closed Request"), (777, "")]
)
def test_a_status_has_its_usual_words(status: int, text: str) -> None:
    assert entry(recorded(exchange(b"{}", b"{}", status=status)))["response"]["statusText"] == text


@pytest.mark.parametrize(
    ("uri", "url"),
    [
        ("/api/ollama/api/tags?x=1&y=%20#part", "http://localhost:8080/api/ollama/api/tags?x=1&y=%20"),
        ("http://other.example:1/api/tags", "http://other.example:1/api/tags"),
        ("*", "http://localhost:8080/*"),
        ("", "http://localhost:8080/"),
        ('/é <x>"\\^`{|}\u202e\x00', "http://localhost:8080/%C3%A9%20%3Cx%3E%22%5C%5E%60%7B%7C%7D%E2%80%AE%00"),
        ("//evil.example/x", "http://localhost:8080//evil.example/x"),
        ("/x?[&;=", "http://localhost:8080/x?[&;="),
        ("/\udcff", "http://localhost:8080/%5Cudcff"),
    ],
)
def test_whatever_was_asked_for_becomes_an_absolute_address(uri: str, url: str) -> None:
    assert entry(recorded(exchange(b"", b"{}", request_uri=uri)))["request"]["url"] == url


def test_the_parameters_of_the_query_are_listed() -> None:
    found = entry(recorded(exchange(b"", b"{}", request_uri="/x?a=1&a=%C3%A9&b=&%ff=1")))
    assert [(pair["name"], pair["value"]) for pair in found["request"]["queryString"]] == [
        *(("a", "1"), ("a", "é"), ("b", ""), ("\ufffd", "1")),
    ]


@pytest.mark.parametrize("text", HOSTILE_TEXTS)
def test_hostile_texts_stay_inside_their_values(text: str) -> None:
    record = chat(said("user", text), answer=text)
    written = b"".join(har.write([record, record]))
    assert written.isascii() or not any(mark in written.decode() for mark in "\u202e\u2028\u2029\x7f\x85")
    found = orjson.loads(written)
    assert faults(found) == []
    assert len(found["log"]["entries"]) == 2
    sent = orjson.loads(found["log"]["entries"][0]["request"]["postData"]["text"])
    assert sent["messages"][0]["content"] == text


def test_the_record_without_its_bodies_goes_along() -> None:
    record = chat(said("user", "Why?"))
    facts = entry(record)["_record"]
    assert facts["exchange"] == record.row.id
    assert facts["workflow"] == "Factures"
    assert not {"request_body", "response_text"} & facts.keys()
