"""``measure``: how fast a model is here, on the CPU and on the GPU, by Ollama's own counts."""

import json
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict, dataclass
from http import HTTPStatus
from typing import Annotated, Any

import click

from service.cli.command_line import argument, option
from service.cli.environment import current_settings, read_address, stop
from service.cli.http_client import ask, why
from service.cli.screen import console, inert, note, say_json, say_table

QUESTION = "Explain in 50 words how systemd works."
SYSTEM = "You are an assistant for Linux systems."
# Reading is measured on a prompt that is long enough to take measurable time.
_FILLER = "A unit file describes a service, its dependencies and how it is started and stopped. "
_TIMEOUT_SECONDS = 3600.0
_LOOK_SECONDS = 5.0


Model = Annotated[str, argument(metavar="MODEL", help="A model that Ollama has.")]
OnCpu = Annotated[bool, option("--cpu", help="On the CPU alone (num_gpu 0).")]
OnGpu = Annotated[bool, option("--gpu", help="As Ollama places it.")]
Runs = Annotated[int, option("--runs", min=1, max=100, help="Answers that count, after one that warms up.")]
Context = Annotated[int | None, option("--context", min=128, help="Tokens of context (num_ctx).")]
Tokens = Annotated[int, option("--tokens", min=8, max=4096, help="Tokens that each answer may have.")]
Url = Annotated[str, option("--url", help="Ollama's address; without it OLLAMA_URL, the first that has the model.")]
AsJson = Annotated[bool, option("--json", help="Print JSON, for programs.")]
AsMarkdown = Annotated[bool, option("--markdown", help="Print a table for a document.")]


def measure(
    model: Model,
    cpu: OnCpu = False,
    gpu: OnGpu = False,
    runs: Runs = 3,
    context: Context = None,
    tokens: Tokens = 128,
    url: Url = "",
    as_json: AsJson = False,
    as_markdown: AsMarkdown = False,
) -> None:
    """Measure how fast a model is here, on the CPU and as Ollama places it, by Ollama's own counts. Takes minutes."""
    from rich.table import Table

    address = read_address(url) if url else _where(model, [one.url for one in current_settings().ollama_urls])
    processors = [name for name, is_chosen in (("cpu", cpu), ("gpu", gpu)) if is_chosen] or ["cpu", "gpu"]
    try:
        with console(to_stderr=True).status("") as status:
            measurements = [
                measure_on(
                    address,
                    model,
                    processor=processor,
                    runs=runs,
                    context=context,
                    tokens=tokens,
                    progress=status.update,
                )
                for processor in processors
            ]
    except OSError as trouble:
        stop(f"Ollama at {address} cannot be asked: {why(trouble)}. Is it running?")
    except ValueError as refusal:
        stop(f"Ollama at {address} refused: {inert(str(refusal))}")
    if as_json:
        say_json([asdict(measured) for measured in measurements], indent=2)
        return
    if as_markdown:
        click.echo(markdown(measurements))
    else:
        table = Table(*COLUMNS, title=inert(model))
        for cells in rows(measurements):
            table.add_row(*cells)
        say_table(table)
    if len(current_settings().ollama_urls) > 1:
        note(f"Measured at {address}.")
    note(explained(measurements))


@dataclass(frozen=True, slots=True)
class Run:
    """One answer. Times are seconds; ``words`` is what a count of words would have called tokens."""

    load_time: float
    prompt_tokens: int
    prompt_time: float
    tokens: int
    generation_time: float
    words: int
    elapsed: float


@dataclass(frozen=True, slots=True)
class Rate:
    """Tokens per second over the runs."""

    median: float
    lowest: float
    highest: float


@dataclass(frozen=True, slots=True)
class Measured:
    """One model on one processor. ``size`` is bytes in memory, ``on_gpu`` the share of them on a GPU (0 to 1)."""

    model: str
    processor: str
    runs: int
    context: int | None
    load_time: float
    prompt: Rate | None
    generation: Rate | None
    words_per_second: float
    size: int | None
    on_gpu: float | None


def measure_on(
    url: str,
    model: str,
    *,
    processor: str,
    runs: int,
    context: int | None,
    tokens: int,
    progress: Callable[[str], None] = lambda step: None,
) -> Measured:
    """Load ``model``, warm it up, ask it ``runs`` times and put the figures together.

    ``processor`` is ``cpu`` (``num_gpu`` 0: no layer on a GPU) or ``gpu`` (as Ollama places it). Raises OSError when
    Ollama cannot be reached, and ValueError with what it says when it refuses.
    """
    options: dict[str, Any] = {"temperature": 0, "seed": 1, "num_predict": tokens}
    if processor == "cpu":
        options["num_gpu"] = 0
    if context:
        options["num_ctx"] = context
    from statistics import median

    progress(f"{processor}: loading")
    _ask(url, "/api/generate", {"model": model, "keep_alive": 0})
    first = _run(url, model, options, 0)
    progress(f"{processor}: warm")
    counted: list[Run] = []
    for number in range(1, runs + 1):
        counted.append(_run(url, model, options, number))
        progress(f"{processor}: run {number} of {runs}")
    size, share = _memory(url, model)
    return Measured(
        model,
        processor,
        runs,
        context,
        first.load_time,
        _rate(run.prompt_tokens / run.prompt_time for run in counted if run.prompt_time and run.prompt_tokens),
        _rate(run.tokens / run.generation_time for run in counted if run.generation_time and run.tokens),
        median(run.words / run.elapsed for run in [first, *counted]),
        size,
        share,
    )


def _where(model: str, urls: Sequence[str]) -> str:
    """The first Ollama that has the model; the first of all where none is known to, for its own error."""
    for url in urls if len(urls) > 1 else ():
        try:
            _ask(url, "/api/show", {"model": model}, _LOOK_SECONDS)
        except (OSError, ValueError):
            continue
        return url
    return urls[0]


def _run(url: str, model: str, options: dict[str, Any], number: int) -> Run:
    # Ollama keeps what it has read: a prompt that begins as the last one did would be read in no time.
    prompt = f"({time.time_ns()}-{number}) {_FILLER * 12}\n\n{QUESTION}"
    began = time.perf_counter()
    answer = _ask(
        url, "/api/generate", {"model": model, "system": SYSTEM, "prompt": prompt, "options": options, "stream": False}
    )
    return Run(
        answer.get("load_duration", 0) / 1e9,
        answer.get("prompt_eval_count", 0),
        answer.get("prompt_eval_duration", 0) / 1e9,
        answer.get("eval_count", 0),
        answer.get("eval_duration", 0) / 1e9,
        len(str(answer.get("response", "")).split()),
        time.perf_counter() - began,
    )


def _rate(values: Iterator[float]) -> Rate | None:
    from statistics import median

    rates = sorted(values)
    return Rate(median(rates), rates[0], rates[-1]) if rates else None


def _memory(url: str, model: str) -> tuple[int | None, float | None]:
    from service.record.model_facts import canonical_name, listed_models

    models = listed_models(_ask(url, "/api/ps", None)) or {}
    for name, loaded in models.items():
        size, on_gpu = loaded.get("size"), loaded.get("size_vram", 0)
        is_it = canonical_name(name) == canonical_name(model)
        if is_it and type(size) is int and type(on_gpu) is int and 0 <= on_gpu <= size > 0:
            return size, on_gpu / size
    return None, None


def _ask(url: str, path: str, body: dict[str, Any] | None, seconds: float = _TIMEOUT_SECONDS) -> dict[str, Any]:
    content = None if body is None else json.dumps(body).encode()
    answer = ask(
        url + path,
        "GET" if content is None else "POST",
        headers={"User-Agent": "ollama-recorder-measure", "Content-Type": "application/json"},
        body=content,
        seconds=seconds,
    )
    text = answer.body.decode("utf-8", "replace")
    try:
        document: dict[str, Any] = dict(json.loads(text))
    except (ValueError, TypeError, RecursionError):
        raise ValueError(f"what answers is no Ollama ({answer.status}): {text[:300]}") from None
    if answer.status >= HTTPStatus.BAD_REQUEST:
        raise ValueError(str(document.get("error", f"status {answer.status}")))
    return document


COLUMNS = ("", "generation", "prompt", "load", "memory", "on GPU", "by counting words")


def rows(measurements: Sequence[Measured]) -> list[tuple[str, ...]]:
    """A table's cells as text, a row a measurement, in the order of ``COLUMNS``."""
    return [
        (
            measured.processor.upper(),
            _shown(measured.generation),
            _shown(measured.prompt),
            f"{measured.load_time:.1f} s",
            f"{measured.size / 1e9:.1f} GB" if measured.size else "-",
            f"{measured.on_gpu:.0%}" if measured.on_gpu is not None else "-",
            f"{measured.words_per_second:.1f} words/s",
        )
        for measured in measurements
    ]


def _shown(rate: Rate | None) -> str:
    if rate is None:
        return "-"
    return f"{rate.median:.1f} tokens/s ({rate.lowest:.1f}-{rate.highest:.1f})"


def markdown(measurements: Sequence[Measured]) -> str:
    lines = [COLUMNS, ("---",) * len(COLUMNS), *rows(measurements)]
    return "\n".join("| " + " | ".join(cells) + " |" for cells in lines)


def explained(measurements: Sequence[Measured]) -> str:
    """Why these figures differ from what a stopwatch and a count of words say, and what the two rows mean together."""
    sentences = [
        "Tokens and times are Ollama's own: what was generated, over the time it took to generate it. Words over"
        " seconds of a stopwatch come out lower and are no tokens/s: a word is often more than one token, and the"
        " stopwatch also counts loading the model and reading the prompt."
    ]
    by_processor = {measured.processor: measured for measured in measurements}
    cpu, gpu = by_processor.get("cpu"), by_processor.get("gpu")
    if gpu and not gpu.on_gpu:
        sentences.append("Ollama put nothing of this model on a GPU, so both rows are the CPU's.")
    elif cpu and gpu and cpu.generation and gpu.generation:
        times = gpu.generation.median / cpu.generation.median
        sentences.append(f"On the GPU it generates {times:.1f} times as fast as on the CPU.")
    if gpu and gpu.on_gpu and gpu.on_gpu < 0.995:
        sentences.append(
            f"Only {gpu.on_gpu:.0%} of it fit on the GPU: a smaller context or a smaller quantization would be faster."
        )
    return " ".join(sentences)
