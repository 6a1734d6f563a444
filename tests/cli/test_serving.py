"""``health`` and ``version``: what is asked of a process, in a word."""

from collections.abc import Callable

import pytest

import service
from tests.cli.answering import Answering, Said
from tests.cli.conftest import Run


def test_health_asks_this_machine_whatever_proxy_is_set(
    run: Run, answers: Callable[..., Answering], monkeypatch: pytest.MonkeyPatch
) -> None:
    server = answers({"/healthz": b"ok\n"})
    monkeypatch.setenv("http_proxy", "http://127.0.0.1:1")
    done = run("health", "--url", server.url)
    assert (done.exit_code, done.stdout) == (0, "ok\n")


def test_health_says_what_is_wrong_in_a_line(run: Run, answers: Callable[..., Answering]) -> None:
    server = answers({"/healthz": Said(b"", 503)})
    for url, code, words in (
        (server.url, 1, "/healthz: answers 503."),
        ("http://127.0.0.1:1", 1, "http://127.0.0.1:1/healthz: Connection refused."),
        ("http://127.0.0.1:99999", 2, "is no address"),
        ("http://\u00e9..x", 1, "no address has such characters"),
    ):
        done = run("health", "--url", url)
        assert (done.exit_code, done.stdout) == (code, "")
        assert words in done.stderr
        assert len(done.stderr.splitlines()) == 1


@pytest.mark.parametrize("words", [["--version"], ["version"]])
def test_the_version_is_asked_for_either_way(words: list[str], run: Run) -> None:
    assert run(*words).stdout == f"{service.__version__}\n"


@pytest.mark.parametrize("words", [[], ["list"], ["journal", "check"]])
def test_help_has_a_short_name(words: list[str], run: Run) -> None:
    assert run(*words, "-h").stdout == run(*words, "--help").stdout != ""
