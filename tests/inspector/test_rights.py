"""Which rights an address asks for, and that with fewer nothing else is found out; more of it is in test_readers.py."""

import hashlib
import json
from pathlib import Path

import pytest

from service import settings_file
from service.inspector.readers import Right
from service.inspector.rights import rights_for
from tests.fakes.ollama import FakeOllama
from tests.running_app import ELSEWHERE, ask, chat, found, get, running, until

WORD = "quetzalcoatl"
ANN = {"Authorization": "Bearer ann-token", **ELSEWHERE}


def digest(token: str) -> str:
    """As the file has it."""
    return hashlib.sha256(token.encode()).hexdigest()


FILE = f"""
[reader."Ann"]
token_sha256 = "{digest("ann-token")}"
may = ["bodies"]
"""


def put(file: Path, text: str) -> None:
    """Write the file anew."""
    file.write_text(text)


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "readers.toml"
    path.write_text(FILE)
    return path


@pytest.mark.parametrize(
    "path", ["/new.json", "/exchanges.new", "//exchanges.json", "/exchanges.json/", "/exchanges/x"]
)
def test_what_nobody_thought_of_asks_for_bodies(path: str) -> None:
    assert rights_for("GET", path, frozenset()) == (Right.BODIES,)


@pytest.mark.parametrize(
    ("method", "path"),
    [("GET", "/erasing.json"), ("HEAD", "/erasing.json"), ("DELETE", "/exchanges"), ("POST", "/replays.json")],
)
def test_whatever_is_found_by_words_asks_for_bodies_as_well(method: str, path: str) -> None:
    assert Right.BODIES in rights_for(method, path, frozenset({"q"}))
    assert Right.NUMBERS not in rights_for(method, path, frozenset({"q"}))


def test_sending_again_asks_for_bodies_too_as_it_is_answered_in_words() -> None:
    path = "/exchanges/" + "a" * 32 + "/replay"
    assert rights_for("POST", path, frozenset()) == (Right.REPLAY, Right.BODIES)


async def test_who_may_erase_or_send_again_only_finds_out_no_words(tmp_path: Path, file: Path) -> None:
    put(file, FILE.replace('may = ["bodies"]', 'may = ["erase", "replay"]'))
    async with FakeOllama() as ollama, running(tmp_path, OLLAMA_URL=ollama.url, READERS_FILE=str(file)) as app:
        identifier = await chat(app, f"Say {WORD}")
        await found(app, "", 1)
        for method, path, right in (
            ("GET", f"/erasing.json?q={WORD}", "bodies"),
            ("DELETE", f"/exchanges?q={WORD}&count=9", "bodies"),
            ("POST", f"/replays.json?q={WORD}", "bodies"),
            ("POST", f"/exchanges/{identifier}/replay", "bodies"),
        ):
            got = await ask(app, path, b"{}" if method == "POST" else b"", method, **ANN)
            assert (got.status, json.loads(got.body)["right"]) == (403, right), path
            assert json.loads(got.body)["error"] == "Ann may not do this: it takes the right 'bodies'."
        may = json.loads((await get(app, "/status.json", **ANN)).body)["may"]
        assert may == {"replay": False, "erase": True, "bodies": False}
        assert (await get(app, f"/exchanges/{identifier}", "DELETE", **ANN)).status == 200


async def test_another_token_of_a_reader_ends_the_sessions_of_the_old_one(
    tmp_path: Path, file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(settings_file, "LOOK_SECONDS", 0.02)
    async with running(tmp_path, READERS_FILE=str(file)) as app:
        right = await ask(app, "/sign-in", b"token=ann-token", **ELSEWHERE)
        cookie = (right.header("Set-Cookie") or "").partition(";")[0]
        assert (await get(app, "/exchanges.json", Cookie=cookie, **ELSEWHERE)).status == 200
        put(file, FILE.replace(digest("ann-token"), digest("another-token")))

        async def is_over() -> bool:
            return (await get(app, "/exchanges.json", Cookie=cookie, **ELSEWHERE)).status == 401

        await until(is_over)


async def test_a_long_token_opens_however_many_guess_behind_the_same_address(tmp_path: Path, file: Path) -> None:
    token = "0123456789abcdef" * 2
    put(file, FILE.replace(digest("ann-token"), digest(token)))
    async with running(tmp_path, READERS_FILE=str(file)) as app:
        for number in range(120):
            await get(app, "/exchanges.json", Authorization=f"Bearer guess-{number}", **ELSEWHERE)
        assert (await get(app, "/exchanges.json", Authorization="Bearer guess", **ELSEWHERE)).status == 429
        assert (await get(app, "/exchanges.json", Authorization=f"Bearer {token}", **ELSEWHERE)).status == 200
        assert (await ask(app, "/sign-in", f"token={token}".encode(), **ELSEWHERE)).status == 303
        # From now on the address is known, and a guesser there may be wrong more often. That keeps out nobody either.
        for number in range(120):
            await get(app, "/exchanges.json", Authorization=f"Bearer guess-{number}", **ELSEWHERE)
        assert (await get(app, "/exchanges.json", Authorization=f"Bearer {token}", **ELSEWHERE)).status == 200
        assert (await ask(app, "/sign-in", b"token=guess", **ELSEWHERE)).status == 429
