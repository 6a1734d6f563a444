import pytest

from service.record.answer_errors import BROKEN_OFF, NO_ANSWER, NO_END, NOTHING_CAME, RUNNER_GONE
from service.record.error_advice import advice_for

CRASHES = (
    "an error was encountered while running the model: unexpected EOF",
    "llama runner process has terminated: signal: killed",
    "model runner has unexpectedly stopped, this may be due to resource limitations or an internal error",
    'POST predict: Post "http://127.0.0.1:35937/completion": EOF',
    "error reading llm response: read tcp: wsarecv: An existing connection was forcibly closed by the remote host.",
    "read tcp 127.0.0.1:5->127.0.0.1:6: read: connection reset by peer",
    "llama-server exited with signal 9",
    "unexpected EOF",
)
BROKEN_CALLS = (
    "error parsing tool call: raw='ls -R', err=invalid character 'l' looking for beginning of value",
    "error parsing tool call: invalid character 'c' looking for beginning of value",
    "failed to parse tool call: XML syntax error on line 3: unexpected EOF",
    "tool call: unexpected end of JSON input",
)


@pytest.mark.parametrize("status", [200, 500, None])
@pytest.mark.parametrize("error", CRASHES)
def test_a_crashed_runner_sends_to_the_log_and_to_memory(status: int | None, error: str) -> None:
    advice = advice_for(status, error)
    assert "log" in advice
    assert "memory" in advice
    assert "JSON" not in advice


@pytest.mark.parametrize("status", [200, 500])
@pytest.mark.parametrize("error", BROKEN_CALLS)
def test_a_call_that_the_model_wrote_wrongly_is_not_the_callers_fault(status: int, error: str) -> None:
    assert "another model" in advice_for(status, error).replace("another\n", "another ")
    assert "JSON that Ollama expects" not in advice_for(status, error)


@pytest.mark.parametrize(
    "error",
    [
        "invalid character 'H' after object key",
        "unexpected EOF",
        "missing request body",
        "json: cannot unmarshal string into Go struct field ChatRequest.messages.tool_calls.function of type map",
    ],
)
def test_a_request_that_was_refused_for_its_json_is_the_callers(error: str) -> None:
    assert "JSON.stringify" in advice_for(400, error)
    assert "JSON.stringify" not in advice_for(500, error)


@pytest.mark.parametrize("error", [NO_END, RUNNER_GONE, f"{BROKEN_OFF}'abort'.", f"{NO_ANSWER}a web page: Sign in"])
def test_what_the_recorder_words_itself_has_its_advice(error: str) -> None:
    assert advice_for(200, error)


def test_an_empty_answer_sends_to_ollamas_log_and_blames_nobody_else() -> None:
    advice = advice_for(200, NOTHING_CAME)
    assert "Ollama's log" in advice
    assert "login page" not in advice
    assert "login page" in advice_for(200, f"{NO_ANSWER}a web page: Sign in")


def test_of_an_error_that_nobody_knows_the_status_says_something() -> None:
    assert advice_for(503, "no idea") == "Ollama was too busy: try again later, or let fewer calls run at once."
    assert advice_for(200, "no idea") == advice_for(None, "") == ""
