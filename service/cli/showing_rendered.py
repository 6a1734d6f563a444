"""``show --rendered``: what the model got of a chat, as its Ollama shows it now. The running recorder asks it."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

import click

from service.cli.environment import stop
from service.cli.screen import inert, note, say_json
from service.record.wording import counted

if TYPE_CHECKING:
    from service.journal.reader import KeptRecord
    from service.record.rendered_prompt import RenderedPrompt
    from service.settings import Settings

# A long prompt is made into text a dozen times.
_PATIENCE_SECONDS = 60.0
_FIRST_WORDS = 72


def show_rendered(kept: "KeptRecord", settings: "Settings", url: str, *, as_json: bool) -> None:
    """Print it. Stops the command, with the recorder's own sentence, where it cannot be looked at."""
    from service.cli.running_recorder import RunningRecorder, read_document
    from service.record.rendered_prompt import RenderedPrompt

    recorder = RunningRecorder(settings, url)
    path = f"/exchanges/{kept.row.id}/rendered"
    found = read_document(recorder.ask(path, "POST", seconds=_PATIENCE_SECONDS))
    if as_json:
        say_json(found, indent=2)
        return
    try:
        rendered = RenderedPrompt(**found)
    except TypeError:
        stop("What answers is a recorder of another version.")
    note(_summary(rendered))
    for line in _left_out(kept, rendered.left_out or ()):
        note(line)
    click.echo(inert(rendered.prompt, keeps_lines=True))


def _summary(rendered: "RenderedPrompt") -> str:
    sent, left_out, room = (
        counted(rendered.messages, "message"),
        rendered.left_out,
        f"{rendered.context_length:,} tokens",
    )
    if left_out is None:
        return f"Ollama leaves something out of {sent}; which cannot be told. Room: {room}."
    if left_out:
        return f"Ollama leaves out {len(left_out):,} of {sent}, as there is room for {room}:"
    return f"Ollama gives the model all of {sent}; there is room for {room}."


def _left_out(kept: "KeptRecord", places: Sequence[int]) -> list[str]:
    """A line for each message that was left out: its place from 1 on, its role, its first words."""
    from service.record.bodies import first_document
    from service.record.chat_messages import turns_of

    asked = first_document(kept.request)
    messages = asked.get("messages") if isinstance(asked, dict) else None
    lines = []
    for place in places:
        message = messages[place] if isinstance(messages, list) and place < len(messages) else None
        turn = next(turns_of({"messages": [message]}), None)
        words = " ".join(turn.text[: 4 * _FIRST_WORDS].split())[:_FIRST_WORDS] if turn else ""
        lines.append(f"  {place + 1:>4}  {inert(turn.role if turn else '?')}  {inert(words)}")
    return lines
