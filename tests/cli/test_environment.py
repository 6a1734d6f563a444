"""Where the recorder is asked, by what it listens on."""

import click
import pytest

from service.cli.environment import base_address
from service.settings import read_settings


@pytest.mark.parametrize(
    ("listen", "address"),
    [
        ("127.0.0.1:8080", "http://127.0.0.1:8080"),
        ("0.0.0.0:80", "http://127.0.0.1:80"),
        ("[::]:8080", "http://[::1]:8080"),
        ("[fd00::1]:8080", "http://[fd00::1]:8080"),
        ("recorder.local:8080", "http://recorder.local:8080"),
        ("*:8080", "http://127.0.0.1:8080"),
        ("::1:8080", "http://[::1]:8080"),
    ],
)
def test_a_recorder_is_asked_at_an_address_of_where_it_listens(listen: str, address: str) -> None:
    assert base_address(read_settings({"LISTEN": listen})) == address


def test_an_address_that_is_said_comes_before_the_setting() -> None:
    assert base_address(read_settings({}), "http://nginx:80/") == "http://nginx:80"


@pytest.mark.parametrize(
    "url", ["nonsense", "localhost:8080", "ftp://127.0.0.1", "http://", "http://[::1", "http://a:99999", "http://a:0"]
)
def test_what_is_no_address_is_said_before_anything_is_asked(url: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(click.exceptions.Exit) as ended:
        base_address(read_settings({}), url)
    assert ended.value.exit_code == 2
    assert "expected is one like http://127.0.0.1:8080" in capsys.readouterr().err
