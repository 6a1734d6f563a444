"""What made an exchange slow, each in a sentence for somebody who does not know how Ollama works inside."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Literal

from service.record.load_causes import KEPT_LOADED, kept_loaded, last_of_model, load_cause
from service.record.operations import ANSWERED_IN_VECTORS
from service.record.phases import Durations, fits_buffers
from service.record.record import Record
from service.record.wording import counted, duration, since, speed

Failing = Literal["failed", "client_left", "stopped", "cut_prompt", "refused_prompt", "cut_answer"]
Slowing = Literal["load", "queue", "long_prompt", "slow_generation", "long_answer", "slow_client", "held_back"]
Kind = Failing | Slowing | Literal["quick", "maybe_cut_prompt"]

_ENOUGH_TO_COMPARE = 5
_SLOW_SHARE, _USUAL_SHARE = 0.6, 0.2
# Slower than most people read.
_SLOW_FOR_ANYBODY = 5.0
_LONGEST_MODEL = 80
_FEWER_AT_ONCE = (
    "Let fewer calls run at once. Where there is memory for it, OLLAMA_NUM_PARALLEL lets Ollama run more calls of one"
    " model at a time, and OLLAMA_MAX_LOADED_MODELS keeps more models loaded."
)
_A_PLACE_SOONER = (
    "A higher MAX_ACTIVE lets more calls run at once; in LIMITS_FILE max_active and priority leave room for people"
    " beside a batch. A time limit of the program that asks has to be longer than its wait: n8n's is 300 s."
)
_FITS_THE_GPU = (
    "Where there is a GPU, 'ollama ps' shows whether the model is wholly on it; a smaller model, a smaller quantization"
    " or a smaller num_ctx fits better."
)


@dataclass(frozen=True, slots=True)
class Surroundings:
    """What went on around an exchange.

    ``model_last_used`` is how many seconds before it went to Ollama the previous call of its model ended (None: no such
    call is known, or one had not ended: ``model_in_use``); ``in_flight`` how many others were at Ollama when it went
    there;
    ``median_rate`` the median of ``median_count`` other exchanges of its model, in tokens/s. ``earlier`` are calls that
    used models, the newest first, as far back as the last one of its own. ``changed_first`` is what of its prompt is
    not as in the call before (of the same node or chat): empty where it only goes on, None where nobody knows.
    """

    model_last_used: float | None
    in_flight: int
    median_rate: float | None
    median_count: int
    model_in_use: bool = False
    earlier: tuple[Record, ...] = ()
    changed_first: str | None = None


@dataclass(frozen=True, slots=True)
class Finding:
    """Something worth knowing, in a sentence or two, and what to do about it (empty: nothing)."""

    kind: Kind
    text: str
    advice: str


@dataclass(frozen=True, slots=True)
class Case:
    """All that findings are drawn from: the line, its request where that is JSON, the time, what went on around."""

    record: Record
    asked: dict[str, Any]
    spent: Durations
    around: Surroundings

    @property
    def model(self) -> str:
        name = self.record.model
        return name[:_LONGEST_MODEL] if name else "the model"

    @property
    def rate(self) -> float | None:
        """Tokens/s of the generation; None when unknown."""
        return self.record.tokens_per_second or None

    @property
    def median_rate(self) -> float | None:
        """What is usual for the model; None when too little is known."""
        return self.around.median_rate if self.around.median_count >= _ENOUGH_TO_COMPARE else None

    def is_notable(self, seconds: float, share: float = 0.15) -> bool:
        """Whether so much of the exchange is worth a word."""
        return seconds >= 1 and (seconds >= share * (self.spent.total or 0) or seconds >= 10)


def slowness(case: Case) -> list[Finding]:
    """What took long, the longest first."""
    found = [*_upload(case), *_own_queue(case), *_waiting(case), *_prompt(case), *_generation(case), *_sending(case)]
    return [finding for _, finding in sorted(found, key=lambda one: -one[0])]


def at_its_speed(case: Case) -> str:
    """``41 tokens/s, its usual speed``; empty when unknown."""
    rate, usual = case.rate, case.median_rate
    if rate is None:
        return ""
    if usual is None:
        return speed(rate)
    if abs(rate - usual) <= _USUAL_SHARE * usual:
        return f"{speed(rate)}, its usual speed"
    return f"{speed(rate)}, {'faster' if rate > usual else 'slower'} than its usual {speed(usual)}"


def others(case: Case) -> str:
    """``3 other exchanges were going on``; empty when there were none."""
    count = case.around.in_flight
    return f"{counted(count, 'other exchange')} {'was' if count == 1 else 'were'} going on" if count else ""


def unused(case: Case) -> str:
    """Why the model was most likely not loaded; empty when it most likely was."""
    last = case.around.model_last_used
    if case.around.model_in_use:
        return "another call of it had begun before and was still going on"
    if last is None:
        return "no earlier call of it is on record"
    before = last_of_model(case.record, case.around.earlier)
    kept = kept_loaded(before) if before is not None else None
    return f"no call had used it for {since(last)}" if last > (KEPT_LOADED if kept is None else kept) else ""


# (seconds, what took them)
_Found = Iterator[tuple[float, Finding]]


def _upload(case: Case) -> _Found:
    if case.is_notable(took := case.spent.upload):
        text = f"Sending the request took {duration(took)}, before Ollama could begin."
        yield took, Finding("slow_client", text, "See what the program, or the network, does while it sends.")


def _own_queue(case: Case) -> _Found:
    if case.is_notable(took := case.spent.queue):
        text = f"It waited {duration(took)} in the recorder for a place at Ollama."
        if behind := case.record.queue_behind:
            text += f" Served meanwhile: {behind}."
        yield took, Finding("queue", text, _A_PLACE_SOONER)


def _waiting(case: Case) -> _Found:
    spent = case.spent
    if case.record.operation == "load":
        if case.is_notable(took := spent.ready + spent.turn):
            yield took, Finding("load", f"It was asked to load {case.model}, which took {duration(took)}.", "")
        return
    if not spent.is_measured:
        yield from _unmeasured_wait(case)
        return
    if case.is_notable(spent.ready):
        yield spent.ready, _load(case)
    if case.is_notable(spent.turn):
        yield spent.turn, _turn(case)


def _load(case: Case) -> Finding:
    waited, model, last = duration(case.spent.ready), case.model, case.around.model_last_used
    if cause := load_cause(case.record, case.around.earlier, last):
        return Finding("load", f"It waited {waited}, most likely for {model} to load: {cause.text}", cause.advice)
    if reason := unused(case):
        text = f"It waited {waited}, most likely for {model} to load: {reason}"
        text += ", and Ollama unloads a model after 5 min without use." if last is not None else "."
        busy = others(case)
        if busy and not (case.around.model_in_use and case.around.in_flight == 1):
            text += f" {busy[0].upper()}{busy[1:]}, which may have held it up as well."
        return Finding("load", text, _keep_loaded(case))
    used = f"only {since(last or 0.0)} before"
    # Those that came before a call that was in our own queue were in it as well.
    if case.around.in_flight and not case.spent.queue:
        behind = counted(case.around.in_flight, "other exchange")
        return Finding(
            "queue", f"It waited {waited}, most likely behind {behind}: a call had used {model} {used}.", _FEWER_AT_ONCE
        )
    text = f"It waited {waited}, most likely for {model} to load once more, though a call had used it {used}: Ollama"
    text += (
        " unloads a model early when another one needs its memory, when keep_alive is short, or when num_ctx changes."
    )
    advice = "Use the same num_ctx in all calls of a model, and no more models in turn than fit into memory together."
    return Finding("load", text, advice)


def _keep_loaded(case: Case) -> str:
    setting = "set OLLAMA_KEEP_ALIVE=1h where Ollama runs"
    if case.record.api == "ollama":
        return f'To avoid it, keep the model loaded for longer: "keep_alive": "1h" in its calls, or {setting}.'
    return f"To avoid it, keep the model loaded for longer: {setting}."


def _turn(case: Case) -> Finding:
    waited = duration(case.spent.turn)
    if case.around.in_flight:
        behind = counted(case.around.in_flight, "other exchange")
        text = f"It waited {waited} for its turn, most likely behind {behind} that had begun before."
        return Finding("queue", text, _FEWER_AT_ONCE)
    text = f"{waited} passed in none of the phases that Ollama measures, while nothing else is on record here."
    if case.asked.get("format") or case.asked.get("response_format"):
        text += " Most likely Ollama held the answer to the format that was asked for, which it does not count."
        return Finding("queue", text, "A simpler schema, or none, is faster.")
    text += " Most likely Ollama was busy with calls that do not come through the recorder."
    return Finding("queue", text, "Let all programs call Ollama through the recorder, so that their calls are seen.")


def _unmeasured_wait(case: Case) -> _Found:
    """OpenAI's and Anthropic's forms have no phases: only what went on around tells why it took long to begin."""
    waited = case.spent.ready
    if not case.is_notable(waited, share=0.3) or not case.record.response_bytes or case.record.failed:
        return
    is_stream = bool(case.spent.generation)
    text = f"The first words came after {duration(waited)}." if is_stream else f"It took {duration(waited)}."
    partly = "" if is_stream else "in part "
    # Behind a call of the same model, the queue is likelier than the load.
    cause = None if case.around.in_flight else load_cause(case.record, case.around.earlier, case.around.model_last_used)
    if cause is not None:
        text += f" Most likely {partly}for {case.model} to load: {cause.text}"
        yield waited, Finding("load", text, cause.advice)
    elif (reason := unused(case)) and not case.around.model_in_use:
        text += f" Most likely {partly}for {case.model} to load: {reason}."
        yield waited, Finding("load", text, _keep_loaded(case))
    elif case.around.in_flight:
        behind = counted(case.around.in_flight, "other exchange")
        text += f" Most likely {partly}behind {behind} that had begun before."
        yield waited, Finding("queue", text, _FEWER_AT_ONCE)


def _prompt(case: Case) -> _Found:
    took, tokens = case.spent.prompt, case.record.prompt_tokens
    if not case.spent.is_measured or not case.is_notable(took, share=0.25):
        return
    if case.record.operation in ANSWERED_IN_VECTORS:
        of = f" of {counted(tokens, 'token')}" if tokens else ""
        yield took, Finding("long_prompt", f"Computing the embedding{of} took {duration(took)}.", "")
        return
    text = f"Reading the prompt took {duration(took)}"
    text += f": {counted(tokens, 'token')} at {speed(tokens / took)}." if tokens else "."
    text += _read_again(case)
    advice = "A shorter prompt is read faster. What stays the same from call to call should stand first: Ollama"
    yield took, Finding("long_prompt", text, f"{advice} need not read it again.")


def _read_again(case: Case) -> str:
    """Why so little of the prompt came from the cache, with a blank before it; empty where it did, or nobody knows."""
    tokens, cached, changed = case.record.prompt_tokens, case.record.cached_tokens, case.around.changed_first
    if changed is None or not tokens or cached is None or cached >= tokens / 2:
        return ""
    text = f" Only {counted(cached, 'token')} came from the cache, though most of it was in the call before: "
    if changed:
        return f"{text}{changed} changed first, and all from there on was read again."
    if case.is_notable(case.spent.ready, share=0.05):
        return f"{text}the model was loaded anew, which empties the cache."
    return f"{text}it only goes on from there, so most likely another call took its place in the cache."


def _generation(case: Case) -> _Found:
    took, tokens, rate = case.spent.generation, case.record.completion_tokens, case.rate
    if took < 1:
        return
    usual = case.median_rate
    if case.spent.is_measured and rate and tokens and tokens > 15:
        if usual and rate < _SLOW_SHARE * usual:
            yield took, _slower_than_usual(case, rate, usual)
            return
        if not usual and rate < _SLOW_FOR_ANYBODY and took >= 5:
            text = f"It generated only {speed(rate)}: most likely the CPU computes the model, or a part of it."
            yield took, Finding("slow_generation", text, _FITS_THE_GPU)
            return
    if took >= 5 and took >= 0.5 * (case.spent.total or took) and not case.record.failed:
        yield took, _long_answer(case, took, tokens)


def _slower_than_usual(case: Case, rate: float, usual: float) -> Finding:
    text = f"It generated {speed(rate)}, while {case.model} usually does {speed(usual)}"
    text += f" (the median of {counted(case.around.median_count, 'other exchange')})."
    if busy := others(case):
        return Finding("slow_generation", f"{text} {busy[0].upper()}{busy[1:]} when it began.", _FEWER_AT_ONCE)
    return Finding("slow_generation", text, "See what else used the machine at that time. " + _FITS_THE_GPU)


def _long_answer(case: Case, took: float, tokens: int | None) -> Finding:
    text = f"Writing the answer took {duration(took)}"
    fast = at_its_speed(case)
    if tokens:
        text += f": {counted(tokens, 'token')}" + (f" at {fast}" if fast else "")
    thinking, answer = len(case.record.thinking or ""), len(case.record.response_text or "")
    if thinking > answer:
        share = round(100 * thinking / (thinking + answer))
        text += f". About {share} % of that was thinking" if share < 100 else ". All of that was thinking"
        return Finding("long_answer", text + ".", 'Where thinking is not needed, "think": false turns it off.')
    limit = "num_predict" if case.record.api == "ollama" else "a limit of tokens"
    return Finding("long_answer", text + ".", f"A prompt that asks for less, or {limit}, makes it shorter.")


def _sending(case: Case) -> _Found:
    """Ollama generates while it sends, so that what is left over was spent elsewhere."""
    took = case.spent.sending
    if not case.spent.is_measured or not case.record.stream or not case.is_notable(took, share=0.3):
        return
    if case.asked.get("format"):
        # Holding the answer to a format takes time that Ollama does not count as generation.
        return
    work = (case.spent.total or took) - took - case.spent.upload
    text = f"Ollama's own work was done in {duration(work)}; {duration(took)} more"
    if fits_buffers(case.record):
        text += (
            " passed before the end of the answer came, which no client can delay in so short an answer: most likely"
        )
        text += " Ollama held it back, busy with something else, as with a very long prompt of another call."
        yield took, Finding("held_back", text, _FEWER_AT_ONCE)
        return
    text += " went into sending: most likely the client, or the network, took the answer slowly."
    yield took, Finding("slow_client", text, "See what the program does between two pieces of the answer.")
