"""The recorder: whether it runs, whether these are its settings and its version, and what its own pages tell."""

import contextlib
import fcntl
import json
import os
from pathlib import Path
from typing import Any

import service
from service.cli.doctor.chapters import Chapter
from service.cli.doctor.check_result import CheckResult, Severity
from service.cli.doctor.ollama import is_in_container
from service.cli.environment import base_address
from service.cli.http_client import ask, why
from service.journal import JournalError
from service.journal.folder import LOCK
from service.journal.reader import Reader
from service.settings import Settings
from service.shipping.loki.settings import NAME as LOKI

_ABOUT = "recorder"
_LOG = ("Its log says more.", None)
_RATE = ("Raise Loki's limits_config.ingestion_rate_mb; loki/loki.yaml has them all.", Chapter.TOO_MANY)
_FULL = ("Make room on the disk of DATA_DIR; its log says more.", Chapter.DISK)
_NOT_ITS_OWN = (
    "Give DATA_DIR and all files in it to the recorder's user, and see that nothing mounts it read-only.",
    Chapter.NOT_WRITABLE,
)
_BROKEN_DISK = ("The disk does not read or write: look into the system's own log, and at the mount.", Chapter.DAMAGED)
_SAVING = ("Wait some seconds: it saves what can be read. Then look at the disk.", Chapter.DAMAGED)
_BY_NAME = {
    "SQLITE_READONLY_DBMOVED": _SAVING,
    "SQLITE_READONLY": _NOT_ITS_OWN,
    "SQLITE_CANTOPEN": _NOT_ITS_OWN,
    "SQLITE_PERM": _NOT_ITS_OWN,
    "SQLITE_AUTH": _NOT_ITS_OWN,
    "PermissionError": _NOT_ITS_OWN,
    "SQLITE_IOERR": _BROKEN_DISK,
    "SQLITE_CORRUPT": _SAVING,
    "SQLITE_NOTADB": _SAVING,
    "SQLITE_FULL": _FULL,
}
"""What to do, by the name of the trouble in /readyz, whose end is not compared: the first that fits counts."""


def look_at_recorder(settings: Settings, url: str = "") -> list[CheckResult]:
    """Findings about the recorder at ``url`` (empty: where LISTEN says) and about who holds DATA_DIR."""
    base = base_address(settings, url)
    holder = holder_of(settings)
    try:
        alive = ask(f"{base}/healthz")
    except OSError as error:
        return [_absent(base, holder, error)]
    if alive.status != 200 or alive.body.strip() != b"ok":
        return [
            CheckResult(
                _ABOUT,
                Severity.PROBLEM,
                f"Something else than the recorder answers at {base} ({alive.status} for /healthz).",
                "Give the recorder another address with LISTEN, or stop that program.",
                Chapter.NOT_RUNNING,
            )
        ]
    results = [*_versions(settings, base), *_readiness(base), *_losses(settings, base), *_reach(settings)]
    if holder is None and _may_be_looked_into(settings.data_dir):
        results.append(
            CheckResult(
                _ABOUT,
                Severity.PROBLEM,
                f"It runs, but nobody writes to DATA_DIR={str(settings.data_dir)!r}: it uses another folder.",
                "Start this command with the settings of the recorder, or in its container.",
                Chapter.NOT_RUNNING,
            )
        )
    return results


def holder_of(settings: Settings) -> str | None:
    """Who holds DATA_DIR ("process 12 on host since …"); None when nobody does."""
    try:
        descriptor = os.open(settings.data_dir / LOCK, os.O_RDONLY | os.O_CLOEXEC)
    except OSError:
        return None
    try:
        # Shared, and given back at once: a recorder that starts at this moment would otherwise be turned away.
        fcntl.flock(descriptor, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except OSError:
        return os.pread(descriptor, 200, 0).decode(errors="replace").strip() or "an unknown process"
    finally:
        os.close(descriptor)
    return None


def _may_be_looked_into(folder: Path) -> bool:
    """Where this user may not look, somebody else may well hold what is in it."""
    try:
        return not folder.exists() or os.access(folder, os.X_OK)
    except PermissionError:
        return False


def _absent(base: str, holder: str | None, error: OSError) -> CheckResult:
    if holder is not None:
        return CheckResult(
            _ABOUT,
            Severity.PROBLEM,
            f"It runs ({holder}), but not at {base}: {why(error)}.",
            "Set LISTEN here to what it was started with, or say --url.",
            Chapter.NOT_RUNNING,
        )
    return CheckResult(
        _ABOUT,
        Severity.PROBLEM,
        f"It does not run: nothing answers at {base} ({why(error)}).",
        "Start it: `make run`, `ollama-recorder serve`, or `make up` for Docker.",
        Chapter.NOT_RUNNING,
    )


def _versions(settings: Settings, base: str) -> list[CheckResult]:
    status = _document(base, "/status.json", _login(settings))
    if other := _of_another_journal(settings, status, base):
        return [other]
    theirs = status.get("version")
    if theirs is None:
        return [CheckResult(_ABOUT, Severity.GOOD, f"It answers at {base}.")]
    if theirs != service.__version__:
        return [
            CheckResult(
                _ABOUT,
                Severity.PROBLEM,
                f"Version {theirs} runs at {base}; this command is of version {service.__version__}.",
                "Start the recorder again with the newer one.",
            )
        ]
    return [CheckResult(_ABOUT, Severity.GOOD, f"Version {theirs} answers at {base}.")]


def _of_another_journal(settings: Settings, status: dict[str, Any], base: str) -> CheckResult | None:
    """Whether the recorder at ``base`` keeps another journal than the one in DATA_DIR."""
    kept = status.get("journal")
    if not isinstance(kept, dict):
        return None
    reader = Reader(settings.data_dir)
    try:
        # A host's name is that of all its journals; an older recorder tells no more.
        ours = {"instance": reader.instance(), "file_number": reader.file_number()}
    except (JournalError, IndexError, OSError):
        return None
    finally:
        reader.close()
    if all(kept.get(name, value) == value for name, value in ours.items()):
        return None
    return CheckResult(
        _ABOUT,
        Severity.PROBLEM,
        f"Another recorder answers at {base}: it does not keep the journal in DATA_DIR={str(settings.data_dir)!r}.",
        "Say --url with the address of the recorder of this folder, or start this command with the other's settings.",
        Chapter.NOT_RUNNING,
    )


def _readiness(base: str) -> list[CheckResult]:
    degraded = _document(base, "/readyz", {}).get("degraded")
    if not isinstance(degraded, dict):
        return []
    # Ollama and Loki are asked here themselves, with advice; what is left is known to the recorder alone.
    return [
        CheckResult(_ABOUT, Severity.PROBLEM, f"It says of its {part}: {trouble}", *_advice(part, str(trouble)))
        for part, trouble in degraded.items()
        if part != "ollama" and not (part == LOKI and "HTTP 429" not in str(trouble))
        # Whoever cannot read the journal says so, and the journal itself says why.
        if part == "journal" or "journal" not in degraded or "the journal cannot be read" not in str(trouble)
    ]


def _advice(part: str, trouble: str) -> tuple[str, Chapter | None]:
    if part == LOKI:
        return _RATE
    if part not in ("journal", "index"):
        return _LOG
    is_journal = part == "journal"
    advice = next((advice for name, advice in _BY_NAME.items() if f"({name}" in trouble), _FULL if is_journal else _LOG)
    # Nothing of an index is saved: a damaged one is made again.
    return _LOG if advice is _SAVING and not is_journal else advice


def _losses(settings: Settings, base: str) -> list[CheckResult]:
    """What the recorder could not keep since it started."""
    numbers = _metrics(base, _login(settings))
    results = []
    if lost := numbers.get("ollama_recorder_lost_records_total", 0.0):
        text = f"{lost:,.0f} exchanges left no record since it started: the journal could not take them."
        results.append(CheckResult(_ABOUT, Severity.PROBLEM, text, "Its log says why (RecordsLost).", Chapter.DISK))
    if lost := numbers.get("ollama_recorder_lost_bodies_total", 0.0):
        text = f"{lost:,.0f} records were kept without bodies since it started: there was no room for them."
        results.append(CheckResult(_ABOUT, Severity.ADVICE, text, "Its log says why (BodiesLost).", Chapter.DISK))
    return results


def _metrics(base: str, headers: dict[str, str]) -> dict[str, float]:
    """The numbers without labels; empty when they are not for us."""
    try:
        text = ask(f"{base}/metrics", headers=headers).body.decode("utf-8", "replace")
    except OSError:
        return {}
    numbers = {}
    for line in text.splitlines():
        name, _, value = line.partition(" ")
        with contextlib.suppress(ValueError):
            numbers[name] = float(value)
    return numbers


def _reach(settings: Settings) -> list[CheckResult]:
    """Who reaches it, as far as LISTEN tells. In a container it listens on all of its own addresses, as it must."""
    if settings.listen[0] in ("127.0.0.1", "::1", "localhost"):
        text = (
            f"It listens on {settings.listen_at()} only: programs in containers and on other machines do not reach it."
        )
        advice = (
            "That is right for callers on this machine; others come through `make up`, or a LISTEN that they reach."
        )
        return [CheckResult(_ABOUT, Severity.NOTE, text, advice, Chapter.NOT_REACHED)]
    if settings.api_keys_file is None and not is_in_container():
        text = (
            f"It listens on {settings.listen_at()} without API_KEYS_FILE: whoever reaches this machine may use the"
            " models."
        )
        return [
            CheckResult(
                _ABOUT, Severity.ADVICE, text, "Give each caller a key, or let a firewall decide.", Chapter.OPEN
            )
        ]
    return []


def _login(settings: Settings) -> dict[str, str]:
    return {"Authorization": f"Bearer {settings.inspector_token}"} if settings.inspector_token else {}


def _document(base: str, path: str, headers: dict[str, str]) -> dict[str, Any]:
    try:
        document = json.loads(ask(base + path, headers=headers).body)
    except (OSError, ValueError, RecursionError):
        return {}
    return document if isinstance(document, dict) else {}
