"""Ollama Recorder: the flight recorder for local LLMs.

Five words carry the program:

* an **exchange** is one request of a client and the whole answer to it;
* a **caller** is who asks: an n8n workflow, execution and node, an application, a user;
* a **generation** is what the bytes of an exchange mean: texts, tokens, durations;
* the **journal** is the one file on disk in which every ended exchange is kept, numbered;
* a **receiver** gets the journal's records: Loki, an OTLP endpoint.

Rooms that do I/O: ``gateway`` talks to clients and to Ollama, ``journal`` and ``search`` to the disk, ``shipping`` to
receivers, ``inspector`` to readers, ``cli`` to a terminal. ``record`` does none: bytes in, facts out. ``exports`` makes
files of records.

``sharing`` decides who is next at Ollama, and what each caller may have.

The parts meet in ``app`` (which starts and stops them), ``status`` and ``inspector_setup``
(which ``late_inspector`` loads), and in ``cli``.
"""

import os
import sys
from importlib.machinery import EXTENSION_SUFFIXES, SOURCE_SUFFIXES, FileFinder, PathFinder, SourceFileLoader
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from importlib.abc import PathEntryFinder

__version__ = "0.1.0"


def prefer_python() -> None:
    """Load this package's modules from their Python, also those that are compiled. Before any of them is loaded."""
    finder = FileFinder.path_hook((SourceFileLoader, SOURCE_SUFFIXES))
    here = str(Path(__file__).parent)

    def of_this_package(path: str) -> "PathEntryFinder":
        if not f"{path}{os.sep}".startswith(f"{here}{os.sep}"):
            raise ImportError(path)
        return finder(path)

    sys.path_hooks.insert(0, of_this_package)


def is_compiled() -> bool:
    """Whether the modules run as machine code that can be: decision 0036."""
    found = PathFinder.find_spec("service.record.exchange", [str(Path(__file__).parent / "record")])
    return found is not None and str(found.origin).endswith(tuple(EXTENSION_SUFFIXES))


def full_version() -> str:
    """The version, and behind it whether compiled code runs."""
    return f"{__version__} (compiled)" if is_compiled() else __version__


if os.environ.get("PURE_PYTHON", "").lower() in ("true", "1", "yes", "on"):
    prefer_python()
