import pytest

from tests.benchmarks.findings import Findings
from tests.benchmarks.report import as_json, as_text
from tests.benchmarks.rounds import Series, Slot


def series(unit: str, **cpu: list[float]) -> Series:
    slots = {name: [Slot(value, value, 1000.0, 0.5, 0.0) for value in values] for name, values in cpu.items()}
    slots["bare aiohttp"] = slots.pop("bare")
    return Series(unit, slots)


@pytest.fixture
def findings() -> Findings:
    return Findings(
        "a machine",
        series={
            "small": series("exchange", bare=[100e-6, 200e-6, 100e-6], recorder=[140e-6, 280e-6, 145e-6]),
            "streams": series("chunk", bare=[10e-6, 10e-6, 10e-6], recorder=[14e-6, 15e-6, 12e-6]),
        },
        latency={"direct": [20e-6] * 100, "recorder": [320e-6] * 100},
        memory={"recorder": (79_000_000, 120_000_000)},
        records={"recorder": (1000, 1000)},
    )


def test_ratios_are_taken_round_by_round_so_that_a_slow_round_hits_both(findings: Findings) -> None:
    assert "140.0 (140.0-280.0)" not in as_text(findings)
    assert "145.0 (140.0-280.0)" in as_text(findings)
    assert "1.40 (1.40-1.45)" in as_text(findings)


def test_each_check_stands_in_the_text_and_in_the_json(findings: Findings) -> None:
    line = "MISS small, CPU x bare aiohttp: 1.40, at most 0.45 wanted; a run fails above 1.8"
    assert line in as_text(findings).splitlines()
    assert line in as_json(findings)["checks"]  # type: ignore[operator]


def test_what_a_gateway_adds_is_relative_to_direct(findings: Findings) -> None:
    row = next(line for line in as_text(findings).splitlines() if line.startswith("  recorder") and "+" in line)
    assert row.split() == ["recorder", "320", "320", "+300", "+300"]


def test_problems_stand_in_the_text_and_in_the_json(findings: Findings) -> None:
    findings.problems.append("recorder: 10 requests, but 9 records")
    assert "PROBLEM recorder: 10 requests, but 9 records" in as_text(findings)
    assert as_json(findings)["problems"] == ["recorder: 10 requests, but 9 records"]


def test_a_burst_is_told_beside_nginxs_and_held_against_its_target(findings: Findings) -> None:
    findings.bursts = {
        "direct": [[0.001] * 10, [0.001] * 10],
        "NGINX": [[0.002] * 10, [0.004] * 10],
        "recorder": [[0.004] * 10, [0.016] * 10],
        "broken": [[], []],
    }
    lines = {line.split()[0]: line.split()[1:] for line in as_text(findings).splitlines() if line.startswith("  ")}
    assert lines["broken"] == ["-", "-", "-"]
    text = as_text(findings)
    assert "A burst: 10 streams asked for at once" in text
    assert "10.0 (4.0-16.0)  3.00 (2.00-4.00)" in text
    assert "PASS burst, p99 of the first byte x NGINX: 3.00, at most 3 wanted" in text
    assert as_json(findings)["burst_first_byte_ms"]["recorder"]["ratio"] == [2.0, 4.0]  # type: ignore[index]


def test_without_nginx_a_burst_has_no_ratio(findings: Findings) -> None:
    findings.bursts = {"recorder": [[0.004] * 10]}
    assert "burst, p99" not in as_text(findings)
