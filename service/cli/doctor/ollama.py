"""Ollama: does it answer, which version, on which interface, does it accept us, what can it run."""

import ipaddress
from collections.abc import Iterable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any
from urllib.parse import SplitResult, urlsplit

from service.cli.doctor.chapters import Chapter
from service.cli.doctor.check_result import CheckResult, Severity, clock_finding
from service.cli.http_client import HttpResponse, ask, why
from service.record import bodies
from service.record.model_facts import listed_models
from service.settings import Settings

# What Ollama takes by default on a machine without much graphics memory; a long prompt is cut there, silently.
_SMALL_CONTEXT = 4096
_LISTENING = "0A"
_CONTAINER_MARKS = (Path("/.dockerenv"), Path("/run/.containerenv"))
# What NVIDIA's and AMD's drivers make for programs that compute.
_GPU_MARKS = (Path("/dev/nvidia0"), Path("/dev/kfd"))
_ABOUT = "Ollama"


def look_at_ollama(settings: Settings) -> list[CheckResult]:
    """Findings about each address of OLLAMA_URL; when nothing answers there, only why."""
    found = []
    for name, url in settings.ollama_urls:
        of = f" {name}" if len(settings.ollama_urls) > 1 else ""
        found += [replace(result, about=result.about + of) for result in _look_at(url, settings)]
    return found


def _look_at(url: str, settings: Settings) -> list[CheckResult]:
    if _is_ourselves(urlsplit(url), settings.listen):
        text, advice = (
            f"OLLAMA_URL={url} is where the recorder itself listens.",
            "Set it to Ollama's address, port 11434.",
        )
        return [CheckResult(_ABOUT, Severity.PROBLEM, text, advice, Chapter.NOT_OLLAMA)]
    try:
        answer = ask(f"{url}/api/version")
    except OSError as error:
        return [_absent(url, error)]
    if trouble := _refusal(url, answer):
        return [trouble]
    results = [CheckResult(_ABOUT, Severity.GOOD, f"Version {_document(answer).get('version', '?')} answers at {url}.")]
    results += _interface(urlsplit(url))
    if clock := clock_finding("Ollama", answer.headers):
        results.append(clock)
    return [*results, *_models(url), *_loaded(url, _is_loopback(urlsplit(url).hostname or ""))]


def _absent(url: str, error: OSError) -> CheckResult:
    parts = urlsplit(url)
    entry = Chapter.UNREACHABLE
    advice = "Start it with `ollama serve`, or set OLLAMA_URL to where it is."
    if _is_loopback(parts.hostname or "") and is_in_container():
        entry = Chapter.CONTAINERS
        advice = (
            "In a container, loopback is the container itself: set OLLAMA_URL=http://host.docker.internal:11434, and"
            " start Ollama with OLLAMA_HOST=0.0.0.0:11434 so that containers reach it."
        )
    elif not _is_loopback(parts.hostname or ""):
        entry = Chapter.CONTAINERS
        advice = (
            f"Start Ollama there with OLLAMA_HOST=0.0.0.0:{parts.port or 11434} (by default only its own machine"
            " reaches it), and see that no firewall is between."
        )
    return CheckResult(_ABOUT, Severity.PROBLEM, f"{url} cannot be reached: {why(error)}.", advice, entry)


def is_in_container() -> bool:
    """Whether this runs in Docker or Podman."""
    return any(mark.exists() for mark in _CONTAINER_MARKS)


def _is_ourselves(parts: SplitResult, listen: tuple[str, int]) -> bool:
    host, port = listen
    if (parts.port or 80) != port or not port:
        return False
    return parts.hostname == host or (_is_loopback(parts.hostname or "") and (_is_loopback(host) or _is_any(host)))


def _refusal(url: str, answer: HttpResponse) -> CheckResult | None:
    if answer.status == 403:
        # server/routes.go allowedHostsMiddleware: only while Ollama itself is bound to loopback.
        return CheckResult(
            _ABOUT,
            Severity.PROBLEM,
            f"Ollama refuses the host name {urlsplit(url).hostname!r} (403).",
            "Name it by its IP address in OLLAMA_URL, or start it with OLLAMA_HOST=0.0.0.0:11434.",
            Chapter.CONTAINERS,
        )
    if answer.status != 200 or "version" not in _document(answer):
        return CheckResult(
            _ABOUT,
            Severity.PROBLEM,
            f"What answers at {url} is no Ollama: {answer.status} for /api/version.",
            "Set OLLAMA_URL to Ollama's own address, without /api or /v1.",
            Chapter.NOT_OLLAMA,
        )
    return None


def _interface(parts: SplitResult) -> Iterator[CheckResult]:
    """On which addresses of this machine Ollama listens, where that can be seen."""
    if not _is_loopback(parts.hostname or ""):
        return
    addresses = listening_addresses(parts.port or 80)
    if not addresses:
        return
    if all(_is_loopback(address) for address in addresses):
        yield CheckResult(
            _ABOUT,
            Severity.NOTE,
            f"It listens on {', '.join(addresses)} only: programs in containers and on other machines do not reach it.",
            "That is enough for a recorder on this machine. For one in Docker: OLLAMA_HOST=0.0.0.0:11434 ollama serve",
            Chapter.CONTAINERS,
        )
    else:
        yield CheckResult(
            _ABOUT,
            Severity.NOTE,
            f"It listens on {', '.join(addresses)}: whoever reaches this machine may use it, past the recorder.",
            f"For the recorder alone: OLLAMA_HOST=127.0.0.1:{parts.port or 11434} ollama serve, or a firewall.",
            Chapter.OPEN,
        )


def listening_addresses(
    port: int, tables: Iterable[Path] = (Path("/proc/net/tcp"), Path("/proc/net/tcp6"))
) -> list[str]:
    """The addresses of this machine on which somebody listens at ``port``, as Linux tells; none elsewhere."""
    addresses = set()
    for table in tables:
        try:
            lines = table.read_text().splitlines()[1:]
        except OSError:
            continue
        for line in lines:
            _, local, _, state, *_ = line.split()
            address, _, number = local.partition(":")
            if state == _LISTENING and int(number, 16) == port:
                addresses.add(_address(address))
    return sorted(addresses)


def _address(text: str) -> str:
    # The kernel writes words of four bytes, each in the order of its own processor.
    raw = bytes.fromhex(text)
    return str(ipaddress.ip_address(b"".join(raw[at : at + 4][::-1] for at in range(0, len(raw), 4))))


def _models(url: str) -> Iterator[CheckResult]:
    try:
        answer = ask(f"{url}/api/tags")
    except OSError as error:
        yield CheckResult(
            "models",
            Severity.PROBLEM,
            f"Ollama does not list its models: {why(error)}.",
            "See its log.",
            Chapter.CRASHED,
        )
        return
    names = list(listed_models(_document(answer)) or ())
    if not names:
        yield CheckResult(
            "models", Severity.PROBLEM, "Ollama has no model yet.", "Fetch one: ollama pull llama3.2", Chapter.NO_MODEL
        )
        return
    more = f" and {len(names) - 5} more" if len(names) > 5 else ""
    yield CheckResult("models", Severity.GOOD, f"{len(names)}: {', '.join(names[:5])}{more}.")


def _loaded(url: str, is_here: bool) -> Iterator[CheckResult]:
    try:
        answer = ask(f"{url}/api/ps")
    except OSError:
        return
    for name, model in (listed_models(_document(answer)) or {}).items():
        yield from _context(name, model)
        yield from _share_on_gpu(name, model, is_here)


def _context(name: str, model: dict[str, Any]) -> Iterator[CheckResult]:
    length = model.get("context_length")
    if type(length) is int and 0 < length <= _SMALL_CONTEXT:
        yield CheckResult(
            "context",
            Severity.NOTE,
            f"{name} runs with {length:,} tokens: Ollama cuts longer prompts and does not say so.",
            "Give it more with OLLAMA_CONTEXT_LENGTH=8192 ollama serve, or num_ctx in a request's options.",
            Chapter.CUT_PROMPT,
        )


def _share_on_gpu(name: str, model: dict[str, Any], is_here: bool) -> Iterator[CheckResult]:
    """A model without any share is as it should be where there is no GPU, which is only seen on this machine."""
    size, on_gpu = model.get("size"), model.get("size_vram")
    if type(size) is not int or type(on_gpu) is not int or not 0 <= on_gpu < size:
        return
    if not on_gpu and not (is_here and any(mark.exists() for mark in _GPU_MARKS)):
        return
    share = f"{100 * on_gpu / size:.0f} %"
    yield CheckResult(
        "GPU",
        Severity.ADVICE,
        f"{name} is on the GPU with {share} of its {size / 1e9:.1f} GB: the rest is computed slowly.",
        "Unload other models (`ollama stop NAME`), or take a smaller one, a smaller quantization or num_ctx.",
        Chapter.SLOW,
    )


def _document(answer: HttpResponse) -> dict[str, Any]:
    found = bodies.document(answer.body)
    return found if isinstance(found, dict) else {}


def _is_loopback(host: str) -> bool:
    if host == "localhost" or host.endswith(".localhost"):
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def _is_any(host: str) -> bool:
    return host in ("0.0.0.0", "::")  # noqa: S104
