"""The command itself: asks everybody at once, shows what they found."""

from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict
from typing import TYPE_CHECKING, Annotated

import typer

from service.cli.environment import current_settings
from service.cli.screen import console, inert, say_json
from service.settings import Settings

if TYPE_CHECKING:
    from service.cli.doctor.finding import Finding

AsJson = Annotated[bool, typer.Option("--json", help="Print JSON, for programs.")]
Url = Annotated[str, typer.Option(help="Base address of the recorder; default: where LISTEN says.")]


def doctor(as_json: AsJson = False, url: Url = "") -> None:
    """Look at Ollama, the recorder, its journal and receivers, and say what to do. Exit code 1: there is something."""
    from service.cli.doctor.finding import State

    findings = examine(current_settings(), url)
    is_well = all(finding.state is not State.PROBLEM for finding in findings)
    if as_json:
        say_json({"well": is_well, "findings": [asdict(finding) for finding in findings]}, indent=2)
    else:
        _show(findings)
    raise typer.Exit(0 if is_well else 1)


def examine(settings: Settings, url: str = "") -> "list[Finding]":
    """All findings. Waits for what does not answer, for all of them at the same time."""
    from service.cli.doctor.machine import look_at_machine
    from service.cli.doctor.ollama import look_at_ollama
    from service.cli.doctor.receivers import look_at_receivers
    from service.cli.doctor.recorder import look_at_recorder
    from service.cli.doctor.storage import look_at_storage

    looks: list[tuple[str, Callable[[], list[Finding]]]] = [
        ("Ollama", lambda: look_at_ollama(settings)),
        ("recorder", lambda: look_at_recorder(settings, url)),
        ("journal", lambda: look_at_storage(settings)),
        ("receivers", lambda: look_at_receivers(settings)),
        ("versions", look_at_machine),
    ]
    with ThreadPoolExecutor(len(looks)) as pool:
        return [finding for found in pool.map(lambda look: _looked(*look), looks) for finding in found]


def _looked(about: str, look: "Callable[[], list[Finding]]") -> "list[Finding]":
    from service.cli.doctor.finding import Finding, State

    try:
        return look()
    except Exception as error:  # noqa: BLE001 - one look that fails must not hide what the others found
        return [Finding(about, State.PROBLEM, f"It could not be looked at: {error!r}", "Please report this.")]


def _show(findings: "Iterable[Finding]") -> None:
    from rich.table import Table
    from rich.text import Text

    table = Table.grid(padding=(0, 1))
    table.add_column(no_wrap=True)
    table.add_column(no_wrap=True)
    table.add_column(overflow="fold")
    signs = {"good": ("✓", "green"), "note": ("·", "cyan"), "problem": ("✗", "bold red")}
    for finding in findings:
        sign, style = signs[finding.state]
        said = Text(inert(finding.text))
        if finding.advice:
            said.append(f"\n→ {inert(finding.advice)}", "yellow" if finding.state == "problem" else "dim")
        table.add_row(Text(sign, style), Text(inert(finding.about), "bold"), said)
    console().print(table)
