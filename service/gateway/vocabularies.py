"""Fetches the vocabularies of models from Ollama, once for each file of weights, so that tokens can be counted exactly.

``/api/show`` with ``verbose`` gives them: some MB, and a second of Ollama's time. It loads no model and keeps none
loaded for longer. Making a vocabulary fit for counting takes seconds and a hundred MB, so another process does it, and
what it makes is kept in a file. A few vocabularies are in memory, some MB each.
"""

import asyncio
import contextlib
import os
import subprocess
import sys
from collections import OrderedDict
from collections.abc import Callable
from pathlib import Path
from typing import Final

import orjson

import service
from service.gateway.upstream import Send
from service.gateway.whole_answer import fetch_whole
from service.record.json_text import compact
from service.record.model_facts import ModelFacts
from service.record.vocabulary import Vocabulary, from_bytes, read_vocabulary

_GIVE_UP_SECONDS: Final = 60.0
_BUILD_SECONDS: Final = 180.0
_LONGEST_ANSWER: Final = 64_000_000
_MOST_IN_MEMORY: Final = 4
_MOST_FILES: Final = 30
_MOST_KNOWN: Final = 1000
# What is written for weights whose tokens cannot be counted, so that nobody asks again.
_NOT_COUNTABLE: Final = b"{}\n"


class Vocabularies:
    """``counter_of`` answers at once, from any thread; a vocabulary that is not here yet is fetched meanwhile."""

    def __init__(self, send: Send, folder: Path, facts_of: Callable[[str], ModelFacts | None]) -> None:
        """``folder`` holds the files; it is made when the first one is written."""
        self._send = send
        self._folder = folder
        self._facts_of = facts_of
        self._loaded: OrderedDict[str, Vocabulary] = OrderedDict()
        self._missing: dict[str, None] = {}
        self._wanted: asyncio.Queue[tuple[str, str]] = asyncio.Queue()
        self._loop: asyncio.AbstractEventLoop | None = None

    def counter_of(self, model: str) -> Callable[[str, float], int | None] | None:
        """What counts the tokens of a text as ``model`` does (see ``Vocabulary.count``); None: not known (yet)."""
        facts = self._facts_of(model)
        if facts is None or facts.weights is None or self._loop is None:
            return None
        found = self._loaded.get(facts.weights)
        if found is not None:
            return found.count
        if facts.weights not in self._missing:
            # A loop that is closed fetches nothing any more.
            with contextlib.suppress(RuntimeError):
                self._loop.call_soon_threadsafe(self._want, facts.weights, model)
        return None

    async def run(self) -> None:
        """Runs until cancelled. One vocabulary after the other."""
        self._loop = asyncio.get_running_loop()
        while True:
            weights, model = await self._wanted.get()
            found = await self._vocabulary(weights, model)
            if found is not None:
                if len(self._loaded) >= _MOST_IN_MEMORY:
                    # It may be asked for again: its file is read faster than it was fetched.
                    self._missing.pop(self._loaded.popitem(last=False)[0], None)
                self._loaded[weights] = found

    def _want(self, weights: str, model: str) -> None:
        if weights not in self._missing and len(self._missing) < _MOST_KNOWN:
            self._missing[weights] = None
            self._wanted.put_nowait((weights, model))

    async def _vocabulary(self, weights: str, model: str) -> Vocabulary | None:
        path = self._folder / weights
        written = await asyncio.to_thread(_read, path)
        if written is None:
            content = compact({"model": model, "verbose": True}).encode()
            try:
                async with asyncio.timeout(_GIVE_UP_SECONDS):
                    shown = await fetch_whole(self._send, "POST", "/api/show", content, _LONGEST_ANSWER)
            except TimeoutError:
                shown = None
            if shown is None:
                # Ollama is away, or the model is gone: the next prompt asks again.
                self._missing.pop(weights, None)
                return None
            written = await asyncio.to_thread(_built, shown)
            await asyncio.to_thread(_write, path, written)
        return await asyncio.to_thread(from_bytes, written)


def _read(path: Path) -> bytes | None:
    try:
        data = path.read_bytes()
    except OSError:
        return None
    # One of an older form is made anew.
    return data if data == _NOT_COUNTABLE or from_bytes(data) is not None else None


def _built(shown: bytes) -> bytes:
    command = [sys.executable, "-m", "service.gateway.vocabularies"]
    try:
        done = subprocess.run(  # noqa: S603 - this very module
            command,
            input=shown,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            cwd=Path(service.__file__).parents[1],
            timeout=_BUILD_SECONDS,
            check=False,
        )
    except (OSError, subprocess.SubprocessError):
        return _NOT_COUNTABLE
    return done.stdout if done.returncode == 0 and done.stdout else _NOT_COUNTABLE


def _write(path: Path, data: bytes) -> None:
    """Readable by nobody else. A disk in trouble keeps none: then it is fetched again after the next start."""
    new = path.with_suffix(".new")
    with contextlib.suppress(OSError):
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        descriptor = os.open(new, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
        with os.fdopen(descriptor, "wb") as file:
            file.write(data)
        new.replace(path)
        files = sorted(path.parent.iterdir(), key=lambda one: one.stat().st_mtime)
        for old in files[:-_MOST_FILES]:
            old.unlink()


def _build() -> None:
    """In a process of its own, after all others: an answer of ``/api/show`` in, a vocabulary's short form out."""
    os.nice(10)
    found = read_vocabulary(orjson.loads(sys.stdin.buffer.read()))
    sys.stdout.buffer.write(_NOT_COUNTABLE if found is None else found.to_bytes())


if __name__ == "__main__":
    _build()
