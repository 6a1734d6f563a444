"""``python -m release [--into FOLDER]``: wheel, source, bill of materials and checksums. ``make dist`` calls it.

The same files in the checkout give the same bytes, whenever and wherever it is called.
"""

import argparse
import hashlib
import os
import shutil
import subprocess
import sys
import tempfile
import tomllib
from pathlib import Path

from release.bill_of_materials import bill_of_materials
from release.lock import read_lock

PROJECT = Path(__file__).parents[1]
CHECKSUMS = "SHA256SUMS"
# Zip knows no time before 1980; the one that the builder takes by itself, and nobody's environment changes it.
_TIME_OF_FILES = "1580601600"


def make_release(into: Path) -> list[Path]:
    """Write the files of a release ``into`` a folder, the checksums of all that lies there with them."""
    project = tomllib.loads((PROJECT / "pyproject.toml").read_text())["project"]
    packages = read_lock((PROJECT / "requirements" / "run.txt").read_text())
    into.mkdir(parents=True, exist_ok=True)
    bill = into / f"{project['name']}-{project['version']}.cdx.json"
    bill.write_text(bill_of_materials(project, packages))
    made = [*_build(into), bill]
    listed = sorted(path for path in into.iterdir() if path.name != CHECKSUMS)
    (into / CHECKSUMS).write_text("".join(f"{_digest(path)}  {path.name}\n" for path in listed))
    return [*made, into / CHECKSUMS]


def _build(into: Path) -> list[Path]:
    """Wheel and source; a build that fails leaves none of them half."""
    environment = {**os.environ, "SOURCE_DATE_EPOCH": _TIME_OF_FILES}
    with tempfile.TemporaryDirectory() as folder:
        words = [sys.executable, "-m", "hatchling", "build", "--target", "sdist", "--target", "wheel", "-d", folder]
        built = subprocess.run(  # noqa: S603 - constant words
            words, cwd=PROJECT, env=environment, capture_output=True, text=True, check=False
        )
        if built.returncode:
            sys.exit(f"The package cannot be built:\n{built.stdout}{built.stderr}")
        return [Path(shutil.copyfile(path, into / path.name)) for path in sorted(Path(folder).iterdir())]


def _digest(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()


def _not_committed() -> list[str]:
    """What is in the checkout and not in its last commit; empty where there is no git to ask."""
    git = shutil.which("git")
    if git is None:
        return []
    asked = subprocess.run(  # noqa: S603 - constant words
        [git, "status", "--porcelain"], cwd=PROJECT, capture_output=True, text=True, check=False
    )
    return asked.stdout.splitlines()


def main() -> None:
    """Make the release and name its files."""
    parser = argparse.ArgumentParser(prog="python -m release", description="Makes the files of a release.")
    parser.add_argument("--into", type=Path, default=PROJECT / "dist", help="a folder; default: dist")
    made = make_release(parser.parse_args().into)
    for path in made:
        sys.stdout.write(f"{path}  {path.stat().st_size / 1000:,.0f} kB\n")
    if changed := _not_committed():
        sys.stderr.write("Not a release yet: these are not committed.\n" + "\n".join(changed) + "\n")


if __name__ == "__main__":
    main()
