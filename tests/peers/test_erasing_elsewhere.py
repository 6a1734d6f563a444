"""What could not be erased elsewhere is tried again until it is done."""

import asyncio
import threading
from pathlib import Path

import pytest

from service.peers import erasing_elsewhere
from service.peers.erasing_elsewhere import ErasingElsewhere
from service.peers.open_erasures import FILE
from service.peers.peer_answers import Peer, PeerAnswer
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
    with answering((200, b'{"count":2}'), (200, b'{"erased":2}')) as (url, asked):
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
    with answering((500, b""), (500, b""), (200, b'{"count":0}'), (200, b'{"erased":0}')) as (url, _):
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


def test_whoever_asked_and_failed_here_leaves_it_to_be_tried(tmp_path: Path) -> None:
    with answering((200, b'{"count":1}'), (200, b'{"erased":1}')) as (url, asked):
        elsewhere = ErasingElsewhere({"garage": url}, None, tmp_path, lambda requests: "")
        erasures = elsewhere.remember(QUERY, "2026-11-29T12:00:00Z")
        elsewhere.leave_open(erasures)
        elsewhere.try_again()
        assert len(asked) == 2
    assert elsewhere.trouble() is None


def test_a_recorder_that_peers_names_itself_is_asked_nothing(tmp_path: Path) -> None:
    elsewhere = ErasingElsewhere({"garage": AWAY, "office": AWAY}, None, tmp_path, lambda requests: "")
    assert set(elsewhere.counts(QUERY, "office")) == {"garage"}
    erasures = elsewhere.remember(QUERY, "2026-11-29T12:00:00Z", "office")
    assert [(one.where, one.is_here) for one in erasures] == [("office", True), ("garage", False)]
    elsewhere.done_here(erasures[0])
    assert [one["where"] for one in elsewhere.told()] == ["garage"]


def test_those_that_do_not_answer_are_waited_for_together(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    together = threading.Barrier(3)

    def count(peer: Peer, query: object) -> PeerAnswer:
        # Whoever waited alone would wait in vain.
        together.wait(20)
        return PeerAnswer(len(peer.name))

    monkeypatch.setattr(erasing_elsewhere, "count_at", count)
    elsewhere = ErasingElsewhere(dict.fromkeys(("a", "bb", "ccc"), AWAY), None, tmp_path, lambda requests: "")
    assert {name: answer.count for name, answer in elsewhere.counts(QUERY).items()} == {"a": 1, "bb": 2, "ccc": 3}


def test_a_file_that_is_not_understood_is_told_until_somebody_looked_at_it(tmp_path: Path) -> None:
    (tmp_path / FILE).write_bytes(b'[{"where": "gar')
    for _ in range(2):
        elsewhere = ErasingElsewhere({"garage": AWAY}, None, tmp_path, lambda requests: "")
        assert "open-erasures.damaged" in (elsewhere.trouble() or "")
        assert elsewhere.told() == []
    (tmp_path / "open-erasures.damaged").unlink()
    assert elsewhere.trouble() is None


async def test_a_file_that_cannot_be_read_is_told_and_ends_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(erasing_elsewhere, "_TRIED_EVERY_SECONDS", 0.01)
    (tmp_path / FILE).mkdir()
    elsewhere = ErasingElsewhere({"garage": AWAY}, None, tmp_path, lambda requests: "")
    trying = asyncio.create_task(elsewhere.keep_trying())
    await asyncio.sleep(0.2)
    assert not trying.done()
    assert "cannot be read" in (elsewhere.trouble() or "")
    assert elsewhere.told() == []
    with pytest.raises(OSError, match="directory"):
        elsewhere.remember(QUERY, "2026-11-29T12:00:00Z")
    (tmp_path / FILE).rmdir()
    elsewhere.remember(QUERY, "2026-11-29T12:00:00Z")
    assert "garage" in (elsewhere.trouble() or "")
    trying.cancel()
    await asyncio.gather(trying, return_exceptions=True)
