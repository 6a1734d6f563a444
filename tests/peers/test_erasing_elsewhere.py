"""What could not be erased elsewhere is tried again until it is done."""

import asyncio
from pathlib import Path

import pytest

from service.peers import erasing_elsewhere
from service.peers.erasing_elsewhere import ErasingElsewhere
from tests.peers.test_peer_answers import QUERY, answering

AWAY = "http://127.0.0.1:9"


def test_one_that_is_away_is_remembered_and_asked_after_a_restart(tmp_path: Path) -> None:
    elsewhere = ErasingElsewhere({"garage": AWAY}, None, tmp_path, lambda requests: "")
    assert elsewhere.trouble() is None
    answers = elsewhere.try_now(elsewhere.remember(QUERY, "2026-11-29T12:00:00Z"))
    assert "could not be reached" in answers["garage"].trouble
    assert "garage" in (elsewhere.trouble() or "")
    # Nobody who may not see words sees them here.
    assert "tiny" not in str(elsewhere.told())
    assert [one["where"] for one in elsewhere.told()] == ["garage"]
    with answering((200, b'{"count":2}'), (200, b"{}")) as (url, asked):
        again = ErasingElsewhere({"garage": url}, None, tmp_path, lambda requests: "")
        assert again.trouble() == elsewhere.trouble()
        again.try_now(again._open.all())
        assert len(asked) == 2
    assert again.trouble() is None


def test_what_loki_did_not_take_is_asked_of_it_again(tmp_path: Path) -> None:
    answers = ["off", ""]
    asked: list[list[str]] = []

    def ask(requests: object) -> str:
        asked.append(list(requests))  # type: ignore[call-overload]  # a sequence, as is promised
        return answers.pop(0)

    elsewhere = ErasingElsewhere({}, None, tmp_path, ask)
    elsewhere.remember_in_loki(["/delete?a"], "2026-11-29T12:00:00Z", "off")
    elsewhere.try_now(elsewhere._open.all())
    assert "Loki" in (elsewhere.trouble() or "")
    elsewhere.try_now(elsewhere._open.all())
    assert elsewhere.trouble() is None
    assert asked == [["/delete?a"], ["/delete?a"]]


def test_one_whose_address_is_not_known_any_more_stays_open(tmp_path: Path) -> None:
    first = ErasingElsewhere({"garage": AWAY}, None, tmp_path, lambda requests: "")
    first.remember(QUERY, "2026-11-29T12:00:00Z")
    then = ErasingElsewhere({}, None, tmp_path, lambda requests: "")
    assert "PEERS" in then.try_now(then._open.all())["garage"].trouble
    assert "garage" in (then.trouble() or "")


async def test_it_is_tried_again_and_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(erasing_elsewhere, "_TRIED_EVERY_SECONDS", 0.01)
    with answering((500, b""), (500, b""), (200, b'{"count":0}')) as (url, _):
        elsewhere = ErasingElsewhere({"garage": url}, None, tmp_path, lambda requests: "")
        erasures = elsewhere.remember(QUERY, "2026-11-29T12:00:00Z")
        # Whoever asked for it tries it first.
        elsewhere.try_again()
        assert "not asked yet" in (elsewhere.trouble() or "")
        elsewhere.try_now(erasures)
        trying = asyncio.create_task(elsewhere.keep_trying())
        async with asyncio.timeout(20):
            while elsewhere.trouble() is not None:
                await asyncio.sleep(0.02)
        trying.cancel()
        await asyncio.gather(trying, return_exceptions=True)
