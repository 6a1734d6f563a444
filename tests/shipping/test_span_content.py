import pytest

from service.shipping.span_content import SpanContent, captures_messages


@pytest.mark.parametrize(
    ("value", "captures"), [("", False), ("NO_CONTENT", False), ("span_only", True), ("true", True)]
)
def test_messages_are_captured_by_the_variable_of_the_genai_instrumentations(value: str, captures: bool) -> None:
    assert captures_messages({"OTEL_INSTRUMENTATION_GENAI_CAPTURE_MESSAGE_CONTENT": value}) is captures


@pytest.mark.parametrize(
    ("upstream", "server"),
    [
        ("http://10.0.0.5:11434", ("10.0.0.5", 11434)),
        ("https://ollama.example/base", ("ollama.example", 443)),
        ("http://[::1]", ("::1", 80)),
        ("", None),
    ],
)
def test_the_ollama_is_told_by_host_and_port(upstream: str, server: tuple[str, int] | None) -> None:
    assert SpanContent(upstream=upstream).server_of(None) == server


def test_of_several_ollamas_each_has_its_own_server() -> None:
    content = SpanContent(upstreams=(("gpu1", "http://gpu1:11434"), ("gpu2", "https://gpu2")))
    assert [content.server_of(name) for name in ("gpu1", "gpu2")] == [("gpu1", 11434), ("gpu2", 443)]
    # Nobody was asked, or one that is no longer in the setting.
    assert content.server_of(None) is None
    assert content.server_of("gpu3") is None
