import json
from pathlib import Path

from service.reporting.failure_values import values_of
from tests.journal.given import identifier
from tests.reporting.given import failed, reports
from tests.search.indexed import said


def test_failures_are_told_in_json(tmp_path: Path) -> None:
    _, failures = reports(tmp_path, [failed(1, model="tiny"), said(42, "Why?", "Because.", user="ada")])
    told = json.loads(json.dumps(values_of(failures)))
    group = told.pop("groups")[0]
    assert told == {"failures": 1, "answered": 1, "unanswered": 0, "complete": True}
    assert group.pop("advice")
    assert group.pop("sentence").startswith("It failed with status 500")
    assert group == {
        "reason": "status 500",
        "cause": "it broke",
        "outcome": "completed",
        "status": 500,
        "is_model_call": True,
        "count": 1,
        "first": "2023-11-14T22:13:22.000Z",
        "last": "2023-11-14T22:13:22.000Z",
        "who": [{"by": "user", "name": "ada", "count": 1}],
        "models": [["tiny", 1]],
        "operations": [["chat", 1]],
        "answered": 1,
        "unanswered": 0,
        "requests": [
            {
                "who": ["ada"],
                "failed_at": "2023-11-14T22:13:22.000Z",
                "exchange": identifier(1),
                "tries": 2,
                "answered_after": 41.0,
                "answer": identifier(42),
                "told": "answered after 2 tries, 41 s later",
            }
        ],
    }
