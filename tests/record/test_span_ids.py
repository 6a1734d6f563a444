from service.record.span_ids import child_span_id

EXCHANGE = "0123456789abcdef0123456789abcdef"


def test_a_child_span_id_never_changes_between_releases() -> None:
    assert child_span_id(EXCHANGE, "model_call") == "a4656281e8654c8e"


def test_roles_and_exchanges_have_span_ids_of_their_own() -> None:
    roles = ("model_call", "wait", "prompt", "generation")
    ids = {child_span_id(exchange, role) for role in roles for exchange in (EXCHANGE, "f" * 32)}
    assert len(ids) == 8
