"""What Grafana would draw: panels and their frames through the transformers, units and names of ``@grafana/data``."""

import json
import subprocess
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.integration.grafana_frames import Frame
from tests.servers.process import require

PROGRAM = Path(__file__).with_suffix(".cjs")


@dataclass(frozen=True, slots=True)
class DrawnColumn:
    """A column of a table: its values, and the texts that are seen. ``links`` are the addresses behind its cells."""

    title: str
    type: str
    values: list[Any]
    texts: list[str]
    links: list[str]


@dataclass(frozen=True, slots=True)
class DrawnLine:
    """A line of a diagram; ``times`` are Unix milliseconds."""

    name: str
    times: list[int]
    values: list[float | None]
    texts: list[str]


@dataclass(frozen=True, slots=True)
class DrawnPanel:
    """What one panel shows. ``nothing`` is the text that stands there when there is no data."""

    nothing: str = ""
    columns: tuple[DrawnColumn, ...] = ()
    is_sorted: bool = True
    frames: int = 1
    lines: tuple[DrawnLine, ...] = ()
    numbers: tuple[tuple[float, str], ...] = ()

    def column(self, title: str) -> DrawnColumn:
        """The column of that title; an error if there is not exactly one."""
        (found,) = (column for column in self.columns if column.title == title)
        return found


def draw(panels: Sequence[tuple[Mapping[str, Any], list[Frame]]]) -> list[DrawnPanel]:
    """Each panel's JSON with its frames, drawn. Takes about a second, however many there are."""
    installed = require("grafana-data", "run make servers")
    given = [{"panel": panel, "frames": frames} for panel, frames in panels]
    ran = subprocess.run(
        [require("node", "apt-get install nodejs"), PROGRAM, installed],
        input=json.dumps(given),
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert ran.returncode == 0, ran.stderr[-4000:]
    return [_panel(one) for one in json.loads(ran.stdout)]


def _panel(drawn: dict[str, Any]) -> DrawnPanel:
    return DrawnPanel(
        nothing=drawn.get("nothing", ""),
        columns=tuple(DrawnColumn(**column) for column in drawn.get("columns", ())),
        is_sorted=drawn.get("is_sorted", True),
        frames=drawn.get("frames", 1),
        lines=tuple(DrawnLine(**line) for line in drawn.get("series", ())),
        numbers=tuple((one["value"], one["text"]) for one in drawn.get("numbers", ())),
    )
