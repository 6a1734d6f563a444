"""How tests are handed out to the processes of a parallel run."""

from collections import OrderedDict
from typing import Any

import pytest

from tests.servers.ollama import PROGRAMS
from tests.work_units import WorkUnits, unit_of

OLLAMA = next(iter(PROGRAMS))


@pytest.mark.parametrize(
    ("test", "unit"),
    [
        ("tests/cli/test_tail.py::test_one", "tests/cli/test_tail.py"),
        ("tests/cli/test_tail.py::test_one[a-b]", "tests/cli/test_tail.py"),
        (f"tests/cli/test_tail.py::test_one[{OLLAMA}]", OLLAMA),
        (f"tests/examples/test_chat.py::test_one[a-{OLLAMA}-b]", OLLAMA),
        (f"tests/cli/{OLLAMA}.py::test_one", f"tests/cli/{OLLAMA}.py"),
    ],
)
def test_a_unit_is_a_file_or_a_real_ollama(test: str, unit: str) -> None:
    assert unit_of(test) == unit


class WorkerProcess:
    """In place of one of xdist's: what it was told to run, by its places in the collection."""

    shutting_down = False

    def __init__(self) -> None:
        self.told: list[int] = []

    def send_runtest_some(self, places: list[int]) -> None:
        assert places, "whoever is told nothing never asks for more"
        self.told += places


def test_what_a_process_left_that_died_is_done_by_others_but_for_the_test_in_which_it_did() -> None:
    tests = ["a::1", "a::2", "b::1", "b::2", "b::3", "c::1", "c::2"]
    scheduler: Any = object.__new__(WorkUnits)
    dead, other = WorkerProcess(), WorkerProcess()
    scheduler.registered_collections = {dead: tests, other: tests}
    scheduler.workqueue, scheduler.log = OrderedDict(), lambda *_: None
    # Of what the dead one had, a is done, and b was begun; the other one has a single test left.
    begun = {"b::1": True, "b::2": False, "b::3": False}
    scheduler.assigned_work = {
        dead: {"a": {"a::1": True, "a::2": True}, "b": begun},
        other: {"c": {"c::1": True, "c::2": False}},
    }
    assert scheduler.remove_node(dead) == "b::2"
    assert [tests[place] for place in other.told] == ["b::3"]
    assert not scheduler.workqueue
    assert scheduler.remove_node(other) == "c::2"
