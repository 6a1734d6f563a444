import time

import pytest

from service.shipping.loki.judge import judge
from service.shipping.receiver import Decision


@pytest.mark.parametrize("status", [200, 400, 403, 404])
def test_a_web_page_is_no_answer_of_loki(status: int) -> None:
    verdict = judge(status, {"Content-Type": "text/html"}, b"<html>Sign in</html>")
    assert (verdict.decision, verdict.reason) == (Decision.REFUSED, "not_the_receiver")


def test_a_redirect_says_where_to() -> None:
    verdict = judge(302, {"Location": "https://login.example.org/"}, b"")
    assert verdict.decision is Decision.REFUSED
    assert "https://login.example.org/" in verdict.detail


def test_a_page_of_a_proxy_whose_loki_is_away_is_tried_again() -> None:
    assert judge(502, {"Content-Type": "text/html"}, b"<html>Bad Gateway</html>").decision is Decision.RETRY


def test_binary_answers_are_quoted_readably() -> None:
    detail = judge(500, {}, b"\xff\x00line one\r\nline two" + b"x" * 5000).detail
    assert "\n" not in detail
    assert len(detail) < 400


@pytest.mark.parametrize(
    ("said", "seconds"),
    [("7", 7), ("", 0), ("soon", 0), ("-5", 0), ("99999999999", 900), ("Wed, 21 Oct 2015 07:28:00 GMT", 0)],
)
def test_retry_after_is_honoured_within_reason(said: str, seconds: float) -> None:
    assert judge(429, {"Retry-After": said}, b"").retry_after == seconds


def test_retry_after_may_be_a_date() -> None:
    date = time.strftime("%a, %d %b %Y %H:%M:%S GMT", time.gmtime(time.time() + 60))
    assert 55 <= judge(503, {"Retry-After": date}, b"").retry_after <= 60
