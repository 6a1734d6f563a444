"""The filter's options are those of the addresses, and their mistakes are told in one sentence."""

import pytest
from click.testing import CliRunner

from service.cli.command_line import command_of
from service.cli.filter_options import takes_filter
from service.search.filters import Filter
from service.search.parameters import PARAMETERS

GOT: list[Filter] = []


@takes_filter()
def command(wanted: Filter, name: str = "") -> None:
    GOT.append(wanted)


app = command_of(command)


def got(*words: str) -> Filter:
    done = CliRunner().invoke(app, list(words))
    assert done.exit_code == 0, done.output
    return GOT.pop()


def test_every_parameter_of_the_addresses_is_an_option() -> None:
    shown = CliRunner().invoke(app, ["--help"], env={"COLUMNS": "200"}).stdout
    assert not [one.name for one in PARAMETERS if f"--{one.name} " not in shown]
    assert "--name" in shown
    assert "wanted" not in shown


def test_options_mean_what_the_parameters_mean() -> None:
    assert got() == Filter()
    assert got("--model", "a", "--model", "b", "--q", "x OR y") == Filter(text="x OR y", model=("a", "b"))
    assert got("--failed", "--no-truncated", "--slower", "300ms") == Filter(failed=True, truncated=False, slower=0.3)
    assert got("--truncated-unknown") == Filter(truncated="unknown")
    assert got("--node", "", "--task=", "--task", "title") == Filter(node=("",), task=("", "title"))
    assert got("--from", "2026-11-21", "--to", "2026-11-21").until_ns == 1_795_305_600_000_000_000
    assert got("--from", "-1h").since_ns is not None


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (["--slower", "soon"], "slower='soon' is not understood: expected is seconds"),
        (["--slower", "1", "--slower", "2"], "slower is given 2 times"),
        (["--truncated", "--truncated-unknown"], "truncated is given 2 times"),
        (["--status", "ok"], "status='ok'"),
        (["--q", '"open'], "no closing quotation mark"),
        (["--exchange", "xyz"], "32 hexadecimal digits"),
        (["--from", "2026-11-22", "--to", "2026-11-20"], "is later than"),
        (["--slower", "\x1b[2J"], "\\x1b"),
    ],
)
def test_a_mistake_is_one_sentence_and_exit_code_2(words: list[str], sentence: str) -> None:
    done = CliRunner().invoke(app, words)
    assert done.exit_code == 2
    assert sentence in done.stderr
    assert "Traceback" not in done.output


@pytest.mark.parametrize(
    ("words", "known"),
    [
        (("--outcome", "complete"), "client_left"),
        (("--operation", "chats"), "embed"),
        (("--cut", "half"), "messages, length, shift"),
    ],
)
def test_a_word_that_no_record_has_is_told_with_those_that_there_are(words: tuple[str, str], known: str) -> None:
    done = CliRunner().invoke(app, list(words))
    assert done.exit_code == 0
    assert f"{words[1]!r}; there are: " in done.stderr
    assert known in done.stderr
    assert words[1] in str(GOT.pop())


def test_words_that_records_have_and_none_are_no_slips() -> None:
    done = CliRunner().invoke(app, ["--outcome", "client_left", "--operation", "", "--cut", "shift"])
    assert (done.exit_code, done.stderr) == (0, "")
    GOT.pop()
