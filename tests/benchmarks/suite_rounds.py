"""``make test-ten``: does the suite ever lie? Ten clean clones, one after the other, beside two burning processes.

Every second one has no real servers. A round is a new clone of what is committed, with an environment of its own, and
a command in it, which is given up after ``--minutes``. Of a round that failed its output stays. The exit code is 0 when
all rounds passed.
"""

import argparse
import contextlib
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final

PROJECT: Final = Path(__file__).parents[2]
_SERVERS: Final = ".servers"
# Ends by itself when whoever started it is gone, however that ended.
_BURN: Final = "import os, sys\nwhile os.getppid() == int(sys.argv[1]): pass"
_TOLD: Final = ("FAILED ", "ERROR ")
_MOST_TOLD: Final = 40


@dataclass(frozen=True, slots=True)
class Round:
    """What became of one clone. ``told``: pytest's lines about failures, where its output is, and its last line."""

    passed: bool
    seconds: float
    told: list[str]


@contextlib.contextmanager
def burning(count: int) -> Iterator[list[int]]:
    """So many processes that do nothing but compute, each with all its might. Gives their ids."""
    burners = [subprocess.Popen([sys.executable, "-c", _BURN, str(os.getpid())]) for _ in range(count)]
    try:
        yield [burner.pid for burner in burners]
    finally:
        for burner in burners:
            burner.kill()
            burner.wait()


def run_round(source: Path, command: str, seconds: float, *, with_servers: bool) -> Round:
    """Clone ``source`` anew and run ``command`` there, for at most so many ``seconds``."""
    folder = Path(tempfile.mkdtemp(prefix="recorder-round-"))
    clone, log = folder / "clone", folder / "log"
    try:
        subprocess.run(["git", "clone", "--quiet", "--no-hardlinks", str(source), str(clone)], check=True)
        if with_servers and (source / _SERVERS).exists():
            (clone / _SERVERS).symlink_to((source / _SERVERS).resolve())
        began = time.monotonic()
        code = _run(command, clone, log, seconds)
        took = time.monotonic() - began
        lines = log.read_text(errors="replace").splitlines()
        told = [line for line in lines if line.startswith(_TOLD)][:_MOST_TOLD]
        if code is None:
            told.append(f"given up after {seconds:.0f} s")
        if code != 0:
            kept = Path(f"{folder}.log")
            shutil.move(log, kept)
            told.append(f"all it said: {kept}")
        return Round(code == 0, took, told + lines[-1:])
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _run(command: str, clone: Path, log: Path, seconds: float) -> int | None:
    """The exit code; None when it took too long. Whatever it started ends with it."""
    # What make and pytest of this process hand on does not belong into a clean clone.
    environment = {
        name: value
        for name, value in os.environ.items()
        if not name.startswith(("MAKE", "MFLAGS", "PYTEST_", "VIRTUAL_ENV"))
    }
    with log.open("wb") as output:
        process = subprocess.Popen(
            ["/bin/sh", "-c", command],
            cwd=clone,
            env=environment,
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
        try:
            return process.wait(seconds)
        except subprocess.TimeoutExpired:
            return None
        finally:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)
            process.wait()


def main(arguments: list[str] | None = None) -> int:
    """Run all rounds and print what became of each."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=10)
    parser.add_argument("--burners", type=int, default=2)
    parser.add_argument("--minutes", type=float, default=60.0, help="after so many a round is given up")
    parser.add_argument("--command", default="make test")
    parser.add_argument("--source", type=Path, default=PROJECT, help=argparse.SUPPRESS)
    wanted = parser.parse_args(arguments)
    passed = 0
    with burning(wanted.burners):
        for number in range(1, wanted.rounds + 1):
            with_servers = number % 2 == 1
            done = run_round(wanted.source, wanted.command, wanted.minutes * 60, with_servers=with_servers)
            passed += done.passed
            how, which = "passed" if done.passed else "FAILED", "with" if with_servers else "without"
            print(f"round {number}, {which} servers: {how} after {done.seconds:.0f} s", flush=True)
            for line in done.told if not done.passed else done.told[-1:]:
                print(f"    {line}", flush=True)
    print(f"{passed} of {wanted.rounds} passed")
    return 0 if passed == wanted.rounds else 1


if __name__ == "__main__":
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    sys.exit(main())
