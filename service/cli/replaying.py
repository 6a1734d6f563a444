"""``replay``: a recorded prompt once more through the running recorder, and what came out differently."""

import http.client
import json
import sys
import time
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated, Any

from service.cli.command_line import argument, option
from service.cli.completing import complete_id
from service.cli.environment import USAGE_EXIT_CODE, current_settings, stop
from service.cli.screen import inert, note, say_json
from service.cli.side_by_side import show_both, side_of
from service.record.answer_words import answer_of
from service.settings import Settings

if TYPE_CHECKING:
    from service.cli.running_recorder import RunningRecorder
    from service.record.record import Record

Id = Annotated[str, argument(metavar="ID", help="Of an exchange; its beginning is enough.", complete=complete_id)]
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
    whole = given_id(settings, identifier)
    old = recorder.document(f"/exchanges/{whole}.json")
    side = side_of(old)
    done = _send(recorder, whole, side.record, changes, is_shown=not as_json)
    new = _recorded(recorder, done.exchange) if done.exchange else {}
    if as_json:
        _say(old, new, done)
    elif new:
        show_both(side, side_of(new))
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


def given_id(settings: Settings, text: str) -> str:
    """The whole id that ``text`` is, or begins. Stops the command where it is none, or of several."""
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

    pieces = difference(answer_of(side_of(old).record), answer_of(side_of(new).record))
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
