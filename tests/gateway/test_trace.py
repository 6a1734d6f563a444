"""The identity of an exchange."""

import pytest

from service.gateway.trace import identify, new_exchange_id

PARENT = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"


def test_a_valid_traceparent_is_joined() -> None:
    trace = identify(PARENT)
    assert trace.trace_id == "4bf92f3577b34da6a3ce929d0e0e4736"
    assert trace.parent_span_id == "00f067aa0ba902b7"
    version, trace_id, model_call, _ = trace.traceparent.split("-")
    assert (version, trace_id) == ("00", trace.trace_id)
    assert model_call not in (trace.span_id, trace.parent_span_id)


@pytest.mark.parametrize(
    "bad",
    [
        None,
        "",
        "x",
        PARENT.upper(),
        PARENT[:-1],
        "ff" + PARENT[2:],
        PARENT.replace("4bf92f3577b34da6a3ce929d0e0e4736", "0" * 32),
        PARENT.replace("00f067aa0ba902b7", "0" * 16),
        PARENT + "\r\nX: y",
    ],
)
def test_anything_else_begins_a_trace_of_its_own(bad: str | None) -> None:
    trace = identify(bad)
    assert trace.parent_span_id is None
    assert trace.trace_id == trace.exchange


def test_ids_are_uuids_of_version_7_that_sort_by_time() -> None:
    ids = [new_exchange_id(second * 1_000_000_000) for second in range(1, 200)]
    assert ids == sorted(ids)
    assert len(set(ids)) == len(ids)
    assert all(len(one) == 32 and one[12] == "7" and one[16] in "89ab" for one in ids)
    assert int(ids[0][:12], 16) == 1000
