"""``python -m release.compiled --into FOLDER``: the recorder with its most used modules compiled to machine code.

What is compiled, and what is not for which reason, stands in ``pyproject.toml``. mypyc does it: it is a part of mypy,
which checks the types anyway. The Python stays beside what is compiled, and runs where ``PURE_PYTHON`` is set.
"""

import argparse
import os
import shutil
import sys
import tempfile
import time
import tomllib
from importlib.machinery import EXTENSION_SUFFIXES
from pathlib import Path
from typing import Final

from release.written_out import written_out

PROJECT = Path(__file__).parents[1]
LIBRARY: Final = "ollama_recorder"
"""What all compiled modules are in, with ``__mypyc`` behind it; a module beside the package."""
_SUFFIX: Final = EXTENSION_SUFFIXES[0]


def compiled_modules() -> list[str]:
    """The modules of the table, as paths within the project."""
    tables = tomllib.loads((PROJECT / "pyproject.toml").read_text())["tool"]["ollama-recorder"]
    rooms: dict[str, list[str]] = tables["compiled"]
    return [f"service/{room}/{name}.py" for room, names in rooms.items() for name in names]


def compile_into(folder: Path, python: str = sys.executable) -> None:
    """Put what is compiled beside the package in ``folder``; where it has none, the package as well.

    ``python`` has the packages that the recorder needs: their types are looked up there.
    """
    # In a folder of its own: mypy wants no part of one where packages are installed.
    with tempfile.TemporaryDirectory(prefix="compiling-") as temporary:
        work = Path(temporary)
        without = shutil.ignore_patterns("__pycache__", f"*{_SUFFIX}")
        shutil.copytree(PROJECT / "service", work / "service", ignore=without)
        for module in compiled_modules():
            path = work / module
            path.write_text(written_out(path.read_text()))
        _build(work, python)
        if not (folder / "service").exists():
            shutil.copytree(PROJECT / "service", folder / "service", ignore=without)
        for old in (*folder.glob(f"{LIBRARY}__mypyc.*"), *(folder / "service").rglob(f"*{_SUFFIX}")):
            old.unlink()
        for path in (*work.glob(f"{LIBRARY}__mypyc*{_SUFFIX}"), *(work / "service").rglob(f"*{_SUFFIX}")):
            shutil.copyfile(path, folder / path.relative_to(work))


def _build(work: Path, python: str) -> None:
    # Needed by nobody who does not compile.
    from mypyc.build import mypycify
    from setuptools import Distribution

    before = Path.cwd()
    # mypyc names modules by their paths from the working directory.
    os.chdir(work)
    try:
        extensions = mypycify(
            [
                f"--config-file={PROJECT / 'pyproject.toml'}",
                f"--python-executable={python}",
                "--cache-dir=cache",
                *compiled_modules(),
            ],
            opt_level="1",
            debug_level="0",
            group_name=LIBRARY,
            target_dir="written",
        )
        command = Distribution({"name": LIBRARY, "ext_modules": extensions}).get_command_obj("build_ext")
        command.inplace, command.build_temp = True, "written"
        command.ensure_finalized()
        command.run()
    finally:
        os.chdir(before)


def main() -> None:
    """Compile, and tell what was compiled."""
    parser = argparse.ArgumentParser(prog="python -m release.compiled", description="Compiles the recorder.")
    parser.add_argument("--into", type=Path, default=PROJECT / "build" / "compiled", help="default: build/compiled")
    parser.add_argument("--python", default=sys.executable, help="the Python that has what the recorder needs")
    given = parser.parse_args()
    began = time.monotonic()
    given.into.mkdir(parents=True, exist_ok=True)
    compile_into(given.into.resolve(), given.python)
    seconds = time.monotonic() - began
    sys.stdout.write(f"{given.into}: {len(compiled_modules())} modules compiled in {seconds:.0f} s\n")


if __name__ == "__main__":
    main()
