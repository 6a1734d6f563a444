from tests.record.wire import body, exchange, understand


def test_an_answer_names_the_model_where_the_request_does_not() -> None:
    found = exchange(b"nope", b'{"model":"tiny","message":{"content":"x"},"done":true}')
    assert understand(found, found.opened.request, found.response).model == "tiny"


def test_no_answer_at_all_is_not_finished() -> None:
    found = exchange(b'{"model":"tiny"}')
    generation = understand(found, found.opened.request, found.response)
    assert (generation.is_finished, generation.text, generation.problem) == (False, None, None)


def test_a_model_that_was_loaded_says_so_whatever_was_asked() -> None:
    found = exchange(
        b'{"model":"tiny","messages":[{}]}', b'{"message":{"content":""},"done":true,"done_reason":"load"}'
    )
    assert understand(found, found.opened.request, found.response).operation == "load"


def test_a_page_of_another_server_is_a_problem_and_no_answer() -> None:
    page = body(b"<html>502 Bad Gateway</html>", "text/html")
    for status in (200, 502):
        found = exchange(b'{"model":"tiny"}', page, status=status)
        generation = understand(found, found.opened.request, found.response)
        assert generation.problem
        assert not generation.is_understood
