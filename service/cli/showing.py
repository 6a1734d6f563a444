"""``show``: one exchange, its conversation, where its time went, and why."""

import json
import sys
from enum import StrEnum
from typing import TYPE_CHECKING, Annotated, Any

import typer

from service.cli.environment import USAGE_EXIT_CODE, current_settings, stop
from service.cli.screen import console, inert, say_json

if TYPE_CHECKING:
    from rich.console import Console

    from service.cli.told import Told
    from service.record.conversation import ChatMessage


class Section(StrEnum):
    """What was kept as it passed."""

    REQUEST = "request"
    RESPONSE = "response"


AsJson = Annotated[bool, typer.Option("--json", help="Print JSON, for programs.")]
Raw = Annotated[Section | None, typer.Option("--raw", help="Write the kept bytes of one side, and nothing else.")]
Id = Annotated[str, typer.Argument(metavar="ID", help="Of an exchange; its beginning is enough.", show_default=False)]
_ROLES = {"system": "magenta", "user": "cyan", "assistant": "green", "tool": "yellow"}
_FACTS = (
    "status",
    "api",
    "operation",
    "model",
    "stream",
    "done_reason",
    "context_length",
    "prompt_truncated",
    "prompt_truncated_by",
    "prompt_lost_messages",
    "prompt_lost_tokens",
    "images",
)
_IDS = ("exchange", "trace_id", "started", "time", "method", "request_uri", "user_agent", "remote_addr")
_WHO = ("workflow", "workflow_id", "execution_id", "node", "caller", "user")


def show(identifier: Id, raw: Raw = None, as_json: AsJson = False) -> None:
    """Show one exchange: the conversation, where the time went and why, and its ids."""
    from service.cli.journal_access import reading, whole_id
    from service.cli.told import as_json_object, tell

    if raw is not None and as_json:
        stop("--raw writes the kept bytes as they are: leave --json out.", USAGE_EXIT_CODE)
    settings = current_settings()
    with reading(settings) as reader:
        kept = reader.record(whole_id(reader, identifier))
        if kept is None:
            stop(f"There is no exchange {identifier} in the journal (any more).")
        if raw is not None:
            _write(kept.request if raw is Section.REQUEST else kept.response)
            return
        told = tell(kept, settings)
    if as_json:
        say_json(as_json_object(told), indent=2)
        return
    screen = console()
    _head(screen, told)
    _time(screen, told)
    _conversation(screen, told)
    _tail(screen, told)


def _write(body: bytes) -> None:
    """The bytes exactly; but a terminal, which obeys some, gets them as text."""
    if sys.stdout.isatty():
        typer.echo(inert(body.decode("utf-8", "replace"), keeps_lines=True))
        return
    sys.stdout.flush()
    sys.stdout.buffer.write(body)
    sys.stdout.buffer.flush()


def _head(screen: "Console", told: "Told") -> None:
    from rich.text import Text

    from service.cli.exchange_line import marks, moment, who

    said = told.record.values
    head = Text(who(said), "bold")
    head.append(f"  {inert(str(said.get('model', '')))}", "blue").append(f"  {moment(said.get('time'))}", "cyan")
    noticed, style = marks(said)
    head.append(f"  {noticed or 'completed'}", style or "green")
    screen.print(head)
    sentence = told.explanation.sentence
    if sentence:
        screen.print(Text(inert(sentence)))
    if said.get("error"):
        screen.print(Text(inert(str(said["error"])), "red"))
    # The first is the sentence; what to do about it is not in that.
    for finding in told.explanation.findings:
        if finding.text not in sentence:
            screen.print(Text(f"• {inert(finding.text)}"))
        if finding.advice:
            screen.print(Text(f"  → {inert(finding.advice)}", "yellow"))


def _time(screen: "Console", told: "Told") -> None:
    from service.cli.waterfall import bars

    lines = bars(
        told.explanation.phases, told.record.values.get("request_time"), screen.width if screen.is_terminal else None
    )
    if lines:
        screen.print()
        for line in lines:
            screen.print(line, no_wrap=True, overflow="ellipsis" if screen.is_terminal else "ignore")


def _conversation(screen: "Console", told: "Told") -> None:
    from rich.text import Text

    for turn in told.conversation.turns:
        _turn(screen, turn)
    if told.conversation.answer is not None:
        _turn(screen, told.conversation.answer, is_answer=True)
    if told.conversation.tools:
        names = [_tool_name(tool) for tool in told.conversation.tools]
        screen.print(Text(f"\noffered tools: {inert(', '.join(names))}", "dim"))
    if not told.conversation.is_whole:
        screen.print(Text("\nThis is not all of it: our copy was shortened, or pictures were replaced.", "dim"))


def _turn(screen: "Console", turn: "ChatMessage", *, is_answer: bool = False) -> None:
    from rich.text import Text

    name = f" {turn.name}" if turn.name else ""
    rule = "━━" if is_answer else "──"
    screen.print()
    screen.print(Text(f"{rule} {inert(turn.role + name)}", _ROLES.get(turn.role, "bold")))
    if turn.thinking:
        screen.print(Text(inert(turn.thinking, keeps_lines=True), "dim italic"))
    if turn.text:
        screen.print(Text(inert(turn.text, keeps_lines=True)))
    for call in turn.tool_calls:
        screen.print(Text(f"calls {inert(call.name)}({inert(call.arguments)})", "yellow"))
    for image in turn.images:
        screen.print(Text(inert(image), "dim"))


def _tail(screen: "Console", told: "Told") -> None:
    from rich.table import Table
    from rich.text import Text

    said = told.record.values
    table = Table.grid(padding=(0, 2))
    table.add_column(no_wrap=True, style="dim")
    table.add_column(overflow="fold")

    def add(name: str, value: Any) -> None:
        table.add_row(_TITLES.get(name, name), Text(inert(value if isinstance(value, str) else json.dumps(value))))

    for name in (*_FACTS, *_WHO):
        if name in said:
            add(name, said[name])
    counts = [f"{said[key]:,} {name}" for key, name in _COUNTS if isinstance(said.get(key), int)]
    if counts:
        add("tokens, bytes", ", ".join(counts))
    parameters = {key: value for key, value in told.conversation.parameters.items() if key not in ("model", "stream")}
    for name, value in parameters.items():
        add(name, value)
    for name in _IDS:
        if name in said:
            add(name, said[name])
    for name, value in (("previous", told.previous), ("next", told.next), ("repeats", told.replay_of)):
        if value:
            add(name, value)
    if told.replays:
        add("repeated by", " ".join(told.replays))
    if told.trace_url:
        add("trace", told.trace_url)
    screen.print()
    screen.print(table)


_TITLES = {"time": "ended", "execution_id": "execution", "request_uri": "address"}
_COUNTS = (
    ("prompt_tokens", "in"),
    ("completion_tokens", "out"),
    ("request_bytes", "bytes sent"),
    ("response_bytes", "bytes answered"),
)


def _tool_name(tool: dict[str, Any]) -> str:
    function = tool.get("function")
    named = function if isinstance(function, dict) else tool
    return str(named.get("name", tool.get("type", "?")))
