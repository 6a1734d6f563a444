"""Erasures elsewhere that are not done yet, in a file beside the journal: a restart forgets none.

A filter stands there with its words until it is done, readable by the file's owner only.
"""

import contextlib
import os
import threading
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any, Final

import orjson

from service.journal.folder import make_private_file
from service.json_writing import write_json

FILE: Final = "open-erasures.json"
_DAMAGED: Final = ".damaged"
LOKI: Final = ""
"""In place of a recorder's name."""


@dataclass(frozen=True, slots=True)
class OpenErasure:
    """What is to be erased at the recorder ``where``: all that ``query`` lets through; or in LOKI, by ``requests``.

    ``since`` is when it was asked for (RFC 3339), ``trouble`` why it is not done. ``is_here``: it is
    this recorder's own part.
    """

    where: str
    query: tuple[tuple[str, str], ...] = ()
    requests: tuple[str, ...] = ()
    since: str = ""
    trouble: str = ""
    is_here: bool = False


class OpenErasures:
    """Any thread may use it. Raises OSError when the file cannot be read, or written: then it is not remembered."""

    def __init__(self, folder: Path) -> None:
        self._path = folder / FILE
        self._lock = threading.Lock()
        self._open: list[OpenErasure] | None = None

    def all(self) -> tuple[OpenErasure, ...]:
        """All, the oldest first."""
        with self._lock:
            return tuple(self._known())

    def damaged(self) -> Path | None:
        """A file that could not be understood, kept aside; None: there is none (any more)."""
        path = self._path.with_suffix(_DAMAGED)
        return path if path.exists() else None

    def add(self, erasures: Iterable[OpenErasure]) -> None:
        """Remember them. When this returns they are on the disk."""
        with self._lock:
            self._write([*self._known(), *erasures])

    def settle(self, erasure: OpenErasure, trouble: str) -> None:
        """It is done (``trouble`` is ""), or still open for this reason."""
        with self._lock:
            others = [one for one in self._known() if not _is_same(one, erasure)]
            kept = [replace(one, trouble=trouble) for one in self._known() if _is_same(one, erasure) and trouble]
            if (after := [*others, *kept]) != self._known():
                self._write(after)

    def _known(self) -> list[OpenErasure]:
        if self._open is None:
            self._open = self._read()
        return self._open

    def _read(self) -> list[OpenErasure]:
        try:
            return [_erasure(one) for one in orjson.loads(self._path.read_bytes() or b"[]")]
        except FileNotFoundError:
            return []
        except (ValueError, TypeError, KeyError, AttributeError):
            # Somebody should look at it: it is kept, under another name.
            with contextlib.suppress(OSError):
                self._path.rename(self._path.with_suffix(_DAMAGED))
            return []

    def _write(self, erasures: list[OpenErasure]) -> None:
        new = self._path.with_suffix(".new")
        make_private_file(new)
        with new.open("r+b") as file:
            file.truncate()
            file.write(write_json([asdict(one) for one in erasures]))
            file.flush()
            os.fsync(file.fileno())
        new.replace(self._path)
        self._open = erasures


def _is_same(one: OpenErasure, other: OpenErasure) -> bool:
    return replace(one, trouble="") == replace(other, trouble="")


def _erasure(values: dict[str, Any]) -> OpenErasure:
    query: Sequence[Sequence[str]] = values["query"]
    return OpenErasure(
        where=str(values["where"]),
        query=tuple((str(name), str(value)) for name, value in query),
        requests=tuple(map(str, values["requests"])),
        since=str(values["since"]),
        trouble=str(values["trouble"]),
        is_here=values.get("is_here") is True,
    )
