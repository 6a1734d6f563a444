import pytest

from service.search.filters import Filter, read_filter, read_limit, to_query, without
from service.search.parameters import NAME_FIELDS, PARAMETERS

FULL = Filter(
    text='invoice "of the customer" -friend',
    model=("llama3.2", "qwen3:8b"),
    workflow=("Invoices, monthly",),
    execution=("231",),
    node=("AI Agent",),
    caller=("Ünïcödé & =",),
    user=("ada@example.org", ""),
    key=("shop",),
    address=("192.0.2.7", ""),
    task=("",),
    conversation=("0123456789abcdef", ""),
    upstream=("gpu1", ""),
    operation=("chat",),
    outcome=("completed", "client_left"),
    status=(200, 499, 0),
    failed=False,
    truncated=True,
    cut=("messages", "shift"),
    slower=0.25,
    since_ns=1_795_248_000_123_456_789,
    until_ns=1_795_248_001_000_000_000,
    before=900,
    after=0,
    exchange=("0123456789abcdef0123456789abcdef",),
)


def test_a_filter_survives_its_own_address() -> None:
    assert read_filter(to_query(FULL)) == FULL
    assert read_filter(to_query(Filter())) == Filter()
    for value in (True, False, "unknown"):
        assert read_filter(to_query(Filter(truncated=value))) == Filter(truncated=value)
    assert {name for name, _ in to_query(FULL)} == {parameter.name for parameter in PARAMETERS}


def test_what_is_given_twice_or_empty_counts_once_or_not_at_all() -> None:
    given = [("model", "a"), ("model", "b"), ("model", "a"), ("q", " "), ("slower", ""), ("from", "")]
    given += [("failed", ""), ("truncated", " "), ("exchange", ""), ("before", "")]

    assert read_filter(given) == Filter(model=("a", "b"))
    assert read_filter({"failed": "1", "status": "404"}) == Filter(failed=True, status=(404,))


def test_an_empty_name_asks_for_what_has_none() -> None:
    for field in NAME_FIELDS:
        for empty in ("", "  ", "\t"):
            assert getattr(read_filter({field: empty}), field) == ("",)
        assert read_filter({field: ""}).has_conditions
    assert read_filter([("task", ""), ("task", "title"), ("task", "")]) == Filter(task=("", "title"))
    assert read_filter({"status": ""}) == Filter(status=(0,))
    assert to_query(Filter(node=("",), status=(0, 200))) == [("node", ""), ("status", ""), ("status", "200")]


def test_only_what_asks_for_more_than_a_place_is_a_condition() -> None:
    assert not Filter(before=7, after=3).has_conditions
    assert Filter(failed=False).has_conditions
    assert Filter(after=3, text="a").has_conditions


@pytest.mark.parametrize(
    ("name", "value", "expected"),
    [
        ("status", "ok", "status='ok' is not understood: expected is an HTTP status"),
        ("status", "99", "expected is an HTTP status"),
        ("failed", "maybe", "failed='maybe' is not understood: expected is true or false."),
        ("truncated", "maybe", "truncated='maybe' is not understood: expected is true, false or unknown."),
        ("slower", "fast", "expected is seconds"),
        ("from", "yesterday", "from='yesterday' is not understood: expected is 2026"),
        ("to", "2026-02-30", "to='2026-02-30'"),
        ("before", "-1", "expected is the number of an exchange"),
        ("before", "9" * 30, "expected is the number of an exchange"),
        ("after", "٣", "expected is the number of an exchange"),
        ("exchange", "../etc", "32 hexadecimal digits"),
        ("model", "x" * 1001, "..."),
        ("model", "\udcff", "expected is a name"),
        ("q", '"open', "has no closing quotation mark"),
        ("limit", "3", "There is no parameter 'limit'"),
        ("modell", "x", "There is no parameter 'modell'; the known ones are q, model, workflow"),
    ],
)
def test_a_wrong_parameter_is_named_with_its_value_and_what_is_expected(name: str, value: str, expected: str) -> None:
    with pytest.raises(ValueError, match=r"[.]$") as raised:
        read_filter({name: value})

    assert expected in str(raised.value)


def test_what_contradicts_itself_is_refused() -> None:
    with pytest.raises(ValueError, match="later than to="):
        read_filter({"from": "2026-11-22", "to": "2026-11-20"})
    with pytest.raises(ValueError, match="failed is given 2 times"):
        read_filter([("failed", "true"), ("failed", "false")])
    with pytest.raises(ValueError, match="model is given 501 times"):
        read_filter([("model", str(number)) for number in range(501)])


def test_parameters_that_the_caller_reads_itself_are_let_through_and_listed() -> None:
    assert read_filter({"by": "model", "model": "a"}, also=["by"]) == Filter(model=("a",))
    with pytest.raises(ValueError, match="exchange, by"):
        read_filter({"bye": "x"}, also=["by"])


def test_a_limit_is_a_number_within_bounds() -> None:
    assert read_limit({}, 50, 500) == 50
    assert read_limit({"limit": "500"}, 50, 500) == 500
    for wrong in ("0", "501", "-1", "many", "1.5", "9" * 20):
        with pytest.raises(ValueError, match="expected is a number from 1 to 500"):
            read_limit({"limit": wrong}, 50, 500)


def test_one_field_can_be_taken_out_of_a_filter() -> None:
    for field in NAME_FIELDS:
        assert getattr(without(FULL, field), field) == ()
    with pytest.raises(ValueError, match="There are no values of 'text'"):
        without(FULL, "text")
