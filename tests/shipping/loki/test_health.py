"""What Loki's answer to ``GET /ready`` means."""

import pytest

from service.shipping.asking import ReceiverAnswer
from service.shipping.loki.health import ask_readiness, judge_readiness
from service.shipping.loki.settings import LokiSettings, login_headers
from tests.cli.answering import answering


@pytest.mark.parametrize(
    ("status", "is_ready", "advice"),
    [(200, True, ""), (401, False, "LOKI_TOKEN"), (403, False, "LOKI_TOKEN"), (404, None, ""), (503, False, "15 s")],
)
def test_each_status_is_understood(status: int, is_ready: bool | None, advice: str) -> None:
    readiness = judge_readiness("http://loki:3100", ReceiverAnswer(status, {"date": "today"}, b""))
    assert readiness.is_ready is is_ready
    assert "http://loki:3100" in readiness.text
    assert (advice in readiness.advice, bool(readiness.advice)) == (True, bool(advice))
    assert readiness.headers == {"date": "today"}


def test_it_is_asked_at_its_base_address_with_what_opens_it() -> None:
    with answering({"/ready": b"ready"}) as server:
        loki = LokiSettings(server.url + "/loki/api/v1/push", login_headers(tenant="team-a"))
        assert ask_readiness(loki).is_ready
        headers = {name.lower(): value for name, value in server.asked[0].headers.items()}
        assert headers["x-scope-orgid"] == "team-a"


def test_one_that_is_away_is_an_error() -> None:
    with pytest.raises(ConnectionRefusedError):
        ask_readiness(LokiSettings("http://127.0.0.1:1"))
