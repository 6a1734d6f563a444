"""``dataset``: a folder that a trainer loads, with conversations for training and for validation."""

import contextlib
import os
import shutil
import tempfile
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

from service.cli.command_line import argument, option
from service.cli.environment import USAGE_EXIT_CODE, current_settings, ended_by_signals, stop
from service.cli.filter_options import takes_filter
from service.cli.screen import note, working
from service.search.filters import Filter, to_query

if TYPE_CHECKING:
    from service.exports.dataset import Contents


Place = Annotated[Path, argument(metavar="FOLDER", help="Is made, or must be empty.")]
Share = Annotated[
    float, option("--validation", min=0.0, max=0.9, help="About this share of the conversations is set aside.")
]
Characters = Annotated[int, option("--min-characters", min=1, help="Shorter answers are left out.")]
Turns = Annotated[int, option("--min-turns", min=1, help="With fewer questions they are left out.")]
Force = Annotated[bool, option("--force", help="Replace a data set that is there.")]


@takes_filter()
def dataset(
    folder: Place,
    wanted: Filter,
    validation: Share = 0.1,
    min_characters: Characters = 1,
    min_turns: Turns = 1,
    drop_system: Annotated[bool, option("--drop-system", help="Leave system prompts out.")] = False,
    all_outcomes: Annotated[bool, option("--all", help="Also what failed, or was cut.")] = False,
    keep_thinking: Annotated[bool, option("--keep-thinking", help="Also what the model thought.")] = False,
    tasks: Annotated[bool, option("--tasks", help="Also what clients asked for themselves, such as titles.")] = False,
    force: Force = False,
) -> None:
    """Write the conversations that are selected as a data set for fine-tuning.

    It is a folder with train.jsonl, validation.jsonl, and README.md, which says what is in them. The way
    from there: ollama-recorder docs fine-tuning.
    """
    from service.cli.journal_access import matching
    from service.exports.card import CARD, write_card
    from service.exports.chats import ChatOptions
    from service.exports.dataset import write_dataset
    from service.exports.formats import kept_records
    from service.journal.reader import Bodies

    settings = current_settings()
    # Who asks for titles wants them.
    tasks = tasks or any(wanted.task)
    options = ChatOptions(
        drop_system, all_outcomes, keep_thinking, min_turns=min_turns, min_characters=min_characters, tasks=tasks
    )
    try:
        with matching(settings, needs_index=wanted.has_conditions) as search, _whole(folder, force) as new:
            with working("reading conversations", search.count(wanted)) as bar:
                records = bar.over(kept_records(settings.data_dir, search.numbers(wanted), Bodies.REQUEST))
                contents = write_dataset(records, new, options, validation)
            if not contents.examples:
                stop(f"No conversation was found to learn from{_left(contents)}. {_ADVICE}")
            for empty in (path for path in new.iterdir() if not path.stat().st_size):
                empty.unlink()
            now = datetime.now(UTC).isoformat(timespec="seconds").replace("+00:00", "Z")
            chosen = [f"{name}={value}" for name, value in to_query(wanted)]
            chosen += [f"validation={validation:g}", f"min_characters={min_characters}", f"min_turns={min_turns}"]
            flags = {"drop_system": drop_system, "all": all_outcomes, "keep_thinking": keep_thinking, "tasks": tasks}
            chosen += [name for name, is_set in flags.items() if is_set]
            (new / CARD).write_text(write_card(contents, chosen, now), encoding="utf-8")
    except OSError as error:
        stop(f"{str(folder)!r} cannot be written: {error.strerror or error}.")
    _tell(folder, contents)


_ADVICE = (
    "`ollama-recorder list` with the same filters shows what they let through; --all takes cut and failed ones too."
)


@contextlib.contextmanager
def _whole(folder: Path, force: bool) -> Iterator[Path]:
    """A new folder that takes the place of ``folder`` when the block ends well, and is gone when it does not."""
    folder = folder.resolve()
    if Path.cwd().is_relative_to(folder):
        stop(f"{str(folder)!r} is where you are, and cannot be replaced: name a folder in it.", USAGE_EXIT_CODE)
    _require_free(folder, force)
    folder.parent.mkdir(parents=True, exist_ok=True)
    # Mode 0700: prompts are in it.
    new = Path(tempfile.mkdtemp(prefix=f".{folder.name[:100]}.", suffix=".part", dir=folder.parent))
    try:
        with ended_by_signals():
            previous = os.umask(0o077)
            try:
                yield new
            finally:
                os.umask(previous)
        # Somebody may have put something there meanwhile.
        _require_free(folder, force)
        _put_in_place(new, folder)
    except BaseException:
        shutil.rmtree(new, ignore_errors=True)
        raise


def _require_free(folder: Path, force: bool) -> None:
    from service.exports.card import CARD
    from service.exports.dataset import FILES

    there = {path.name for path in folder.iterdir()} if folder.exists() else set()
    if foreign := sorted(there - {CARD, *FILES.values()}):
        stop(
            f"{str(folder)!r} holds {foreign[0]!r}, which is no data set of ours: choose another folder.",
            USAGE_EXIT_CODE,
        )
    if there and not force:
        stop(f"There is a data set in {str(folder)!r} already: --force replaces it.", USAGE_EXIT_CODE)


def _put_in_place(new: Path, folder: Path) -> None:
    """The older data set is gone only when the new one has its name."""
    old = new.with_suffix(".old")
    if folder.exists():
        folder.replace(old)
    try:
        new.replace(folder)
    except OSError:
        if old.exists():
            old.replace(folder)
        raise
    if old.exists():
        shutil.rmtree(old)


def _left(contents: "Contents") -> str:
    counts = ", ".join(f"{count:,} {reason.value.replace('_', ' ')}" for reason, count in contents.left.most_common())
    return f"; left out: {counts}" if counts else ""


def _tell(folder: Path, contents: "Contents") -> None:
    from service.exports.dataset import TRAIN, VALIDATION
    from service.record.wording import counted

    train, validation = contents.examples[TRAIN], contents.examples[VALIDATION]
    note(f"{counted(train, 'conversation')} for training, {validation:,} for validation in {folder}{_left(contents)}.")
    if not validation:
        note("There are too few for a validation set, or --validation is 0: only train.jsonl was written.")
