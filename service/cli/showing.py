"""``show``: one exchange, its conversation, where its time went, and why."""

import contextlib
import json
import sqlite3
import sys
from collections.abc import Iterator, Sequence
from enum import StrEnum
from typing import TYPE_CHECKING, Annotated, Any

import click

from service.cli.command_line import argument, option
from service.cli.completing import complete_id
from service.cli.environment import USAGE_EXIT_CODE, current_settings, stop
from service.cli.screen import console, inert, say_json, say_table

if TYPE_CHECKING:
    from rich.console import Console

    from service.inspector.exchange_detail import ExchangeDetail
    from service.journal.reader import KeptRecord
    from service.record.content_findings import ContentFinding
    from service.record.conversation import ChatMessage
    from service.record.fields import Field
    from service.record.record import Record
    from service.settings import Settings


class Section(StrEnum):
    """What was kept as it passed."""

    REQUEST = "request"
    RESPONSE = "response"


AsJson = Annotated[bool, option("--json", help="Print JSON, for programs.")]
Raw = Annotated[Section | None, option("--raw", help="Write the kept bytes of one side, and nothing else.")]
Id = Annotated[str, argument(metavar="ID", help="Of an exchange; its beginning is enough.", complete=complete_id)]
Rendered = Annotated[
    bool, option("--rendered", help="What the model gets of a chat; the running recorder asks Ollama.")
]
Url = Annotated[str, option(help="Base address of the recorder, for --rendered; default: where LISTEN says.")]
_UNREAD = "The answer holds something that the record does not read; it is kept as it came."
_ROLES = {"system": "magenta", "user": "cyan", "assistant": "green", "tool": "yellow"}


def show(
    identifier: Id, raw: Raw = None, as_json: AsJson = False, is_rendered: Rendered = False, url: Url = ""
) -> None:
    """Show one exchange: the conversation, where the time went and why, and its ids."""
    from service.cli.journal_access import reading, whole_id

    if raw is not None and (as_json or is_rendered):
        extra = "--json" if as_json else "--rendered"
        stop(f"--raw writes the kept bytes as they are: leave {extra} out.", USAGE_EXIT_CODE)
    settings = current_settings()
    with reading(settings) as reader:
        kept = reader.record(whole_id(reader, identifier))
        if kept is None:
            stop(f"There is no exchange {identifier} in the journal (any more).")
        if raw is not None:
            _write(kept.request if raw is Section.REQUEST else kept.response)
            return
        if is_rendered:
            from service.cli.showing_rendered import show_rendered

            show_rendered(kept, settings, url, as_json=as_json)
            return
        detail = _describe(kept, settings)
    if as_json:
        say_json(detail.as_json_object(), indent=2)
        return
    screen = console()
    _head(screen, detail)
    _time(screen, detail)
    _conversation(screen, detail)
    _tail(screen, detail)


def _describe(kept: "KeptRecord", settings: "Settings") -> "ExchangeDetail":
    from service.cli.journal_access import catch_up
    from service.inspector.exchange_detail import Links, describe
    from service.journal import JournalError
    from service.search.search import Search

    # An index that cannot be made says nothing of what is around; all else is known without it.
    with contextlib.suppress(JournalError, sqlite3.Error):
        catch_up(settings)
    search = Search(settings.data_dir)
    try:
        return describe(kept, search, Links(settings.trace_url, settings.n8n_url))
    finally:
        search.close()


def _write(body: bytes) -> None:
    """The bytes exactly; but a terminal, which obeys some, gets them as text."""
    if sys.stdout.isatty():
        click.echo(inert(body.decode("utf-8", "replace"), keeps_lines=True))
        return
    sys.stdout.flush()
    sys.stdout.buffer.write(body)
    sys.stdout.buffer.flush()


def _head(screen: "Console", detail: "ExchangeDetail") -> None:
    from rich.text import Text

    from service.cli.exchange_line import marks, moment, who

    record = detail.record
    head = Text(who(record), "bold")
    head.append(f"  {inert(record.model or '')}", "blue").append(f"  {moment(record.time)}", "cyan")
    noticed, style = marks(record)
    head.append(f"  {noticed or 'completed'}", style or "green")
    screen.print(head)
    sentence = detail.explanation.sentence
    if sentence:
        screen.print(Text(inert(sentence)))
    if record.error and " ".join(record.error.split()) not in sentence:
        screen.print(Text(inert(record.error), "red"))
    # The first is the sentence; what to do about it is not in that.
    for finding in detail.explanation.findings:
        if finding.text not in sentence:
            screen.print(Text(f"• {inert(finding.text)}"))
        if finding.advice:
            screen.print(Text(f"  → {inert(finding.advice)}", "yellow"))
    show_content(detail.content)


def show_content(findings: "Sequence[ContentFinding]") -> None:
    """What may have made the answer nonsense; changed texts with their words that differ."""
    from rich.text import Text

    from service.cli.word_diff import difference, drawn

    screen = console()
    for finding in findings:
        screen.print(Text(f"• content: {inert(finding.text)}"))
        if finding.advice:
            screen.print(Text(f"  → {inert(finding.advice)}", "yellow"))
        if finding.before is not None and finding.now is not None:
            pieces = difference(finding.before, finding.now)
            screen.print(drawn(pieces, has_colours=screen.color_system is not None and not screen.no_color))


def _time(screen: "Console", detail: "ExchangeDetail") -> None:
    from service.cli.waterfall import bars

    width = screen.width if screen.is_terminal else None
    lines = bars(detail.explanation.phases, detail.record.request_time, width)
    if lines:
        screen.print()
        for line in lines:
            screen.print(line, no_wrap=True, overflow="ellipsis" if screen.is_terminal else "ignore")


def _conversation(screen: "Console", detail: "ExchangeDetail") -> None:
    from rich.text import Text

    for turn in detail.conversation.turns:
        _turn(screen, turn)
    if detail.conversation.answer is not None:
        _turn(screen, detail.conversation.answer, is_answer=True)
    if detail.conversation.tools:
        names = [_tool_name(tool) for tool in detail.conversation.tools]
        screen.print(Text(f"\noffered tools: {inert(', '.join(names))}", "dim"))
    if detail.conversation.has_unread:
        screen.print(Text(f"\n{_UNREAD}", "dim"))
    elif not detail.conversation.is_whole:
        screen.print(Text("\nThis is not all of it: our copy was shortened, or pictures were replaced.", "dim"))


def _turn(screen: "Console", turn: "ChatMessage", *, is_answer: bool = False) -> None:
    from rich.text import Text

    name = f" {turn.name}" if turn.name else ""
    rule = "━━" if is_answer else "──"
    screen.print()
    screen.print(Text(f"{rule} {inert(turn.role + name)}", _ROLES.get(turn.role, "bold")))
    if turn.thinking:
        screen.print(Text(inert(turn.thinking, keeps_lines=True), "dim italic"))
    if turn.typed:
        screen.print(Text(inert(turn.typed, keeps_lines=True)))
        screen.print(Text("with the document that it is about, as it was sent:", "dim"))
    if turn.text:
        screen.print(Text(inert(turn.text, keeps_lines=True), "dim" if turn.typed else ""))
    for call in turn.tool_calls:
        screen.print(Text(f"calls {inert(call.name)}({inert(call.arguments)})", "yellow"))
    for image in turn.images:
        screen.print(Text(inert(image), "dim"))


def _tail(screen: "Console", detail: "ExchangeDetail") -> None:
    from rich.table import Table
    from rich.text import Text

    table = Table.grid(padding=(0, 2))
    table.add_column(no_wrap=True, style="dim")
    table.add_column(overflow="fold")
    if detail.context is not None:
        shares = ", ".join(f"{one.part} {one.share:.0%} ({one.tokens:,})" for one in detail.context.parts)
        window = f"of {detail.context.window:,} tokens" if detail.context.is_known else "of what was used"
        table.add_row("context filled by", Text(f"{shares} {window}"))
    for name, text in (*_recorded(detail.record), *_asked_for(detail), *_related(detail)):
        table.add_row(inert(name), Text(inert(text)))
    screen.print()
    say_table(table)


def _recorded(record: "Record") -> Iterator[tuple[str, str]]:
    """Every field that has a name for people, save the error, which stands above."""
    from service.record.fields import FIELDS

    for field in FIELDS:
        value = getattr(record, field.name)
        if field.label and value is not None and value != record.error:
            yield field.label, _written(field, value)


def _written(field: "Field", value: str | float | bool | tuple[str, ...]) -> str:
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, tuple):
        return ", ".join(value)
    text = value if isinstance(value, str) else f"{value:,}"
    return f"{text} {field.unit}" if field.unit else text


def _asked_for(detail: "ExchangeDetail") -> Iterator[tuple[str, str]]:
    """What the request asks for, save what the record tells too."""
    for name, value in detail.conversation.parameters.items():
        if name not in detail.record.values:
            yield name, value if isinstance(value, str) else json.dumps(value)


def _related(detail: "ExchangeDetail") -> Iterator[tuple[str, str]]:
    repeated = " ".join(detail.replays)
    rows = (
        ("call before", detail.call_before),
        ("previous", detail.previous),
        ("next", detail.next),
        ("repeated by", repeated),
    )
    shown_at = (("trace is shown at", detail.trace_url), ("execution is shown at", detail.n8n_url))
    for name, text in (*rows, *shown_at):
        if text:
            yield name, text


def _tool_name(tool: dict[str, Any]) -> str:
    function = tool.get("function")
    named = function if isinstance(function, dict) else tool
    return str(named.get("name", tool.get("type", "?")))
