import pytest

from service.record.replies import repeats_in_pieces


@pytest.mark.parametrize(
    ("data", "is_so"),
    [
        (b'{"logprobs":[{"token":"a"}]}', True),
        (b'{"logprobs" : {\n"content": []}}', True),
        (b'{"logprobs":[ ],"text":"a"}', False),
        (b'{"logprobs":null}', False),
        (b'{"content":"\\"logprobs\\":[{"}', False),
        (b'{"type":"response.function_call_arguments.delta"}' * 2, True),
        (b'"x_arguments.delta" "x_arguments.done" ' * 2, False),
        (b"{}", False),
    ],
)
def test_an_answer_that_is_told_in_pieces_beside_the_whole_is_known(data: bytes, is_so: bool) -> None:
    assert repeats_in_pieces(data) is is_so
