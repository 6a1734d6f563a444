"""One exchange: what is told of it, its bytes, and the command that repeats it."""

import json
import subprocess
from pathlib import Path

import pytest

from service.inspector.one_exchange import curl_command, target_of, why_not_whole
from service.journal.reader import KeptRecord, Row
from service.record.record import Record
from tests.fakes.ollama import FakeOllama
from tests.running_app import chat, found, get, running, said

LABELS = "/api/ollama/~workflow=Invoices;execution=7/api/chat"


def kept(request: bytes, uri: str = "/api/ollama/api/chat", method: str = "POST", **facts: bool) -> KeptRecord:
    line = json.dumps({"request_uri": uri, "exchange": "a" * 32} | facts).encode()
    return KeptRecord(Row(1, "a" * 32, 0, 0, method, "chat", "completed", None, line), request, b"")


def command_for(record: KeptRecord, base: str) -> str:
    return curl_command(record, Record(record.row.line), base)


def why_not(record: KeptRecord) -> str | None:
    return why_not_whole(record, Record(record.row.line))


async def test_everything_about_one_exchange_is_in_one_answer(tmp_path: Path) -> None:
    trace = "http://localhost:3000/explore?trace={trace_id}"
    async with FakeOllama() as ollama, running(tmp_path, OLLAMA_URL=ollama.url, TRACE_URL=trace) as app:
        first = await chat(app, "One", path=LABELS)
        second = await chat(app, "Two", path=LABELS)
        third = await chat(app, "Three", path=LABELS)
        again = await chat(app, "Two", X_Replay_Of=second)
        await found(app, "q=Two", 2)
        one = await said(app, f"/exchanges/{second}.json")
        assert one["record"]["exchange"] == second
        assert (one["previous"], one["next"]) == (first, third)
        assert one["replays"] == [again]
        assert one["trace_url"].endswith(one["record"]["trace_id"])
        assert [turn["text"] for turn in one["conversation"]["turns"]] == ["Two"]
        assert one["conversation"]["answer"]["role"] == "assistant"
        assert one["explanation"]["sentence"]
        assert one["may_replay"]
        assert one["request"] == {
            "bytes": one["record"]["request_bytes"],
            "kept": one["record"]["request_bytes"],
            "is_shortened": False,
        }
        repeated = await said(app, f"/exchanges/{again}.json")
        assert repeated["replay_of"] == second
        assert "previous" not in repeated


async def test_kept_bytes_are_saved_and_never_shown_as_a_page(tmp_path: Path) -> None:
    async with FakeOllama() as ollama, running(tmp_path, OLLAMA_URL=ollama.url) as app:
        identifier = await chat(app, "<script>alert(1)</script>")
        for part in ("request", "response"):
            got = await get(app, f"/exchanges/{identifier}/{part}", Accept="text/html")
            assert got.header("Content-Type") == "text/plain; charset=utf-8"
            assert (got.header("Content-Disposition") or "").startswith("attachment;")
            assert got.header("X-Content-Type-Options") == "nosniff"
            assert got.body


@pytest.mark.parametrize(
    "text", ["it's", "$(touch /tmp/no)", "`id`", "a\nb", "\\", '"', "!!", "-d @/etc/passwd", "\u202e", "é" * 1000]
)
def test_whatever_a_prompt_holds_is_data_in_the_command(text: str) -> None:
    request = json.dumps({"model": "m", "prompt": text}, ensure_ascii=False).encode()
    command = command_for(kept(request), "http://localhost:8080")
    assert command.startswith("curl ")
    shown = subprocess.run(
        ["/bin/sh", "-c", "curl() { for word; do printf '%s\\0' \"$word\"; done; }\n" + command],
        capture_output=True,
        check=True,
    )
    words = shown.stdout.split(b"\0")
    assert words[words.index(b"--data-raw") + 1] == request
    assert b"http://localhost:8080/api/ollama/api/chat" in words


def test_a_text_that_curl_takes_for_the_name_of_a_file_is_sent_as_it_is(tmp_path: Path) -> None:
    secret = tmp_path / "secret"
    secret.write_text("hunter2")
    command = command_for(kept(f"@{secret}".encode()), "http://localhost:8080")
    assert command.rstrip().endswith(f" --data-raw @{secret}")
    assert "--data-binary" not in command


def test_an_address_is_no_list_of_addresses_and_a_head_waits_for_no_body() -> None:
    command = command_for(kept(b"", "/api/ollama/api/tags?x=[1-9]{a,b}", "HEAD"), "http://localhost:8080")
    assert command.startswith("curl -sS -g -I 'http://localhost:8080/api/ollama/api/tags?x=[1-9]{a,b}' -H ")
    assert command_for(kept(b"", method="GET"), "http://[::1]:80").startswith("curl -sS -X GET 'http://[::1]:80/api/")


def test_a_form_is_sent_again_as_a_form() -> None:
    form = b'--b0-1\r\nContent-Disposition: form-data; name="model"\r\n\r\ntiny\r\n--b0-1--\r\n'
    assert "'Content-Type: multipart/form-data; boundary=b0-1'" in command_for(kept(form), "http://localhost:8080")
    for none in (b"--b0-1\r\nno end", b'{"a": 1}', b"--\r\n----"):
        assert "'Content-Type: application/json'" in command_for(kept(none), "http://localhost:8080")


def test_a_request_that_is_too_long_for_a_command_line_is_fetched_by_it() -> None:
    command = command_for(kept(b'{"prompt":"' + b"x" * 100_000 + b'"}'), "http://localhost:8080")
    assert len(command) < 500
    assert f"curl -sS http://localhost:8080/exchanges/{'a' * 32}/request | curl " in command


@pytest.mark.parametrize(
    ("uri", "target"),
    [
        ("/api/ollama/api/chat", "/api/ollama/api/chat"),
        ("/api/ollama/~workflow=A%2FB;node=c/api/chat?x=1", "/api/ollama/api/chat?x=1"),
        ("/api/ollama/%7Eme/api/chat", "/api/ollama/api/chat"),
        ("/api/ollama/~me/v1/chat/completions", "/api/ollama/v1/chat/completions"),
        ("http://localhost/api/ollama/api/tags", "/api/ollama/api/tags"),
        ("//api/ollama/~me/api/tags", "/api/ollama/api/tags"),
        ("/api/ollama", "/api/ollama"),
    ],
)
def test_a_repetition_is_not_the_workflows_own_call(uri: str, target: str) -> None:
    assert target_of(uri) == target


@pytest.mark.parametrize("request_bytes", [b"", b"{", b'{"a" \xe2\x80\xa6 [12 bytes left out]', b"[1]", b"\xff"])
def test_only_what_is_kept_whole_can_be_sent_again(request_bytes: bytes) -> None:
    assert why_not(kept(request_bytes))
    shortened = '{"prompt": "a … [12 bytes left out] … b"}'.encode()
    assert why_not(kept(shortened)) is None
    assert "KEEP_BODY_BYTES" in str(why_not(kept(shortened, request_truncated=True)))
    behind = '{"prompt": "a"} … [12 bytes left out] … '.encode()
    assert "KEEP_BODY_BYTES" in str(why_not(kept(behind, request_truncated=True)))
    assert why_not(kept(b'{"prompt": "half an emoji: \\ud83d"}')) is None
    assert why_not(kept(b'{"model":"m"}')) is None
    assert why_not(kept(b'{"prompt":"K\xf6ln"}')) is None
    assert why_not(kept(b'{"model":"m"}', method="GET"))


@pytest.mark.parametrize("behind", [b"\0", b" trailing", b"\n"])
def test_what_stands_behind_the_json_does_not_keep_it_from_being_sent_again(behind: bytes) -> None:
    assert why_not(kept(b'{"model":"m","prompt":"q"}' + behind)) is None
    assert why_not(kept(b'[{"model":"m"}]' + behind)) == "The request is JSON, but no object."
