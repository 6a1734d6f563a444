"""From an exchange to what became of its prompt: the context length of this call, and whether all of it was read."""

from service.record.call_context import ContextLengthOf, ModelCall
from service.record.converted_messages import as_converted, whole_messages
from service.record.exchange import Exchange
from service.record.generation import Generation
from service.record.operations import ANSWERED_IN_VECTORS
from service.record.prompt_fit import UNKNOWN, WHOLE, Prompt, PromptVerdict, is_whole_by_size, judge_embedding
from service.record.prompt_memory import PromptMemory
from service.record.prompt_parts import parts_of
from service.record.request_facts import Asked, whole_number


def context_length(exchange: Exchange, generation: Generation, context_length_of: ContextLengthOf) -> int | None:
    """The tokens that this call had room for; None when it is not known, or no model ran here."""
    if not generation.model or exchange.status is None or exchange.status >= 400:
        return None
    if generation.remote_host:
        # Where Ollama passed it on to, other rules hold.
        return None
    opened = exchange.opened
    began_ns = opened.started_ns + int(1e9 * (exchange.upload or 0.0))
    answering_ns = None
    if generation.stream and exchange.first_byte is not None:
        answering_ns = opened.started_ns + int(1e9 * exchange.first_byte)
    call = ModelCall(
        generation.model,
        generation.num_ctx,
        began_ns,
        generation.wait_time,
        answering_ns,
        exchange.ended_ns,
        generation.prompt_tokens,
    )
    length = context_length_of(call)
    return None if length is not None and (generation.prompt_tokens or 0) > length else length


def judge_prompt(
    exchange: Exchange, asked: Asked, generation: Generation, operation: str, room: int, memory: PromptMemory
) -> PromptVerdict:
    """What became of the prompt, of which ``room`` tokens could be read."""
    document, read = asked.document, generation.prompt_tokens
    if document is None or read is None or generation.model is None:
        return UNKNOWN
    api = exchange.opened.api
    native = document if api == "ollama" else {}
    options = native.get("options")
    options = options if isinstance(options, dict) else {}
    facts, written = memory.facts_of(generation.model), generation.completion_tokens
    is_plain = not (asked.images or asked.missing) and operation not in ANSWERED_IN_VECTORS
    if is_plain and is_whole_by_size(read, written, room, facts, asked.size):
        return WHOLE
    prompt = Prompt(
        parts_of(as_converted(document, api), operation, asked.missing),
        read,
        written,
        room,
        facts=facts,
        keep=whole_number(options.get("num_keep")),
        batch=whole_number(options.get("num_batch")),
        may_cut=native.get("truncate") is not False,
        may_shift=native.get("shift") is not False,
        is_chat=operation == "chat",
        halves=memory.halves(),
    )
    if operation in ANSWERED_IN_VECTORS:
        return judge_embedding(prompt, len(prompt.parts.parts)) if prompt.parts.parts else UNKNOWN
    verdict = memory.judge(generation.model, prompt)
    if verdict.messages is None:
        return verdict
    return verdict._replace(messages=whole_messages(document, api, verdict.messages))
