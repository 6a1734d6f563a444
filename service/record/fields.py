"""The fields of a record: the one list of them, in the order in which they stand in its line.

``docs/record.md``, the schemas of ``openapi.json``, the page's ``generated.js``, Loki's structured metadata, the
attributes of spans and the columns of a table are made from this list. A field that is not known is absent.
"""

from dataclasses import dataclass
from enum import StrEnum
from typing import Final


class FieldKind(StrEnum):
    """How a value is written in JSON. ``NUMBER`` may have a fraction, ``COUNT`` is a whole number from 0 on.

    ``NAMES`` is a list of words.
    """

    TEXT = "text"
    NUMBER = "number"
    COUNT = "count"
    TRUTH = "truth"
    TIME = "time"
    NAMES = "names"


class OnSpan(StrEnum):
    """The span that carries a field as an attribute."""

    NONE = ""
    SERVER = "server"
    MODEL_CALL = "model call"


@dataclass(frozen=True, slots=True)
class Field:
    """One field.

    ``absent`` says when it is missing. ``is_body``: it is, or is made from, what was asked or answered, and summaries
    leave it out. ``in_metadata``: it is structured metadata in Loki. ``is_masked``: well-known secrets in it are
    masked. ``attribute`` names it on the span ``on_span``. ``label`` names it for people; empty: only its own name
    does. ``filter`` is the parameter that filters by it. ``is_personal``: it tells who asked, so that it may have to
    stay out of the log.
    """

    name: str
    kind: FieldKind
    meaning: str
    absent: str = ""
    unit: str = ""
    is_body: bool = False
    in_metadata: bool = False
    is_masked: bool = False
    attribute: str = ""
    on_span: OnSpan = OnSpan.NONE
    label: str = ""
    filter: str = ""
    is_personal: bool = False


_TEXT, _NUMBER, _COUNT, _TRUTH, _TIME, _NAMES = FieldKind
_SERVER, _CALL = OnSpan.SERVER, OnSpan.MODEL_CALL
_NO_MODEL_CALL: Final = "in what is no call of a model"
_NOT_MEASURED: Final = "where Ollama did not measure it"
_NOBODY_TOLD: Final = "where nobody told it"
_NO_QUEUE: Final = "where it did not have to wait there"

# A row a field, so that its flags stand side by side.
# fmt: off
FIELDS: tuple[Field, ...] = (
    Field("time", _TIME, "When the exchange ended.",
          label="ended", filter="from"),
    Field("method", _TEXT, "The HTTP method.",
          label="method"),
    Field("request_uri", _TEXT, "The address, as the client sent it.",
          is_masked=True, label="address"),
    Field("status", _COUNT, "The HTTP status that the client was answered; 499 when it left before an answer.",
          absent="where nothing was answered", in_metadata=True,
          on_span=_SERVER, attribute="http.response.status_code", label="status", filter="status"),
    Field("request_time", _NUMBER, "How long the whole exchange took.",
          absent="after a crash of the recorder", unit="s", in_metadata=True, label="took", filter="slower"),
    Field("request_body", _TEXT, "What was asked: the body as text, its pictures and vectors replaced.",
          absent="without a body", is_body=True, on_span=_SERVER, attribute="http.request.body.content"),
    Field("response_text", _TEXT, "The answer, put together from its stream.",
          absent="without an answer in words", is_body=True, is_masked=True),
    Field("thinking", _TEXT, "What a reasoning model thought before it answered.",
          absent="without such thoughts", is_body=True, is_masked=True),
    Field("tool_calls", _TEXT, "The calls of tools in the answer, as a JSON text.",
          absent="without such calls", is_body=True, is_masked=True),
    Field("response_body", _TEXT, "The answer as it came, where it could not be understood.",
          absent="where it was understood", is_body=True),
    Field("error", _TEXT, "What went wrong, in the words of Ollama or of the recorder.",
          absent="where nothing went wrong", is_masked=True, label="error"),
    Field("outcome", _TEXT, "How the exchange ended.",
          in_metadata=True, on_span=_SERVER, attribute="ollama_recorder.outcome", label="outcome", filter="outcome"),
    Field("failed", _TRUTH, "Whether it ended badly: neither whole nor stopped by its reader, an error, or no answer.",
          in_metadata=True, label="failed", filter="failed"),
    Field("operation", _TEXT, "What was asked for.",
          absent="where the address asks for nothing known", in_metadata=True, label="operation", filter="operation"),
    Field("api", _TEXT, "Whose API was spoken: ollama, openai or anthropic.",
          absent="where the address asks for nothing known", in_metadata=True, label="API"),
    Field("model", _TEXT, "The model, as the request names it.",
          absent="where none is named", in_metadata=True, is_masked=True,
          on_span=_CALL, attribute="gen_ai.request.model", label="model", filter="model"),
    Field("remote_host", _TEXT, "Where Ollama passed the request on to: the prompt left its machine.",
          absent="where Ollama answered by itself", in_metadata=True, is_masked=True, label="passed on to"),
    Field("remote_model", _TEXT, "The model that answered there.",
          absent="where Ollama answered by itself", in_metadata=True, is_masked=True, label="model there"),
    Field("response_model", _TEXT, "The model that the answer names, where it is another.",
          absent="where the answer names the same or none", is_masked=True, label="answered by"),
    Field("response_id", _TEXT, "The id that the answer gives itself.",
          absent="where it has none, as in Ollama's own API", is_masked=True,
          on_span=_CALL, attribute="gen_ai.response.id"),
    Field("stream", _TRUTH, "Whether the answer was to come in pieces.",
          absent="where there is no such choice", in_metadata=True, label="streamed"),
    Field("done_reason", _TEXT, "Why the answer ended, in Ollama's words; unfinished where it has no end marker.",
          absent=_NO_MODEL_CALL, in_metadata=True, is_masked=True, label="ended because of"),
    Field("prompt_tokens", _COUNT, "Tokens of the prompt, as Ollama counted them.",
          absent="where Ollama did not count", unit="tokens", in_metadata=True,
          on_span=_CALL, attribute="gen_ai.usage.input_tokens", label="tokens in"),
    Field("cached_tokens", _COUNT, "Tokens of the prompt that the model had read before, from its cache.",
          absent="where Ollama does not tell", unit="tokens", in_metadata=True,
          on_span=_CALL, attribute="gen_ai.usage.cache_read.input_tokens", label="of these from the cache"),
    Field("completion_tokens", _COUNT, "Tokens of the answer, as Ollama counted them.",
          absent="where Ollama did not count", unit="tokens", in_metadata=True,
          on_span=_CALL, attribute="gen_ai.usage.output_tokens", label="tokens out"),
    Field("tokens_per_second", _NUMBER, "Tokens of the answer divided by the time of their generation.",
          absent=_NOT_MEASURED, unit="tokens/s", in_metadata=True,
          on_span=_CALL, attribute="ollama_recorder.tokens_per_second", label="speed"),
    Field("prompt_truncated", _TRUTH, "Whether Ollama silently cut the prompt; false only where all of it was read.",
          absent="where it is not known", in_metadata=True,
          on_span=_CALL, attribute="ollama_recorder.prompt_truncated", label="prompt cut", filter="truncated"),
    Field("prompt_truncated_by", _TEXT, "How: messages left out, a text cut to length, or a shift in mid-answer.",
          absent="where it was not cut", in_metadata=True,
          on_span=_CALL, attribute="ollama_recorder.prompt_truncated_by", label="cut by", filter="cut"),
    Field("prompt_lost_messages", _COUNT, "The oldest messages that were left out, at least.",
          absent="where it is not known", in_metadata=True, label="messages lost, at least"),
    Field("prompt_lost_tokens", _COUNT, "The tokens of the prompt that were lost, at least.",
          absent="where it is not known", unit="tokens", in_metadata=True, label="tokens lost, at least"),
    Field("context_length", _COUNT, "The tokens that prompt and answer of this call had room for.",
          absent="where it is not known", unit="tokens", in_metadata=True,
          on_span=_CALL, attribute="ollama_recorder.context_length", label="context"),
    Field("queue_time", _NUMBER, "How long it waited in the recorder for a place at Ollama.",
          absent=_NO_QUEUE, unit="s", in_metadata=True,
          on_span=_SERVER, attribute="ollama_recorder.queue_time", label="queued"),
    Field("queue_behind", _TEXT, "Who was served meanwhile, with their calls and their time at Ollama.",
          absent=_NO_QUEUE, is_masked=True, label="queued behind"),
    Field("upload_time", _NUMBER, "How long the client was still sending its request.",
          absent="below 0.1 s", unit="s", in_metadata=True, label="request sent after"),
    Field("wait_time", _NUMBER, "How long until the model could work: Ollama's queue and the loading.",
          absent=_NOT_MEASURED, unit="s", in_metadata=True, label="waited"),
    Field("load_time", _NUMBER, "The part of the wait that Ollama calls loading.",
          absent=_NOT_MEASURED, unit="s", in_metadata=True, label="of this loading"),
    Field("prompt_time", _NUMBER, "How long the model read the prompt.",
          absent=_NOT_MEASURED, unit="s", in_metadata=True, label="read the prompt in"),
    Field("generation_time", _NUMBER, "How long the model generated.",
          absent=_NOT_MEASURED, unit="s", in_metadata=True, label="generated in"),
    Field("time_to_first_byte", _NUMBER, "When the first byte of the answer came, from the beginning.",
          absent="without an answer", unit="s", in_metadata=True, label="first byte after"),
    Field("time_to_first_token", _NUMBER, "When the first words of a streamed answer came, from the beginning.",
          absent="where it was not streamed", unit="s", in_metadata=True, label="first token after"),
    Field("energy", _NUMBER,
          "Joules that this machine used meanwhile, shared out over the calls in flight: an estimate.",
          absent="without a meter that may be read, and where another machine computed", unit="J", in_metadata=True,
          on_span=_CALL, attribute="ollama_recorder.energy", label="energy, estimated"),
    Field("upstream", _TEXT, "Which Ollama was asked, by its name in OLLAMA_URL.",
          absent="with one Ollama, and where none was chosen", in_metadata=True,
          on_span=_CALL, attribute="ollama_recorder.upstream", label="Ollama", filter="upstream"),
    Field("upstream_status", _COUNT, "The HTTP status that Ollama answered.",
          absent="where Ollama did not answer", in_metadata=True, label="Ollama's status"),
    Field("workflow", _TEXT, "The workflow that asked, by name.",
          absent=_NOBODY_TOLD, in_metadata=True, is_masked=True, on_span=_SERVER, attribute="n8n.workflow.name",
          label="workflow", filter="workflow"),
    Field("workflow_id", _TEXT, "The workflow that asked, by its id in n8n.",
          absent=_NOBODY_TOLD, in_metadata=True, is_masked=True, on_span=_SERVER, attribute="n8n.workflow.id",
          label="workflow id", filter="workflow"),
    Field("execution_id", _TEXT, "The execution of the workflow, or the chat, that this was a step of.",
          absent=_NOBODY_TOLD, in_metadata=True, is_masked=True, on_span=_SERVER, attribute="n8n.execution.id",
          label="execution", filter="execution"),
    Field("conversation_id", _TEXT,
          "The conversation that this is a turn of: as its client names it, else the exchange that began it.",
          absent="in what is no chat, or sent again", in_metadata=True, is_masked=True,
          on_span=_CALL, attribute="gen_ai.conversation.id", label="conversation", filter="conversation"),
    Field("node", _TEXT, "The node of the workflow that asked.",
          absent=_NOBODY_TOLD, in_metadata=True, is_masked=True, on_span=_SERVER, attribute="n8n.node.name",
          label="node", filter="node"),
    Field("item", _COUNT, "The item that the node asked for, counted from 0 as n8n does.",
          absent=_NOBODY_TOLD, in_metadata=True, on_span=_SERVER, attribute="ollama_recorder.item", label="item"),
    Field("attempt", _COUNT, "Which try of its node this belongs to; 1 is the first.",
          absent=_NOBODY_TOLD, in_metadata=True, on_span=_SERVER, attribute="ollama_recorder.attempt", label="try"),
    Field("caller", _TEXT, "The program that asked.",
          absent=_NOBODY_TOLD, in_metadata=True, is_masked=True, on_span=_SERVER, attribute="ollama_recorder.caller",
          label="caller", filter="caller", is_personal=True),
    Field("user", _TEXT, "The person that asked.",
          absent=_NOBODY_TOLD, in_metadata=True, is_masked=True, on_span=_SERVER, attribute="user.name",
          label="user", filter="user", is_personal=True),
    Field("replay_of", _TEXT, "The id of the exchange that this one repeats.",
          absent="where it repeats none", in_metadata=True, label="repeats"),
    Field("key", _TEXT, "The name of the API key that was shown.",
          absent="where no keys are asked for", in_metadata=True, on_span=_SERVER, attribute="ollama_recorder.key",
          label="key", filter="key", is_personal=True),
    Field("task", _TEXT, "What a client asked for itself: title, tags, follow_ups, query and others.",
          absent="where a person or a program asked, or nobody told it", in_metadata=True, is_masked=True,
          on_span=_SERVER, attribute="ollama_recorder.task", label="task", filter="task"),
    Field("user_agent", _TEXT, "What the client calls itself in User-Agent.",
          absent=_NOBODY_TOLD, is_masked=True, on_span=_SERVER, attribute="user_agent.original", label="program",
          is_personal=True),
    Field("remote_addr", _TEXT, "The address that the client has, or that a trusted proxy says it has.",
          on_span=_SERVER, attribute="client.address", label="from", filter="address", is_personal=True),
    Field("request_bytes", _COUNT, "The length of the request's body, of which our copy may be shorter.",
          absent="without a body", unit="bytes", in_metadata=True,
          on_span=_SERVER, attribute="http.request.body.size", label="bytes sent"),
    Field("response_bytes", _COUNT, "The length of the answer's body, of which our copy may be shorter.",
          absent="without a body", unit="bytes", in_metadata=True,
          on_span=_SERVER, attribute="http.response.body.size", label="bytes answered"),
    Field("changed", _NAMES, "The fields that a rule put into the request on its way to Ollama.",
          absent="where it went on as it came", label="put in"),
    Field("request_truncated", _TRUTH, "Whether our copy of the request is not whole.",
          absent="where it is whole"),
    Field("response_truncated", _TRUTH, "Whether our copy of the answer is not whole.",
          absent="where it is whole"),
    Field("images", _COUNT, "How many pictures were sent.",
          absent="without any", in_metadata=True, label="pictures"),
    Field("dimensions", _COUNT, "How many numbers each vector of the answer has.",
          absent="where vectors were not asked for, or could not be counted",
          on_span=_CALL, attribute="gen_ai.embeddings.dimension.count", label="numbers a vector"),
    Field("exchange", _TEXT, "The id of the exchange, 32 hexadecimal digits.",
          in_metadata=True, on_span=_SERVER, attribute="ollama_recorder.exchange", label="exchange",
          filter="exchange"),
    Field("trace_id", _TEXT, "The id of the trace, 32 hexadecimal digits.",
          in_metadata=True, label="trace"),
    Field("span_id", _TEXT, "The id of the exchange's own span, 16 hexadecimal digits."),
    Field("started", _TIME, "When the request began to arrive.",
          label="began"),
)
# fmt: on

FIELD_NAMES: tuple[str, ...] = tuple(field.name for field in FIELDS)
"""Every key that a line may have, in the order in which they stand."""

BODIES: tuple[str, ...] = tuple(field.name for field in FIELDS if field.is_body)
METADATA: tuple[str, ...] = tuple(field.name for field in FIELDS if field.in_metadata)
PERSONAL: tuple[str, ...] = tuple(field.name for field in FIELDS if field.is_personal)
MASKED: tuple[str, ...] = tuple(field.name for field in FIELDS if field.is_masked)
LABELS: dict[str, str] = {field.name: field.label for field in FIELDS if field.label}

# Spans that were sent before name their attributes in this order. What is added comes after, in the line's order.
_SPAN_ORDER: Final = (
    *("status", "remote_addr", "user_agent", "request_bytes", "response_bytes", "workflow_id", "workflow"),
    *("execution_id", "node", "user", "caller", "exchange", "outcome", "request_body"),
    *("model", "stream", "prompt_tokens", "completion_tokens", "tokens_per_second", "context_length"),
)
_IN_SPAN_ORDER: Final = sorted(
    (field for field in FIELDS if field.attribute),
    key=lambda field: _SPAN_ORDER.index(field.name) if field.name in _SPAN_ORDER else len(_SPAN_ORDER),
)
SERVER_ATTRIBUTES: tuple[tuple[str, str], ...] = tuple(
    (field.attribute, field.name) for field in _IN_SPAN_ORDER if field.on_span is OnSpan.SERVER
)
"""Attributes of the SERVER span, each with the field that it is taken from."""

MODEL_CALL_ATTRIBUTES: tuple[tuple[str, str], ...] = tuple(
    (field.attribute, field.name) for field in _IN_SPAN_ORDER if field.on_span is OnSpan.MODEL_CALL
)
"""The same of the CLIENT span of a model call."""
