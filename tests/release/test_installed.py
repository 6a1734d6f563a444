"""The wheel, installed as people do it and run from outside the checkout; and that a release can be made again.

Packages come from where pip is set up to find them: without a way there, these tests are skipped.
"""

import asyncio
import json
import os
import shutil
import subprocess
import sys
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path

import pytest

from tests.fakes.ollama import FakeOllama, json_answer
from tests.servers.process import REQUIRED, running
from tests.servers.recorder import PROJECT

pytestmark = pytest.mark.long

BIN = Path(sys.executable).parent


def ran(*words: str | Path, folder: Path, **environment: str) -> str:
    """Run a command to its end with nothing of this process's environment that could help it."""
    passed = {name: value for name, value in os.environ.items() if name.startswith(("PIP_", "UV_", "SSL_", "HTTP"))}
    given = {"PATH": os.environ["PATH"], "HOME": str(folder), **passed, **environment}
    done = subprocess.run(words, cwd=folder, env=given, capture_output=True, text=True, check=False, timeout=300)
    assert done.returncode == 0, f"{words}\n{done.stdout}\n{done.stderr}"
    return done.stdout


def python_of(version: str, folder: Path) -> Path:
    """A Python of this machine, those of pyenv too; none is fetched."""
    of_pyenv = Path(os.environ.get("PYENV_ROOT") or Path.home() / ".pyenv") / "versions"
    if found_there := sorted(of_pyenv.glob(f"{version}.*/bin/python")):
        return found_there[-1]
    words: list[str | Path] = [BIN / "uv", "python", "find", "--no-python-downloads", "--no-project", version]
    found = subprocess.run(words, cwd=folder, capture_output=True, text=True, check=False)
    if found.returncode:
        pytest.skip(f"Python {version} is not here")
    return Path(found.stdout.strip())


@pytest.fixture(scope="module")
def builder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A Python with what ``make dist`` builds with."""
    folder = tmp_path_factory.mktemp("builder")
    ran(sys.executable, "-m", "venv", folder / "venv", folder=folder)
    python = folder / "venv" / "bin" / "python"
    try:
        words: list[str | Path] = [
            "-m",
            "pip",
            "install",
            "--quiet",
            "--require-hashes",
            "-r",
            PROJECT / "requirements" / "build.txt",
        ]
        ran(python, *words, folder=folder)
    except AssertionError as error:
        if REQUIRED:
            raise
        pytest.skip(f"packages cannot be had here: {error}")
    return python


@pytest.fixture(scope="module")
def release(builder: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder with the files of a release."""
    into = tmp_path_factory.mktemp("release")
    subprocess.run([builder, "-m", "release", "--into", into], cwd=PROJECT, check=True, timeout=300)
    return into


def test_a_release_is_the_same_bytes_wherever_and_whenever_it_is_made(
    release: Path, builder: Path, tmp_path: Path
) -> None:
    listed = subprocess.run(
        ["git", "ls-files", "--cached", "--others", "--exclude-standard"],
        cwd=PROJECT,
        capture_output=True,
        text=True,
        check=True,
    ).stdout
    copy = tmp_path / "elsewhere"
    for name in listed.splitlines():
        if (PROJECT / name).is_file():
            (copy / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(PROJECT / name, copy / name)  # with a time and a mode of its own
            (copy / name).chmod(0o600)
    environment = {"PATH": os.environ["PATH"], "TZ": "Asia/Tokyo", "SOURCE_DATE_EPOCH": "1", "PYTHONHASHSEED": "7"}
    words: list[str | Path] = [builder, "-m", "release", "--into", tmp_path / "again"]
    subprocess.run(words, cwd=copy, env=environment, check=True, timeout=300, umask=0o077)
    first = {path.name: path.read_bytes() for path in release.iterdir()}
    again = {path.name: path.read_bytes() for path in (tmp_path / "again").iterdir()}
    assert len(first) == 4
    assert [name for name in first if first[name] != again.get(name)] == []
    assert first.keys() == again.keys()
    subprocess.run(["sha256sum", "--check", "--strict", "SHA256SUMS"], cwd=release, check=True, capture_output=True)


def test_the_source_builds_the_same_wheel(release: Path, builder: Path, tmp_path: Path) -> None:
    (source,) = release.glob("*.tar.gz")
    shutil.unpack_archive(source, tmp_path, filter="data")
    (unpacked,) = tmp_path.iterdir()
    words: list[str | Path] = [builder, "-m", "hatchling", "build", "--target", "wheel", "-d", tmp_path / "made"]
    subprocess.run(words, cwd=unpacked, check=True, timeout=300, env={"SOURCE_DATE_EPOCH": "1580601600"})
    (made,), (shipped,) = (tmp_path / "made").iterdir(), release.glob("*.whl")
    assert made.read_bytes() == shipped.read_bytes()


def list_files(folder: Path) -> list[Path]:
    return sorted(folder.iterdir())


def by_pip(wheel: Path, python: Path, folder: Path) -> Path:
    ran(python, "-m", "venv", folder / "venv", folder=folder)
    ran(folder / "venv" / "bin" / "python", "-m", "pip", "install", "--quiet", wheel, folder=folder)
    return folder / "venv" / "bin"


def by_pipx(wheel: Path, python: Path, folder: Path) -> Path:
    ran(sys.executable, "-m", "venv", folder / "pipx", folder=folder)
    ran(folder / "pipx" / "bin" / "python", "-m", "pip", "install", "--quiet", "pipx", folder=folder)
    places = {"PIPX_HOME": str(folder / "home"), "PIPX_BIN_DIR": str(folder / "bin")}
    ran(folder / "pipx" / "bin" / "pipx", "install", "--python", python, wheel, folder=folder, **places)
    return folder / "bin"


def by_uv(wheel: Path, python: Path, folder: Path) -> Path:
    places = {"UV_TOOL_DIR": str(folder / "tools"), "UV_TOOL_BIN_DIR": str(folder / "bin")}
    ran(BIN / "uv", "tool", "install", "--quiet", "--python", python, wheel, folder=folder, **places)
    return folder / "bin"


@pytest.mark.blocks("what is tested is a process of its own")
@pytest.mark.parametrize(
    ("install", "version"), [(by_pip, "3.12"), (by_pipx, "3.13"), (by_uv, "3.11"), (by_uv, "3.14")]
)
async def test_the_wheel_records_its_first_prompt_from_outside_the_checkout(
    install: Callable[[Path, Path, Path], Path], version: str, release: Path, tmp_path: Path
) -> None:
    (wheel,) = [path for path in await asyncio.to_thread(list_files, release) if path.suffix == ".whl"]
    python, home = await asyncio.to_thread(python_of, version, tmp_path), tmp_path / "ada"
    home.mkdir()
    began = time.monotonic()
    program = await asyncio.to_thread(install, wheel, python, tmp_path) / "ollama-recorder"
    environment = {"PATH": os.defpath, "HOME": str(home)}
    command = partial(ran, program, folder=home)
    async with FakeOllama() as ollama:
        ollama.answers("/api/generate", json_answer({"model": "tiny", "response": "Containers.", "done": True}))
        given = environment | {"OLLAMA_URL": ollama.url}
        with running(
            lambda port: ["env", f"LISTEN=127.0.0.1:{port}", program, "serve"],
            folder=home,
            ready="/healthz",
            environment=given,
            seconds=60,
        ) as recorder:
            asked = {"model": "tiny", "prompt": "Explain Docker", "stream": False}
            words = ["curl", "-sS", "-d", json.dumps(asked), f"{recorder.url}/api/ollama/api/generate"]
            answer = await asyncio.to_thread(ran, *words, folder=home)
            seconds = time.monotonic() - began
            assert json.loads(answer)["response"] == "Containers."
            listed = await asyncio.to_thread(command, "list", "--json")
            assert (await asyncio.to_thread(command, "health", "--url", recorder.url)).startswith("ready")
    (kept,) = [json.loads(line) for line in listed.splitlines()]
    assert (kept["model"], kept["outcome"]) == ("tiny", "completed")
    folder = home / ".local" / "share" / "ollama-recorder"
    assert (folder / "journal.sqlite3").is_file()
    assert not (home / "data").exists()
    assert "## Backup and restore" in await asyncio.to_thread(command, "docs", "deploy#backup-and-restore")
    assert "n8n" in await asyncio.to_thread(command, "docs")
    # An environment of its own takes a hundred megabytes.
    await asyncio.to_thread(shutil.rmtree, tmp_path)
    print(f"{install.__name__}, Python {version}: the first prompt was recorded after {seconds:.1f} s")
