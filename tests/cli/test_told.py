"""What is told of one exchange, also where there is no index to ask."""

from pathlib import Path

import pytest

from service.cli import told
from service.cli.told import tell
from service.journal import JournalError
from service.journal.reader import KeptRecord, Reader
from service.settings import read_settings
from tests.cli.kept import chat, keep
from tests.journal.given import identifier


def kept(folder: Path, number: int) -> KeptRecord:
    reader = Reader(folder)
    found = reader.record(identifier(number))
    reader.close()
    assert found is not None
    return found


def test_neighbours_and_the_link_to_its_trace_are_told(folder: Path) -> None:
    keep(folder, chat(1), chat(2), chat(3))
    settings = read_settings({"DATA_DIR": str(folder), "TRACE_URL": "http://grafana/{trace_id}"})
    said = tell(kept(folder, 2), settings)
    assert (said.number, said.previous, said.next, said.replays) == (2, identifier(1), identifier(3), ())
    assert said.trace_url == f"http://grafana/{identifier(2)}"


def test_without_an_index_all_else_is_told(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(settings: object) -> None:
        raise JournalError("there is no index")

    monkeypatch.setattr(told, "catch_up", refuse)
    keep(folder, chat(1), chat(2))
    said = tell(kept(folder, 2), read_settings({"DATA_DIR": str(folder)}))
    assert (said.previous, said.next, said.trace_url) == (None, None, None)
    assert said.conversation.turns[0].text == "Why?"


def test_a_line_that_is_no_object_is_told_as_far_as_it_goes(folder: Path) -> None:
    keep(folder, chat(1)._replace(line=b"[1, 2"))
    assert tell(kept(folder, 1), read_settings({"DATA_DIR": str(folder)})).record.values == {}
