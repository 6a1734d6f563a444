import pytest

from service.record.record import record_of
from service.search.prompt_fingerprint import fingerprint


def test_the_same_prompt_has_the_same_number_whatever_else_was_asked_for() -> None:
    first = record_of({"operation": "chat", "model": "a", "request_body": '{"options":{"temperature":0}}'})
    again = record_of({"operation": "chat", "model": "b", "stream": False})
    assert fingerprint(first, "Why?") == fingerprint(again, "Why?")
    assert fingerprint(first, "Why?") != fingerprint(first, "Why not?")


def test_two_pictures_with_one_question_are_two_prompts() -> None:
    bodies = [f'{{"images":["<image 9 bytes sha256:{digit * 64}>"]}}' for digit in "ab"]
    one, other = (record_of({"operation": "chat", "images": 1, "request_body": body}) for body in bodies)
    assert fingerprint(one, "What is it?") != fingerprint(other, "What is it?")


def test_of_requests_that_were_kept_in_part_those_of_one_length_may_be_the_same() -> None:
    one, other = (record_of({"operation": "chat", "request_truncated": True, "request_bytes": n}) for n in (10, 11))
    assert fingerprint(one, "Why …") != fingerprint(other, "Why …")


@pytest.mark.parametrize("values", [{"operation": "chat"}, {"operation": "embed", "request_uri": "/x"}, {}])
def test_nobody_knows_what_was_asked_where_no_prompt_was_kept(values: dict[str, str]) -> None:
    assert fingerprint(record_of(values), "") is None


def test_what_asks_no_model_is_known_by_its_address() -> None:
    lists = [record_of({"operation": "list", "method": "GET", "request_uri": f"/api/{name}"}) for name in "aab"]
    numbers = [fingerprint(one, "") for one in lists]
    assert numbers[0] == numbers[1] != numbers[2]
    assert all(number is not None and -(1 << 63) <= number < 1 << 63 for number in numbers)
