"""The command ``ollama-recorder``: one module a subject, put together here.

It reads the journal and its index itself, so it works while the recorder runs and when it does not; what sends a
prompt or changes the journal of a running recorder asks that recorder over HTTP. A container's health check starts
it every few seconds: what is heavy is imported inside the commands.
"""

from typing import Final

import click

import service
from service.cli.command_line import CommandPlace, LazyGroup
from service.guarded_command import run_guarded

_JOURNAL: Final = {
    "check": CommandPlace("maintenance:journal_check", "Read every page of the journal and say whether it is sound."),
    "compact": CommandPlace("maintenance:journal_compact", "Write the journal and its index anew"),
    "trust-clock": CommandPlace("maintenance:journal_trust_clock", "Say that the clock is right"),
}
_SHIP: Final = {
    "status": CommandPlace("maintenance:ship_status", "Show how far each receiver is"),
    "again": CommandPlace("shipping_again:ship_again", "Send records once more to a receiver"),
}
_COMMANDS: Final[dict[str, CommandPlace | LazyGroup]] = {
    "serve": CommandPlace("serving:serve", "Run the recorder until SIGTERM or Ctrl-C."),
    "tail": CommandPlace("tail:tail", "Show exchanges as they end, until Ctrl-C."),
    "list": CommandPlace("listing:list_exchanges", "List the newest exchanges, newest first."),
    "search": CommandPlace("listing:search", "Find exchanges by the words of their prompts and answers, newest first."),
    "show": CommandPlace("showing:show", "Show one exchange: the conversation, where the time went and why"),
    "stats": CommandPlace("stats:stats", "Tell who uses the machine"),
    "failures": CommandPlace("failure_listing:failures", "Tell what failed and why, who was hit"),
    "report": CommandPlace("reports:report", "Sum up what happened"),
    "export": CommandPlace("exporting:export", "Write what is selected to a file"),
    "dataset": CommandPlace(
        "dataset:dataset", "Write the conversations that are selected as a data set for fine-tuning."
    ),
    "replay": CommandPlace("replaying:replay", "Send a recorded prompt again, show the answer as it comes"),
    "replay-all": CommandPlace(
        "batch_replaying:replay_all", "Send the newest prompts that the filters find again, one after the other."
    ),
    "replays": CommandPlace("batch_replaying:replays", "Show the batches of replays, or all of one"),
    "compare": CommandPlace("comparing:compare", "Compare two exchanges"),
    "erase": CommandPlace(
        "erasing:erase", "Erase what matches, from the journal, its index and, where it can be, from Loki"
    ),
    "backup": CommandPlace("backing_up:backup", "Copy the journal to FILE while the recorder runs."),
    "restore": CommandPlace("backing_up:restore", "Put a backup in the journal's place."),
    "queue": CommandPlace("queueing:queue", "Show who is at Ollama and who waits in the recorder"),
    "limits": CommandPlace("queueing:limits", "Show what each caller may have of Ollama, and what it has used."),
    "mask": CommandPlace("mask_trying:mask", "Show what masks leave of a text, and how often each one matches."),
    "measure": CommandPlace("measuring:measure", "Measure how fast a model is here"),
    "doctor": CommandPlace(
        "doctor.checkup:doctor", "Look at Ollama, the recorder, its journal, its receivers, the last day"
    ),
    "docs": CommandPlace("documentation:docs", "Print a page of the documentation, or one chapter of it"),
    "mcp": CommandPlace("mcp_serving:mcp", "Serve MCP on standard input and output"),
    "settings": CommandPlace("about:settings", "Show every setting"),
    "health": CommandPlace("about:health", "Ask a running recorder whether it answers and keeps records"),
    "version": CommandPlace("about:version", "Print the version, and whether compiled code runs."),
    "journal": LazyGroup("journal", "The file in which all exchanges are kept.", _JOURNAL),
    "ship": LazyGroup("ship", "What goes to Loki and to an OTLP receiver.", _SHIP),
}


def _say_version(context: click.Context, _: click.Parameter, is_wanted: bool) -> None:
    if is_wanted:
        click.echo(service.full_version())
        context.exit()


_VERSION: Final = click.Option(
    ["--version"],
    is_flag=True,
    is_eager=True,
    expose_value=False,
    callback=_say_version,
    help="Print the version, and whether compiled code runs.",
)
app: Final = LazyGroup(
    "ollama-recorder",
    "The flight recorder for local LLMs. Settings are environment variables: see `ollama-recorder settings`.",
    _COMMANDS,
    [_VERSION],
)


def main() -> None:
    """Entry point of the installed command."""
    run_guarded(app)
