"""The result as tables of ratios, or as JSON."""

import statistics
from collections.abc import Callable, Iterable, Mapping, Sequence

from tests.benchmarks.checks import checks
from tests.benchmarks.findings import Findings
from tests.benchmarks.gateways import BARE, NGINX
from tests.benchmarks.rounds import Series, Slot, percentile

CEILING = 0.9


def as_text(findings: Findings) -> str:
    parts = [findings.machine]
    parts += [_series(title, series) for title, series in findings.series.items()]
    if findings.latency:
        parts.append(_latency(findings.latency))
    if findings.bursts:
        parts.append(_bursts(findings))
    if findings.shares:
        parts.append(_shares(findings.shares))
    parts.append(_memory_and_records(findings))
    parts.append("\n".join(check.line for check in checks(findings)))
    parts += [f"PROBLEM {problem}" for problem in findings.problems]
    return "\n\n".join(parts)


def as_json(findings: Findings) -> dict[str, object]:
    """The same for programs: microseconds, bytes, ratios, with every round."""
    return {
        "machine": findings.machine,
        "series": {title: _series_values(series) for title, series in findings.series.items()},
        "latency_us": {
            name: {"p50": percentile(taken, 50) * 1e6, "p99": percentile(taken, 99) * 1e6}
            for name, taken in findings.latency.items()
        },
        "burst_first_byte_ms": {
            name: {
                "p50": [percentile(taken, 50) * 1e3 for taken in rounds if len(taken) > 1],
                "p99": [percentile(taken, 99) * 1e3 for taken in rounds if len(taken) > 1],
                "ratio": findings.burst_ratios(name, NGINX),
            }
            for name, rounds in findings.bursts.items()
        },
        "resident_bytes": {name: {"idle": idle, "peak": peak} for name, (idle, peak) in findings.memory.items()},
        "records": {name: {"requests": asked, "records": kept} for name, (asked, kept) in findings.records.items()},
        "log_entries": {
            name: {"requests": asked, "entries": came, "with_prompt_and_answer": whole}
            for name, (asked, came, whole) in findings.entries.items()
        },
        "shares_us": findings.shares,
        "checks": [check.line for check in checks(findings)],
        "problems": findings.problems,
    }


def _series_values(series: Series) -> dict[str, object]:
    return {
        name: {
            "cpu_us": [slot.cpu * 1e6 for slot in slots],
            "main_thread_us": [slot.main_thread * 1e6 for slot in slots],
            "per_second": [slot.rate for slot in slots],
            "load_core_used": [slot.load_used for slot in slots],
            "others_on_gateway_core": [slot.disturbed for slot in slots],
            "gap_p99_ms": [slot.gap_p99 * 1e3 for slot in slots if slot.gap_p99 is not None],
            "ratio": {to: series.ratios(name, to) for to in (BARE, NGINX) if to in series.slots},
        }
        for name, slots in series.slots.items()
    }


def _series(title: str, series: Series) -> str:
    has_gaps = any(slot.gap_p99 is not None for slots in series.slots.values() for slot in slots)
    heads = ["", f"CPU µs a {series.unit}", f"x {BARE}", f"x {NGINX}", f"{series.unit}s/s", "load core", "others"]
    rows = [[*heads, "gap p99 ms"] if has_gaps else heads]
    for name in series.slots:
        row = [
            name,
            _spread([slot.cpu * 1e6 for slot in series.slots[name]], 1),
            _ratio(series, name, BARE),
            _ratio(series, name, NGINX),
            f"{series.median(name, lambda slot: slot.rate):,.0f}",
            _percent(series, name, lambda slot: slot.load_used, mark_above=CEILING),
            _percent(series, name, lambda slot: slot.disturbed),
        ]
        if has_gaps:
            row.append(f"{series.median(name, lambda slot: slot.gap_p99 or 0) * 1e3:.1f}")
        rows.append(row)
    return f"{title}\n{_table(rows)}"


def _ratio(series: Series, name: str, to: str) -> str:
    if to not in series.slots or name == "direct":
        return "-"
    return _spread(series.ratios(name, to), 2)


def _percent(series: Series, name: str, of: Callable[[Slot], float], mark_above: float = 2.0) -> str:
    share = series.median(name, of)
    return f"{share:.0%}" + (" !" if share > mark_above else "")


def _latency(latency: Mapping[str, Sequence[float]]) -> str:
    direct = [percentile(latency["direct"], percent) for percent in (50, 99)]
    rows = [["", "p50 µs", "p99 µs", "added p50", "added p99"]]
    for name, taken in latency.items():
        values = [percentile(taken, percent) for percent in (50, 99)]
        added = [value - base for value, base in zip(values, direct, strict=True)]
        rows.append([name, *(f"{value * 1e6:.0f}" for value in values), *(f"{value * 1e6:+.0f}" for value in added)])
    count = len(latency["direct"])
    return f"One connection, one exchange after the other, gateways taken in turn, {count} each\n{_table(rows)}"


def _bursts(findings: Findings) -> str:
    rows = [["", "p50 ms", "p99 ms", f"p99 x {NGINX}"]]
    for name, rounds in findings.bursts.items():
        whole = [taken for taken in rounds if len(taken) > 1]
        p50, p99 = ([percentile(taken, percent) * 1e3 for taken in whole] for percent in (50, 99))
        ratios = [] if name == "direct" else findings.burst_ratios(name, NGINX)
        shown = [_spread(values, digits) if values else "-" for values, digits in ((p50, 1), (p99, 1), (ratios, 2))]
        rows.append([name, *shown])
    count = max(len(taken) for rounds in findings.bursts.values() for taken in rounds)
    return f"A burst: {count} streams asked for at once, until the first byte of each\n{_table(rows)}"


def _shares(shares: Mapping[str, float]) -> str:
    whole = sum(shares.values())
    rows = [["", "CPU µs", "share"]]
    rows += [[name, f"{value:.1f}", f"{value / whole:.0%}"] for name, value in shares.items()]
    return f"Where the recorder's time goes, a small exchange\n{_table(rows)}"


def _memory_and_records(findings: Findings) -> str:
    lines = [
        f"{name}: resident {idle / 1e6:.0f} MB idle, {peak / 1e6:.0f} MB at most"
        for name, (idle, peak) in findings.memory.items()
    ]
    lines += [f"{name}: {asked:,} requests, {kept:,} records" for name, (asked, kept) in findings.records.items()]
    lines += [
        f"{name}: {asked:,} requests, {came:,} log entries, {whole:,} of them with prompt and answer"
        for name, (asked, came, whole) in findings.entries.items()
    ]
    return "\n".join(lines)


def _spread(values: Sequence[float], digits: int) -> str:
    """Median, and the least and the greatest of all rounds."""
    return f"{statistics.median(values):.{digits}f} ({min(values):.{digits}f}-{max(values):.{digits}f})"


def _table(rows: Iterable[Sequence[str]]) -> str:
    lines = [list(row) for row in rows]
    widths = [max(len(line[column]) for line in lines) for column in range(len(lines[0]))]
    return "\n".join(
        "  "
        + line[0].ljust(widths[0])
        + "".join("  " + cell.rjust(width) for cell, width in zip(line[1:], widths[1:], strict=True))
        for line in lines
    )
