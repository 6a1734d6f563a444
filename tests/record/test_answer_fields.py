"""What Ollama's source says it answers is what we know of: a new field of a newer version fails here."""

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Final

import pytest

from service.record.fields import FIELDS
from tests.record.answer_fields import READ, LeftOut
from tests.servers.process import require
from tests.servers.recorder import PROJECT

_STRUCT = re.compile(r"^type (\w+) struct \{\n(.*?)^\}", re.MULTILINE | re.DOTALL)
_NAME = re.compile(r'`json:"([^",]+)')
_EMBEDDED = re.compile(r"^\t(?:\*?\w+\.)?([A-Z]\w+)$", re.MULTILINE)

_ASKED: Final = {
    "api": "GenerateRequest ChatRequest EmbedRequest EmbeddingRequest CreateRequest DeleteRequest ShowRequest "
    "CopyRequest PullRequest PushRequest WebSearchRequest WebFetchRequest Options Runner Tool ToolFunction "
    "ToolFunctionParameters ToolProperty",
    "openai": "ChatCompletionRequest CompletionRequest EmbedRequest StreamOptions Reasoning ResponseFormat JsonSchema "
    "ResponsesTextContent ResponsesImageContent ResponsesOutputTextContent ResponsesFileContent "
    "ResponsesEncryptedContent ResponsesInputMessage ResponsesFunctionCall ResponsesFunctionCallOutput "
    "ResponsesToolSearchCall ResponsesToolSearchOutput ResponsesReasoningInput ResponsesAgentMessageInput "
    "ResponsesReasoning ResponsesTextFormat ResponsesText ResponsesTool ResponsesRequest ResponsesCompactionTrigger "
    "rawResponsesRequest",
    "anthropic": "MessagesRequest OutputConfig MessageParam ImageSource Tool ToolChoice ThinkingConfig Metadata "
    "CountTokensRequest OllamaWebSearchRequest",
}
"""What clients send. It is in ``request_body`` as it was sent."""
_OF_NO_MODEL: Final = {
    "api": "ShowResponse ListResponse ListModelResponse ModelDetails ProcessResponse ProcessModelResponse Tensor "
    "ModelRecommendationsResponse ModelRecommendationMapping ModelRecommendation ModelRecommendationThinking "
    "WebSearchResult WebSearchResponse WebFetchResponse",
    "openai": "ListCompletion Model",
    "anthropic": "",
}
"""Lists and what the web says: no model wrote anything. Their bytes are kept in ``response_body``."""
_DOES_NOT_PASS: Final = {
    "api": "TokenResponse CloudStatus StatusResponse UserResponse",
    "openai": "",
    "anthropic": "CountTokensResponse OllamaWebSearchResult OllamaWebSearchResponse",
}
"""Answers of addresses that do not pass, and what Ollama asks of others."""
_PARTS: Final = {
    "api": "Logprob TokenLogprob DebugInfo",
    "openai": "ChoiceLogprobs ResponsesTextField ResponsesReasoningOutput ResponsesWebSearchCall "
    "ResponsesWebSearchAction CompactionTranscriptItem compactionFunctionName compactionToolMetadata "
    "compactionTranscriptItemWire summarySelection",
    "anthropic": "Citation WebSearchResult WebSearchToolResultError",
}
"""Parts of fields that are taken or left out as a whole, and what Ollama keeps for itself."""


def structs(api: str) -> Iterator[tuple[str, set[str]]]:
    """Each type of Ollama's that is written as JSON, and the names of its fields, without those of embedded types."""
    source: Path = require("ollama-0.34", "run make servers") / "source" / api
    for file in sorted(source.glob("*.go")):
        for name, body in _STRUCT.findall(file.read_text()):
            if names := set(_NAME.findall(body)) - {"-"}:
                yield name, names
                for embedded in _EMBEDDED.findall(body):
                    assert embedded in {"Metrics", "TokenLogprob", "Runner"}, (name, embedded)


@pytest.mark.parametrize("api", READ)
def test_every_field_of_every_answer_is_read_or_left_out_with_a_reason(api: str) -> None:
    known, seen = READ[api], set()
    others = {name for kind in (_ASKED, _OF_NO_MODEL, _DOES_NOT_PASS, _PARTS) for name in kind[api].split()}
    for name, names in structs(api):
        seen.add(name)
        if name not in others:
            assert name in known, f"{name} is new: say what becomes of {sorted(names)}"
            assert set(known[name]) == names, name
    assert seen >= {*known, *others}, "gone from Ollama's source"


@pytest.mark.parametrize("api", READ)
def test_what_is_read_is_named_where_it_is_read_and_becomes_a_field_of_the_record(api: str) -> None:
    of_a_record = {field.name for field in FIELDS}
    source = "".join(file.read_text() for file in (PROJECT / "service" / "record").glob("*.py"))
    for name, fields in READ[api].items():
        for key, became in fields.items():
            if isinstance(became, LeftOut):
                assert became.reason.endswith("."), (name, key)
            else:
                assert set(became.split()) <= of_a_record, (name, key)
                assert f'"{key}"' in source, (name, key)
