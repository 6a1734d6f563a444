"""What the journal tells of conversations that were going on before this start."""

import asyncio
from pathlib import Path

import pytest

from service import conversations_setup
from service.conversations_setup import EarlierConversations
from service.record.chat_messages import turns_of
from tests.search.indexed import said, write

GOES_ON = {"messages": [{"role": "user", "content": "Hi"}, {"role": "assistant", "content": "Hello!"}]}


def placed(earlier: EarlierConversations) -> str:
    return earlier.conversations.place((None, None, None), turns_of(GOES_ON), None, "new")


async def test_the_newest_records_tell_what_is_gone_on_with(tmp_path: Path) -> None:
    write(tmp_path, [said(1, "Hi", "Hello!", conversation_id="earlier"), said(2, "Other", "Yes.")])
    earlier = EarlierConversations(tmp_path)
    await earlier.learn()
    assert placed(earlier) == "earlier"


async def test_a_folder_without_a_journal_tells_nothing(tmp_path: Path) -> None:
    earlier = EarlierConversations(tmp_path / "none")
    await earlier.learn()
    assert placed(earlier) == "new"


async def test_a_start_waits_until_they_are_known(tmp_path: Path) -> None:
    write(tmp_path, [said(1, "Hi", "Hello!", conversation_id="earlier")])
    earlier = EarlierConversations(tmp_path)
    preparing = asyncio.create_task(earlier.prepare())
    await asyncio.sleep(0)
    assert not preparing.done()
    await earlier.learn()
    await preparing
    assert placed(earlier) == "earlier"


async def test_a_start_does_not_wait_for_ever(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(conversations_setup, "_LONGEST_WAIT", 0.01)
    await asyncio.wait_for(EarlierConversations(tmp_path).prepare(), 20)
