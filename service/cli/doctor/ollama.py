"""Ollama: does it answer, which version, on which interface, does it accept us, what can it run."""

import ipaddress
import json
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any
from urllib.parse import SplitResult, urlsplit

from service.cli.asking import Answer, ask, why
from service.cli.doctor.finding import Finding, State, clock_finding
from service.settings import Settings

# What Ollama takes by default on a machine without much graphics memory; a long prompt is cut there, silently.
_SMALL_CONTEXT = 4096
_LISTENING = "0A"
_CONTAINER_MARKS = (Path("/.dockerenv"), Path("/run/.containerenv"))
_ABOUT = "Ollama"


def look_at_ollama(settings: Settings) -> list[Finding]:
    """Findings about OLLAMA_URL; when nothing answers there, only why."""
    url = settings.ollama_url
    try:
        answer = ask(f"{url}/api/version")
    except OSError as error:
        return [_absent(url, error)]
    if trouble := _refusal(url, answer):
        return [trouble]
    found = [Finding(_ABOUT, State.GOOD, f"Version {_document(answer).get('version', '?')} answers at {url}.")]
    found += _interface(urlsplit(url))
    if clock := clock_finding("Ollama", answer):
        found.append(clock)
    return [*found, *_models(url), *_contexts(url)]


def _absent(url: str, error: OSError) -> Finding:
    parts = urlsplit(url)
    advice = "Start it with `ollama serve`, or set OLLAMA_URL to where it is."
    if _is_loopback(parts.hostname or "") and any(mark.exists() for mark in _CONTAINER_MARKS):
        advice = (
            "In a container, loopback is the container itself: set OLLAMA_URL=http://host.docker.internal:11434, and"
            " start Ollama with OLLAMA_HOST=0.0.0.0:11434 so that containers reach it."
        )
    elif not _is_loopback(parts.hostname or ""):
        advice = (
            f"Start Ollama there with OLLAMA_HOST=0.0.0.0:{parts.port or 11434} (by default only its own machine"
            " reaches it), and see that no firewall is between."
        )
    return Finding(_ABOUT, State.PROBLEM, f"{url} cannot be reached: {why(error)}.", advice)


def _refusal(url: str, answer: Answer) -> Finding | None:
    if answer.status == 403:
        # server/routes.go allowedHostsMiddleware: only while Ollama itself is bound to loopback.
        return Finding(
            _ABOUT,
            State.PROBLEM,
            f"Ollama refuses the host name {urlsplit(url).hostname!r} (403).",
            "Name it by its IP address in OLLAMA_URL, or start it with OLLAMA_HOST=0.0.0.0:11434.",
        )
    if answer.status != 200 or "version" not in _document(answer):
        return Finding(
            _ABOUT,
            State.PROBLEM,
            f"What answers at {url} is no Ollama: {answer.status} for /api/version.",
            "Set OLLAMA_URL to Ollama's own address, without /api or /v1.",
        )
    return None


def _interface(parts: SplitResult) -> Iterator[Finding]:
    """On which addresses of this machine Ollama listens, where that can be seen."""
    if not _is_loopback(parts.hostname or ""):
        return
    addresses = listening_addresses(parts.port or 80)
    if not addresses:
        return
    if all(_is_loopback(address) for address in addresses):
        yield Finding(
            _ABOUT,
            State.NOTE,
            f"It listens on {', '.join(addresses)} only: programs in containers and on other machines do not reach it.",
            "That is enough for a recorder on this machine. For one in Docker: OLLAMA_HOST=0.0.0.0:11434 ollama serve",
        )
    else:
        yield Finding(
            _ABOUT,
            State.NOTE,
            f"It listens on {', '.join(addresses)}: whoever reaches this machine may use it, past the recorder.",
            f"If only the recorder shall: OLLAMA_HOST=127.0.0.1:{parts.port or 11434} ollama serve, or a firewall.",
        )


def listening_addresses(
    port: int, tables: Iterable[Path] = (Path("/proc/net/tcp"), Path("/proc/net/tcp6"))
) -> list[str]:
    """The addresses of this machine on which somebody listens at ``port``, as Linux tells; none elsewhere."""
    found = set()
    for table in tables:
        try:
            lines = table.read_text().splitlines()[1:]
        except OSError:
            continue
        for line in lines:
            _, local, _, state, *_ = line.split()
            address, _, number = local.partition(":")
            if state == _LISTENING and int(number, 16) == port:
                found.add(_address(address))
    return sorted(found)


def _address(text: str) -> str:
    # The kernel writes words of four bytes, each in the order of its own processor.
    raw = bytes.fromhex(text)
    return str(ipaddress.ip_address(b"".join(raw[at : at + 4][::-1] for at in range(0, len(raw), 4))))


def _models(url: str) -> Iterator[Finding]:
    try:
        answer = ask(f"{url}/api/tags")
    except OSError as error:
        yield Finding("models", State.PROBLEM, f"Ollama does not list its models: {why(error)}.", "See its log.")
        return
    models = _document(answer).get("models")
    names = [str(model.get("name")) for model in models if isinstance(model, dict)] if isinstance(models, list) else []
    if not names:
        yield Finding("models", State.PROBLEM, "Ollama has no model yet.", "Fetch one: ollama pull llama3.2")
        return
    more = f" and {len(names) - 5} more" if len(names) > 5 else ""
    yield Finding("models", State.GOOD, f"{len(names)}: {', '.join(names[:5])}{more}.")


def _contexts(url: str) -> Iterator[Finding]:
    try:
        answer = ask(f"{url}/api/ps")
    except OSError:
        return
    models = _document(answer).get("models")
    for model in models if isinstance(models, list) else []:
        length = model.get("context_length") if isinstance(model, dict) else None
        if type(length) is int and 0 < length <= _SMALL_CONTEXT:
            yield Finding(
                "context",
                State.NOTE,
                f"{model.get('name')} runs with {length:,} tokens: Ollama cuts longer prompts and does not say so.",
                "Give it more with OLLAMA_CONTEXT_LENGTH=8192 ollama serve, or num_ctx in a request's options.",
            )


def _document(answer: Answer) -> dict[str, Any]:
    try:
        said = json.loads(answer.body)
    except (ValueError, RecursionError):
        return {}
    return said if isinstance(said, dict) else {}


def _is_loopback(host: str) -> bool:
    if host == "localhost" or host.endswith(".localhost"):
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False
