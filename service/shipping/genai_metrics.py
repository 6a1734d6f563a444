"""Calls of models as the client metrics of OpenTelemetry's GenAI conventions, in their newest and their older form.

Aggregated as records are counted: nothing of a call is kept but the sums that it adds to.
"""

import threading
import time
from bisect import bisect_left
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final, NamedTuple

from service.record.counted_facts import CountedFacts
from service.record.exchange import EncodedRecord, Outcome
from service.record.operations import ANSWERED_IN_VECTORS, ANSWERED_IN_WORDS, SPAN_NAMES
from service.shipping.genai import error_type, since_call

# Those that the conventions give.
_SECONDS: Final = (0.01, 0.02, 0.04, 0.08, 0.16, 0.32, 0.64, 1.28, 2.56, 5.12, 10.24, 20.48, 40.96, 81.92)
_TOKENS: Final = tuple(float(4**power) for power in range(14))
_TEXT, _UNKNOWN = "text", "unknown"


@dataclass(frozen=True, slots=True)
class Instrument:
    """One metric. A histogram if it has ``bounds``, the upper bounds of its buckets; else a counter.

    ``by`` is the attribute that its series differ in beside those that all have; empty: there is none.
    """

    name: str
    unit: str
    meaning: str
    by: str = ""
    bounds: tuple[float, ...] = ()


_ERROR, _TYPE, _MODALITY = "error.type", "gen_ai.token.type", "gen_ai.token.modality"
_CLIENT, _TOKEN = "gen_ai.client.", "{token}"
DURATION: Final = Instrument(_CLIENT + "operation.duration", "s", "GenAI operation duration.", _ERROR, _SECONDS)
FIRST_CHUNK: Final = Instrument(
    _CLIENT + "operation.time_to_first_chunk",
    "s",
    "Seconds from the call until the first chunk of a streamed answer.",
    bounds=_SECONDS,
)
PER_CHUNK: Final = Instrument(
    _CLIENT + "operation.time_per_output_chunk",
    "s",
    "Seconds from chunk to chunk of a streamed answer: the mean of each answer, once for each token after the first.",
    bounds=_SECONDS,
)
USAGE: Final = Instrument(_CLIENT + "token.usage", _TOKEN, "Number of input and output tokens used.", _TYPE, _TOKENS)
INPUT_TOKENS: Final = Instrument(
    _CLIENT + "inference.usage.input_tokens", _TOKEN, "Input tokens used, with cached ones.", _MODALITY
)
CACHED_TOKENS: Final = Instrument(
    _CLIENT + "inference.usage.cache_read.input_tokens", _TOKEN, "Input tokens read from the cache.", _MODALITY
)
OUTPUT_TOKENS: Final = Instrument(_CLIENT + "inference.usage.output_tokens", _TOKEN, "Output tokens used.", _MODALITY)
INPUT_PER_CALL: Final = Instrument(
    _CLIENT + "inference.operation.input_tokens", _TOKEN, "Input tokens of each operation.", bounds=_TOKENS
)
OUTPUT_PER_CALL: Final = Instrument(
    _CLIENT + "inference.operation.output_tokens", _TOKEN, "Output tokens of each operation.", bounds=_TOKENS
)
EMBEDDINGS_DURATION: Final = Instrument(
    _CLIENT + "embeddings.duration", "s", "Duration of embeddings operations.", _ERROR, _SECONDS
)
EMBEDDINGS_INPUT: Final = Instrument(
    _CLIENT + "embeddings.operation.input_tokens", _TOKEN, "Input tokens of each embeddings operation.", bounds=_TOKENS
)
INSTRUMENTS: Final = (
    *(DURATION, FIRST_CHUNK, PER_CHUNK, USAGE, INPUT_TOKENS, CACHED_TOKENS, OUTPUT_TOKENS),
    *(INPUT_PER_CALL, OUTPUT_PER_CALL, EMBEDDINGS_DURATION, EMBEDDINGS_INPUT),
)

ServerOf = Callable[[str | None], tuple[str, int] | None]
"""Host and port of the Ollama of this name; None where nobody knows."""
Attributes = tuple[tuple[str, str | int], ...]
_Key = tuple[str, str, str | None, str]
"""Operation, model, name of the Ollama, and the value of ``by``."""
_Sums = list[float]
"""Of a counter its sum; of a histogram its buckets, what is above all bounds, and the sum."""


class Point(NamedTuple):
    """One series at one moment. ``sums``: of a counter its sum; of a histogram its buckets and, last, its sum."""

    attributes: Attributes
    sums: tuple[float, ...]


class Snapshot(NamedTuple):
    """All series, cumulative. Times are Unix time in nanoseconds."""

    started_ns: int
    taken_ns: int
    points: tuple[tuple[Instrument, tuple[Point, ...]], ...]


class GenAiMetrics:
    """Adds up calls of models. One thread observes, others take snapshots."""

    def __init__(self, server_of: ServerOf) -> None:
        self._server_of = server_of
        self._lock = threading.Lock()
        self._started_ns = time.time_ns()
        self._series: dict[str, dict[_Key, _Sums]] = {instrument.name: {} for instrument in INSTRUMENTS}

    @property
    def is_empty(self) -> bool:
        """Whether no call was observed yet."""
        return not self._series[DURATION.name] and not self._series[INPUT_TOKENS.name]

    def observe(self, model: str, facts: CountedFacts, encoded: EncodedRecord) -> None:
        """Add one ended call of a model. Takes some microseconds.

        ``model`` is the name that its series have, one of a bounded number.
        """
        if encoded.outcome == Outcome.REFUSED:
            # It never was a call of Ollama.
            return
        kind = (SPAN_NAMES[encoded.operation], model, facts.upstream)
        is_embedding = encoded.operation in ANSWERED_IN_VECTORS
        with self._lock:
            self._add_duration(kind, facts, encoded, is_embedding)
            if facts.stream:
                self._add_chunks(kind, facts)
            if is_embedding:
                self._add_embedding_tokens(kind, facts)
            else:
                self._add_tokens(kind, facts, _TEXT if encoded.operation in ANSWERED_IN_WORDS else _UNKNOWN)

    def snapshot(self) -> Snapshot:
        """What has come together since the start."""
        with self._lock:
            copies = [
                (instrument, [(key, tuple(sums)) for key, sums in self._series[instrument.name].items()])
                for instrument in INSTRUMENTS
            ]
            taken_ns = time.time_ns()
        points = tuple(
            (instrument, tuple(Point(self._attributes(instrument, key), sums) for key, sums in series))
            for instrument, series in copies
            if series
        )
        return Snapshot(self._started_ns, taken_ns, points)

    def _add_duration(
        self, kind: tuple[str, str, str | None], facts: CountedFacts, encoded: EncodedRecord, is_embedding: bool
    ) -> None:
        if facts.request_time is None:
            return
        seconds = since_call(facts.request_time, facts.queue_time, facts.upload_time)
        error = error_type(encoded.outcome, facts.status, facts.upstream_status) if facts.failed else ""
        self._observe(DURATION, (*kind, error), seconds)
        if is_embedding:
            self._observe(EMBEDDINGS_DURATION, (*kind, error), seconds)

    def _add_chunks(self, kind: tuple[str, str, str | None], facts: CountedFacts) -> None:
        # A refusal of Ollama is no chunk of an answer.
        if facts.time_to_first_byte is not None and facts.status is not None and facts.status < 400:
            seconds = since_call(facts.time_to_first_byte, facts.queue_time, facts.upload_time)
            self._observe(FIRST_CHUNK, (*kind, ""), seconds)
        first, whole, tokens = facts.time_to_first_token, facts.request_time, facts.completion_tokens
        if first is not None and whole is not None and tokens is not None and tokens > 1 and not facts.failed:
            # Ollama sends a chunk for each token. The single ones are not timed: that would cost every chunk.
            self._observe(PER_CHUNK, (*kind, ""), max(0.0, whole - first) / (tokens - 1), tokens - 1)

    def _add_embedding_tokens(self, kind: tuple[str, str, str | None], facts: CountedFacts) -> None:
        if facts.prompt_tokens is None:
            return
        self._observe(USAGE, (*kind, "input"), facts.prompt_tokens)
        if not facts.failed:
            self._observe(EMBEDDINGS_INPUT, (*kind, ""), facts.prompt_tokens)

    def _add_tokens(self, kind: tuple[str, str, str | None], facts: CountedFacts, modality: str) -> None:
        read, written = facts.prompt_tokens, facts.completion_tokens
        # A call that told no tokens counts 0, so that its series is there.
        self._count(INPUT_TOKENS, (*kind, _UNKNOWN), read or 0)
        self._count(OUTPUT_TOKENS, (*kind, _UNKNOWN if written is None else modality), written or 0)
        if facts.cached_tokens is not None:
            self._count(CACHED_TOKENS, (*kind, _UNKNOWN), facts.cached_tokens)
        if read is not None:
            self._observe(USAGE, (*kind, "input"), read)
            if not facts.failed:
                self._observe(INPUT_PER_CALL, (*kind, ""), read)
        if written is not None:
            self._observe(USAGE, (*kind, "output"), written)
            if not facts.failed:
                self._observe(OUTPUT_PER_CALL, (*kind, ""), written)

    def _count(self, instrument: Instrument, key: _Key, amount: float) -> None:
        series = self._series[instrument.name]
        found = series.get(key)
        if found is None:
            found = series[key] = [0.0]
        found[0] += amount

    def _observe(self, instrument: Instrument, key: _Key, value: float, times: int = 1) -> None:
        series = self._series[instrument.name]
        found = series.get(key)
        if found is None:
            found = series[key] = [0.0] * (len(instrument.bounds) + 2)
        # A bound belongs to the bucket below it, as in OTLP.
        found[bisect_left(instrument.bounds, value)] += times
        found[-1] += value * times

    def _attributes(self, instrument: Instrument, key: _Key) -> Attributes:
        operation, model, upstream, by = key
        attributes: list[tuple[str, str | int]] = [
            ("gen_ai.operation.name", operation),
            ("gen_ai.provider.name", "ollama"),
            # The provider's older name.
            ("gen_ai.system", "ollama"),
            ("gen_ai.request.model", model),
        ]
        if (server := self._server_of(upstream)) is not None:
            attributes += [("server.address", server[0]), ("server.port", server[1])]
        if instrument.by and by:
            attributes.append((instrument.by, by))
        return tuple(attributes)
