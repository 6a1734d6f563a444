"""Every field of every answer of Ollama 0.34: the record's field that is made of it, or why none is.

The names are those of Ollama's own source: ``api/types.go``, ``openai/`` and ``anthropic/``.
"""

from typing import Final, NamedTuple


class LeftOut(NamedTuple):
    """No field of a record is made of it."""

    reason: str


Fields = dict[str, str | LeftOut]
"""By a field's name in JSON, one or several of a record's fields, or why there is none."""

_CLOCK = LeftOut("The recorder's own clock says when an exchange was.")
_FORM = LeftOut("It tells which form, or which part of a form, this is, and by that what is read.")
_POSITION = LeftOut("It tells which pieces belong together.")
_ID = LeftOut("An id that Ollama makes up; the record has its own.")
_SUM = LeftOut("A sum of two others.")
_ECHO = LeftOut("A copy of what was asked, which is in request_body, or of a constant.")
_CHANCES = LeftOut("How likely each token was: no words, and large. The answer's bytes keep it.")
_NUMBERS = LeftOut("The texts that were read, as numbers.")
_VECTORS = LeftOut("Vectors are no text.")
_UNRUN = LeftOut("Nothing ran: the prompt alone is shown.")
_OF_ITS_CALL = LeftOut("Part of the results of a tool, which the request holds.")
_SOURCES = LeftOut("Where a cited text is from. The answer's bytes keep it.")
_SIGNATURE = LeftOut("A signature for the server itself.")

_METRICS: Final[Fields] = {
    "total_duration": "wait_time",
    "load_duration": "load_time",
    "prompt_eval_count": "prompt_tokens",
    "prompt_eval_cached_count": "cached_tokens",
    "prompt_eval_duration": "prompt_time",
    "eval_count": "completion_tokens",
    "eval_duration": "generation_time",
}
_OF_BOTH: Final[Fields] = {
    "model": "model",
    "remote_model": "remote_model",
    "remote_host": "remote_host",
    "created_at": _CLOCK,
    "done": "outcome",
    "done_reason": "done_reason",
    "_debug_info": _UNRUN,
    "logprobs": _CHANCES,
}
_CHUNK: Final[Fields] = {
    "id": _ID,
    "object": _FORM,
    "created": _CLOCK,
    "model": "model",
    "system_fingerprint": _ECHO,
    "choices": "response_text",
    "usage": "prompt_tokens completion_tokens",
}
_ANTHROPIC_USAGE: Final[Fields] = {
    "input_tokens": "prompt_tokens",
    "cache_read_input_tokens": "cached_tokens",
    "output_tokens": "completion_tokens",
}
_EVENT: Final[Fields] = {"type": _FORM, "index": _POSITION}

READ: Final[dict[str, dict[str, Fields]]] = {
    "api": {
        "StatusError": {"error": "error"},
        "AuthorizationError": {"signin_url": "error"},
        "Metrics": _METRICS,
        "ChatResponse": _OF_BOTH | {"message": "response_text"},
        "GenerateResponse": _OF_BOTH
        | {"response": "response_text", "thinking": "thinking", "tool_calls": "tool_calls", "context": _NUMBERS},
        "Message": {
            "role": _FORM,
            "content": "response_text",
            "thinking": "thinking",
            "images": "response_text",
            "tool_calls": "tool_calls",
            "tool_name": _OF_ITS_CALL,
            "tool_call_id": _OF_ITS_CALL,
        },
        "ToolCall": {"id": "tool_calls", "function": "tool_calls"},
        "ToolCallFunction": {"index": _POSITION, "name": "tool_calls", "arguments": "tool_calls"},
        "EmbedResponse": {
            "model": "model",
            "embeddings": _VECTORS,
            **{name: _METRICS[name] for name in ("total_duration", "load_duration", "prompt_eval_count")},
        },
        "EmbeddingResponse": {"embedding": _VECTORS},
        "ProgressResponse": {
            "status": "response_text",
            "digest": LeftOut("The status names its beginning."),
            "total": LeftOut("It is told thousands of times how far something is; what was done is told once."),
            "completed": LeftOut("It is told thousands of times how far something is; what was done is told once."),
        },
    },
    "openai": {
        "ErrorResponse": {"error": "error"},
        "Error": {
            "message": "error",
            "type": LeftOut("The status says as much."),
            "param": LeftOut("Ollama never sets it."),
            "code": LeftOut("The status says as much."),
        },
        "ChatCompletion": _CHUNK | {"_debug_info": _UNRUN},
        "ChatCompletionChunk": _CHUNK,
        "Completion": _CHUNK,
        "CompletionChunk": _CHUNK,
        "Choice": {
            "index": _POSITION,
            "message": "response_text",
            "finish_reason": "done_reason",
            "logprobs": _CHANCES,
        },
        "ChunkChoice": {
            "index": _POSITION,
            "delta": "response_text",
            "finish_reason": "done_reason",
            "logprobs": _CHANCES,
        },
        "CompleteChunkChoice": {
            "text": "response_text",
            "index": _POSITION,
            "finish_reason": "done_reason",
            "logprobs": _CHANCES,
        },
        "Message": {
            "role": _FORM,
            "content": "response_text",
            "reasoning": "thinking",
            "tool_calls": "tool_calls",
            "name": _OF_ITS_CALL,
            "tool_call_id": _OF_ITS_CALL,
        },
        "Delta": {
            "role": _FORM,
            "content": "response_text",
            "reasoning": "thinking",
            "tool_calls": "tool_calls",
        },
        "ToolCall": {
            "id": "tool_calls",
            "index": _POSITION,
            "type": _FORM,
            "name": _OF_ITS_CALL,
            "arguments": _OF_ITS_CALL,
            "function": "tool_calls",
        },
        "Usage": {
            "prompt_tokens": "prompt_tokens",
            "prompt_tokens_details": "cached_tokens",
            "completion_tokens": "completion_tokens",
            "total_tokens": _SUM,
        },
        "PromptTokensDetails": {"cached_tokens": "cached_tokens"},
        "EmbeddingList": {"object": _FORM, "data": _VECTORS, "model": "model", "usage": "prompt_tokens"},
        "Embedding": {"object": _FORM, "embedding": _VECTORS, "index": _POSITION},
        "EmbeddingUsage": {"prompt_tokens": "prompt_tokens", "total_tokens": _SUM},
        "TranscriptionResponse": {"text": "response_text"},
        "ResponsesResponse": {
            "id": _ID,
            "object": _FORM,
            "created_at": _CLOCK,
            "completed_at": _CLOCK,
            "status": "done_reason",
            "incomplete_details": "done_reason",
            "model": "model",
            "output": "response_text thinking tool_calls",
            "error": "error",
            "usage": "prompt_tokens completion_tokens",
            **dict.fromkeys(
                (
                    *("previous_response_id", "instructions", "tools", "tool_choice", "truncation", "text", "top_p"),
                    *("parallel_tool_calls", "presence_penalty", "frequency_penalty", "top_logprobs", "temperature"),
                    *("reasoning", "max_output_tokens", "max_tool_calls", "store", "background", "service_tier"),
                    *("metadata", "safety_identifier", "prompt_cache_key"),
                ),
                _ECHO,
            ),
        },
        "ResponsesError": {"code": LeftOut("The message says as much."), "message": "error"},
        "ResponsesIncompleteDetails": {"reason": "done_reason"},
        "ResponsesOutputItem": {
            "id": "tool_calls",
            "type": _FORM,
            "status": LeftOut("The whole response says how it ended."),
            "role": _FORM,
            "content": "response_text",
            "call_id": "tool_calls",
            "name": "tool_calls",
            "namespace": LeftOut("A group that the request gave the tool."),
            "execution": LeftOut("Who runs a search for tools; the call itself is told."),
            "arguments": "tool_calls",
            "action": "tool_calls",
            "summary": "thinking",
            "encrypted_content": "thinking",
        },
        "ResponsesReasoningSummary": {"type": _FORM, "text": "thinking"},
        "ResponsesOutputContent": {
            "type": _FORM,
            "text": "response_text",
            "annotations": _SOURCES,
            "logprobs": _CHANCES,
        },
        "ResponsesUsage": {
            "input_tokens": "prompt_tokens",
            "output_tokens": "completion_tokens",
            "total_tokens": _SUM,
            "input_tokens_details": "cached_tokens",
            "output_tokens_details": LeftOut("Ollama counts no thoughts by themselves: it is always 0."),
        },
        "ResponsesInputTokensDetails": {"cached_tokens": "cached_tokens"},
        "ResponsesOutputTokensDetails": {
            "reasoning_tokens": LeftOut("Ollama counts no thoughts by themselves: it is always 0."),
        },
        "ResponsesCompactedResponse": {
            "id": _ID,
            "object": _FORM,
            "created_at": _CLOCK,
            "output": "response_text",
            "usage": "prompt_tokens completion_tokens",
        },
        "ResponsesCompactionItem": {"type": _FORM, "encrypted_content": "response_text"},
        "OllamaCompactionPayload": {
            "type": _FORM,
            "version": _FORM,
            "summary": "response_text",
            "retained": LeftOut("What the request held, and what is kept of it word for word."),
            "standalone_names": LeftOut("Names of tools that the request gave."),
        },
    },
    "anthropic": {
        "ErrorResponse": {"type": _FORM, "error": "error", "request_id": _ID},
        "Error": {"type": LeftOut("The status says as much."), "message": "error"},
        "StreamErrorEvent": {"type": _FORM, "error": "error"},
        "MessagesResponse": {
            "id": _ID,
            "type": _FORM,
            "role": _FORM,
            "model": "model",
            "content": "response_text",
            "stop_reason": "done_reason",
            "stop_sequence": LeftOut("The words at which it stopped are among those that were asked for."),
            "usage": "prompt_tokens completion_tokens",
        },
        "Usage": _ANTHROPIC_USAGE,
        "DeltaUsage": _ANTHROPIC_USAGE,
        "ContentBlock": {
            "type": _FORM,
            "text": "response_text",
            "citations": _SOURCES,
            "source": "response_text",
            "id": "tool_calls",
            "name": "tool_calls",
            "input": "tool_calls",
            "thinking": "thinking",
            "signature": _SIGNATURE,
            **dict.fromkeys(("tool_use_id", "content", "is_error"), _OF_ITS_CALL),
        },
        "MessageStartEvent": {"type": _FORM, "message": "model"},
        "ContentBlockStartEvent": _EVENT | {"content_block": "response_text"},
        "ContentBlockDeltaEvent": _EVENT | {"delta": "response_text"},
        "ContentBlockStopEvent": _EVENT,
        "Delta": {
            "type": _FORM,
            "text": "response_text",
            "partial_json": "tool_calls",
            "thinking": "thinking",
            "signature": _SIGNATURE,
        },
        "MessageDeltaEvent": {"type": _FORM, "delta": "done_reason", "usage": "completion_tokens"},
        "MessageDelta": {
            "stop_reason": "done_reason",
            "stop_sequence": LeftOut("The words at which it stopped are among those that were asked for."),
        },
        "MessageStopEvent": {"type": _FORM},
        "PingEvent": {"type": _FORM},
    },
}
