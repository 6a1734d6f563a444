"""Addresses that try to be another one: only what is allowed ever reaches Ollama, in its canonical form."""

from itertools import product
from urllib.parse import quote

import pytest

from service.gateway.routes import TABLE, find_target
from tests.hostile.attacked import Attacked

pytestmark = pytest.mark.hostile

TARGETS = ("debug/pprof/", "api/me", "api/pull", "api/user/keys", "healthz")
# How a slash, a dot and a letter can be written so that some reader takes it for the plain one.
SLASHES = (
    "/",
    "//",
    "/./",
    "%2f",
    "%2F",
    "%252f",
    "\\",
    "%5c",
    "%c0%af",
    "%e0%80%af",
    "%ef%bc%8f",
    ";/",
    "/;a=b/",
    "%00/",
)
BEFORE = (
    "",
    "api/tags/../../",
    "api/tags/..%2f..%2f",
    "~a/",
    "~a;b=c/../",
    "~a%2f..%2f/",
    "./",
    "%2e%2e/",
    "..;/",
    ".%2e/",
)
AFTER = ("", "/", "?", "#", "%20", "%00", ";", ".", "?a=/../..", "%23", "%3f", "/..", "//")


def addresses() -> list[str]:
    found = set()
    for target, slash, before in product(TARGETS, SLASHES, BEFORE):
        found.add("/api/ollama/" + before + target.replace("/", slash))
    for target, before, after in product(TARGETS, BEFORE, AFTER):
        found.add("/api/ollama/" + before + target + after)
    for target in TARGETS:
        for number in range(len(target)):
            letter = target[number]
            for written in (f"%{ord(letter):02x}", f"%25{ord(letter):02x}", letter.upper(), letter + "\u0301"):
                found.add("/api/ollama/" + target[:number] + quote(written, safe="%") + target[number + 1 :])
    return sorted(found)


async def test_nothing_that_is_not_allowed_reaches_ollama(attacked: Attacked) -> None:
    known = {route.pattern for route in TABLE if not route.management}
    attacks = {
        f"{method} {address}": f"{method} {address} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n".encode()
        for address in addresses()
        for method in ("GET", "POST")
    }
    assert len(attacks) > 2000
    answers = await attacked.send_all(attacks)
    unanswered = [name for name, got in answers.items() if len(got) != 1]
    assert unanswered == []
    for request in attacked.reached():
        assert "%" not in request.path, request.target
        assert request.path in known or find_target("/api/ollama" + request.path).route in TABLE, request.target
        assert not any(word in request.path for word in ("debug", "/me", "pull", "keys", "..")), request.target
