"""``replay-all`` and ``replays``: many recorded prompts once more, and what came out. The running recorder does it."""

import json
import sys
import time
from typing import TYPE_CHECKING, Annotated, Any
from urllib.parse import urlencode

import click

from service.cli.command_line import argument, option
from service.cli.environment import current_settings, stop
from service.cli.exchange_line import moment
from service.cli.filter_options import takes_filter
from service.cli.replaying import read_options
from service.cli.running_recorder import RunningRecorder, read_document
from service.cli.screen import inert, note, say_json, say_table, working
from service.journal.replay_batches import is_batch_id
from service.record.wording import counted
from service.search.filters import Filter, to_query

if TYPE_CHECKING:
    from rich.table import Table

Model = Annotated[str, option("--new-model", help="Another model.", metavar="NAME", show_default=False)]
Options = Annotated[
    list[str] | None,
    option("--option", metavar="NAME=VALUE", help="Another option, as temperature=0; may be repeated."),
]
System = Annotated[str | None, option("--system", metavar="TEXT", help="Another system prompt.")]
Most = Annotated[int, option("--limit", help="The newest so many.", min=1, max=500)]
Url = Annotated[str, option("--url", help="Base address of the recorder; default: where LISTEN says.")]
AsJson = Annotated[bool, option("--json", help="Print JSON, for programs.")]
AsCsv = Annotated[bool, option("--csv", help="Write a table as CSV.")]
Batch = Annotated[str, argument(metavar="[BATCH]", help="Of which all is shown; none: which there are.")]
_LOOK_SECONDS = 0.5
_SHOWN_PROMPT = 40


@takes_filter(leave_out=("before", "after"))
def replay_all(
    *,
    wanted: Filter,
    new_model: Model = "",
    option: Options = None,
    system: System = None,
    limit: Most = 20,
    url: Url = "",
    as_json: AsJson = False,
) -> None:
    """Send the newest prompts that the filters find again, one after the other. Ctrl-C stops it.

    Whoever calls meanwhile goes first. Each new answer is recorded, and compared with the old one.
    """
    recorder = RunningRecorder(current_settings(), url)
    changes: dict[str, Any] = {"options": read_options(option or [])} if option else {}
    changes |= {"model": new_model} if new_model else {}
    changes |= {"system": system} if system is not None else {}
    query = urlencode([*to_query(wanted), ("limit", str(limit))])
    begun = read_document(recorder.ask(f"/replays.json?{query}", "POST", body=json.dumps(changes).encode(), seconds=60))
    batch = begun["batch"]
    note(f"Batch {batch}: {begun['prompts']} prompts. On the page: {recorder.base}/?tab=models&batch={batch}")
    try:
        told = _watched(recorder, batch)
    except KeyboardInterrupt:
        recorder.ask(f"/replays/{batch}/stop", "POST", body=b"{}")
        told = recorder.document(f"/replays/{batch}.json")
    _print(told, as_json=as_json)
    if "why_ended" in told:
        stop(inert(str(told["why_ended"])))


def replays(batch: Batch = "", url: Url = "", as_json: AsJson = False, as_csv: AsCsv = False) -> None:
    """Show the batches of replays, or all of one: each prompt with both answers' numbers, and the verdicts."""
    recorder = RunningRecorder(current_settings(), url)
    if not batch:
        found = recorder.document("/replays.json")
        if as_json:
            say_json(found, indent=2)
            return
        for one in found["batches"]:
            running = "  running" if one["running"] else ""
            what = f"{counted(one['prompts'], 'prompt')} with {inert(_in_words(one['changes']))}"
            click.echo(f"{one['batch']}  {moment(one['created'])}  {what}{running}")
        if not found["batches"]:
            note("There is none yet: see ollama-recorder replay-all --help.")
        return
    if not is_batch_id(batch):
        stop(f"{batch[:80]!r} is no id of a batch: expected are 16 hexadecimal digits, as `replays` lists them.", 2)
    if as_csv:
        answer = recorder.ask(f"/replays/{batch}.csv", seconds=60)
        if answer.status != 200:
            read_document(answer)
        sys.stdout.buffer.write(answer.body)
        sys.stdout.buffer.flush()
        return
    _print(recorder.document(f"/replays/{batch}.json"), as_json=as_json)


def _in_words(changes: dict[str, Any]) -> str:
    """What was asked otherwise: ``big, temperature 0``."""
    parts = [changes["model"]] if "model" in changes else ["the same model"]
    parts += [f"{name} {json.dumps(value, ensure_ascii=False)}" for name, value in changes.get("options", {}).items()]
    return ", ".join([*parts, "another system prompt"] if "system" in changes else parts)


def _watched(recorder: RunningRecorder, batch: str) -> dict[str, Any]:
    """What came of it, as soon as it has ended."""
    with working("sending again", 1) as bar:
        while True:
            told = recorder.document(f"/replays/{batch}.json")
            bar.to(told["done"], told["prompts"])
            if not told["running"]:
                return told
            time.sleep(_LOOK_SECONDS)


def _print(told: dict[str, Any], *, as_json: bool) -> None:
    if as_json:
        say_json(told, indent=2)
        return
    say_table(_table(told["rows"]))
    click.echo(inert(str(told["sentence"])))


def _table(rows: list[dict[str, Any]]) -> "Table":
    from rich.table import Table
    from rich.text import Text

    table = Table(box=None, padding=(0, 2, 0, 0))
    for name in ("prompt", "alike", "words", "seconds", "tokens/s", "ended", "verdict"):
        table.add_column(name, overflow="ellipsis", no_wrap=True, justify="left" if name == "prompt" else "right")
    for row in rows:
        alike = f"{row['likeness'] * 100:.0f} %" if "likeness" in row else "–"
        numbers = [both(row, name) for name in ("words", "seconds", "speed", "ended")]
        verdict = str(row.get("verdict", row.get("error", "")))
        table.add_row(
            *(Text(inert(text)) for text in (str(row.get("prompt", "–"))[:_SHOWN_PROMPT], alike, *numbers, verdict))
        )
    return table


def both(row: dict[str, Any], name: str) -> str:
    """The old and the new number."""
    return " → ".join(_shown(row.get(side, {}).get(name)) for side in ("old", "new"))


def _shown(value: Any) -> str:
    if isinstance(value, float):
        # Three digits, and the whole of a great number: "0.282", "2,676".
        return f"{value:,.0f}" if value >= 100 else f"{value:.3g}"
    return "–" if value is None else str(value)
