"""``export``: what is selected as a file that other programs read."""

import codecs
import contextlib
import os
import stat
import sys
import tempfile
from collections.abc import Callable, Iterator
from enum import StrEnum
from pathlib import Path
from typing import IO, TYPE_CHECKING, Annotated

import click

from service.cli.command_line import Declared, argument, option
from service.cli.environment import USAGE_EXIT_CODE, base_address, current_settings, ended_by_signals, stop
from service.cli.filter_options import takes_filter
from service.cli.listing import Store, WhichStore
from service.cli.screen import Advance, inert, note, working
from service.search.filters import Filter
from service.settings import Settings

if TYPE_CHECKING:
    from service.exports.chats import Left
    from service.exports.formats import Format
    from service.journal.reader import KeptRecord


class Form(StrEnum):
    """The formats of service/exports/formats.py; that module is too much to load for a list of words."""

    JSONL = "jsonl"
    CHATS = "chat.jsonl"
    CSV = "csv"
    HAR = "har"


Wanted = Annotated[Form, argument(metavar="FORMAT", help="jsonl (records), chat.jsonl (fine-tuning), csv, har.")]
Output = Annotated[
    Path | None, option("--output", "-o", help="File to write, put in place when it is whole. Else: printed.")
]
_CHATS = "For chat.jsonl"


def _chat_option(flag: str, text: str) -> Declared:
    return option(flag, help=text, panel=_CHATS)


@takes_filter()
def export(
    form: Wanted,
    wanted: Filter,
    output: Output = None,
    drop_system: Annotated[bool, _chat_option("--drop-system", "Leave system prompts out.")] = False,
    all_outcomes: Annotated[bool, _chat_option("--all", "Also what failed, or was cut.")] = False,
    keep_thinking: Annotated[bool, _chat_option("--keep-thinking", "Also what the model thought.")] = False,
    tasks: Annotated[bool, _chat_option("--tasks", "Also what clients asked for themselves, such as titles.")] = False,
    tool_arguments_as_objects: Annotated[
        bool, _chat_option("--tool-arguments-as-objects", "For Hugging Face's chat templates; a JSON text otherwise.")
    ] = False,
    store: Store = WhichStore.JOURNAL,
) -> None:
    """Write what is selected to a file, or to standard output, newest first. The file is readable by its owner only."""
    from service.exports.chats import ChatOptions
    from service.exports.formats import FORMATS, ExportOptions

    if output is None and form is Form.HAR and sys.stdout.isatty():
        stop("An HTTP archive is nothing to read: say --output FILE, or send it to another program.", USAGE_EXIT_CODE)
    chats_only = ("--drop-system", drop_system), ("--all", all_outcomes), ("--keep-thinking", keep_thinking)
    for flag, is_given in (*chats_only, ("--tasks", tasks), ("--tool-arguments-as-objects", tool_arguments_as_objects)):
        if is_given and form is not Form.CHATS:
            # A file that holds what was to be left out would be noticed too late.
            stop(f"{flag} is for chat.jsonl; {form.value} holds whole exchanges.", USAGE_EXIT_CODE)
    left: list[Left] = []
    settings = current_settings()
    options = ExportOptions(
        ChatOptions(
            drop_system,
            all_outcomes,
            keep_thinking,
            tool_arguments_as_objects,
            # Who asks for titles wants them.
            tasks=tasks or any(wanted.task),
        ),
        base=base_address(settings),
        when_done=left.append,
    )
    chosen = FORMATS[form.value]
    with _records(settings, wanted, chosen, store) as (records, count), _writing(output) as write:
        # A bar would be drawn between the lines of what is printed to the same terminal.
        has_bar = output is not None or not sys.stdout.isatty()
        with working("exporting", count) if has_bar else contextlib.nullcontext(Advance(None)) as bar:
            for piece in chosen.write(bar.over(records), options):
                write(piece)
    for left_out in left:
        _tell(left_out)


@contextlib.contextmanager
def _records(
    settings: Settings, wanted: Filter, form: "Format", store: WhichStore
) -> "Iterator[tuple[Iterator[KeptRecord], int | None]]":
    """What is exported, newest first, and how many they are; None: that is not known before."""
    if store is WhichStore.LOKI:
        from service.cli.loki_listing import kept_of_all

        yield kept_of_all(wanted), None
        return
    from service.cli.journal_access import matching
    from service.exports.formats import kept_records

    with matching(settings, needs_index=wanted.has_conditions) as search:
        yield kept_records(settings.data_dir, search.numbers(wanted), form.needs), search.count(wanted)


@contextlib.contextmanager
def _writing(output: Path | None) -> Iterator[Callable[[bytes], object]]:
    """Where to write. A file appears under its name when the block ends well, and not at all when it does not."""
    if output is None:
        sys.stdout.flush()
        if sys.stdout.isatty():
            # A terminal obeys some characters: whatever was recorded is shown there as text.
            decoder = codecs.getincrementaldecoder("utf-8")("replace")
            yield lambda piece: click.echo(inert(decoder.decode(piece), keeps_lines=True), nl=False)
            return
        yield sys.stdout.buffer.write
        sys.stdout.buffer.flush()
        return
    try:
        if _is_special(output):
            # /dev/null, a pipe: nothing to be put in place of.
            with output.open("wb") as special:
                yield special.write
            return
        with _put_in_place(output.resolve()) as file:
            yield file.write
    except OSError as error:
        stop(f"{str(output)!r} cannot be written: {error.strerror or error}.")


def _is_special(path: Path) -> bool:
    try:
        mode = path.stat().st_mode
    except FileNotFoundError:
        return False
    if stat.S_ISDIR(mode):
        raise IsADirectoryError(None, "it is a folder")
    return not stat.S_ISREG(mode)


@contextlib.contextmanager
def _put_in_place(path: Path) -> Iterator[IO[bytes]]:
    # Made with mode 0600: prompts are in it.
    descriptor, name = tempfile.mkstemp(prefix=f".{path.name[:100]}.", suffix=".part", dir=path.parent)
    try:
        with ended_by_signals(), os.fdopen(descriptor, "wb") as file:
            yield file
            file.flush()
            os.fsync(file.fileno())
        Path(name).replace(path)
    except BaseException:
        Path(name).unlink(missing_ok=True)
        raise


def _tell(left: "Left") -> None:
    from service.record.wording import counted

    counts = ", ".join(f"{count:,} {reason.value.replace('_', ' ')}" for reason, count in left.counts.items())
    note(f"{counted(left.written, 'conversation')} written" + (f"; left out: {counts}." if counts else "."))
