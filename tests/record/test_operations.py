from service.gateway.routes import TABLE
from service.record.operations import (
    CHANGE_MODELS,
    CONVERSATIONS,
    MODEL_CALLS,
    NAMES,
    OPERATIONS,
    SPAN_NAMES,
    WITH_CONTEXT,
)

# They have no address: a chat or a generation without a prompt means one of them.
_WITHOUT_ADDRESS = {"load", "unload"}


def test_every_operation_of_a_route_is_in_the_table_and_the_reverse() -> None:
    assert {route.operation for route in TABLE} | _WITHOUT_ADDRESS == NAMES
    assert len(OPERATIONS) == len(NAMES)


def test_the_sets_are_those_that_receivers_and_dashboards_know() -> None:
    assert {"chat", "generate", "embed", "transcribe", "image", "compact"} == MODEL_CALLS
    assert {"chat", "generate"} == CONVERSATIONS
    assert {"chat", "generate", "load", "embed"} == WITH_CONTEXT
    assert {"create", "pull", "copy", "delete"} == CHANGE_MODELS
    assert list(SPAN_NAMES) == ["chat", "generate", "embed", "transcribe", "image", "compact", "load"]


def test_a_model_call_has_a_span_and_something_that_it_answers_with() -> None:
    assert not [one.name for one in OPERATIONS if one.is_model_call and not (one.span_name and one.content)]
    assert not [one.name for one in OPERATIONS if one.has_context and not one.has_messages]
