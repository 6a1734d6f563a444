import contextlib
from collections.abc import Iterator
from pathlib import Path

import pytest

from service.cli.doctor.window import read_window
from service.journal.reader import Reader
from service.record.explanation import Surroundings
from service.record.record import Record
from service.search.neighbours import Neighbours
from service.search.search import Search
from tests.fakes.journals import make_journal
from tests.journal.given import identifier
from tests.search.indexed import erase_from_journal, index, said, write


@pytest.fixture
def searching(tmp_path: Path) -> Iterator[Search]:
    with contextlib.closing(Search(tmp_path)) as searching:
        yield searching


def test_what_went_on_around_an_exchange_is_known(tmp_path: Path, searching: Search) -> None:
    # They begin a second apart, in their order here; 3 lasts until after 6 began.
    records = [
        said(1, model="llama", tokens_per_second=10.0, seconds=0.5),
        said(2, model="llama", tokens_per_second=30.0, seconds=0.25),
        said(3, model="qwen", tokens_per_second=1.0, seconds=3.5),
        said(4, model="llama", seconds=0.1),
        said(5, model="llama", tokens_per_second=50.0, seconds=0.5),
        said(6, model="qwen", seconds=0.5),
    ]
    write(tmp_path, records)
    index(tmp_path)

    assert searching.surroundings(5) == Surroundings(0.9, in_flight=1, median_rate=20.0, median_count=2)
    assert searching.surroundings(1) == Surroundings(None, in_flight=0, median_rate=40.0, median_count=2)
    # The model's previous call had not ended.
    assert searching.surroundings(6) == Surroundings(None, 1, median_rate=1.0, median_count=1, model_in_use=True)
    assert searching.surroundings(99) == Surroundings(None, 0, None, 0)


def test_what_another_ollama_did_is_no_reason_for_what_this_one_did(tmp_path: Path, searching: Search) -> None:
    records = [
        said(1, model="llama", upstream="gpu1", tokens_per_second=10.0, seconds=0.5),
        said(2, model="llama", upstream="gpu2", tokens_per_second=90.0, seconds=9.5),
        said(3, model="llama", upstream="gpu1", tokens_per_second=10.0, seconds=0.5),
        said(4, model="llama", seconds=0.5),
    ]
    write(tmp_path, records)
    index(tmp_path)
    assert searching.surroundings(3) == Surroundings(1.5, in_flight=0, median_rate=10.0, median_count=1)
    assert searching.surroundings(4) == Surroundings(None, in_flight=0, median_rate=None, median_count=0)


def test_what_waits_in_the_recorder_is_not_at_ollama(tmp_path: Path, searching: Search) -> None:
    records = [
        said(1, model="llama", seconds=4.0),
        said(2, model="qwen", seconds=30.0, queue_time=10.0),
        said(3, model="llama", seconds=9.0, queue_time=9.0, outcome="client_left"),
        said(4, model="llama", seconds=0.5, outcome="refused"),
        said(5, model="llama", seconds=0.5, outcome="upstream_unreachable"),
        said(6, model="llama", seconds=20.0, queue_time=8.0),
        said(7, model="llama", seconds=1.0),
        said(8, model="qwen", seconds=6.0, queue_time=5.0),
    ]
    write(tmp_path, records)
    index(tmp_path)

    # At 7 s nobody is there: 2, 3 and 6 wait, and neither 3 nor 4 nor 5 has used the model since 5 s.
    assert searching.surroundings(7) == Surroundings(2.0, in_flight=0, median_rate=None, median_count=0)
    # It went at 13 s, a second after 2 did.
    assert searching.surroundings(8) == Surroundings(None, 1, median_rate=None, median_count=0, model_in_use=True)
    # It went at 14 s: 2 goes on, and so does nobody else.
    assert searching.surroundings(6) == Surroundings(6.0, in_flight=1, median_rate=None, median_count=0)
    # What never went there is judged by when it began.
    assert searching.surroundings(3) == Surroundings(
        None, in_flight=1, median_rate=None, median_count=0, model_in_use=True
    )

    of_doctor = read_window(tmp_path, seconds=1e9).calls
    assert [call.around for call in of_doctor] == [searching.surroundings(number) for number in range(1, 9)]


def test_neighbours_are_of_the_same_execution(tmp_path: Path, searching: Search) -> None:
    executions = ["a", "b", "a", None, "a", "b"]
    write(tmp_path, [said(number, execution_id=execution) for number, execution in enumerate(executions, 1)])
    index(tmp_path)

    assert searching.neighbours(3) == Neighbours(identifier(1), identifier(5))
    assert searching.neighbours(6) == Neighbours(identifier(2), None)
    assert searching.neighbours(4) == Neighbours(None, None)
    assert searching.neighbours(99) == Neighbours(None, None)

    erase_from_journal(tmp_path, [5])
    assert searching.neighbours(3) == Neighbours(identifier(1), None), "what the journal no longer has is passed over"


def test_another_workflow_that_counts_its_executions_alike_has_other_neighbours(
    tmp_path: Path, searching: Search
) -> None:
    workflows = ["A", "B", None, "A", "B"]
    write(tmp_path, [said(number, execution_id="9", workflow=name) for number, name in enumerate(workflows, 1)])
    index(tmp_path)

    assert searching.neighbours(1) == Neighbours(None, identifier(3))
    assert searching.neighbours(4) == Neighbours(identifier(3), None)
    assert searching.neighbours(3) == Neighbours(identifier(2), identifier(4))


def test_replays_of_an_exchange_are_known(tmp_path: Path, searching: Search) -> None:
    write(
        tmp_path,
        [said(1), said(2, replay_of=identifier(1)), said(3, replay_of="f" * 32), said(4, replay_of=identifier(1))],
    )
    index(tmp_path)

    assert searching.replays(1) == [identifier(2), identifier(4)]
    assert searching.replays(2) == []
    erase_from_journal(tmp_path, [2])
    assert searching.replays(1) == [identifier(4)]


def test_the_index_and_the_window_of_doctor_see_the_same_around_each_exchange(
    tmp_path: Path, searching: Search
) -> None:
    # With this seed no exchange begins within a millisecond of another's end: the index looks at milliseconds.
    make_journal(tmp_path, 800, seed=1, days=0.025)
    index(tmp_path)
    with contextlib.closing(Reader(tmp_path)) as reader:
        rows = reader.ask("SELECT number, line FROM exchange ORDER BY started_ns")
    window = read_window(tmp_path, seconds=86_400.0)
    assert window.is_whole

    in_flight = in_use = 0
    for (number, line), call in zip(rows, window.calls, strict=True):
        indexed, in_memory = searching.surroundings(number), call.around
        assert indexed.in_flight == in_memory.in_flight
        in_flight += indexed.in_flight
        # An exchange without a model has none that could be in use.
        if Record(line).model is not None:
            assert indexed.model_in_use == in_memory.model_in_use
            assert (indexed.model_last_used is None) == (in_memory.model_last_used is None)
            assert (indexed.model_last_used or 0.0) == pytest.approx(in_memory.model_last_used or 0.0, abs=0.002)
            in_use += indexed.model_in_use
    assert in_flight > 100
    assert in_use > 30


def test_without_an_execution_neighbours_are_those_of_the_conversation(tmp_path: Path, searching: Search) -> None:
    write(
        tmp_path,
        [
            said(1, conversation_id="a"),
            said(2, conversation_id="b"),
            said(3, conversation_id="a"),
            said(4, conversation_id="a", execution_id="7", workflow="w"),
            said(5),
        ],
    )
    index(tmp_path)
    assert searching.neighbours(1) == Neighbours(None, identifier(3))
    assert searching.neighbours(3) == Neighbours(identifier(1), identifier(4))
    assert searching.neighbours(4) == Neighbours(None, None)
    assert searching.neighbours(2) == searching.neighbours(5) == Neighbours(None, None)
    assert [searching.conversation_length(number) for number in (1, 2, 4, 5, 9)] == [3, 1, 3, 0, 0]
    calls_of, before = searching.call_before(3) or (None, None)
    assert (calls_of, before and before.row.number) == ("chat", 1)


def test_others_who_name_a_conversation_alike_are_no_part_of_it(tmp_path: Path, searching: Search) -> None:
    write(
        tmp_path,
        [
            said(1, conversation_id="default", key="ann", caller="sdk"),
            said(2, conversation_id="default", key="bob", caller="sdk"),
            said(3, conversation_id="default", key="ann", caller="sdk"),
            said(4, conversation_id="default", key="ann", user="Eve", caller="sdk"),
        ],
    )
    index(tmp_path)
    assert searching.neighbours(1) == Neighbours(None, identifier(3))
    assert searching.neighbours(2) == searching.neighbours(4) == Neighbours(None, None)
    assert [searching.conversation_length(number) for number in (1, 2, 3, 4)] == [2, 1, 2, 1]
    calls_of, before = searching.call_before(3) or (None, None)
    assert (calls_of, before and before.row.number) == ("chat", 1)
    assert (searching.call_before(2) or (None, None))[1] is None
