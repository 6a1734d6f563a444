"""``replay``: a recorded prompt once more through the running recorder, and what came out differently."""

import http.client
import json
import sys
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated, Any

from service.cli.command_line import argument, option
from service.cli.environment import USAGE_EXIT_CODE, current_settings, stop
from service.cli.screen import console, inert, note, say_json
from service.settings import Settings

if TYPE_CHECKING:
    from service.cli.running_recorder import RunningRecorder
    from service.record.record import Record

Id = Annotated[str, argument(metavar="ID", help="Of an exchange; its beginning is enough.")]
Model = Annotated[str, option("--model", help="Another model.", metavar="NAME", show_default=False)]
Options = Annotated[
    list[str] | None,
    option("--option", metavar="NAME=VALUE", help="Another option, as temperature=0; may be repeated."),
]
System = Annotated[str | None, option("--system", metavar="TEXT", help="Another system prompt.")]
Url = Annotated[str, option(help="Base address of the recorder; default: where LISTEN says.")]
AsJson = Annotated[bool, option("--json", help="Print JSON, for programs.")]
# A model may have to be loaded first, and others may come before.
_PATIENCE_SECONDS = 3600.0
# An answer may end before its record is committed (RECORD_BEFORE_REPLY=false, a slow disk).
_COMMIT_SECONDS = 5.0


@dataclass(frozen=True, slots=True)
class _Replayed:
    """``exchange`` is the id of the new one; None when the answer named none."""

    status: int
    exchange: str | None
    error: str


@dataclass(frozen=True, slots=True)
class _Side:
    """One of the two: its record, empty where there is none, and the seconds of each phase by its name."""

    record: "Record"
    phases: Mapping[str, float]


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
    side = _side_of(old)
    done = _send(recorder, whole, side.record, changes, is_shown=not as_json)
    new = _recorded(recorder, done.exchange) if done.exchange else {}
    if as_json:
        _say(old, new, done)
    elif new:
        _compare(side, _side_of(new))
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


def _send(
    recorder: "RunningRecorder", identifier: str, record: "Record", changes: dict[str, Any], *, is_shown: bool
) -> _Replayed:
    """Have it sent again. ``record`` is that of the exchange, whose API and operation the new one has too."""
    from service.cli.http_client import asking
    from service.record.streamed import AnswerDelta, StreamedAnswer

    errors: list[str] = []
    is_thinking = False

    def take(delta: AnswerDelta) -> None:
        nonlocal is_thinking
        if delta.error:
            errors.append(delta.error)
        if is_shown and delta.thinking and not is_thinking:
            is_thinking = True
            note("thinking …")
        if is_shown and delta.text:
            sys.stdout.write(inert(delta.text, keeps_lines=True))
            sys.stdout.flush()

    url = f"{recorder.base}/exchanges/{identifier}/replay"
    headers = {**recorder.headers, "Content-Type": "application/json"}
    try:
        with asking(
            url, "POST", headers=headers, body=json.dumps(changes).encode(), seconds=_PATIENCE_SECONDS
        ) as response:
            kind = response.getheader("Content-Type", "")
            answer = StreamedAnswer(record.api or "", record.operation or "", kind)
            try:
                while data := response.read1(65536):
                    take(answer.add(data))
                if response.length:
                    raise http.client.IncompleteRead(b"", response.length)
            except (OSError, http.client.HTTPException):
                errors.append("The answer broke off before its end.")
            take(answer.end())
            return _Replayed(response.status, response.getheader("X-Exchange-Id"), errors[0] if errors else "")
    except OSError as error:
        recorder.stop_as_absent(error)


def _recorded(recorder: "RunningRecorder", identifier: str) -> dict[str, Any]:
    """The document of the new exchange, as soon as it is in the journal."""
    until = time.monotonic() + _COMMIT_SECONDS
    path = f"/exchanges/{identifier}.json"
    while recorder.ask(path).status == 404 and time.monotonic() < until:
        time.sleep(0.05)
    return recorder.document(path)


def _say(old: Mapping[str, Any], new: Mapping[str, Any], done: _Replayed) -> None:
    from service.cli.word_diff import difference, likeness

    pieces = difference(_answer(_side_of(old).record), _answer(_side_of(new).record))
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


def _side_of(document: Mapping[str, Any]) -> _Side:
    """One side, from ``/exchanges/ID.json``: the phases as ``show`` tells them, as a record leaves short waits out."""
    from service.record.record import record_of

    phases = document.get("explanation", {}).get("phases", ())
    return _Side(record_of(document.get("record", {})), {phase["name"]: phase["seconds"] for phase in phases})


def _compare(old: _Side, new: _Side) -> None:
    from rich.text import Text

    from service.cli.word_diff import difference, drawn, likeness

    screen = console()
    pieces = difference(_answer(old.record), _answer(new.record))
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
    screen.print(_side_by_side(old, new))


def _side_by_side(old: _Side, new: _Side) -> Any:
    from rich.table import Table
    from rich.text import Text

    from service.cli.exchange_line import ID_CHARACTERS

    table = Table.grid(padding=(0, 2))
    table.add_row("", Text("old", "bold"), Text("new", "bold"))
    table.add_row("exchange", *(inert(side.record.exchange or "–")[:ID_CHARACTERS] for side in (old, new)))
    for name, read in _ROWS:
        texts = read(old), read(new)
        if any(texts):
            table.add_row(Text(name, "dim"), *(Text(inert(text) or "–") for text in texts))
    return table


def _seconds(value: float | None) -> str:
    from service.cli.exchange_line import brief

    return "" if value is None else brief(value)


def _number(value: float | None) -> str:
    return "" if value is None else f"{value:,}"


_ROWS: tuple[tuple[str, Callable[[_Side], str]], ...] = (
    ("model", lambda side: side.record.model or ""),
    ("seconds", lambda side: _seconds(side.record.request_time)),
    ("  sending", lambda side: _seconds(side.record.upload_time)),
    ("  waiting", lambda side: _seconds(side.phases.get("wait"))),
    ("  prompt", lambda side: _seconds(side.phases.get("prompt"))),
    ("  generating", lambda side: _seconds(side.phases.get("generation"))),
    ("tokens in", lambda side: _number(side.record.prompt_tokens)),
    ("tokens out", lambda side: _number(side.record.completion_tokens)),
    ("tokens/s", lambda side: _number(side.record.tokens_per_second)),
)
"""The names of the rows, and what each holds of a side; empty where that is not known."""


def _answer(record: "Record") -> str:
    """What the answer says, and after it a line for each tool that it calls; of neither, its error."""
    from service.record.conversation import read_conversation

    answer = read_conversation(record, b"").answer
    parts = [answer.text, *(f"{call.name}({call.arguments})" for call in answer.tool_calls)] if answer else []
    # Models write a blank or an empty line beside their calls, which is nothing to compare.
    return "\n".join(part for part in parts if part.strip()) or record.error or ""
