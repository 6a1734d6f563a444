"""The journal and its index as a command reads them: the index is first brought up to date, where it can be."""

import os
import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from service.cli.environment import stop
from service.cli.screen import note, working
from service.journal import JournalError
from service.journal.folder import JOURNAL
from service.journal.reader import Reader
from service.settings import Settings

if TYPE_CHECKING:
    from service.search.matching import Matches
    from service.search.search import Search

_LONGEST_ID = 32
_MOST_CANDIDATES = 5


@contextmanager
def searching(settings: Settings) -> Iterator["Search"]:
    """A Search over DATA_DIR. Stops the command when there is no journal, or it cannot be read in the block."""
    from service.search.search import Search

    with _stopping(settings):
        catch_up(settings)
        with closing(Search(settings.data_dir)) as search:
            yield search


@contextmanager
def matching(settings: Settings, *, needs_index: bool = True) -> Iterator["Matches"]:
    """The same for what only asks which exchanges there are: a fifth of the modules."""
    from service.search.matching import Matches

    with _stopping(settings):
        if needs_index:
            catch_up(settings)
        with closing(Matches(settings.data_dir)) as matches:
            yield matches


@contextmanager
def _stopping(settings: Settings) -> Iterator[None]:
    try:
        yield
    except JournalError as trouble:
        stop(why_unread(trouble, settings.data_dir))


@contextmanager
def reading(settings: Settings) -> Iterator[Reader]:
    """A Reader of DATA_DIR's journal. Stops the command when it cannot be read in the block."""
    reader = Reader(settings.data_dir)
    try:
        yield reader
    except JournalError as trouble:
        stop(why_unread(trouble, settings.data_dir))
    finally:
        reader.close()


def why_unread(trouble: Exception, folder: Path) -> str:
    """Why DATA_DIR's journal cannot be read; where it is not there, or not for this user, also what to do."""
    path = folder / JOURNAL
    try:
        path.stat()
        is_ours = os.access(path, os.R_OK)
    except PermissionError:
        is_ours = False
    except OSError:
        return (
            f"There is no journal in DATA_DIR={str(folder)!r}: either nothing was recorded there yet, or the recorder"
            " has another DATA_DIR."
        )
    if not is_ours:
        return f"This user may not read DATA_DIR={str(folder)!r}: ask as the recorder's own user, or in its container."
    return str(trouble)


def catch_up(settings: Settings) -> None:
    """Index what is not indexed yet; the recorder may be doing it too. Raises JournalError without a journal.

    Where the journal can be read and the index cannot be written, a note says that the newest may be missing.
    """
    from service.search.indexing import Indexer

    reader = Reader(settings.data_dir)
    try:
        reader.newest_number()
    finally:
        reader.close()
    indexer = Indexer(settings.data_dir)
    try:
        step = indexer.step()
        if step.behind:
            with working("indexing", step.indexed + step.behind) as bar:
                indexer.catch_up(progress=lambda done, left: bar.to(step.indexed + done, step.indexed + done + left))
    except (sqlite3.Error, OSError) as trouble:
        note(f"The index could not be brought up to date ({trouble}): the newest exchanges may be missing.")
    finally:
        indexer.close()


def whole_id(reader: Reader, text: str) -> str:
    """The id of the one exchange whose id begins with ``text``. Stops the command when it is not exactly one."""
    try:
        return find_id(reader, text)
    except LookupError as none:
        stop(str(none.args[0]))
    except ValueError as mistake:
        stop(str(mistake), 2)


def find_id(reader: Reader, text: str) -> str:
    """As ``whole_id``. Raises ValueError where ``text`` is no id, LookupError where it is not that of one exchange."""
    begin = text.strip().lower()
    if not begin or len(begin) > _LONGEST_ID or not set(begin) <= set("0123456789abcdef"):
        raise ValueError(f"{text[:80]!r} is no id of an exchange: expected are up to {_LONGEST_ID} hexadecimal digits.")
    ids = [
        str(identifier)
        for (identifier,) in reader.ask(
            "SELECT id FROM exchange WHERE id >= ? AND id <= ? ORDER BY id LIMIT ?",
            (begin, begin.ljust(_LONGEST_ID, "f"), _MOST_CANDIDATES + 1),
        )
    ]
    if not ids:
        raise LookupError(f"There is no exchange {begin} in the journal (any more).")
    if len(ids) > 1:
        shown = "\n".join(ids[:_MOST_CANDIDATES]) + ("\n…" if len(ids) > _MOST_CANDIDATES else "")
        raise LookupError(f"{begin} is the beginning of several ids:\n{shown}")
    return ids[0]
