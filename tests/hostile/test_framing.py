"""How long a body is can be said in a thousand ways: what has one meaning has that, and all else is refused."""

import random

import pytest

from tests.hostile.attacked import CHAT, Attacked, post
from tests.hostile.framing import framings

pytestmark = pytest.mark.hostile

# Whoever reads a length otherwise takes this for a request of its own.
SECOND = b"GET /api/ollama/api/tags?case=%d HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n"


async def test_a_body_has_one_length_or_is_refused(attacked: Attacked) -> None:
    cases = dict(framings())
    assert len(cases) > 250
    attacks = {name: case.request(number) + SECOND % number for number, (name, case) in enumerate(cases.items())}
    answers = await attacked.send_all(attacks, seconds=2.0)
    bodies: dict[int, list[bytes]] = {}
    seconds: dict[int, int] = {}
    for request in attacked.reached():
        number = int(request.target.partition("case=")[2])
        if request.path == "/api/chat":
            assert request.method == "POST"
            bodies.setdefault(number, []).append(request.body_start if request.body_is_complete else b"broken off")
        else:
            seconds[number] = seconds.get(number, 0) + 1
    wrong = []
    for number, (name, case) in enumerate(cases.items()):
        # A body that turns out to be none is noticed on its way: Ollama then sees it broken off, never whole.
        got = [body for body in bodies.get(number, []) if body != b"broken off"]
        is_refused = got == [] and number not in seconds and set(answers[name]) <= {400, 408, 413, 431, 501}
        is_read = got == [case.meaning] and (case.meaning == CHAT) <= (seconds.get(number) == 1)
        if not (is_refused or is_read if case.is_open else is_refused if case.meaning is None else is_read):
            wrong.append((name, case.meaning, answers[name], bodies.get(number), seconds.get(number)))
    assert not wrong, "\n".join(map(repr, wrong))


async def test_a_request_means_the_same_however_its_bytes_are_cut(attacked: Attacked) -> None:
    chunked = b"1\r\n{\r\nF;x=y\r\n" + CHAT[1:] + b"\r\n0\r\nX-Trailer: a\r\n\r\n"
    forms = {
        "length": post(b"Content-Length: 16", b"Connection: close", body=CHAT),
        "chunks": post(b"Transfer-Encoding: chunked", b"Connection: close", body=chunked),
        "expected": post(b"Content-Length: 16", b"Expect: 100-continue", b"Connection: close", body=CHAT),
        "old": post(b"Content-Length: 16", body=CHAT, version=b"HTTP/1.0"),
        "malformed": post(b"Content-Length: 1x", b"Connection: close", body=CHAT),
        "two": post(b"Content-Length: 16", body=CHAT) + post(b"Content-Length: 16", b"Connection: close", body=CHAT),
    }
    dice = random.Random(15)
    for name, form in forms.items():
        whole = await attacked.send(form)
        assert whole == {"malformed": [400], "two": [200, 200], "expected": [100, 200]}.get(name, [200]), name
        cuts = [[number] for number in dice.sample(range(1, len(form)), 12)]
        cuts += [sorted(dice.sample(range(1, len(form)), 5)) for _ in range(6)]
        for cut in cuts:
            pieces = [form[begin:end] for begin, end in zip([0, *cut], [*cut, len(form)], strict=True)]
            assert await attacked.send(*pieces, pause=0.001) == whole, (name, cut)
    reached = [request for request in attacked.reached() if request.method == "POST"]
    assert {request.body for request in reached} == {CHAT}
    assert len(reached) == 19 * 6


async def test_a_valid_request_before_a_malformed_one_is_answered(attacked: Attacked) -> None:
    good = post(b"Content-Length: 16", body=CHAT)
    bad = post(b"Content-Length: 16", b"Content-Length: 0", body=CHAT)
    assert await attacked.send(good + bad) == [200, 400]
    assert await attacked.send(good + good + b"\x00\x01\x02\r\n\r\n") == [200, 200, 400]
    assert len(attacked.reached()) == 3
