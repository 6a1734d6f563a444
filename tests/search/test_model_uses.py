"""Which calls used models before another."""

import contextlib
from pathlib import Path

from service.search.search import Search
from tests.journal.given import identifier
from tests.search.indexed import index, said, write


def used(folder: Path, number: int) -> list[str | None]:
    with contextlib.closing(Search(folder)) as searching:
        return [record.exchange for record in searching.models_used_before(number)]


def test_the_calls_since_the_last_one_of_its_model_are_known(tmp_path: Path) -> None:
    records = [
        said(1, model="llama", seconds=0.5),
        said(2, model="llama", seconds=0.5),
        said(3, model="qwen", seconds=0.5),
        said(4, model="llama", seconds=0.5, operation="show"),
        said(5, model="phi", seconds=0.5, outcome="refused"),
        said(6, seconds=0.5, operation="version"),
        said(7, model="qwen", seconds=0.5, operation="embed"),
        said(8, model="llama", seconds=0.5),
    ]
    write(tmp_path, records)
    index(tmp_path)
    assert used(tmp_path, 8) == [identifier(7), identifier(3), identifier(2)]
    assert used(tmp_path, 2) == [identifier(1)]
    assert used(tmp_path, 1) == used(tmp_path, 3) == used(tmp_path, 99) == []


def test_an_unloading_is_a_use_of_the_model(tmp_path: Path) -> None:
    write(tmp_path, [said(1, model="a"), said(2, model="a", operation="unload", seconds=0.1), said(3, model="a")])
    index(tmp_path)
    assert used(tmp_path, 3) == [identifier(2)]


def test_what_was_still_going_on_had_not_used_it_up(tmp_path: Path) -> None:
    write(tmp_path, [said(1, model="a", seconds=0.5), said(2, model="a", seconds=9.0), said(3, model="a", seconds=0.5)])
    index(tmp_path)
    assert used(tmp_path, 3) == [identifier(1)]


def test_what_another_ollama_was_used_for_is_no_reason_here(tmp_path: Path) -> None:
    records = [
        said(1, model="a", upstream="gpu1", seconds=0.5),
        said(2, model="b", upstream="gpu2", seconds=0.5),
        said(3, model="b", upstream="gpu1", seconds=0.5),
        said(4, model="a", upstream="gpu2", seconds=0.5),
        said(5, model="b", seconds=0.5),
        said(6, model="a", upstream="gpu1", seconds=0.5),
        said(7, model="a", seconds=0.5),
    ]
    write(tmp_path, records)
    index(tmp_path)
    assert used(tmp_path, 6) == [identifier(3), identifier(1)]
    assert used(tmp_path, 7) == [], "which Ollama had it is not known"


def test_a_call_uses_a_model_from_when_it_went_to_ollama(tmp_path: Path) -> None:
    records = [
        said(1, model="a", seconds=0.5),
        # It waits in the recorder while the next is served, and never gets to Ollama.
        said(2, model="b", seconds=3.0, queue_time=3.0, outcome="client_left"),
        said(3, model="c", seconds=8.0, queue_time=0.5),
        # Begun after the next, it went to Ollama before it.
        said(4, model="a", seconds=20.0, queue_time=18.0),
        said(5, model="b", seconds=2.0),
        said(6, model="a", seconds=0.5, outcome="upstream_unreachable"),
    ]
    write(tmp_path, records)
    index(tmp_path)
    assert used(tmp_path, 5) == []
    # Numbers are given in the order of the ends in a real journal; here 4 is looked at as the last.
    assert used(tmp_path, 4) == [identifier(3), identifier(1)]
    assert used(tmp_path, 6) == [identifier(1)]
