"""Who was served meanwhile: only those whose place one might have had."""

from service.sharing.flows import Flow, Ticket
from service.sharing.served_calls import ServedCalls


def served(number: int, name: str, began: float, upstream: str) -> Ticket:
    return Ticket(number, Flow(name), "", 0.0, began=began, upstream=upstream)


def test_a_place_at_another_ollama_was_nobodys_turn() -> None:
    calls = ServedCalls()
    mine = Ticket(9, Flow("mine"), "", 1.0, where=("gpu1",))
    calls.add(served(1, "elsewhere", 2.0, "gpu2"), 3.0)
    calls.add(served(2, "before", 0.0, "gpu1"), 4.0)
    running = [served(3, "still", 4.0, "gpu1"), served(4, "elsewhere", 4.0, "gpu2")]
    found = calls.since(mine, running, 10.0)
    assert [(one.name, one.calls, one.seconds) for one in found] == [("still", 1, 6.0), ("before", 1, 3.0)]
    assert calls.remembers_all_since(mine)
