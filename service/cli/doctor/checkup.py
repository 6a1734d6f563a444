"""The command itself: looks at everything at once, then shows the findings."""

import os
import threading
import time
from collections.abc import Callable, Iterable
from dataclasses import asdict
from typing import TYPE_CHECKING, Annotated

import click

from service.cli.command_line import option
from service.cli.environment import USAGE_EXIT_CODE, current_settings, stop
from service.cli.screen import inert, say_json, say_table
from service.settings import Settings

if TYPE_CHECKING:
    from service.cli.doctor.check_result import CheckResult

AsJson = Annotated[bool, option("--json", help="Print JSON, for programs.")]
Url = Annotated[str, option(help="Base address of the recorder; default: where LISTEN says.")]
Since = Annotated[str, option(help="How far to look back over exchanges: 30m, 24h, 7d.")]

# Whoever answers drop by drop never ends a wait of three seconds; together no look takes longer than this.
_MOST_SECONDS = 15.0
_DAYS = {"d": 86_400.0, "w": 604_800.0}


def doctor(as_json: AsJson = False, url: Url = "", since: Since = "24h") -> None:
    """Look at Ollama, the recorder, its journal, its receivers, the last day. Exit code 1: something has to be done."""
    from service.cli.doctor.check_result import Severity

    findings = examine(current_settings(), url, _seconds(since))
    is_well = all(finding.state is not Severity.PROBLEM for finding in findings)
    if as_json:
        listed = [asdict(finding) | {"see": finding.entry and finding.entry.address} for finding in findings]
        say_json({"well": is_well, "findings": listed}, indent=2)
    else:
        _show(findings)
    raise click.exceptions.Exit(0 if is_well else 1)


def examine(settings: Settings, url: str = "", seconds: float = 86_400.0) -> "list[CheckResult]":
    """All findings; ``seconds`` is how far back exchanges are looked at. Waits for all of them at the same time."""
    from service.cli.doctor.machine import look_at_machine
    from service.cli.doctor.ollama import look_at_ollama
    from service.cli.doctor.receivers import look_at_receivers
    from service.cli.doctor.recorder_process import look_at_recorder
    from service.cli.doctor.storage import look_at_storage
    from service.cli.doctor.traffic import look_at_traffic

    looks: list[tuple[str, Callable[[], list[CheckResult]]]] = [
        ("Ollama", lambda: look_at_ollama(settings)),
        ("recorder", lambda: look_at_recorder(settings, url)),
        ("journal", lambda: look_at_storage(settings)),
        ("traffic", lambda: look_at_traffic(settings, seconds)),
        ("receivers", lambda: look_at_receivers(settings, os.environ, seconds)),
        ("versions", look_at_machine),
    ]
    results: list[list[CheckResult] | None] = [None] * len(looks)

    def run(place: int) -> None:
        results[place] = _looked(*looks[place])

    # Daemons: one that hangs must keep neither the answer nor the end of the command.
    threads = [threading.Thread(target=run, args=(place,), daemon=True) for place in range(len(looks))]
    for thread in threads:
        thread.start()
    deadline = time.monotonic() + _MOST_SECONDS
    for thread in threads:
        thread.join(max(0.0, deadline - time.monotonic()))
    return [
        finding
        for (about, _), result in zip(looks, list(results), strict=True)
        for finding in (_unfinished(about) if result is None else result)
    ]


def _unfinished(about: str) -> "list[CheckResult]":
    from service.cli.doctor.check_result import CheckResult, Severity

    text = f"Looking at it took more than {_MOST_SECONDS:.0f} s: what answers there hardly moves."
    return [
        CheckResult(about, Severity.PROBLEM, text, "See what else keeps that machine, its disk or its network busy.")
    ]


def _looked(about: str, look: "Callable[[], list[CheckResult]]") -> "list[CheckResult]":
    from service.cli.doctor.check_result import CheckResult, Severity

    try:
        return look()
    except PermissionError as error:
        text = f"This user may not look at it: {error.filename or error}."
        return [
            CheckResult(about, Severity.PROBLEM, text, "Run doctor as the recorder's own user, or in its container.")
        ]
    except Exception as error:  # noqa: BLE001 - one look that fails must not hide what the others see
        return [CheckResult(about, Severity.PROBLEM, f"It could not be looked at: {error!r}", "Please report this.")]


def _seconds(since: str) -> float:
    from service.record.timestamps import read_duration

    text = since.strip().removeprefix("-")
    try:
        unit = _DAYS.get(text[-1:])
        seconds = read_duration(text) if unit is None else read_duration(text[:-1]) * unit
    except ValueError:
        seconds = 0.0
    if not 0 < seconds <= 3650 * 86_400:
        stop(f"--since {since!r} is not understood: expected is a duration such as 30m, 24h or 7d.", USAGE_EXIT_CODE)
    return seconds


def _show(findings: "Iterable[CheckResult]") -> None:
    from rich.table import Table
    from rich.text import Text

    table = Table.grid(padding=(0, 1))
    table.add_column(no_wrap=True)
    table.add_column(no_wrap=True)
    table.add_column(overflow="fold")
    signs = {"good": ("✓", "green"), "note": ("·", "cyan"), "advice": ("!", "yellow"), "problem": ("✗", "bold red")}
    for finding in findings:
        sign, style = signs[finding.state]
        needs_action = finding.state in ("advice", "problem")
        text = Text(inert(finding.text))
        if finding.advice:
            text.append(f"\n→ {inert(finding.advice)}", "yellow" if needs_action else "dim")
        if finding.entry and needs_action:
            text.append(f"\n  {finding.entry.address}", "dim")
        table.add_row(Text(sign, style), Text(inert(finding.about), "bold"), text)
    say_table(table)
