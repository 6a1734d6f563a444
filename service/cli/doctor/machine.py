"""What the recorder runs on."""

import platform
import sqlite3
from importlib.metadata import PackageNotFoundError, version

import service
from service.cli.doctor.check_result import CheckResult, Severity
from service.energy.energy_meters import unreadable_zones

# What is used of it came with this version.
_OLDEST_SQLITE = (3, 35, 0)


def look_at_machine() -> list[CheckResult]:
    """The versions of what the recorder is made of, and a meter of energy that it may not read."""
    return [*_versions(), *_meters()]


def _meters() -> list[CheckResult]:
    unreadable = unreadable_zones()
    if not unreadable:
        return []
    text = f"The processor counts its energy, and this user may not read it ({unreadable[0]})."
    advice = "Where others may know it, let the recorder's user read these files: records then have `energy`."
    return [CheckResult("meter", Severity.NOTE, text, advice)]


def _versions() -> list[CheckResult]:
    text = (
        f"ollama-recorder {service.__version__}, Python {platform.python_version()}, SQLite {sqlite3.sqlite_version},"
        f" aiohttp {_version('aiohttp')}, {platform.system()} {platform.machine()}"
    )
    if sqlite3.sqlite_version_info < _OLDEST_SQLITE:
        advice = f"Use a Python that was built with SQLite {'.'.join(map(str, _OLDEST_SQLITE[:2]))} or newer."
        return [CheckResult("versions", Severity.PROBLEM, text, advice)]
    return [CheckResult("versions", Severity.GOOD, text)]


def _version(package: str) -> str:
    try:
        return version(package)
    except PackageNotFoundError:
        return "(not installed)"
