from typing import Any

import pytest

from service.alerting.looking import Looking
from tests.alerting.given import parts, recent


def fires(recent_facts: dict[str, Any] | None = None, **part_facts: Any) -> list[str]:
    found = Looking(30.0).look(0.0, parts(**part_facts), recent(**(recent_facts or {})))
    return [f"{one.rule.uid} {one.about} {one.shown}".strip() for one in found]


def test_where_all_is_well_nothing_fires() -> None:
    assert fires(behind={"loki": 299.0}, parked={"loki": 0}) == []


@pytest.mark.parametrize(
    ("facts", "found"),
    [
        ({"exchanges": 10, "failed": 1}, []),
        ({"exchanges": 10, "failed": 2}, ["ollama-failures  20 %"]),
        ({"exchanges": 4, "failed": 4}, []),
        ({"p95": 30.0}, []),
        ({"p95": 30.1}, ["ollama-p95  30 s"]),
        ({"p95": None}, []),
        ({"clients_left": 2}, []),
        ({"clients_left": 3}, ["ollama-clients-left  3"]),
        ({"cut_prompts": {"a": 1, "": 2}}, ["ollama-prompts-cut a 1", "ollama-prompts-cut an unnamed model 2"]),
    ],
)
def test_what_exchanges_tell_is_compared_with_its_limit(facts: dict[str, Any], found: list[str]) -> None:
    assert fires(facts) == found


@pytest.mark.parametrize(
    ("facts", "found"),
    [
        ({"ollama": "http://x cannot be reached"}, ["ollama-unreachable http://x cannot be reached"]),
        (
            {"away": {"gpu1": "no answer", "gpu2": "refused"}},
            ["ollama-one-gone gpu1 no answer", "ollama-one-gone gpu2 refused"],
        ),
        ({"away": {"gpu1": "x", "gpu2": "x"}, "ollama": "none answers"}, ["ollama-unreachable none answers"]),
        ({"journal": "disk full"}, ["recorder-disk disk full"]),
        ({"behind": {"loki": 301.0, "otlp": 0.0}}, ["recorder-lags loki 5 min 1 s"]),
        ({"behind": {"loki": 2701.0}}, ["recorder-lags loki 45 min", "recorder-lags-far loki 45 min"]),
        ({"lost": 2}, ["recorder-loses  2"]),
        ({"parked": {"loki": 3}}, ["recorder-parks loki 3"]),
    ],
)
def test_what_parts_tell_is_compared_too(facts: dict[str, Any], found: list[str]) -> None:
    assert fires(**facts) == found


def test_counts_fire_for_a_quarter_of_an_hour_after_they_grew() -> None:
    looking = Looking(30.0)
    counts = [0, 1, 1, 1, 1]
    fired = [bool(looking.look(300.0 * at, parts(lost=count), None)) for at, count in enumerate(counts)]
    assert fired == [False, True, True, True, False]


def test_what_is_wrong_with_a_part_may_be_told_in_other_words_a_minute_later() -> None:
    looking = Looking(30.0)
    one, other = (looking.look(0.0, parts(ollama=text), None)[0] for text in ("no answer", "refused"))
    assert one.key == other.key
    lags = looking.look(0.0, parts(behind={"loki": 400.0, "otlp": 400.0}), None)
    assert len({lag.key for lag in lags}) == 2
