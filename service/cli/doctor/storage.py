"""The journal and its index: are they there, sound and private, and is there room for more."""

import shutil
import sqlite3
import time

from service.cli.doctor.finding import Finding, State
from service.journal import JournalError
from service.journal.filters import Filter
from service.journal.folder import JOURNAL
from service.journal.reader import Reader
from service.journal.search import Search
from service.record.wording import counted
from service.settings import Settings

# Reading every page of many gigabytes takes minutes; `journal check` does it for those who want to know.
_LOOK_SECONDS = 10.0
_LITTLE_BYTES = 1_000_000_000
_GIGABYTE = 1_000_000_000
_INDEX_LAG = 1000
_SAVE = "Start the recorder again: it sets a damaged file aside and saves what can be read into a new one."
_WEEK_NS = 7 * 86_400 * 1_000_000_000


def look_at_storage(settings: Settings) -> list[Finding]:
    """Findings about DATA_DIR."""
    folder = settings.data_dir
    if not folder.is_dir():
        return [Finding("journal", State.NOTE, f"There is none in {str(folder)!r} yet.", "The recorder makes it.")]
    found = [_room(settings)]
    if folder.stat().st_mode & 0o077:
        advice = f"chmod 700 {folder}"
        found.append(Finding("journal", State.PROBLEM, "Other users may look into its folder.", advice))
    if set_aside := sorted(path.name for path in folder.glob(f"{JOURNAL}.corrupt-*")):
        said = f"Damaged files were set aside: {', '.join(set_aside)}. What could be read of them is in the journal."
        found.append(Finding("journal", State.NOTE, said, "Delete them when you do not need them."))
    reader = Reader(folder, seconds=_LOOK_SECONDS)
    try:
        found += _soundness(reader)
        found += _index(settings, reader)
    except JournalError as trouble:
        found.append(_unreadable(trouble))
    finally:
        reader.close()
    return found


def _room(settings: Settings) -> Finding:
    disk = shutil.disk_usage(settings.data_dir)
    taken = sum(path.stat().st_size for path in settings.data_dir.glob(f"{JOURNAL}*") if path.is_file())
    said = f"{taken / _GIGABYTE:,.2f} GB taken, {disk.free / _GIGABYTE:,.1f} GB free."
    if disk.free < _LITTLE_BYTES:
        advice = "Make room, or keep less with RETENTION_GB or RETENTION_DAYS: a full disk costs the oldest records."
        return Finding("disk", State.PROBLEM, said, advice)
    if disk.free + taken < settings.retention_gb * _GIGABYTE:
        advice = f"RETENTION_GB={settings.retention_gb:g} is more than fits: set it to what may be taken."
        return Finding("disk", State.NOTE, said, advice)
    return Finding("disk", State.GOOD, said)


def _soundness(reader: Reader) -> list[Finding]:
    (records,) = reader.ask("SELECT count(*) FROM exchange")[0]
    try:
        problems = [str(text) for (text,) in reader.ask("PRAGMA quick_check(3)")]
    except JournalError as trouble:
        return [_unreadable(trouble)]
    if problems == ["ok"]:
        return [Finding("journal", State.GOOD, f"Sound, {counted(records, 'record')}.")]
    return [Finding("journal", State.PROBLEM, f"Damaged: {'; '.join(problems)}", _SAVE)]


def _unreadable(trouble: JournalError) -> Finding:
    cause = trouble.__cause__
    if not isinstance(cause, sqlite3.Error):
        return Finding("journal", State.NOTE, _sentence(trouble), "The recorder makes it.")
    if cause.sqlite_errorcode == sqlite3.SQLITE_INTERRUPT:
        said = f"Too large to be looked through in {_LOOK_SECONDS:g} s."
        return Finding("journal", State.NOTE, said, "`ollama-recorder journal check` reads every page.")
    return Finding("journal", State.PROBLEM, _sentence(trouble), _SAVE)


def _sentence(trouble: JournalError) -> str:
    text = str(trouble)
    return f"{text[:1].upper()}{text[1:]}."


def _index(settings: Settings, reader: Reader) -> list[Finding]:
    newest = reader.newest_number()
    search = Search(settings.data_dir)
    try:
        known = search.count(Filter(since_ns=0))
        cut = search.count(Filter(truncated=True, since_ns=time.time_ns() - _WEEK_NS))
    except JournalError as trouble:
        advice = "`ollama-recorder stats` makes it; so does the recorder."
        return [Finding("index", State.NOTE, _sentence(trouble), advice)]
    finally:
        search.close()
    (kept,) = reader.ask("SELECT count(*) FROM exchange WHERE number <= ?", (newest,))[0]
    behind = max(0, kept - known)
    found = [Finding("index", State.GOOD, "Up to date." if not behind else f"{counted(behind, 'record')} behind.")]
    if behind > _INDEX_LAG:
        advice = "It catches up by itself while the recorder runs; `ollama-recorder stats` does it at once."
        found = [
            Finding(
                "index", State.NOTE, f"{counted(behind, 'record')} behind: a search does not find those yet.", advice
            )
        ]
    if cut:
        said = f"Ollama cut {counted(cut, 'prompt')} of the last 7 days, and did not say so."
        advice = (
            "See them: ollama-recorder list --truncated --from -7d. More context: OLLAMA_CONTEXT_LENGTH or num_ctx."
        )
        found.append(Finding("context", State.PROBLEM, said, advice))
    return found
