"""The numbers of a record: tokens, phases, speed, and whether the prompt was silently cut."""

from collections.abc import Callable
from typing import Any

from service.record.exchange import Exchange
from service.record.generation import Generation
from service.record.operations import ANSWERED_IN_VECTORS, WITH_CONTEXT
from service.record.phases import BOOKKEEPING_SHARE
from service.record.request_facts import Asked, prompt_characters

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
    context_length_of: Callable[[str], int | None],
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
            values["tokens_per_second"] = round(count / seconds, 3)
    size = _context_length(generation, context_length_of) if operation in WITH_CONTEXT else None
    if size:
        if generation.prompt_tokens is not None:
            values["prompt_truncated"] = _is_truncated(size, generation.prompt_tokens, asked)
        values["context_length"] = size
    upload = exchange.upload or 0.0
    if upload >= _SHORT_UPLOAD:
        values["upload_time"] = round(upload, 6)
    first_token = _time_of(generation.first_token_at, exchange.arrivals)
    if generation.wait_time is not None:
        began = exchange.first_byte if first_token is None else first_token
        # Of an embedding Ollama times nothing but the load: what its durations leave unexplained is the computing.
        queued = 0.0 if operation in ANSWERED_IN_VECTORS else _queued(generation, began, exchange.duration, upload)
        values["wait_time"] = round(generation.wait_time + queued, 6)
        values["load_time"] = round(generation.wait_time, 6)
    if generation.prompt_time is not None:
        values["prompt_time"] = round(generation.prompt_time, 6)
    if seconds is not None:
        values["generation_time"] = round(seconds, 6)
    if exchange.first_byte is not None:
        values["time_to_first_byte"] = round(exchange.first_byte, 6)
    if first_token is not None:
        values["time_to_first_token"] = round(first_token, 6)
    if exchange.upstream_status is not None:
        values["upstream_status"] = exchange.upstream_status


def _queued(generation: Generation, began: float | None, whole: float | None, upload: float) -> float:
    """Seconds for which a loaded model was busy with others; ``began`` is when the answer's first words came.

    Ollama lets ``OLLAMA_NUM_PARALLEL`` calls of a model run at a time. The wait for that comes after its
    ``load_duration`` and before its ``prompt_eval_duration`` (``llmServer.sem`` is taken after the load): it is in none
    of its durations, but it is the time that they leave unexplained before the answer begins. The ``whole`` exchange
    bounds it: of a call of a tool Ollama sends nothing until all of it is generated, so that the answer begins late.
    Nor is the ``upload`` a wait: until then the client was still sending. Nor is a small share of the generation
    where that is part of what passed: Ollama does more than it counts as generating.
    """
    if began is None:
        return 0.0
    before = upload + (generation.wait_time or 0.0) + (generation.prompt_time or 0.0)
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


def _context_length(generation: Generation, context_length_of: Callable[[str], int | None]) -> int | None:
    """What the model ran with: what the request wanted, else what is known of the model."""
    loaded = context_length_of(generation.model) if generation.model else None
    wanted = generation.num_ctx
    if wanted and loaded and generation.prompt_tokens == loaded < wanted:
        # More was wanted than the model can hold, and the prompt was cut to what it can.
        return loaded
    return wanted or loaded


def _is_truncated(context_length: int, prompt_tokens: int, asked: Asked) -> bool:
    """Whether Ollama silently cut the prompt so that it fits into the context."""
    if prompt_tokens >= context_length:
        return True
    # Some versions keep half of the context and two tokens more when they cut. A prompt may well
    # have that many tokens by chance, so its text must also be too long for them: whole prompts
    # have three to five characters a token, and one that was cut lost at least half of its own.
    if -1 <= prompt_tokens - context_length // 2 - 2 <= 1 and asked.document is not None:
        return prompt_characters(asked.document) > 7 * prompt_tokens
    return False


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
