"""The recorder's own addresses and who may see them."""

import pytest

from service.inspector.pages import Pages, Sources


async def _ready() -> tuple[int, bytes]:
    return 503, b"{}"


async def _metrics() -> bytes:
    return b"a 1\n"


SOURCES = Sources("1.2.3", _ready, _metrics)


@pytest.mark.parametrize(
    ("token", "authorization", "is_local", "status"),
    [
        ("", "", True, 200),
        ("", "", False, 401),
        ("", "Bearer ", False, 401),
        ("secret", "", True, 200),
        ("secret", "", False, 401),
        ("secret", "Bearer wrong", False, 401),
        ("secret", "Basic secret", False, 401),
        ("secret", "Bearer \udce9", False, 401),
        ("secret", "Bearer secret", False, 200),
    ],
)
async def test_metrics_are_for_this_machine_and_for_holders_of_the_token(
    token: str, authorization: str, is_local: bool, status: int
) -> None:
    answer = await Pages(SOURCES, token).answer("/metrics", "GET", {"Authorization": authorization}, is_local)
    assert answer.status == status
    assert (answer.body == b"a 1\n") == (status == 200)


async def test_health_is_for_everybody_and_says_what_its_source_says() -> None:
    pages = Pages(SOURCES, "")
    assert (await pages.answer("/healthz", "GET", {}, is_local=False)).status == 200
    assert (await pages.answer("/readyz", "GET", {}, is_local=False)).status == 503


async def test_a_wrong_address_or_method_says_where_to_go() -> None:
    pages = Pages(SOURCES, "")
    missing = await pages.answer("/api/chat", "POST", {}, is_local=True)
    assert missing.status == 404
    assert b"/api/ollama/" in bytes(missing.body)  # type: ignore[arg-type]  # bytes here
    assert (await pages.answer("/metrics", "POST", {}, is_local=True)).status == 405
