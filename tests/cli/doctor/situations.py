"""Every situation that doctor finds by itself: how it is made, and which entry of the page it is."""

import shutil
from collections import namedtuple
from collections.abc import Callable
from typing import Any

from service.cli.doctor import ollama, recorder_process
from service.cli.doctor.chapters import Chapter
from service.cli.doctor.check_result import CheckResult, Severity
from service.cli.doctor.ollama import look_at_ollama
from service.cli.doctor.receivers import look_at_receivers
from service.cli.doctor.recorder_process import look_at_recorder
from service.cli.doctor.storage import look_at_storage
from service.journal.folder import JOURNAL
from tests.cli.answering import Said
from tests.cli.doctor.given_traffic import call
from tests.cli.doctor.place import Place, Situation
from tests.cli.doctor.traffic_situations import TRAFFIC_SITUATIONS
from tests.cli.kept import chat, keep
from tests.journal.given import open_journal

OLLAMA: dict[str, Any] = {"/api/version": {"version": "0.17.4"}, "/api/tags": {"models": [{"name": "llama3.2:latest"}]}}
Usage = namedtuple("Usage", "total used free")


def ollama_says(answers: dict[str, Any]) -> Callable[[Place], list[CheckResult]]:
    return lambda place: look_at_ollama(place.settings(OLLAMA_URL=place.answers(answers).url))


def ollama_away(url: str, in_container: bool = False) -> Callable[[Place], list[CheckResult]]:
    def make(place: Place) -> list[CheckResult]:
        mark = place.folder.parent if in_container else place.folder.parent / "absent"
        place.monkeypatch.setattr(ollama, "_CONTAINER_MARKS", (mark,))
        return look_at_ollama(place.settings(OLLAMA_URL=url))

    return make


def ollama_listens_on(address: str) -> Callable[[Place], list[CheckResult]]:
    def make(place: Place) -> list[CheckResult]:
        place.monkeypatch.setattr(ollama, "listening_addresses", lambda port: [address])
        return ollama_says(OLLAMA)(place)

    return make


def partly_on_gpu(place: Place) -> list[CheckResult]:
    loaded = {"name": "llama3.2:latest", "size": 8_000_000_000, "size_vram": 5_000_000_000, "context_length": 8192}
    return ollama_says(OLLAMA | {"/api/ps": {"models": [loaded]}})(place)


def ourselves(place: Place) -> list[CheckResult]:
    return look_at_ollama(place.settings(OLLAMA_URL="http://localhost:8080", LISTEN="127.0.0.1:8080"))


def recorder_says(answers: dict[str, Any], **environment: str) -> Callable[[Place], list[CheckResult]]:
    def make(place: Place) -> list[CheckResult]:
        place.monkeypatch.setattr(recorder_process, "is_in_container", lambda: False)
        return look_at_recorder(place.settings(**environment), place.answers({"/healthz": b"ok\n"} | answers).url)

    return make


def no_recorder(place: Place) -> list[CheckResult]:
    return look_at_recorder(place.settings())


def full_disk(place: Place) -> list[CheckResult]:
    keep(place.folder, chat(1))
    place.monkeypatch.setattr(shutil, "disk_usage", lambda path: Usage(1 << 40, 0, 200_000_000))
    return look_at_storage(place.settings())


def damaged(place: Place) -> list[CheckResult]:
    keep(place.folder, *(chat(number, "x" * 5000) for number in range(1, 51)))
    file = place.folder / JOURNAL
    content = bytearray(file.read_bytes())
    content[40_000:80_000] = b"\xa5" * 40_000
    file.write_bytes(content)
    return look_at_storage(place.settings())


def without_index(place: Place) -> list[CheckResult]:
    keep(place.folder, chat(1))
    return look_at_storage(place.settings())


def open_folder(place: Place) -> list[CheckResult]:
    keep(place.folder, chat(1))
    place.folder.chmod(0o755)
    return look_at_storage(place.settings())


def wrong_clock(place: Place) -> list[CheckResult]:
    server = place.answers(OLLAMA, date="Sat, 01 Jan 2000 00:00:00 GMT")
    return look_at_ollama(place.settings(OLLAMA_URL=server.url))


def loki_away(place: Place) -> list[CheckResult]:
    return look_at_receivers(place.settings(LOKI_URL="http://127.0.0.1:1"))


def loki_waits(place: Place) -> list[CheckResult]:
    keep(place.folder, call(1, ago=7200), call(2, ago=5))
    return look_at_receivers(place.settings(LOKI_URL=place.answers({"/ready": b"ready"}).url))


def loki_parked(reason: str, detail: str) -> Callable[[Place], list[CheckResult]]:
    def make(place: Place) -> list[CheckResult]:
        keep(place.folder, call(1, ago=60))
        with open_journal(place.folder, receivers=["loki"]) as journal:
            journal.move_cursor("loki", 1)
            journal.park("loki", 1, reason, detail)
        return look_at_receivers(place.settings(LOKI_URL=place.answers({"/ready": b"ready"}).url))

    return make


def loki_answers(answer: Any, ago: float = 60) -> Callable[[Place], list[CheckResult]]:
    def make(place: Place) -> list[CheckResult]:
        keep(place.folder, call(1, ago=ago))
        with open_journal(place.folder, receivers=["loki"]) as journal:
            journal.move_cursor("loki", 1)
        server = place.answers({"/ready": b"ready", "/loki/api/v1/query_range": answer})
        return look_at_receivers(place.settings(LOKI_URL=server.url))

    return make


NOT_FOUND = {"status": "success", "data": {"resultType": "streams", "result": []}}
DEGRADED_BY_429 = {"/readyz": {"degraded": {"loki": "HTTP 429: ingestion rate limit exceeded for user fake"}}}
OWNED_BY_ROOT = {"/readyz": {"degraded": {"journal": "attempt to write a readonly database (SQLITE_READONLY)"}}}

SITUATIONS = (
    *TRAFFIC_SITUATIONS,
    Situation("a model that is partly on the GPU", Chapter.SLOW, Severity.ADVICE, partly_on_gpu),
    Situation("an Ollama that is away", Chapter.UNREACHABLE, Severity.PROBLEM, ollama_away("http://127.0.0.1:1")),
    Situation(
        "a container that looks for Ollama on its own loopback",
        Chapter.CONTAINERS,
        Severity.PROBLEM,
        ollama_away("http://127.0.0.1:1", in_container=True),
    ),
    Situation("an Ollama on loopback only", Chapter.CONTAINERS, Severity.NOTE, ollama_listens_on("127.0.0.1")),
    Situation(
        "an Ollama that refuses a name",
        Chapter.CONTAINERS,
        Severity.PROBLEM,
        ollama_says({"/api/version": Said(b"", 403)}),
    ),
    Situation("an Ollama on all addresses", Chapter.OPEN, Severity.NOTE, ollama_listens_on("::")),
    Situation(
        "a recorder without keys on all addresses",
        Chapter.OPEN,
        Severity.ADVICE,
        recorder_says({}, LISTEN="0.0.0.0:8080"),
    ),
    Situation("a folder that others may read", Chapter.OPEN, Severity.PROBLEM, open_folder),
    Situation(
        "a recorder on loopback only", Chapter.NOT_REACHED, Severity.NOTE, recorder_says({}, LISTEN="127.0.0.1:8080")
    ),
    Situation("no recorder", Chapter.NOT_RUNNING, Severity.PROBLEM, no_recorder),
    Situation(
        "another program in its place", Chapter.NOT_RUNNING, Severity.PROBLEM, recorder_says({"/healthz": b"hello"})
    ),
    Situation(
        "no Ollama at OLLAMA_URL", Chapter.NOT_OLLAMA, Severity.PROBLEM, ollama_says({"/api/version": b"<html>"})
    ),
    Situation("the recorder behind itself", Chapter.NOT_OLLAMA, Severity.PROBLEM, ourselves),
    Situation("no model", Chapter.NO_MODEL, Severity.PROBLEM, ollama_says(OLLAMA | {"/api/tags": {"models": []}})),
    Situation("nothing shipped", Chapter.NO_DATA, Severity.NOTE, lambda place: look_at_receivers(place.settings())),
    Situation("no Loki", Chapter.NO_DATA, Severity.PROBLEM, loki_away),
    Situation("a Loki that is behind", Chapter.NO_DATA, Severity.PROBLEM, loki_waits),
    Situation("a Loki that does not have what it took", Chapter.NO_DATA, Severity.PROBLEM, loki_answers(NOT_FOUND)),
    Situation("the same of long ago", Chapter.NO_DATA, Severity.ADVICE, loki_answers(NOT_FOUND, ago=4 * 3600)),
    Situation("a web server for a Loki", Chapter.NO_DATA, Severity.PROBLEM, loki_answers(b"<html>")),
    Situation(
        "a record that came too late",
        Chapter.TOO_LATE,
        Severity.ADVICE,
        loki_parked("too_far_behind", "HTTP 400: entry too far behind, entry timestamp is: 2026-11-21T02:16:04Z"),
    ),
    Situation(
        "a record that is too long",
        Chapter.TOO_LONG,
        Severity.ADVICE,
        loki_parked("line_too_long", "HTTP 400: Max entry size '262144' bytes exceeded"),
    ),
    Situation("a Loki with too little allowed", Chapter.TOO_MANY, Severity.PROBLEM, recorder_says(DEGRADED_BY_429)),
    Situation(
        "a Loki with too many queries",
        Chapter.TOO_MANY,
        Severity.ADVICE,
        loki_answers(Said(b"too many outstanding requests", 429)),
    ),
    Situation("a full disk", Chapter.DISK, Severity.PROBLEM, full_disk),
    Situation(
        "records that were lost",
        Chapter.DISK,
        Severity.PROBLEM,
        recorder_says({"/metrics": b"ollama_recorder_lost_records_total 3.0\n"}),
    ),
    Situation("a journal of root's", Chapter.NOT_WRITABLE, Severity.PROBLEM, recorder_says(OWNED_BY_ROOT)),
    Situation("a damaged journal", Chapter.DAMAGED, Severity.PROBLEM, damaged),
    Situation("no index", Chapter.NOT_FOUND, Severity.NOTE, without_index),
    Situation("a wrong clock", Chapter.CLOCK, Severity.PROBLEM, wrong_clock),
)
