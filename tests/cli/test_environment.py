"""Where the recorder is asked, by what it listens on."""

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
    ],
)
def test_a_recorder_is_asked_at_an_address_of_where_it_listens(listen: str, address: str) -> None:
    assert base_address(read_settings({"LISTEN": listen})) == address


def test_an_address_that_is_said_comes_before_the_setting() -> None:
    assert base_address(read_settings({}), "http://nginx:80/") == "http://nginx:80"
