"""Whether somebody listens where spans go."""

import socket

import pytest

from service.shipping.otlp.health import ask_readiness


def test_one_that_listens_is_as_ready_as_can_be_told() -> None:
    with socket.create_server(("127.0.0.1", 0)) as listening:
        address = f"http://127.0.0.1:{listening.getsockname()[1]}/v1/traces"
        readiness = ask_readiness(address)
    assert readiness.is_ready
    assert address in readiness.text


def test_one_that_is_away_is_an_error() -> None:
    with pytest.raises(ConnectionRefusedError):
        ask_readiness("http://127.0.0.1:1")
