"""One list of several, from answers of every kind."""

import asyncio
import json
from collections.abc import Sequence
from typing import Any

import pytest

from service.gateway.upstream import Failure, RequestBody, Send, UpstreamResponse
from service.record.exchange import Outcome
from service.upstreams.model_lists import AskedForList, MadeAnswer, list_of_all


def answers(body: bytes, status: int = 200, seen: list[Sequence[bytes]] | None = None) -> Send:
    async def send(
        method: str, target: str, lines: Sequence[bytes], body_sent: RequestBody | None
    ) -> UpstreamResponse | Failure:
        assert (method, body_sent) == ("GET", None)
        if seen is not None:
            seen.append(lines)
        return MadeAnswer(status, body)

    return send


async def away(
    method: str, target: str, lines: Sequence[bytes], body: RequestBody | None
) -> UpstreamResponse | Failure:
    return Failure(Outcome.UPSTREAM_UNREACHABLE, "connection refused")


def _asked(sends: Sequence[Send], seconds: float = 5.0) -> list[AskedForList]:
    return [AskedForList(f"gpu{number}", send, seconds) for number, send in enumerate(sends, 1)]


async def listed(*sends: Send, path: str = "/api/tags") -> Any:
    answer = await list_of_all(_asked(sends), path, ())
    assert not isinstance(answer, Failure)
    found = bytearray()

    def take(piece: bytes) -> bool:
        found.extend(piece)
        return False

    assert not await answer.forward(take)
    assert answer.length == len(found)
    return json.loads(found)


async def test_each_model_once_and_what_stands_around_the_list_of_the_first() -> None:
    one = answers(b'{"models":[{"name":"a","size":1},{"name":"b"}],"more":1}')
    other = answers(b'{"models":[{"name":"a","size":2},{"name":"c"}],"more":2}')
    found = await listed(one, other)
    assert found == {"models": [{"name": "a", "size": 1}, {"name": "b"}, {"name": "c"}], "more": 1}
    ids = answers(b'{"object":"list","data":[{"id":"a"}]}')
    assert await listed(ids, ids, path="/v1/models") == {"object": "list", "data": [{"id": "a"}]}


@pytest.mark.parametrize("nonsense", [b"", b"<html>", b"[1]", b"7", b'{"models":'])
async def test_what_is_no_list_is_left_out(nonsense: bytes) -> None:
    good = answers(b'{"models":[{"name":"a"}]}')
    assert await listed(answers(nonsense), good) == {"models": [{"name": "a"}]}
    assert await listed(answers(b'{"models":[]}', 500), away, good) == {"models": [{"name": "a"}]}


async def test_where_nobody_has_a_list_the_first_answer_is_the_answer() -> None:
    answer = await list_of_all(_asked([away, answers(b'{"error":"no"}', 503)]), "/api/tags", ())
    assert isinstance(answer, MadeAnswer)
    assert answer.status == 503
    gone = await list_of_all(_asked([away, away]), "/api/tags", ())
    assert isinstance(gone, Failure)
    assert gone.outcome is Outcome.UPSTREAM_UNREACHABLE
    assert gone.reason == "connection refused"


async def test_headers_go_on_but_for_encodings_that_could_not_be_read_here() -> None:
    seen: list[Sequence[bytes]] = []
    lines = [b"X-A: 1\r\nAccept-Encoding: gzip\r\nAuthorization: Bearer k\r\n", b"traceparent: 00\r\n"]
    await list_of_all(_asked([answers(b'{"models":[]}', seen=seen)]), "/api/tags", lines)
    assert seen == [[b"X-A: 1\r\nAuthorization: Bearer k\r\n", b"traceparent: 00\r\n"]]


async def test_who_had_no_part_in_a_list_is_named_in_a_header() -> None:
    async def silent(*_: Any) -> UpstreamResponse | Failure:
        await asyncio.sleep(60)
        raise AssertionError

    good = answers(b'{"models":[{"name":"a"}]}')
    asked = _asked([silent, good, answers(b"[]"), answers(b'{"models":[]}', 500), away], 0.1)
    answer = await list_of_all(asked, "/api/tags", (), ["g\u00fcnther:11434"])
    assert isinstance(answer, MadeAnswer)
    assert dict(answer.headers)[b"X-Recorder-Missing"] == b"gpu1, gpu3, gpu4, gpu5, g%C3%BCnther:11434"
    whole = await list_of_all(_asked([good, good]), "/api/tags", ())
    assert isinstance(whole, MadeAnswer)
    assert b"X-Recorder-Missing" not in dict(whole.headers)


@pytest.mark.parametrize(
    ("odd", "kept"),
    [
        ('"text"', None),
        ("null", None),
        ("7", None),
        ("[]", None),
        ("{}", None),
        ('{"name":null}', None),
        ('{"name":7}', None),
        ('{"name":"  "}', None),
        ('{"name":"\\ud800"}', None),
        ('{"name":"' + "n" * 2000 + '"}', None),
        ('{"name":"deep","x":' + "[" * 300 + "]" * 300 + "}", None),
        ('{"name":"odd","x":"\\ud800"}', None),
        ('{"name":"a","size":5}', None),
        ('{"name":"odd","size":' + "9" * 400 + "}", {"name": "odd", "size": None}),
        ('{"name":"odd","size":NaN}', {"name": "odd", "size": None}),
        ('{"model":"odd"}', {"model": "odd"}),
        ('{"name":"odd","size":"big","details":7}', {"name": "odd", "size": "big", "details": 7}),
    ],
)
async def test_one_odd_member_takes_no_other_with_it(odd: str, kept: Any) -> None:
    one = answers(('{"models":[{"name":"a","size":1},' + odd + ',{"name":"c"}],"more":1}').encode())
    found = await listed(one, answers(b'{"models":[{"name":"d"}]}'))
    models = [{"name": "a", "size": 1}, *([kept] if kept else []), {"name": "c"}, {"name": "d"}]
    assert found == {"models": models, "more": 1}


async def test_what_stands_around_a_list_may_be_odd_as_well() -> None:
    one = answers(b'{"object":"list","odd":"\\ud800","data":[{"id":"a"},{"model":"b"},"c"]}')
    assert await listed(one, path="/v1/models") == {"object": "list", "data": [{"id": "a"}]}


async def test_one_that_is_silent_is_not_waited_for_for_long() -> None:
    async def silent(*_: Any) -> UpstreamResponse | Failure:
        await asyncio.sleep(60)
        raise AssertionError

    answer = await list_of_all(_asked([silent, answers(b'{"models":[]}')], 0.05), "/api/tags", ())
    assert isinstance(answer, MadeAnswer)
    assert answer.status == 200
