"""The queue and the limits as readers see them."""

from typing import Any

from service.record.exchange import Caller, OpenExchange
from service.sharing.limits import read_rules
from service.sharing.queue_picture import MOST_SHOWN, limits_picture, queue_picture
from service.sharing.sharing import Sharing


class Clock:
    """A clock that a test sets."""

    now = 100.0

    def __call__(self) -> float:
        return self.now


def shared(most_active: int, rules: str = "") -> tuple[Sharing, Clock]:
    clock = Clock()
    return Sharing(most_active, 1000, 300.0, read_rules(rules), clock), clock


def come(sharing: Sharing, exchange: str, **caller: str) -> Any:
    """A call that takes its place in the queue."""
    opened = OpenExchange(
        exchange, 0, "POST", "", "/api/chat", "chat", "ollama", "10.0.0.7", "", "", caller=Caller(**caller)
    )
    call = sharing.enter(opened)
    assert call is not None
    flow = sharing.places.queue.flow(call.name, call.limits.max_active, call.limits.priority)
    return sharing.places.take(flow, exchange)


def test_who_runs_and_who_waits_at_which_place_and_why() -> None:
    sharing, clock = shared(2, '[workflow."Nightly"]\npriority = "batch"\n[user."Eve"]\nmax_active = 1\n')
    eve = come(sharing, "e1", user="Eve")
    come(sharing, "e2", user="Eve")
    come(sharing, "n1", workflow="Nightly")
    come(sharing, "n2", workflow="Nightly")
    clock.now = 104.0
    come(sharing, "a1", user="Ann")
    picture = queue_picture(sharing)
    assert [(one["exchange"], one["caller"], one["seconds"]) for one in picture["active"]] == [
        ("e1", "user Eve", 4.0),
        ("n1", "workflow Nightly", 4.0),
    ]
    assert [(one["place"], one["exchange"], one["priority"]) for one in picture["waiting"]] == [
        (1, "a1", "interactive"),
        (2, "n2", "batch"),
        (3, "e2", "interactive"),
    ]
    reasons = [one["reason"] for one in picture["waiting"]]
    assert reasons[0] == "all 2 places at Ollama are taken; next"
    assert reasons[1] == (
        "all 2 places at Ollama are taken; before it 1 of user Ann: interactive calls go before a batch"
    )
    assert reasons[2].startswith("user Eve has its one place (max_active); before it ")
    assert picture["waiting_count"] == 3
    eve.give_back()


def test_of_very_many_only_the_next_are_shown() -> None:
    sharing, _ = shared(1)
    for number in range(MOST_SHOWN + 50):
        come(sharing, str(number), user=f"u{number % 7}")
    picture = queue_picture(sharing)
    assert len(picture["waiting"]) == MOST_SHOWN
    assert picture["waiting_count"] == MOST_SHOWN + 49
    assert " of others" in picture["waiting"][-1]["reason"]


def test_what_callers_may_have_and_have_used() -> None:
    rules = '[user."Ann"]\ntokens_per_day = 100\nmodels = ["tiny"]\ncontext = "refuse"\n'
    sharing, clock = shared(1, rules + "[default]\nrequests_per_minute = 5\n")
    come(sharing, "a", user="Ann").give_back()
    come(sharing, "b", user="Bob")
    sharing.rates.add("user Bob", clock.now)
    sharing.tokens.add([b'{"user":"Ann","prompt_tokens":30,"completion_tokens":12}'])
    ann, bob = limits_picture(sharing)["callers"]
    assert ann["limits"] == {
        "tokens_per_day": 100,
        "models": ["tiny"],
        "priority": "interactive",
        "context": "refuse",
    }
    assert "requests_of_last_minute" not in ann
    assert (ann["caller"], ann["has_own_table"], ann["tokens_of_today"], ann["active"]) == ("user Ann", True, 42, 0)
    assert (bob["caller"], bob["has_own_table"], bob["requests_of_last_minute"], bob["active"]) == (
        "user Bob",
        False,
        1,
        1,
    )
