import pytest

from service.record.model_time import NO_MODEL, ModelTime, model_time_of
from service.record.record import record_of

MEASURED = {"queue_time": 1.0, "load_time": 2.0, "prompt_time": 0.5, "generation_time": 3.0}


@pytest.mark.parametrize(
    ("values", "expected"),
    [
        (
            {"operation": "chat", "stream": True, "time_to_first_token": 4.5, **MEASURED},
            ModelTime(4.0, 4.0, 3.5, 1.0, 2.0),
        ),
        # In pieces: what came was being written.
        ({"operation": "chat", "stream": True, "time_to_first_token": 4.0}, ModelTime(None, 0.0, 6.0)),
        # Whole, and nobody measured: all of it but our queue.
        ({"operation": "embed", "failed": False, "queue_time": 3.0}, ModelTime(3.0, 3.0, 7.0)),
        ({"operation": "embed", "failed": True, "queue_time": 3.0}, ModelTime(3.0, 3.0, None)),
        ({"operation": "chat", "failed": True, "stream": True}, ModelTime(None, 0.0, None)),
        ({"operation": "list"}, NO_MODEL),
        ({}, NO_MODEL),
    ],
)
def test_a_model_works_when_it_does_not_wait(values: dict[str, object], expected: ModelTime) -> None:
    assert model_time_of(record_of({"request_time": 10.0, **values})) == expected


def test_nonsense_is_no_model_time() -> None:
    found = model_time_of(record_of({"operation": "chat", "request_time": 1.0, "generation_time": 1e8}))
    assert found.works is None or found.works <= 1.0
