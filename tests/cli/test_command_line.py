"""Signatures become commands, and what users type becomes their arguments."""

from enum import StrEnum
from importlib import import_module
from pathlib import Path
from typing import Annotated, Any

import click
import pytest
from click.testing import CliRunner, Result

from service.cli import app
from service.cli.command_line import CommandPlace, LazyGroup, argument, command_of, option

GOT: list[dict[str, Any]] = []


class Colour(StrEnum):
    RED = "red"
    DARK_RED = "dark-red"


def paint(
    things: Annotated[list[str], argument(help="What to paint.", metavar="THINGS")],
    colour: Annotated[Colour, option("--colour", "-c", help="Of the paint.")] = Colour.RED,
    other: Annotated[Colour | None, option(help="Another.")] = None,
    coats: Annotated[int, option(min=1, max=9, help="How many.")] = 2,
    thickness: Annotated[float | None, option(min=0.0, help="In millimetres.")] = None,
    where: Annotated[Path | None, option("--where", help="A place.")] = None,
    dry: Annotated[bool, option("--dry", help="Only say so.")] = False,
    glossy: Annotated[bool | None, option("--glossy/--no-glossy", help="Or not.", panel="Looks")] = None,
    note: Annotated[list[str] | None, option("--note", help="May be repeated.")] = None,
    plain_name: str = "",
) -> None:
    """Paint things.

    With a brush.
    """
    GOT.append(dict(locals()))


def run(*words: str) -> Result:
    return CliRunner().invoke(command_of(paint), list(words))


def got(*words: str) -> dict[str, Any]:
    done = run(*words)
    assert done.exit_code == 0, done.output
    return GOT.pop()


def test_what_is_not_given_is_the_signatures_default() -> None:
    assert got("door") == {
        "things": ["door"],
        "colour": Colour.RED,
        "other": None,
        "coats": 2,
        "thickness": None,
        "where": None,
        "dry": False,
        "glossy": None,
        "note": None,
        "plain_name": "",
    }


def test_values_have_the_type_of_the_signature() -> None:
    given = got(*("a", "-c", "dark-red", "--coats", "3", "--thickness", "0.5", "--where", "x/y", "--dry", "b"))
    assert given["things"] == ["a", "b"]
    assert given["colour"] is Colour.DARK_RED
    assert (given["coats"], given["thickness"], given["where"], given["dry"]) == (3, 0.5, Path("x/y"), True)
    given = got("a", "--other", "red", "--no-glossy", "--note", "x", "--note=", "--plain-name", "n")
    assert (given["other"], given["glossy"], given["note"]) == (Colour.RED, False, ["x", ""])
    assert given["plain_name"] == "n"
    assert got("a", "--glossy", "--", "--b")["things"] == ["a", "--b"]


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        ([], "Missing argument"),
        (["a", "--coats", "0"], "not in the range"),
        (["a", "--coats", "10"], "not in the range"),
        (["a", "--coats", "two"], "not a valid integer"),
        (["a", "--thickness", "-1"], "not in the range"),
        (["a", "--colour", "DARK_RED"], "'red', 'dark-red'"),
        (["a", "--colors", "red"], "No such option"),
        (["a", "--note"], "requires an argument"),
        (["a", "--dry=yes"], "does not take a value"),
    ],
)
def test_a_mistake_is_told_and_exit_code_2(words: list[str], sentence: str) -> None:
    done = run(*words)
    assert (done.exit_code, done.stdout) == (2, "")
    assert sentence in done.stderr


def test_help_shows_what_each_is_for_under_its_heading() -> None:
    text = run("--help").stdout
    assert [heading in text for heading in ("Arguments:", "Options:", "Looks:")] == [True] * 3
    assert "Paint things." in text
    assert "With a brush." in text
    assert "[default: 2; 1<=x<=9]" in text
    assert "[default: red]" in text
    assert text.count("default:") == 2
    assert text.index("Looks:") < text.index("--glossy / --no-glossy")


def all_places(group: LazyGroup) -> list[CommandPlace]:
    found: list[CommandPlace] = []
    for place in group.places.values():
        found += all_places(place) if isinstance(place, LazyGroup) else [place]
    return found


@pytest.mark.parametrize("place", all_places(app), ids=lambda place: str(place.function))
def test_the_table_names_a_function_and_how_its_docstring_begins(place: CommandPlace) -> None:
    module, _, name = place.function.partition(":")
    function = getattr(import_module(f"service.cli.{module}"), name)
    assert (function.__doc__ or "").startswith(place.summary)
    command = command_of(function)
    assert all(each.name for each in command.params)


def test_ctrl_c_ends_a_command_with_130_and_without_a_word(monkeypatch: pytest.MonkeyPatch) -> None:
    def interrupted() -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(CommandPlace, "command", lambda _, name: command_of(interrupted, name))
    done = CliRunner().invoke(app, ["version"])
    assert (done.exit_code, done.output) == (130, "")


def test_shells_are_told_the_commands_and_their_options() -> None:
    context = click.Context(app, info_name="ollama-recorder")
    assert [one.value for one in app.shell_complete(context, "se")] == ["serve", "search", "settings"]
    listing = app.get_command(context, "list")
    assert listing is not None
    options = [one.value for one in listing.shell_complete(click.Context(listing, parent=context), "--mod")]
    assert options == ["--model"]
