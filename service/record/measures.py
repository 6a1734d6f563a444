"""The numbers of a record: tokens, phases, speed, and whether the prompt was silently cut."""

from typing import Any

from service.record.call_context import ContextLengthOf
from service.record.exchange import Exchange
from service.record.generation import Generation
from service.record.operations import ANSWERED_IN_VECTORS, WITH_CONTEXT
from service.record.phases import BOOKKEEPING_SHARE
from service.record.prompt_fit import PromptVerdict
from service.record.prompt_memory import PromptMemory
from service.record.prompt_verdict import context_length, judge_prompt
from service.record.request_facts import Asked
from service.record.timestamps import to_microseconds, to_thousandths

# When so many arrivals were noted, there may have been more of which nothing is known.
_MANY_ARRIVALS = 16
# What the way there and back and Ollama's own work around a prompt take.
_NO_QUEUE = 0.1
# One token, or what the clock can hardly tell from nothing, has no speed.
_FEWEST_TOKENS, _SHORTEST_GENERATION = 2, 0.001
# Requests as good as always come with their head; what comes so soon after it is not worth a word.
_SHORT_UPLOAD = 0.1


def measures(
    values: dict[str, Any],
    exchange: Exchange,
    asked: Asked,
    generation: Generation,
    operation: str,
    context_length_of: ContextLengthOf,
    memory: PromptMemory,
) -> None:
    """Add the numbers that are known to ``values``, in the order of the line's keys. Times are seconds."""
    count, seconds = generation.completion_tokens, generation.generation_time
    if generation.prompt_tokens is not None:
        values["prompt_tokens"] = generation.prompt_tokens
    if generation.cached_tokens is not None:
        values["cached_tokens"] = generation.cached_tokens
    if count is not None:
        values["completion_tokens"] = count
        if count >= _FEWEST_TOKENS and seconds is not None and seconds >= _SHORTEST_GENERATION:
            values["tokens_per_second"] = to_thousandths(count / seconds)
    size = context_length(exchange, generation, context_length_of) if operation in WITH_CONTEXT else None
    if size:
        _put_verdict(values, judge_prompt(exchange, asked, generation, operation, size, memory))
        values["context_length"] = size
    upload, in_queue = exchange.upload or 0.0, exchange.queued or 0.0
    if exchange.queued is not None:
        values["queue_time"] = to_microseconds(in_queue)
    if exchange.queued_behind:
        values["queue_behind"] = exchange.queued_behind
    if upload >= _SHORT_UPLOAD:
        values["upload_time"] = to_microseconds(upload)
    first_token = _time_of(generation.first_token_at, exchange.arrivals)
    if generation.wait_time is not None:
        began = exchange.first_byte if first_token is None else first_token
        # Of an embedding Ollama times nothing but the load: what its durations leave unexplained is the computing.
        queued = (
            0.0
            if operation in ANSWERED_IN_VECTORS
            else _queued(generation, began, exchange.duration, upload + in_queue)
        )
        values["wait_time"] = to_microseconds(generation.wait_time + queued)
        values["load_time"] = to_microseconds(generation.wait_time)
    if generation.prompt_time is not None:
        values["prompt_time"] = to_microseconds(generation.prompt_time)
    if seconds is not None:
        values["generation_time"] = to_microseconds(seconds)
    if exchange.first_byte is not None:
        values["time_to_first_byte"] = to_microseconds(exchange.first_byte)
    if first_token is not None:
        values["time_to_first_token"] = to_microseconds(first_token)
    if exchange.energy is not None and generation.remote_host is None:
        values["energy"] = to_thousandths(exchange.energy)
    if exchange.upstream is not None:
        values["upstream"] = exchange.upstream
    if exchange.upstream_status is not None:
        values["upstream_status"] = exchange.upstream_status


def _queued(generation: Generation, began: float | None, whole: float | None, before_ollama: float) -> float:
    """Seconds for which a loaded model was busy with others; ``began`` is when the answer's first words came.

    Ollama lets ``OLLAMA_NUM_PARALLEL`` calls of a model run at a time. The wait for that comes after its
    ``load_duration`` and before its ``prompt_eval_duration`` (``llmServer.sem`` is taken after the load): it is in none
    of its durations, but it is the time that they leave unexplained before the answer begins. The ``whole`` exchange
    bounds it: of a call of a tool Ollama sends nothing until all of it is generated, so that the answer begins late.
    Nor is it a wait ``before_ollama`` got the request: the client was still sending, or it was in our own queue. Nor is
    a small share of the generation where that is part of what passed: Ollama does more than it counts as generating.
    """
    if began is None:
        return 0.0
    before = before_ollama + (generation.wait_time or 0.0) + (generation.prompt_time or 0.0)
    generated = generation.generation_time or 0.0
    bound = began if whole is None else whole
    if generation.stream:
        rest = began - before
        if whole is None or rest <= whole - before - generated + _NO_QUEUE:
            return _without_slack(min(rest, bound - before), _NO_QUEUE)
        began = bound
    rest = min(began, bound) - before - generated
    return _without_slack(rest, max(_NO_QUEUE, BOOKKEEPING_SHARE * generated))


def _without_slack(rest: float, slack: float) -> float:
    return rest if rest > slack else 0.0


def _put_verdict(values: dict[str, Any], verdict: PromptVerdict) -> None:
    if verdict.is_cut is not None:
        values["prompt_truncated"] = verdict.is_cut
    if verdict.by is not None:
        values["prompt_truncated_by"] = verdict.by
    if verdict.messages is not None:
        values["prompt_lost_messages"] = verdict.messages
    if verdict.tokens is not None:
        values["prompt_lost_tokens"] = verdict.tokens


def _time_of(offset: int | None, arrivals: tuple[tuple[int, float], ...]) -> float | None:
    """When the piece of the answer arrived that holds the byte at ``offset``; None when that was not noted."""
    if offset is None:
        return None
    arrived = None
    for number, (start, seconds) in enumerate(arrivals, 1):
        if start > offset:
            break
        if start < offset and number == len(arrivals) >= _MANY_ARRIVALS:
            return None
        arrived = seconds
    return arrived
