"""The filter of a command: the options are the parameters of the recorder's addresses, from the same table."""

import functools
import inspect
from collections.abc import Callable, Iterable
from typing import Annotated, Any

import typer

from service.cli.environment import USAGE_EXIT_CODE, current_settings, stop
from service.search.filters import Filter, read_filter

_MEANINGS = {
    "q": 'Words in prompts and answers: words, "phrases", prefix*, -without, OR.',
    "model": "Only of this model.",
    "workflow": "Only of this n8n workflow (name or id).",
    "execution": "Only of this n8n execution.",
    "node": "Only of this n8n node.",
    "caller": "Only of this caller.",
    "user": "Only of this user.",
    "operation": "Only this operation: chat, generate, embed, …",
    "outcome": "Only this outcome: completed, client_left, upstream_timed_out, …",
    "status": "Only this HTTP status.",
    "failed": "Only what failed, or only what did not.",
    "truncated": "Only where the model got less of the prompt than was sent, or only where it got all.",
    "slower": "Only what took longer: seconds, or 300ms, 2m.",
    "from": "Only what ended from then on: -1h, -7d, 2026-11-21, 2026-11-21T08:30:00Z; without an offset UTC.",
    "to": "Only what ended before then; a date is included.",
    "before": "Only before this number of the journal.",
    "after": "Only after this number of the journal.",
    "exchange": "Only this exchange; the beginning of its id is enough.",
}
_SWITCHES = ("failed", "truncated")
_METAVARS = {
    "q": "WORDS",
    "status": "STATUS",
    "slower": "SECONDS",
    "from": "TIME",
    "to": "TIME",
    "before": "NUMBER",
    "after": "NUMBER",
    "exchange": "ID",
}
_PANEL = "Filters (all hold at once; one that is repeated: any of its values)"
_ID_LENGTH = 32
# An option may not be called as a word of Python is.
_PREFIX = "wanted_"


def takes_filter(*, leave_out: Iterable[str] = ()) -> Callable[[Callable[..., None]], Callable[..., None]]:
    """Gives a command the filter's options, save ``leave_out``; it gets the Filter as its argument ``wanted``.

    What is malformed stops the command with exit code 2 and a sentence that says what is expected.
    """
    names = [name for name in _MEANINGS if name not in set(leave_out)]

    def decorate(command: Callable[..., None]) -> Callable[..., None]:
        @functools.wraps(command)
        def with_filter(**given: Any) -> None:
            values = {name: given.pop(_PREFIX + name) for name in names}
            values["exchange"] = _whole_ids(values.get("exchange") or [])
            command(wanted=read_conditions(values), **given)

        own = [each for name, each in inspect.signature(command).parameters.items() if name != "wanted"]
        parameters = [*own, *(_option(name) for name in names)]
        with_filter.__signature__ = inspect.Signature(parameters)  # type: ignore[attr-defined]
        with_filter.__annotations__ = {each.name: each.annotation for each in parameters}
        return with_filter

    return decorate


def read_conditions(values: dict[str, Any]) -> Filter:
    """The filter of texts, lists of texts and truths by parameter; None is nothing. Stops the command otherwise."""
    pairs: list[tuple[str, str]] = []
    for name, value in values.items():
        if isinstance(value, bool):
            pairs.append((name, "true" if value else "false"))
        elif isinstance(value, str):
            pairs.append((name, value))
        else:
            pairs.extend((name, text) for text in value or ())
    try:
        return read_filter(pairs)
    except ValueError as mistake:
        stop(str(mistake), USAGE_EXIT_CODE)


def _whole_ids(texts: list[str]) -> list[str]:
    """Ids that may be shortened, as everywhere on the command line; a filter takes whole ones."""
    if all(len(text.strip()) in (0, _ID_LENGTH) for text in texts):
        return texts
    from service.cli.journal_access import reading, whole_id

    with reading(current_settings()) as reader:
        return [whole_id(reader, text) for text in texts if text.strip()]


def _option(name: str) -> inspect.Parameter:
    # Each may be repeated here; the table of the filter says which may not, in its own words.
    kind: Any = bool | None if name in _SWITCHES else list[str] | None
    flag = f"--{name}/--no-{name}" if name in _SWITCHES else f"--{name}"
    metavar = None if name in _SWITCHES else _METAVARS.get(name, "NAME")
    option = typer.Option(flag, help=_MEANINGS[name], metavar=metavar, rich_help_panel=_PANEL, show_default=False)
    return inspect.Parameter(
        _PREFIX + name, inspect.Parameter.KEYWORD_ONLY, default=None, annotation=Annotated[kind, option]
    )
