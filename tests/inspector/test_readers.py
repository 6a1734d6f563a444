"""READERS_FILE: what is understood, what is told, and what each reader gets of a running recorder."""

import asyncio
import hashlib
import json
import logging
from pathlib import Path
from typing import Any

import pytest

from service import settings_file
from service.app import App
from service.inspector.readers import EVERY_RIGHT, NamedReader, Right, read_readers
from service.inspector.rights import rights_for
from tests.fakes.ollama import FakeOllama, answer, whole
from tests.inspector.test_pages import DATA
from tests.running_app import ELSEWHERE, ask, chat, found, get, running, until

WORD = "quetzalcoatl"
PATHS = json.loads((Path(__file__).parents[2] / "service/inspector/openapi.json").read_text())["paths"]


def digest(token: str) -> str:
    """As the file has it."""
    return hashlib.sha256(token.encode()).hexdigest()


FILE = f"""
[reader."Ann"]
token_sha256 = "{digest("ann-token")}"
may = ["bodies", "erase", "replay"]

[reader."Grace"]
token_sha256 = "{digest("grace-token")}"

[reader."Dora"]
may = ["bodies"]

[proxy]
header = "Remote-User"
addresses = ["192.0.2.0/24"]
"""


def put(file: Path, text: str) -> None:
    """Write the file anew."""
    file.write_text(text)


def bearer(name: str) -> dict[str, str]:
    """The headers of a reader on another machine."""
    return {"Authorization": f"Bearer {name.lower()}-token", **ELSEWHERE}


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "readers.toml"
    path.write_text(FILE)
    return path


def test_names_tokens_and_rights_are_read() -> None:
    readers = read_readers(FILE)
    assert readers.by_name["Ann"] == NamedReader("Ann", EVERY_RIGHT, digest("ann-token"))
    assert readers.by_name["Grace"].may == {Right.NUMBERS}
    assert readers.by_name["Dora"].digest is None
    assert readers.here == EVERY_RIGHT
    assert readers.is_proxy("192.0.2.7")
    assert readers.is_proxy("::ffff:192.0.2.7")
    assert not readers.is_proxy("192.0.3.7")
    assert not readers.is_proxy("")
    assert read_readers(FILE + "[here]\nmay = []").here == set()


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("[reader", "no TOML"),
        ("", "no reader in it"),
        ("[readers.Ann]", r"\[readers\]: expected"),
        ("reader = 3", r"\[reader\]: expected tables with a name"),
        ('[reader.Ann]\nmay = ["all"]', "token_sha256: expected"),
        ('[reader.Ann]\ntoken_sha256 = "ann-token"', "64 hexadecimal digits"),
        (f'[reader.Ann]\ntoken_sha256 = "{digest("a")}"\nmay = ["all"]', 'may: expected a list of "numbers", "bodies"'),
        (f'[reader.Ann]\ntoken_sha256 = "{digest("a")}"\nmay = "bodies"', "may: expected a list"),
        (f'[reader.Ann]\ntoken = "{digest("a")}"', "'token' is not known"),
        (f'[reader." "]\ntoken_sha256 = "{digest("a")}"', "expected a name"),
        (f'[reader."a\\n"]\ntoken_sha256 = "{digest("a")}"', "expected a name"),
        ("".join(f'[reader.{one}]\ntoken_sha256 = "{digest("a")}"\n' for one in "ab"), "the same token"),
        ('[reader.Ann]\n[proxy]\nheader = "Remote User"', r"\[proxy\] header"),
        ('[reader.Ann]\n[proxy]\nheader = "Remote-User"', r"\[proxy\] addresses"),
        ('[reader.Ann]\n[proxy]\nheader = "Remote-User"\naddresses = ["proxy"]', "addresses or networks"),
        ('[reader.Ann]\n[proxy]\nheader = "Remote-User"\naddresses = ["10.0.0.5"]\n[here]\nmay = 1', "may: expected"),
    ],
)
def test_what_is_wrong_is_told(text: str, told: str) -> None:
    with pytest.raises(ValueError, match=told):
        read_readers(text)


def test_every_address_asks_for_bodies_unless_it_is_known_to_tell_numbers() -> None:
    closed = {
        (path, method.upper())
        for path, item in PATHS.items()
        for method in item
        if method in ("get", "post", "delete")
        and rights_for(method.upper(), path.replace("{id}", "a" * 32), frozenset()) == (Right.NUMBERS,)
    }
    told = {"/status.json", "/models.json", "/queue.json", "/limits.json", "/openapi.json", "/exchanges.json", "/live"}
    told |= {"/timeline.json", "/week.json", "/values.json", "/stats.json", "/stats.csv", "/metrics", "/"}
    assert {path for path, _ in closed} <= told
    assert {method for _, method in closed} == {"GET"}
    assert rights_for("GET", "/exchanges.json", frozenset({"q"}))[0] is Right.BODIES
    assert rights_for("DELETE", "/exchanges", frozenset())[0] is Right.ERASE
    assert rights_for("DELETE", "/exchanges/" + "a" * 32, frozenset())[0] is Right.ERASE
    assert rights_for("POST", "/exchanges/" + "a" * 32 + "/replay", frozenset())[0] is Right.REPLAY
    assert rights_for("POST", "/replays.json", frozenset())[0] is Right.REPLAY
    assert rights_for("DELETE", "/replays/0123456789abcdef", frozenset())[0] is Right.REPLAY
    assert rights_for("GET", "/replays.json", frozenset())[0] is Right.BODIES


async def recorded(app: App, ollama: FakeOllama) -> str:
    """An exchange of which every text holds WORD; its id."""
    answered = {"message": {"role": "assistant", "content": f"{WORD} twice"}, "done": True, "done_reason": "stop"}
    ollama.answers(
        "/api/chat",
        answer(whole(json.dumps(answered).encode(), 200)),
        answer(whole(b'{"error":"no %b"}' % WORD.encode(), 500)),
    )
    identifier = await chat(app, f"Say {WORD}", path=f"/api/ollama/api/chat?about={WORD}")
    await chat(app, f"Fail {WORD}")
    await found(app, "", 2)
    return identifier


async def test_who_may_see_numbers_sees_no_word_of_anybody(tmp_path: Path, file: Path) -> None:
    async with (
        FakeOllama() as ollama,
        running(tmp_path, OLLAMA_URL=ollama.url, READERS_FILE=str(file), MAX_ACTIVE="4") as app,
    ):
        identifier = await recorded(app, ollama)
        one = [f"/exchanges/{identifier}{part}" for part in (".json", ".curl", "/request", "/response")]
        others = [
            "/failures.json",
            "/report.md",
            "/report.html",
            "/week.json",
            "/queue.json",
            "/limits.json",
            "/replays.json",
        ]
        searched = ["/exchanges.json?q=" + WORD, "/stats.json?q=" + WORD, "/timeline.json?q=" + WORD]
        statuses = {}
        for path in [*DATA, *one, *others, *searched, f"/comparison.json?of={identifier}&with={identifier}"]:
            got = await get(app, path, **bearer("Grace"))
            statuses[path.partition("?")[0] + ("?q" if "?q" in path else "")] = got.status
            assert WORD.encode() not in got.body, path
            if got.status == 403:
                assert json.loads(got.body)["setting"] == "READERS_FILE"
        assert {path for path, status in statuses.items() if status == 200} == {
            *("/exchanges.json", "/timeline.json", "/stats.json", "/status.json", "/values.json", "/openapi.json"),
            *("/models.json", "/metrics", "/week.json", "/queue.json", "/limits.json"),
        }
        assert set(statuses.values()) == {200, 403}
        entries = json.loads((await get(app, "/exchanges.json", **bearer("Grace"))).body)["exchanges"]
        assert [entry["status"] for entry in entries] == [500, 200]
        for path, method in ((f"/exchanges/{identifier}", "DELETE"), (f"/exchanges/{identifier}/replay", "POST")):
            assert (await get(app, path, method, **bearer("Grace"))).status == 403
        assert json.loads((await get(app, "/status.json", **bearer("Grace"))).body)["may"] == {
            "replay": False,
            "erase": False,
            "bodies": False,
        }


async def test_the_feed_of_who_may_see_numbers_has_no_words(tmp_path: Path, file: Path) -> None:
    async with FakeOllama() as ollama, running(tmp_path, OLLAMA_URL=ollama.url, READERS_FILE=str(file)) as app:
        feeds = []
        for name in ("Grace", "Ann"):
            reader, writer = await asyncio.open_connection("127.0.0.1", app.port)
            headers = "".join(f"{key.replace('_', '-')}: {value}\r\n" for key, value in bearer(name).items())
            writer.write(f"GET /live HTTP/1.1\r\nHost: localhost\r\n{headers}\r\n".encode())
            async with asyncio.timeout(20):
                await reader.readuntil(b"hello")
            feeds.append((reader, writer))
        identifier = await recorded(app, ollama)
        heard = []
        for reader, writer in feeds:
            async with asyncio.timeout(20):
                await reader.readuntil(b"event: ended")
                heard.append(await reader.readuntil(b"\n\n"))
            writer.close()
        assert all(identifier.encode() in one for one in heard)
        assert [WORD.encode() in one for one in heard] == [False, True]


async def test_readings_and_erasures_are_told_by_name(
    tmp_path: Path, file: Path, caplog: pytest.LogCaptureFixture
) -> None:
    async with FakeOllama() as ollama, running(tmp_path, OLLAMA_URL=ollama.url, READERS_FILE=str(file)) as app:
        identifier = await recorded(app, ollama)
        with caplog.at_level(logging.INFO):
            assert (await get(app, f"/exchanges/{identifier}/request", **bearer("Ann"))).status == 200
            assert (await get(app, "/exchanges.jsonl", **bearer("Ann"))).status == 200
            assert (await get(app, f"/exchanges/{identifier}.json")).status == 200
            assert (await get(app, f"/exchanges/{identifier}", **bearer("Grace"))).status == 403
            assert (await get(app, f"/exchanges/{identifier}", "DELETE", **bearer("Ann"))).status == 200

        def told(event: str) -> list[dict[str, Any]]:
            return [vars(one) for one in caplog.records if getattr(one, "event", "") == event]

        assert [(one["reader"], one["address"], one["path"]) for one in told("WordsRead")] == [
            ("Ann", "203.0.113.9", f"/exchanges/{identifier}/request"),
            ("Ann", "203.0.113.9", "/exchanges.jsonl"),
            ("this machine", "127.0.0.1", f"/exchanges/{identifier}.json"),
        ]
        assert [one["by"] for one in told("RecordsErased")] == ["Ann (203.0.113.9)"]


async def test_a_right_to_replay_opens_it_from_elsewhere_unless_it_is_off(tmp_path: Path, file: Path) -> None:
    for setting, expected in (("loopback", True), ("false", False)):
        folder = tmp_path / setting
        async with running(folder, READERS_FILE=str(file), INSPECTOR_REPLAY=setting) as app:
            may = json.loads((await get(app, "/status.json", **bearer("Ann"))).body)["may"]
            assert may == {"replay": expected, "erase": True, "bodies": True}


async def test_a_browser_signs_in_as_a_reader_and_what_the_file_says_then_counts_at_once(
    tmp_path: Path, file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(settings_file, "LOOK_SECONDS", 0.02)
    async with running(tmp_path, READERS_FILE=str(file)) as app:
        right = await ask(app, "/sign-in", b"token=ann-token", **ELSEWHERE)
        cookie = (right.header("Set-Cookie") or "").partition(";")[0]

        async def status(path: str) -> int:
            return (await get(app, path, Cookie=cookie, **ELSEWHERE)).status

        assert await status("/exchanges.jsonl") == 200
        put(file, FILE.replace('may = ["bodies", "erase", "replay"]', 'may = ["erase"]'))

        async def is_narrowed() -> bool:
            return await status("/exchanges.jsonl") == 403

        await until(is_narrowed)
        put(file, FILE.replace('"Ann"', '"Anne"'))

        async def is_gone() -> bool:
            return await status("/exchanges.json") == 401

        await until(is_gone)


async def test_guesses_of_others_keep_out_nobody_who_was_right_before(tmp_path: Path, file: Path) -> None:
    async with running(tmp_path, READERS_FILE=str(file)) as app:
        assert (await get(app, "/exchanges.json", **bearer("Grace"))).status == 200
        for _ in range(20):
            await get(app, "/exchanges.json", Authorization="Bearer guess", **ELSEWHERE)
        assert (await get(app, "/exchanges.json", **bearer("Grace"))).status == 200
        stranger = {"X_Forwarded_For": "198.51.100.1"}
        for _ in range(5):
            await get(app, "/exchanges.json", Authorization="Bearer guess", **stranger)
        assert (await get(app, "/exchanges.json", Authorization="Bearer ann-token", **stranger)).status == 429


async def test_this_machine_may_what_the_file_says(tmp_path: Path, file: Path) -> None:
    put(file, FILE + '[here]\nmay = ["numbers"]\n')
    async with running(tmp_path, READERS_FILE=str(file)) as app:
        assert (await get(app, "/exchanges.json")).status == 200
        assert (await get(app, "/exchanges.jsonl")).status == 403
        assert (await get(app, "/exchanges.jsonl", Authorization="Bearer ann-token")).status == 200
    put(file, FILE + "[here]\nmay = []\n")
    async with running(tmp_path, READERS_FILE=str(file)) as app:
        assert (await get(app, "/exchanges.json")).status == 401
        assert (await get(app, "/healthz")).status == 200


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({"Remote_User": "Dora"}, 200),
        ({"Remote_User": "Ann"}, 200),
        ({"Remote_User": "Mallory"}, 401),
        ({"Remote_User": ""}, 401),
        ({"Remote_User": "Dora", "Remote-User": "Ann"}, 401),
        ({}, 401),
    ],
)
async def test_a_proxy_that_signs_people_in_names_them(
    tmp_path: Path, file: Path, headers: dict[str, str], status: int
) -> None:
    put(file, FILE.replace("192.0.2.0/24", "127.0.0.1"))
    async with running(tmp_path, READERS_FILE=str(file)) as app:
        assert (await get(app, "/exchanges.jsonl", **headers, **ELSEWHERE)).status == status


async def test_the_header_is_believed_from_nobody_else(tmp_path: Path, file: Path) -> None:
    async with running(tmp_path, READERS_FILE=str(file)) as app:
        assert (await get(app, "/exchanges.json", Remote_User="Ann", **ELSEWHERE)).status == 401
