"""Who may see what is kept."""

import pytest

from service.inspector.access import COOKIE, Access, is_foreign
from service.inspector.client import Client

HERE = Client("127.0.0.1", is_local=True)
ELSEWHERE = Client("203.0.113.9", is_local=False)


class Clock:
    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now


@pytest.mark.parametrize(
    ("token", "authorization", "client", "is_allowed"),
    [
        ("", "", HERE, True),
        ("", "", ELSEWHERE, False),
        ("", "Bearer ", ELSEWHERE, False),
        ("", "Bearer x", ELSEWHERE, False),
        ("secret", "", HERE, True),
        ("secret", "", ELSEWHERE, False),
        ("secret", "Bearer wrong", ELSEWHERE, False),
        ("secret", "Basic secret", ELSEWHERE, False),
        ("secret", "Bearer \udce9", ELSEWHERE, False),
        ("secret", "Bearer secret", ELSEWHERE, True),
        ("secret", "bearer  secret ", ELSEWHERE, True),
    ],
)
def test_this_machine_and_holders_of_the_token_may(
    token: str, authorization: str, client: Client, is_allowed: bool
) -> None:
    assert Access(token).allows({"Authorization": authorization}, client) is is_allowed


def test_a_browser_signs_in_once_and_its_cookie_opens_until_it_signs_out_or_hours_have_passed() -> None:
    clock = Clock()
    access = Access("secret", clock)
    cookie = access.sign_in("secret", ELSEWHERE)
    assert cookie is not None
    assert "HttpOnly; SameSite=Strict" in cookie
    assert "Secure" not in cookie
    headers = {"Cookie": f"other=1; {cookie.partition(';')[0]}"}
    assert access.allows(headers, ELSEWHERE)
    assert not Access("secret", clock).allows(headers, ELSEWHERE)
    assert "Max-Age=0" in access.sign_out(headers, ELSEWHERE)
    assert not access.allows(headers, ELSEWHERE)
    again = access.sign_in("secret", Client("203.0.113.9", is_local=False, is_https=True))
    assert again is not None
    assert again.endswith("; Secure")
    headers = {"Cookie": again.partition(";")[0]}
    clock.now += 13 * 3600
    assert not access.allows(headers, ELSEWHERE)


@pytest.mark.parametrize("cookie", ["", "=", COOKIE, f"{COOKIE}=", f"{COOKIE}=\udce9", f"{COOKIE}=x; {COOKIE}=y", "\0"])
def test_a_made_up_cookie_opens_nothing(cookie: str) -> None:
    access = Access("secret")
    access.sign_in("secret", ELSEWHERE)
    assert not access.allows({"Cookie": cookie}, ELSEWHERE)


def test_guessing_is_slowed_for_who_guesses_and_then_for_all() -> None:
    clock = Clock()
    access = Access("secret", clock)
    for _ in range(5):
        assert access.sign_in("wrong", ELSEWHERE) is None
    assert 0 < access.seconds_to_wait(ELSEWHERE) <= 61
    assert access.sign_in("secret", ELSEWHERE) is None
    assert not access.allows({"Authorization": "Bearer secret"}, ELSEWHERE)
    other = Client("203.0.113.10", is_local=False)
    assert access.allows({"Authorization": "Bearer secret"}, other)
    clock.now += 61
    assert access.sign_in("secret", ELSEWHERE) is not None


def test_wrong_tokens_of_others_do_not_keep_out_who_has_the_right_one() -> None:
    clock = Clock()
    access = Access("secret", clock)
    right = {"Authorization": "Bearer secret"}
    cookie = {"Cookie": (access.sign_in("secret", ELSEWHERE) or "").partition(";")[0]}
    for number in range(120):
        access.sign_in("wrong", Client(f"198.51.100.{number}", is_local=False))
    assert access.allows(right, ELSEWHERE)
    assert access.allows(cookie, ELSEWHERE)
    assert access.allows({}, HERE)
    assert access.allows(right, Client("192.0.2.1", is_local=False))
    # Somebody new has one try while so many guess.
    new = Client("192.0.2.2", is_local=False)
    assert access.sign_in("wrong", new) is None
    assert access.seconds_to_wait(new) > 0
    assert not access.allows(right, new)
    clock.now += 61
    assert access.allows(right, new)


def test_who_was_right_before_is_not_slowed_by_a_guesser_behind_the_same_address() -> None:
    access = Access("secret", Clock())
    right = {"Authorization": "Bearer secret"}
    assert access.allows(right, ELSEWHERE)
    for _ in range(20):
        assert access.sign_in("wrong", ELSEWHERE) is None
    assert access.allows(right, ELSEWHERE)
    # A guesser there is slowed too, if later.
    for _ in range(100):
        access.sign_in("wrong", ELSEWHERE)
    assert access.seconds_to_wait(ELSEWHERE) > 0


def test_a_machine_with_many_addresses_guesses_as_one() -> None:
    access = Access("secret", Clock())
    for number in range(5):
        access.sign_in("wrong", Client(f"2001:db8::{number}", is_local=False))
    assert access.seconds_to_wait(Client("2001:db8::99", is_local=False)) > 0
    assert access.seconds_to_wait(Client("2001:db8:0:1::99", is_local=False)) == 0
    for _ in range(5):
        access.sign_in("wrong", Client("::ffff:198.51.100.1", is_local=False))
    assert access.seconds_to_wait(Client("198.51.100.1", is_local=False)) > 0


def test_more_sessions_than_anybody_has_browsers_end_the_oldest() -> None:
    access = Access("secret")
    first = access.sign_in("secret", ELSEWHERE) or ""
    for _ in range(1000):
        last = access.sign_in("secret", ELSEWHERE) or ""
    assert not access.allows({"Cookie": first.partition(";")[0]}, ELSEWHERE)
    assert access.allows({"Cookie": last.partition(";")[0]}, ELSEWHERE)


@pytest.mark.parametrize(
    ("headers", "foreign"),
    [
        ({"Host": "localhost:8080"}, False),
        ({"Host": "localhost:8080", "Origin": "http://localhost:8080", "Sec-Fetch-Site": "same-origin"}, False),
        ({"Host": "llm.example", "Origin": "https://llm.example"}, False),
        ({"Host": "localhost:8080", "Origin": "http://localhost:3000"}, True),
        ({"Host": "localhost:8080", "Origin": "http://evil.example"}, True),
        ({"Host": "localhost:8080", "Origin": "null"}, True),
        ({"Host": "localhost:8080", "Origin": "ftp://localhost:8080"}, True),
        ({"Host": "localhost:8080", "Origin": "localhost:8080"}, True),
        ({"Host": "localhost:8080", "Sec-Fetch-Site": "cross-site"}, True),
        ({"Host": "localhost:8080", "Sec-Fetch-Site": "same-site"}, True),
        ({"Host": "localhost:8080", "Sec-Fetch-Site": "none"}, False),
    ],
)
def test_another_sites_page_is_told_apart(headers: dict[str, str], foreign: bool) -> None:
    assert is_foreign(headers) is foreign
