"""The journal and its index: are they there, sound and private, and is there room for more."""

import contextlib
import errno
import os
import shutil
import sqlite3
import time
from contextlib import closing
from pathlib import Path
from urllib.parse import quote

from service.cli.doctor.chapters import Chapter
from service.cli.doctor.check_result import CheckResult, Severity
from service.journal import JournalError
from service.journal.folder import JOURNAL, files_in_use
from service.journal.reader import Reader
from service.journal.transaction import is_empty
from service.record.wording import counted
from service.search.index import INDEX
from service.settings import Settings

# Reading every page of many gigabytes takes minutes; `journal check` does it for those who want to know.
_LOOK_SECONDS = 4.0
_LITTLE_BYTES = 1_000_000_000
_GIGABYTE = 1_000_000_000
_INDEX_LAG = 1000
_SAVE = (
    "A running recorder sets a damaged file aside within seconds, another one at its start: it saves what can be read."
)


def look_at_storage(settings: Settings) -> list[CheckResult]:
    """Findings about DATA_DIR."""
    folder = settings.data_dir
    if folder.exists() and not folder.is_dir():
        text = f"DATA_DIR={str(folder)!r} is no folder."
        return [CheckResult("journal", Severity.PROBLEM, text, "Name another one in DATA_DIR.", Chapter.NOT_RUNNING)]
    if not folder.is_dir():
        return [
            CheckResult("journal", Severity.NOTE, f"There is none in {str(folder)!r} yet.", "The recorder makes it.")
        ]
    if not os.access(folder, os.R_OK | os.X_OK):
        raise PermissionError(errno.EACCES, "not for this user", str(folder))
    results = [_room(settings), *_owners(folder)]
    if folder.stat().st_mode & 0o077:
        # Shut by another owner, the recorder could not look into it either.
        is_ours = os.geteuid() in (0, folder.stat().st_uid)
        advice = f"chmod 700 {folder}" if is_ours else f"Give it to the recorder's user first, then: chmod 700 {folder}"
        results.append(
            CheckResult("journal", Severity.PROBLEM, "Other users may look into its folder.", advice, Chapter.OPEN)
        )
    if set_aside := sorted(path.name for path in folder.glob(f"{JOURNAL}.corrupt-*")):
        text = f"Damaged files were set aside: {', '.join(set_aside)}. What could be read of them is in the journal."
        results.append(
            CheckResult("journal", Severity.NOTE, text, "Delete them when you do not need them.", Chapter.DAMAGED)
        )
    reader = Reader(folder, seconds=_LOOK_SECONDS)
    try:
        results += _soundness(reader)
        results += _index(settings, reader)
    except JournalError as trouble:
        results.append(_unreadable(trouble))
    finally:
        reader.close()
    return results


def _owners(folder: Path) -> list[CheckResult]:
    """Whether the recorder's user may write to the folder and to all that is in it."""
    of_others = _of_others(folder)
    if not of_others:
        return []
    text = f"In {str(folder)!r} is what its user may not write to: {', '.join(of_others)}."
    advice = "Give the folder and all that is in it to the user that the recorder runs as."
    return [CheckResult("journal", Severity.PROBLEM, text, advice, Chapter.NOT_WRITABLE)]


def _of_others(folder: Path) -> list[str]:
    """The recorder's user is whoever asks. Root may do everything: for root it is whoever owns the folder or, where
    that is root as well, the files in it."""
    me, found = os.geteuid(), folder.stat()
    owners = {}
    for path in files_in_use(folder):
        with contextlib.suppress(FileNotFoundError):  # SQLite takes its log away
            owners[path] = path.stat().st_uid
    if me == 0 and found.st_uid != 0:
        return [_owned(path.name, owner) for path, owner in owners.items() if owner != found.st_uid]
    if me == 0:
        is_closed = any(owners.values()) and not found.st_mode & 0o022
        return [_owned("the folder", 0)] if is_closed else []
    strange = [_owned(path.name, owner) for path, owner in owners.items() if not os.access(path, os.R_OK | os.W_OK)]
    return strange if os.access(folder, os.W_OK) else [_owned("the folder", found.st_uid), *strange]


def _owned(name: str, owner: int) -> str:
    return f"{name} (of user {owner})"


def _room(settings: Settings) -> CheckResult:
    disk = shutil.disk_usage(settings.data_dir)
    taken = sum(path.stat().st_size for path in settings.data_dir.glob(f"{JOURNAL}*") if path.is_file())
    text = f"{taken / _GIGABYTE:,.2f} GB taken, {disk.free / _GIGABYTE:,.1f} GB free."
    if disk.free < _LITTLE_BYTES:
        advice = "Make room, or keep less with RETENTION_GB or RETENTION_DAYS: a full disk costs the oldest records."
        return CheckResult("disk", Severity.PROBLEM, text, advice, Chapter.DISK)
    if disk.free + taken < settings.retention_gb * _GIGABYTE:
        advice = f"RETENTION_GB={settings.retention_gb:g} is more than fits: set it to what may be taken."
        return CheckResult("disk", Severity.ADVICE, text, advice, Chapter.DISK)
    return CheckResult("disk", Severity.GOOD, text)


def _soundness(reader: Reader) -> list[CheckResult]:
    (records,) = reader.ask("SELECT count(*) FROM exchange")[0]
    try:
        problems = [str(text) for (text,) in reader.ask("PRAGMA quick_check(3)")]
    except JournalError as trouble:
        return [_unreadable(trouble)]
    if problems == ["ok"]:
        return [CheckResult("journal", Severity.GOOD, f"Sound, {counted(records, 'record')}.")]
    return [CheckResult("journal", Severity.PROBLEM, f"Damaged: {'; '.join(problems)}", _SAVE, Chapter.DAMAGED)]


def _unreadable(trouble: JournalError) -> CheckResult:
    cause = trouble.__cause__
    if not isinstance(cause, sqlite3.Error):
        return CheckResult("journal", Severity.NOTE, _sentence(trouble), "The recorder makes it.")
    if cause.sqlite_errorcode == sqlite3.SQLITE_INTERRUPT:
        text = f"Too large to be looked through in {_LOOK_SECONDS:g} s."
        return CheckResult("journal", Severity.NOTE, text, "`ollama-recorder journal check` reads every page.")
    if cause.sqlite_errorcode & 0xFF in (sqlite3.SQLITE_CANTOPEN, sqlite3.SQLITE_PERM, sqlite3.SQLITE_AUTH):
        advice = "Run doctor as the recorder's own user, or in its container."
        return CheckResult("journal", Severity.PROBLEM, _sentence(trouble), advice, Chapter.NOT_WRITABLE)
    if cause.sqlite_errorcode == sqlite3.SQLITE_ERROR:
        # Sound, with other tables than ours.
        advice = "Name another folder in DATA_DIR, or use the version of the recorder that wrote it."
        return CheckResult(
            "journal", Severity.PROBLEM, f"It is no journal of this recorder: {cause}.", advice, Chapter.NOT_RUNNING
        )
    return CheckResult("journal", Severity.PROBLEM, _sentence(trouble), _SAVE, Chapter.DAMAGED)


def _sentence(trouble: JournalError) -> str:
    text = str(trouble)
    return f"{text[:1].upper()}{text[1:]}."


def _index(settings: Settings, reader: Reader) -> list[CheckResult]:
    newest = reader.newest_number()
    advice = "`ollama-recorder stats` makes it; so does the recorder."
    try:
        known = _indexed(settings.data_dir) if (settings.data_dir / INDEX).is_file() else None
    except sqlite3.Error as error:
        return [CheckResult("index", Severity.NOTE, f"The index cannot be read: {error}.", advice, Chapter.NOT_FOUND)]
    if known is None:
        text = f"There is no index in {str(settings.data_dir)!r} yet."
        return [CheckResult("index", Severity.NOTE, text, advice, Chapter.NOT_FOUND)]
    (kept,) = reader.ask("SELECT count(*) FROM exchange WHERE number <= ?", (newest,))[0]
    behind = max(0, kept - known)
    results = [
        CheckResult("index", Severity.GOOD, "Up to date." if not behind else f"{counted(behind, 'record')} behind.")
    ]
    if behind > _INDEX_LAG:
        advice = "It catches up by itself while the recorder runs; `ollama-recorder stats` does it at once."
        results = [
            CheckResult(
                "index",
                Severity.NOTE,
                f"{counted(behind, 'record')} behind: a search does not find those yet.",
                advice,
                Chapter.NOT_FOUND,
            )
        ]
    return results


def _indexed(folder: Path) -> int | None:
    """How many records the index knows; None while it has no tables.

    A search would delete an index that is damaged; here nothing is changed.
    """
    deadline = time.monotonic() + _LOOK_SECONDS
    address = f"file:{quote(str((folder / INDEX).absolute()))}?mode=ro"
    with closing(sqlite3.connect(address, uri=True, timeout=_LOOK_SECONDS)) as connection:
        connection.set_progress_handler(lambda: time.monotonic() > deadline, 20_000)
        if is_empty(connection):
            return None
        return int(connection.execute("SELECT count(*) FROM fact").fetchone()[0])
