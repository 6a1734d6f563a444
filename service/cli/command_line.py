"""Commands as functions: the signature says which options there are, and this module makes Click's commands of it.

``Annotated[int, option("--limit", help="…")] = 20`` is an option, ``Annotated[str, argument(help="…")]`` an argument.
A parameter's type is bool, int, float, str, Path, a StrEnum, a list of one, or one of them or None.

A group knows its commands by name and summary. The module of a command is loaded when that command is called: each
module that is not loaded saves a millisecond or ten before the first line.
"""

import enum
import inspect
import signal
import types
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path
from typing import Any, Final, get_args, get_origin

import click
from click.shell_completion import CompletionItem

_OPTIONS, _ARGUMENTS = "Options", "Arguments"
_HELP_NAMES: Final = {"help_option_names": ["-h", "--help"], "max_content_width": 110}
# Never offered as a default: they say that nothing is given.
_NOTHING: Final = (None, "", False, ())


Complete = Callable[[str], Sequence[str | tuple[str, str]]]
"""What a shell may offer for the beginning of a word: values, each alone or with what it is."""


@dataclass(frozen=True, slots=True)
class Declared:
    """What a signature cannot say. ``panel`` is the heading that it stands under; ``least`` and ``most`` are bounds."""

    flags: tuple[str, ...]
    help: str
    panel: str
    metavar: str | None = None
    least: float | None = None
    most: float | None = None
    shows_default: bool = True
    complete: Complete | None = None


def option(
    *flags: str,
    help: str,
    metavar: str | None = None,
    min: float | None = None,
    max: float | None = None,
    panel: str = _OPTIONS,
    show_default: bool = True,
    complete: Complete | None = None,
) -> Declared:
    """For ``Annotated``: an option. Without ``flags`` it is called as its parameter; ``--a/--no-a`` is a switch."""
    return Declared(flags, help, panel, metavar, min, max, show_default, complete)


def argument(*, help: str, metavar: str | None = None, complete: Complete | None = None) -> Declared:
    """For ``Annotated``: an argument, needed unless its parameter has a default."""
    return Declared((), help, _ARGUMENTS, metavar, complete=complete)


def command_of(function: Callable[..., None], name: str | None = None) -> click.Command:
    """The command that calls ``function``, whose docstring is its help."""
    parameters = [_parameter(each) for each in inspect.signature(function).parameters.values()]
    return _Command(name or function.__name__, callback=function, params=parameters, help=inspect.getdoc(function))


@dataclass(frozen=True, slots=True)
class CommandPlace:
    """Where a command is: ``listing:search`` is the function ``search`` of service/cli/listing.py.

    ``summary`` is the first line of its docstring, which a list of commands shows without loading it.
    """

    function: str
    summary: str

    def command(self, name: str) -> click.Command:
        """Loads the module."""
        module, _, function = self.function.partition(":")
        return command_of(getattr(import_module(f"service.cli.{module}"), function), name)


class LazyGroup(click.Group):
    """Commands by name, each loaded when it is called. Ctrl-C in one ends the process with 130, without a word."""

    def __init__(
        self,
        name: str,
        help: str,
        places: "Mapping[str, CommandPlace | LazyGroup]",
        params: Sequence[click.Parameter] = (),
    ) -> None:
        super().__init__(name, help=help, params=list(params), no_args_is_help=True, context_settings=dict(_HELP_NAMES))
        self.places = places

    def list_commands(self, ctx: click.Context) -> list[str]:
        return list(self.places)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        place = self.places.get(cmd_name)
        return place.command(cmd_name) if isinstance(place, CommandPlace) else place

    def invoke(self, ctx: click.Context) -> Any:
        try:
            return super().invoke(ctx)
        except KeyboardInterrupt:
            raise click.exceptions.Exit(128 + signal.SIGINT) from None

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        with formatter.section("Commands"):
            formatter.write_dl([(name, _summary(place)) for name, place in self.places.items()])

    def shell_complete(self, ctx: click.Context, incomplete: str) -> list[CompletionItem]:
        found = [
            CompletionItem(name, help=_summary(place))
            for name, place in self.places.items()
            if name.startswith(incomplete)
        ]
        return found + click.Command.shell_complete(self, ctx, incomplete)


def _summary(place: CommandPlace | LazyGroup) -> str:
    return place.summary if isinstance(place, CommandPlace) else place.help or ""


class _Command(click.Command):
    """Its help has a heading for each panel, in the order of the signature."""

    def format_options(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        panels: dict[str, list[tuple[str, str]]] = {}
        for each in self.get_params(ctx):
            if record := each.get_help_record(ctx):
                panels.setdefault(getattr(each, "panel", _OPTIONS), []).append(record)
        for panel, records in panels.items():
            with formatter.section(panel):
                formatter.write_dl(records)


class _Option(click.Option):
    panel = _OPTIONS


class _Argument(click.Argument):
    panel = _ARGUMENTS
    help = ""

    def get_help_record(self, ctx: click.Context) -> tuple[str, str]:
        return self.make_metavar(ctx), self.help


def _parameter(given: inspect.Parameter) -> click.Parameter:
    kind, declared = given.annotation, option(help="")
    if hasattr(kind, "__metadata__"):
        kind, declared = kind.__origin__, kind.__metadata__[0]
    if isinstance(kind, types.UnionType):
        kind = next(one for one in get_args(kind) if one is not types.NoneType)
    is_list = get_origin(kind) is list
    kind = get_args(kind)[0] if is_list else kind
    is_required = given.default is inspect.Parameter.empty
    default = None if is_required or given.default in _NOTHING else given.default

    def finished(_: click.Context, __: click.Parameter, value: Any) -> Any:
        if value is None or value == ():
            return None if is_required else given.default
        if is_list:
            return list(value)
        return kind(value) if kind is Path or _is_enum(kind) else value

    shared: dict[str, Any] = {
        "metavar": declared.metavar,
        "callback": finished,
        "required": is_required,
        "type": _value_type(kind, declared),
    }
    if (complete := declared.complete) is not None:
        shared["shell_complete"] = lambda _, __, begun: [
            CompletionItem(one) if isinstance(one, str) else CompletionItem(one[0], help=one[1])
            for one in complete(begun)
        ]
    if isinstance(default, enum.Enum):
        default = default.value
    if default is not None:
        shared["default"] = default
    if declared.panel == _ARGUMENTS:
        made = _Argument([given.name], nargs=-1 if is_list else 1, **shared)
        made.help = declared.help
        return made
    flags = declared.flags or ("--" + given.name.replace("_", "-"),)
    shared |= {"multiple": is_list, "help": declared.help, "show_default": declared.shows_default}
    if kind is bool:
        shared |= {"is_flag": True, "default": None, "type": None}
    if default is None:
        shared["show_default"] = False
    made_option = _Option([given.name, *flags], **shared)
    made_option.panel = declared.panel
    return made_option


def _value_type(kind: Any, declared: Declared) -> Any:
    if kind in (int, float) and (declared.least, declared.most) != (None, None):
        limited: Any = click.IntRange if kind is int else click.FloatRange
        return limited(declared.least, declared.most)
    if _is_enum(kind):
        return click.Choice([str(one.value) for one in kind])
    # Nothing is asked of the file system here: a command tells in its own words what is wrong there.
    return click.UNPROCESSED if kind is Path else kind


def _is_enum(kind: Any) -> bool:
    return isinstance(kind, type) and issubclass(kind, enum.Enum)
