"""The lock of what the recorder runs with, read: ``requirements/run.txt`` as uv and pip write it."""

import re
from dataclasses import dataclass

_PACKAGE = re.compile(r"^([A-Za-z0-9._-]+)==([^\s;\\]+)(?:\s*;\s*([^\\\n]+?))?\s*(?:\\|$)", re.MULTILINE)


@dataclass(frozen=True, slots=True)
class LockedPackage:
    """A package with its version. ``marker``: only where this holds (PEP 508); empty: everywhere."""

    name: str
    version: str
    marker: str = ""


def read_lock(text: str) -> list[LockedPackage]:
    """Every package in the lock, by name. Raises ValueError for a line that pins nothing."""
    packages = [LockedPackage(normal_name(found[1]), found[2], found[3] or "") for found in _PACKAGE.finditer(text)]
    lines = [line for line in text.splitlines() if line.strip() and not line.startswith((" ", "#"))]
    if len(lines) != len(packages):
        raise ValueError(f"{len(lines) - len(packages)} lines of the lock name no package with one version")
    return sorted(packages, key=lambda package: (package.name, package.version))


def normal_name(name: str) -> str:
    """The name as indexes compare it (PEP 503)."""
    return re.sub(r"[-_.]+", "-", name).lower()
