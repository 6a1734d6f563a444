"""The filter of a command: the options are the parameters of the recorder's addresses, from the same table."""

import functools
import inspect
from collections.abc import Callable, Iterable, Iterator
from typing import Annotated, Any, Final, get_args

from service.cli.command_line import option
from service.cli.completing import complete_id, completes_values
from service.cli.environment import USAGE_EXIT_CODE, current_settings, stop
from service.cli.screen import note
from service.record.operations import OPERATIONS
from service.record.outcomes import OUTCOMES
from service.record.prompt_fit import Cut
from service.search.filters import UNKNOWN, Filter, read_filter
from service.search.parameters import PARAMETERS, Parameter, Takes

_ID = "Only this exchange; the beginning of its id is enough."
_PANEL = "Filters (all hold at once; one that is repeated: any of its values)"
_ID_LENGTH = 32
_WORDS: Final[tuple[tuple[str, Callable[[Filter], Iterable[str]], tuple[str, ...]], ...]] = (
    ("No operation is called", lambda wanted: wanted.operation, tuple(one.name for one in OPERATIONS)),
    ("No outcome is called", lambda wanted: wanted.outcome, tuple(str(one.outcome) for one in OUTCOMES)),
    ("No cut is called", lambda wanted: wanted.cut, get_args(Cut)),
)
"""Filters that take one of a few words, and those."""
# An option may not be called as a word of Python is.
_PREFIX = "wanted_"
_UNKNOWN = "_unknown"
_OF_IDS = "exchange"


def takes_filter(*, leave_out: Iterable[str] = ()) -> Callable[[Callable[..., None]], Callable[..., None]]:
    """Gives a command the filter's options, save ``leave_out``; it gets the Filter as its argument ``wanted``.

    What is malformed stops the command with exit code 2 and a sentence that says what is expected.
    """
    options = [one for one in PARAMETERS if one.name not in set(leave_out)]

    def decorate(command: Callable[..., None]) -> Callable[..., None]:
        @functools.wraps(command)
        def with_filter(**given: Any) -> None:
            values = {one.name: given.pop(_PREFIX + one.name) for one in options}
            for one in options:
                if one.takes is Takes.TRUTH_IF_KNOWN and given.pop(_PREFIX + one.name + _UNKNOWN):
                    values[one.name] = [UNKNOWN] if values[one.name] is None else [UNKNOWN, str(values[one.name])]
            values["exchange"] = _whole_ids(values.get("exchange") or [])
            wanted = read_conditions(values)
            _note_unknown_words(wanted)
            command(wanted=wanted, **given)

        own = [each for name, each in inspect.signature(command).parameters.items() if name != "wanted"]
        parameters = [*own, *(each for one in options for each in _options(one))]
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


def _note_unknown_words(wanted: Filter) -> None:
    """A word that no record can have is most likely a slip; a journal of a later version may have it."""
    for complaint, words_of, known in _WORDS:
        for word in words_of(wanted):
            if word and word not in known:
                note(f"{complaint} {word[:80]!r}; there are: {', '.join(known)}.")


def _whole_ids(texts: list[str]) -> list[str]:
    """Ids that may be shortened, as everywhere on the command line; a filter takes whole ones."""
    if all(len(text.strip()) in (0, _ID_LENGTH) for text in texts):
        return texts
    from service.cli.journal_access import reading, whole_id

    with reading(current_settings()) as reader:
        return [whole_id(reader, text) for text in texts if text.strip()]


def _options(parameter: Parameter) -> Iterator[inspect.Parameter]:
    name, takes = parameter.name, parameter.takes
    is_switch = takes in (Takes.TRUTH, Takes.TRUTH_IF_KNOWN)
    # Each may be repeated here; the filter says which may not, in its own words.
    kind: Any = bool | None if is_switch else list[str] | None
    flag = f"--{name}/--no-{name}" if is_switch else f"--{name}"
    meaning = _ID if takes is Takes.ID else parameter.meaning
    yield _option(name, _PREFIX + name, kind, flag, meaning, None if is_switch else str(takes))
    if takes is Takes.TRUTH_IF_KNOWN:
        meaning = f"Only where it is not known whether --{name} holds."
        yield _option(name, _PREFIX + name + _UNKNOWN, bool | None, f"--{name}-unknown", meaning, None)


def _option(parameter: str, name: str, kind: Any, flag: str, meaning: str, metavar: str | None) -> inspect.Parameter:
    complete = complete_id if parameter == _OF_IDS else completes_values(parameter)
    declared = option(flag, help=meaning, metavar=metavar, panel=_PANEL, show_default=False, complete=complete)
    return inspect.Parameter(name, inspect.Parameter.KEYWORD_ONLY, default=None, annotation=Annotated[kind, declared])
