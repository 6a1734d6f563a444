"""The command line in a terminal, as an SVG: which answers were slow, and why one of them was."""

import io
import os
import re
import subprocess
import sys

from rich.console import Console
from rich.text import Text

from tests.pictures.demo import Demo
from tests.servers.recorder import PROJECT

COLUMNS = 120


def picture(demo: Demo) -> str:
    """An SVG that needs nothing from elsewhere: letters are of the reader's own monospace font."""
    shown = demo.newest(node="Classify", slower="20")[:12]
    screen = Console(
        record=True,
        width=COLUMNS,
        file=io.StringIO(),
        force_terminal=True,
        color_system="truecolor",
        legacy_windows=False,
    )
    for command in ("list --slower 4 --limit 5", f"show {shown}"):
        screen.print(Text.assemble(("$ ", "bold green"), f"ollama-recorder {command}"))
        screen.print(Text.from_ansi(_printed(demo, command).rstrip("\n")))
        screen.print()
    svg = screen.export_svg(title="ollama-recorder", unique_id="terminal")
    return re.sub(r"@font-face \{[^}]*\}\s*", "", svg).replace("Fira Code", "ui-monospace")


def _printed(demo: Demo, command: str) -> str:
    """What the command prints to a terminal; of an exchange all that comes before its table of fields."""
    environment = {
        "PATH": os.environ.get("PATH", os.defpath),
        "PYTHONPATH": str(PROJECT),
        "DATA_DIR": str(demo.folder),
        "LISTEN": f"127.0.0.1:{demo.port}",
        "COLUMNS": str(COLUMNS),
        "FORCE_COLOR": "1",
        "TERM": "xterm-256color",
    }
    done = subprocess.run(
        [sys.executable, "-m", "service", *command.split()],
        env=environment,
        capture_output=True,
        text=True,
        timeout=60,
        check=True,
    )
    return re.split(r"\n(?=(?:\x1b\[[\d;]*m)*ended)", done.stdout)[0]
