"""``replay``: a recorded prompt once more through the running recorder, and what came out differently."""

import http.client
import json
import sys
import time
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated, Any

import typer

from service.cli.environment import USAGE_EXIT_CODE, current_settings, stop
from service.cli.screen import console, inert, note, say_json
from service.settings import Settings

if TYPE_CHECKING:
    from service.cli.running_recorder import RunningRecorder

Id = Annotated[str, typer.Argument(metavar="ID", help="Of an exchange; its beginning is enough.", show_default=False)]
Model = Annotated[str, typer.Option("--model", help="Another model.", metavar="NAME", show_default=False)]
Options = Annotated[
    list[str] | None,
    typer.Option("--option", metavar="NAME=VALUE", help="Another option, as temperature=0; may be repeated."),
]
System = Annotated[str | None, typer.Option("--system", metavar="TEXT", help="Another system prompt.")]
Url = Annotated[str, typer.Option(help="Base address of the recorder; default: where LISTEN says.")]
AsJson = Annotated[bool, typer.Option("--json", help="Print JSON, for programs.")]
# A model may have to be loaded first, and others may come before.
_PATIENCE_SECONDS = 3600.0
# An answer may end before its record is committed (RECORD_BEFORE_REPLY=false, a slow disk).
_COMMIT_SECONDS = 5.0
_ROWS = (
    ("model", "model"),
    ("request_time", "seconds"),
    ("upload_time", "  sending"),
    ("wait", "  waiting"),
    ("prompt", "  prompt"),
    ("generation", "  generating"),
    ("prompt_tokens", "tokens in"),
    ("completion_tokens", "tokens out"),
    ("tokens_per_second", "tokens/s"),
)
_TIMES = frozenset({"request_time", "upload_time", "wait", "prompt", "generation"})


@dataclass(frozen=True, slots=True)
class _Replayed:
    """``exchange`` is the id of the new one; None when the answer named none."""

    status: int
    exchange: str | None
    error: str


def replay(
    identifier: Id,
    model: Model = "",
    option: Options = None,
    system: System = None,
    url: Url = "",
    as_json: AsJson = False,
) -> None:
    """Send a recorded prompt again, show the answer as it comes, then what differs. The running recorder does it."""
    from service.cli.running_recorder import RunningRecorder

    settings = current_settings()
    changes: dict[str, Any] = {"options": read_options(option or [])} if option else {}
    changes |= {"model": model} if model else {}
    changes |= {"system": system} if system is not None else {}
    recorder = RunningRecorder(settings, url)
    whole = _whole_id(settings, identifier)
    old = recorder.document(f"/exchanges/{whole}.json")
    done = _send(recorder, whole, changes, is_shown=not as_json)
    new = _recorded(recorder, done.exchange) if done.exchange else {}
    if as_json:
        _say(old, new, done)
    else:
        _compare(old, new)
    if done.error or done.status >= 400:
        stop(inert(done.error or f"The recorder answers {done.status}."))


def read_options(words: list[str]) -> dict[str, Any]:
    """``temperature=0`` and so on; a value is JSON where it can be, else text. Stops the command at anything else."""
    options = {}
    for word in words:
        name, equals, value = word.partition("=")
        if not equals or not name.strip():
            stop(
                f"--option={word!r} is not understood: expected is NAME=VALUE, for instance temperature=0.",
                USAGE_EXIT_CODE,
            )
        try:
            options[name.strip()] = json.loads(value)
        except ValueError:
            options[name.strip()] = value
    return options


def _whole_id(settings: Settings, text: str) -> str:
    from service.cli.journal_access import reading, whole_id

    if len(text) == 32 and set(text.lower()) <= set("0123456789abcdef"):
        # The recorder may be on another machine than we are.
        return text.lower()
    with reading(settings) as reader:
        return whole_id(reader, text)


def _send(recorder: "RunningRecorder", identifier: str, changes: dict[str, Any], *, is_shown: bool) -> _Replayed:
    from service.cli.http_client import asking
    from service.cli.streamed_answer import AnswerReader, Piece

    errors: list[str] = []
    is_thinking = False

    def take(piece: Piece) -> None:
        nonlocal is_thinking
        if piece.error:
            errors.append(piece.error)
        if is_shown and piece.thinking and not is_thinking:
            is_thinking = True
            note("thinking …")
        if is_shown and piece.text:
            sys.stdout.write(inert(piece.text, keeps_lines=True))
            sys.stdout.flush()

    url = f"{recorder.base}/exchanges/{identifier}/replay"
    headers = {**recorder.headers, "Content-Type": "application/json"}
    try:
        with asking(url, "POST", headers=headers, body=json.dumps(changes).encode(), seconds=_PATIENCE_SECONDS) as said:
            reader = AnswerReader(said.getheader("Content-Type", ""))
            try:
                while body := said.read1(65536):
                    take(reader.read(body))
                if said.length:
                    raise http.client.IncompleteRead(b"", said.length)
            except (OSError, http.client.HTTPException):
                errors.append("The answer broke off before its end.")
            take(reader.end())
            return _Replayed(said.status, said.getheader("X-Exchange-Id"), errors[0] if errors else "")
    except OSError as error:
        recorder.stop_as_absent(error)


def _recorded(recorder: "RunningRecorder", identifier: str) -> dict[str, Any]:
    """What is told of the new exchange, as soon as it is in the journal."""
    until = time.monotonic() + _COMMIT_SECONDS
    path = f"/exchanges/{identifier}.json"
    while recorder.ask(path).status == 404 and time.monotonic() < until:
        time.sleep(0.05)
    return recorder.document(path)


def _say(old: Mapping[str, Any], new: Mapping[str, Any], done: _Replayed) -> None:
    from service.cli.word_diff import difference, likeness

    pieces = difference(_answer(old), _answer(new))
    say_json(
        {
            "exchange": done.exchange,
            "status": done.status,
            "old": old.get("summary", {}),
            "new": new.get("summary", {}),
            "likeness": round(likeness(pieces), 3),
            "difference": pieces,
        },
        indent=2,
    )


def _compare(old: Mapping[str, Any], new: Mapping[str, Any]) -> None:
    from rich.text import Text

    from service.cli.word_diff import difference, drawn, likeness

    screen = console()
    if not new:
        return
    pieces = difference(_answer(old), _answer(new))
    screen.print()
    if pieces:
        is_same = all(kind == "same" for kind, _ in pieces)
        # One other word at the end of a long answer is no 100 %.
        percent = 100 if is_same else min(99, round(100 * likeness(pieces)))
        screen.print(Text(f"── old and new answer: {percent} % of the words are the same", "bold"))
        screen.print(drawn(pieces, has_colours=screen.color_system is not None and not screen.no_color))
    else:
        # Embeddings, for instance.
        screen.print(Text("── neither answer has words", "bold"))
    screen.print()
    screen.print(_side_by_side(_numbers(old), _numbers(new)))


def _side_by_side(old: Mapping[str, Any], new: Mapping[str, Any]) -> Any:
    from rich.table import Table
    from rich.text import Text

    from service.cli.exchange_line import ID_CHARACTERS, brief, is_number

    def shown(key: str, value: Any) -> str:
        if key in _TIMES and is_number(value):
            return brief(value)
        return "–" if value is None else f"{value:,}" if is_number(value) else inert(str(value))

    table = Table.grid(padding=(0, 2))
    table.add_row("", Text("old", "bold"), Text("new", "bold"))
    table.add_row("exchange", *(str(one.get("exchange", "–"))[:ID_CHARACTERS] for one in (old, new)))
    for key, name in _ROWS:
        if key in old or key in new:
            table.add_row(Text(name, "dim"), *(Text(shown(key, one.get(key))) for one in (old, new)))
    return table


def _numbers(told: Mapping[str, Any]) -> dict[str, Any]:
    """The record with the seconds of each phase, as ``show`` tells them: the record's own leave short waits out."""
    phases = told.get("explanation", {}).get("phases", ())
    return {**told.get("record", {}), **{phase["name"]: phase["seconds"] for phase in phases}}


def _answer(told: Mapping[str, Any]) -> str:
    """What it says, and after it a line for each tool that it calls; of neither, its error."""
    from service.record.conversation import read_conversation
    from service.record.record import record_of

    record = record_of(told.get("record", {}))
    answer = read_conversation(record, b"").answer
    parts = [answer.text, *(f"{call.name}({call.arguments})" for call in answer.tool_calls)] if answer else []
    # Models write a blank or an empty line beside their calls, which is nothing to compare.
    return "\n".join(part for part in parts if part.strip()) or record.error or ""
