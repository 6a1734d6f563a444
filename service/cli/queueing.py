"""``queue`` and ``limits``: who waits for Ollama, and what each caller may have, asked of the running recorder."""

from typing import Annotated, Any

from service.cli.command_line import option
from service.cli.environment import current_settings
from service.cli.running_recorder import RunningRecorder
from service.cli.screen import inert, note, say_json, say_table
from service.record.wording import counted, duration

Url = Annotated[str, option("--url", help="Base address of the recorder; default: where LISTEN says.")]
AsJson = Annotated[bool, option("--json", help="Print JSON, for programs.")]


def queue(url: Url = "", as_json: AsJson = False) -> None:
    """Show who is at Ollama and who waits in the recorder, at which place and why."""
    picture = RunningRecorder(current_settings(), url).document("/queue.json")
    if as_json:
        say_json(picture, indent=2)
        return
    active, waiting = picture.get("active", []), picture.get("waiting", [])
    if not active and not waiting:
        is_off = "queue_length" not in picture
        note("There is no queue: neither MAX_ACTIVE nor LIMITS_FILE is set." if is_off else "Nobody is there.")
        return
    _table([("at Ollama", [_running(call) for call in active]), ("waiting", [_waiting(call) for call in waiting])])
    if (more := picture.get("waiting_count", 0) - len(waiting)) > 0:
        note(f"{counted(more, 'more call')} wait behind these.")


def limits(url: Url = "", as_json: AsJson = False) -> None:
    """Show what each caller may have of Ollama, and what it has used."""
    picture = RunningRecorder(current_settings(), url).document("/limits.json")
    if as_json:
        say_json(picture, indent=2)
        return
    callers = picture.get("callers", [])
    if not callers:
        note("Nobody has called yet, and LIMITS_FILE names nobody.")
        return
    _table([(inert(str(caller["caller"])), list(_uses(caller))) for caller in callers])


def _running(call: dict[str, Any]) -> str:
    at = f" at {inert(str(call['upstream']))}" if "upstream" in call else ""
    return f"{call['caller']}, for {duration(call['seconds'])}{at}{_asked(call)}"


def _waiting(call: dict[str, Any]) -> str:
    batch = " (batch)" if call["priority"] == "batch" else ""
    return f"{call['place']}. {call['caller']}{batch}, for {duration(call['seconds'])}{_asked(call)}: {call['reason']}"


def _asked(call: dict[str, Any]) -> str:
    known = call.get("call", {})
    prompt = str(known.get("prompt", ""))[:60]
    return "".join(f" · {one}" for one in (known.get("model"), prompt) if one)


def _uses(caller: dict[str, Any]) -> list[str]:
    may = caller["limits"]
    used = [
        _use("calls at Ollama", caller["active"], may.get("max_active")),
        _use("waiting", caller["waiting"], may.get("max_waiting")),
        _use("requests of the last minute", caller.get("requests_of_last_minute", 0), may.get("requests_per_minute")),
        _use("tokens of today", caller["tokens_of_today"], may.get("tokens_per_day")),
    ]
    if "models" in may:
        used.append("models " + ", ".join(may["models"]))
    if "keep_alive_at_most" in may:
        used.append(f"keep_alive at most {duration(may['keep_alive_at_most'])}")
    if may["priority"] == "batch":
        used.append("batch")
    if may["context"] == "refuse":
        used.append("long prompts are refused, not cut")
    return [" · ".join(filter(None, used)) or "nothing used, no limit"]


def _use(what: str, used: int, most: int | None) -> str:
    if most is None:
        return f"{what} {used:,}" if used else ""
    return f"{what} {used:,} of {most:,}"


def _table(rows: list[tuple[str, list[str]]]) -> None:
    from rich import box
    from rich.table import Table
    from rich.text import Text

    table = Table(box=box.SIMPLE_HEAD, pad_edge=False, show_header=False)
    table.add_column(style="bold")
    table.add_column(overflow="fold")
    for name, lines in rows:
        for number, line in enumerate(lines):
            table.add_row(Text(name if number == 0 else ""), Text(inert(line)))
    say_table(table)
