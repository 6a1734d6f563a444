"""The running recorder's refusals are told in its own words, and its absence in ours."""

from collections.abc import Callable

import click
import pytest

from service.cli.running_recorder import RunningRecorder
from service.settings import read_settings
from tests.cli.answering import Answering, Said


def stopped(ask: Callable[[], object], capsys: pytest.CaptureFixture[str]) -> tuple[int, str]:
    with pytest.raises(click.exceptions.Exit) as ended:
        ask()
    return ended.value.exit_code, capsys.readouterr().err


def test_the_token_goes_along(answers: Callable[..., Answering]) -> None:
    server = answers({"/status.json": {"version": "1"}})
    recorder = RunningRecorder(read_settings({"INSPECTOR_TOKEN": "secret"}), server.url)
    assert recorder.document("/status.json") == {"version": "1"}
    assert server.asked[0].headers["Authorization"] == "Bearer secret"


def test_refusals_are_told_as_the_recorder_says_them(
    answers: Callable[..., Answering], capsys: pytest.CaptureFixture[str]
) -> None:
    server = answers({"/a": Said({"error": "Set INSPECTOR_TOKEN."}, 401), "/b": b"<html>", "/c": [1]})
    recorder = RunningRecorder(read_settings({}), server.url)
    assert stopped(lambda: recorder.document("/a"), capsys) == (1, "Set INSPECTOR_TOKEN.\n")
    for path in ("/b", "/c"):
        code, said = stopped(lambda path=path: recorder.document(path), capsys)  # type: ignore[misc]
        assert (code, "no recorder" in said) == (1, True)


def test_a_recorder_that_is_not_there_is_said_with_what_to_do(capsys: pytest.CaptureFixture[str]) -> None:
    recorder = RunningRecorder(read_settings({"LISTEN": "127.0.0.1:1"}))
    code, said = stopped(lambda: recorder.ask("/"), capsys)
    assert (code, "http://127.0.0.1:1" in said, "--url" in said) == (1, True, True)
    code, said = stopped(lambda: RunningRecorder(read_settings({}), "localhost:8080"), capsys)
    assert (code, "http://127.0.0.1:8080" in said) == (2, True)
