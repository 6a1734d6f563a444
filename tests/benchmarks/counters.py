"""What the kernel counted for a process and all its children: time on a core, and memory."""

import os
from dataclasses import dataclass
from pathlib import Path

import psutil

_TICK = os.sysconf("SC_CLK_TCK")


@dataclass(frozen=True, slots=True)
class Usage:
    """Seconds on a core since the start: of the whole process tree, and of the first process's first thread."""

    tree: float
    main_thread: float

    def __sub__(self, earlier: "Usage") -> "Usage":
        return Usage(self.tree - earlier.tree, self.main_thread - earlier.main_thread)


def usage(pid: int) -> Usage:
    """User and system time of all threads of ``pid`` and its descendants.

    Nanoseconds from ``schedstat`` of each thread that lives; a thread that has ended is in ``stat`` of its process
    alone, which counts whole ticks of 10 ms: whichever saw more is taken.
    """
    whole = 0.0
    for process in _tree(pid):
        threads = sum(_schedstat(folder) for folder in Path(f"/proc/{process}/task").iterdir())
        whole += max(threads, _ticks(process) - 2 / _TICK)
    return Usage(whole, _schedstat(Path(f"/proc/{pid}/task/{pid}")))


def busy_seconds(core: int) -> float:
    """Seconds that a core did anything at all, in ticks of 10 ms."""
    for line in Path("/proc/stat").read_text().splitlines():
        name, *fields = line.split()
        if name == f"cpu{core}":
            user, nice, system, _idle, _iowait, irq, softirq, steal, *_ = map(int, fields)
            return (user + nice + system + irq + softirq + steal) / _TICK
    raise LookupError(core)


def resident_bytes(pid: int) -> int:
    return sum(_status(process, "VmRSS") for process in _tree(pid))


def peak_resident_bytes(pid: int) -> int:
    return sum(_status(process, "VmHWM") for process in _tree(pid))


def _tree(pid: int) -> list[int]:
    return [pid, *(child.pid for child in psutil.Process(pid).children(recursive=True))]


def _schedstat(task: Path) -> float:
    try:
        ran, _, _ = (task / "schedstat").read_text().split()
    except (FileNotFoundError, ProcessLookupError):
        return 0.0  # ended between the listing and now, or a kernel without schedstat
    return int(ran) / 1e9


def _ticks(pid: int) -> float:
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / _TICK


def _status(pid: int, name: str) -> int:
    for line in Path(f"/proc/{pid}/status").read_text().splitlines():
        if line.startswith(name + ":"):
            return int(line.split()[1]) * 1024
    raise LookupError(name)
