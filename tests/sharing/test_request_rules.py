"""What a rule asks of a request: nobody gets past it by writing the request in another way."""

import gzip
import json

import pytest

from service.record.exchange import Body, OpenExchange
from service.sharing.limits import Limits
from service.sharing.request_rules import judge, without_cuts

TINY = Limits(models=("tiny",))


def opened(
    path: str = "/api/chat",
    operation: str = "chat",
    api: str = "ollama",
    content_type: str = "",
    content_encoding: str = "",
) -> OpenExchange:
    """An exchange that has begun."""
    body = Body(content_type=content_type, content_encoding=content_encoding)
    return OpenExchange("0" * 32, 0, "POST", path, path, operation, api, "10.0.0.7", "0" * 32, "0" * 16, request=body)


def refused(content: bytes | None, limits: Limits = TINY, exchange: OpenExchange | None = None) -> str:
    """The refusal's status and words; empty: it may go on."""
    refusal, _ = judge(exchange or opened(), content, "user Ann", limits)
    return f"{refusal.status} {refusal.message}" if refusal else ""


def test_models_are_those_of_the_list() -> None:
    assert refused(b'{"model":"tiny"}') == ""
    assert refused(b'{"model":"big"}') == "403 user Ann may not use the model 'big', only: tiny."


@pytest.mark.parametrize(
    "content",
    [
        b'{"model":"tiny","model":"big"}',
        b'{"model":"tiny","MODEL":"big"}',
        b'{"messages":[],"Model":"big"}',
        b' \xef\xbb\xbf{"model":"big"}',
        b'{"model":"big"}{"model":"tiny"}',
        b'{"model":"tiny","messages":[}',
        b'{"model":5}',
        b"[]",
        b"",
        b"no JSON",
        b'{"model":"tiny","x":"' + b"y" * (1 << 20),
    ],
)
def test_another_spelling_does_not_help(content: bytes) -> None:
    assert refused(content).startswith("403 ")


def test_a_compressed_request_is_read_and_what_cannot_be_read_is_refused() -> None:
    big = gzip.compress(b'{"model":"big"}', mtime=0)
    assert refused(big, exchange=opened(content_encoding="gzip")).startswith("403 user Ann may not use")
    assert refused(gzip.compress(b'{"model":"tiny"}', mtime=0), exchange=opened(content_encoding="gzip")) == ""
    assert refused(None).startswith("413 ")


def test_a_content_type_that_lies_does_not_help() -> None:
    # Ollama reads JSON on this route, whatever the header says.
    content = json.dumps({"model": "big", "x": '\r\nname="model"\r\n\r\ntiny\r\n'}).encode()
    assert refused(content, exchange=opened(content_type="multipart/form-data; boundary=b")).startswith("403 ")


def form(*parts: tuple[str, str]) -> bytes:
    text = "".join(f"--b\r\nContent-Disposition: form-data; {name}\r\n\r\n{value}\r\n" for name, value in parts)
    return (text + "--b--\r\n").encode()


@pytest.mark.parametrize(
    ("parts", "may"),
    [
        ([('name="model"', "tiny"), ('name="file"; filename="a.wav"', "data")], True),
        ([('name="model"', "big"), ('name="file"; filename="a.wav"', "data")], False),
        ([('name="model"', "tiny"), ('name="model"', "big")], False),
        ([("name*=utf-8''model", "big"), ('name="model"', "tiny")], False),
        ([('name="file"; filename="a.wav"', "data")], False),
    ],
)
def test_a_form_has_to_name_its_model_once_and_plainly(parts: list[tuple[str, str]], may: bool) -> None:
    exchange = opened(
        "/v1/audio/transcriptions", "transcribe", "openai", content_type="multipart/form-data; boundary=b"
    )
    assert (refused(form(*parts), exchange=exchange) == "") is may


@pytest.mark.parametrize(
    ("keep_alive", "told"),
    [
        (300, ""),
        ("10m", ""),
        (None, ""),
        ("nonsense", ""),
        (601, "for 10 min"),
        (-1, "for ever"),
        ("-1", "for ever"),
        ("24h", "for 24 h"),
        # All that Go takes for a duration.
        ("24.h", "for 24 h"),
        ("+23.h60.m", "for 24 h"),
    ],
)
def test_nobody_pins_a_model_for_longer_than_allowed(keep_alive: object, told: str) -> None:
    limits = Limits(keep_alive_at_most=600.0)
    message = refused(json.dumps({"model": "tiny", "keep_alive": keep_alive}).encode(), limits)
    assert message.startswith("403 ") == bool(told)
    assert told in message
    named_otherwise = json.dumps({"model": "tiny", "Keep_Alive": keep_alive}).encode()
    assert refused(named_otherwise, limits).startswith("403 ") == bool(told)
    # The other APIs have no such field.
    assert refused(b'{"keep_alive":-1}', limits, opened("/v1/chat/completions", "chat", "openai")) == ""


def changed(content: bytes, exchange: OpenExchange | None = None) -> tuple[bytes, tuple[str, ...]]:
    exchange = exchange or opened()
    _, asked = judge(exchange, content, "user Ann", Limits(refuses_cuts=True))
    return without_cuts(exchange, content, asked)


def test_ollama_is_asked_not_to_cut() -> None:
    content = b' {"model": "tiny",\n "messages": []}'
    assert changed(content) == (
        b' {"truncate":false,"shift":false,"model": "tiny",\n "messages": []}',
        ("truncate", "shift"),
    )
    assert changed(content, opened("/api/embed", "embed"))[1] == ("truncate",)
    assert changed(b'{"model":"tiny","truncate":true}')[1] == ("shift",)


@pytest.mark.parametrize(
    ("content", "sent", "names"),
    [
        (b'{"truncate": null} ', b'{"truncate": null,"truncate":false,"shift":false} ', ("truncate", "shift")),
        (b'{"Shift":null,"truncate":true}', b'{"Shift":null,"truncate":true,"shift":false}', ("shift",)),
        # Where it ends is not certain.
        (b'{"truncate":null} {}', b'{"truncate":null} {}', ()),
        (b'{"truncate":null} x', b'{"truncate":null} x', ()),
    ],
)
def test_null_says_as_little_as_nothing(content: bytes, sent: bytes, names: tuple[str, ...]) -> None:
    # Ollama reads the fields of an object one after the other, and null for a field that is not there.
    assert changed(content) == (sent, names)


@pytest.mark.parametrize(
    ("content", "exchange"),
    [
        (b'{"model":"tiny","Truncate":true,"SHIFT":true}', opened()),
        (b'{"model":"tiny"}', opened("/v1/chat/completions", "chat", "openai")),
        (b'{"model":"tiny"}', opened("/v1/messages", "chat", "anthropic")),
        (b'{"model":"tiny"}', opened("/api/embeddings", "embed")),
        (gzip.compress(b'{"model":"tiny"}', mtime=0), opened(content_encoding="gzip")),
        (b"{}", opened()),
        (b"no JSON {", opened()),
        (b"", opened()),
    ],
)
def test_what_says_it_itself_or_has_no_such_field_goes_on_as_it_came(content: bytes, exchange: OpenExchange) -> None:
    assert changed(content, exchange) == (content, ())
