"""What is compiled does what the Python does: the same suites pass on it, and any exchange has the same record.

``tests/servers/build.sh compiled`` compiles, once for each state of the code.
"""

import json
import os
import re
import shutil
import signal
import subprocess
import sys
import tomllib
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager, suppress
from importlib.machinery import EXTENSION_SUFFIXES
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings

import service
from release.compiled import compiled_modules
from release.lock import read_lock
from tests.record.whole_forms import FORMS, ODD, Written, replaced
from tests.release.odd_exchanges import EXCHANGES, told_of
from tests.servers.process import REQUIRED, require
from tests.servers.recorder import PROJECT

WORKER = Path(__file__).with_name("form_worker.py")
SUITES = (
    *("record", "gateway", "journal", "search", "inspector", "cli", "exports", "reporting", "sharing", "upstreams"),
    *("test_app.py", "test_dispatch.py", "integration/test_same_bytes.py"),
    *("integration/test_crash.py", "integration/test_loki_outage.py", "integration/test_many_streams.py"),
    *("hostile/test_bodies.py", "hostile/test_malformed_bodies.py", "hostile/test_heads.py"),
)


def test_the_table_names_modules_that_are_there_each_once() -> None:
    modules = compiled_modules()
    assert len(set(modules)) == len(modules)
    assert not [path for path in modules if not (PROJECT / path).is_file()]
    excepted = tomllib.loads((PROJECT / "pyproject.toml").read_text())["tool"]["ollama-recorder"]["python"]
    for name, reason in excepted.items():
        path = f"service/{name.replace('.', '/')}.py"
        assert (PROJECT / path).is_file()
        assert path not in modules
        assert reason.endswith(".")


def test_the_compiler_is_of_the_release_that_checks_the_types() -> None:
    locked = {
        name: {package.name: package.version for package in read_lock((PROJECT / "requirements" / name).read_text())}
        for name in ("compile.txt", "dev.txt")
    }
    assert locked["compile.txt"].items() <= locked["dev.txt"].items()


def test_the_python_runs_where_it_is_asked_for_although_something_is_compiled(tmp_path: Path) -> None:
    package = tmp_path / "service"
    (package / "record").mkdir(parents=True)
    shutil.copy(PROJECT / "service" / "__init__.py", package)
    (package / "record" / "__init__.py").touch()
    (package / "record" / "exchange.py").write_text("form = 'python'\n")
    (package / "record" / f"exchange{EXTENSION_SUFFIXES[0]}").write_bytes(b"no shared object")
    script = "import orjson, service, service.record.exchange as e; print(service.full_version(), e.form)"
    done = _python(script, tmp_path, PURE_PYTHON="true")
    assert (done.returncode, done.stdout) == (0, f"{service.__version__} python\n")
    done = _python("import service; print(service.full_version())", tmp_path)
    assert done.stdout == f"{service.__version__} (compiled)\n"
    assert "ImportError" in _python(script, tmp_path).stderr


def _python(script: str, folder: Path, **environment: str) -> "subprocess.CompletedProcess[str]":
    given = {"PATH": os.environ["PATH"], "PYTHONPATH": str(folder), "PYTHONHASHSEED": "0", **environment}
    command = [sys.executable, "-c", script]
    return subprocess.run(command, cwd=folder, env=given, capture_output=True, text=True, check=False, timeout=60)


@pytest.fixture(scope="session")
def compiled() -> Path:
    """The compiled form of this very code."""
    folder = require("compiled", "tests/servers/build.sh compiled")
    ours = {path.relative_to(PROJECT): path.read_bytes() for path in (PROJECT / "service").rglob("*.py")}
    others = [path for path, content in ours.items() if not _holds(folder / path, content)]
    if others:
        reason = f"{folder} was compiled from other code ({others[0]}): tests/servers/build.sh compiled"
        if REQUIRED:
            pytest.fail(reason, pytrace=False)
        pytest.skip(reason)
    return folder


def _holds(path: Path, content: bytes) -> bool:
    return path.is_file() and path.read_bytes() == content


@pytest.mark.long
def test_every_module_of_the_table_is_loaded_from_a_shared_object(compiled: Path) -> None:
    names = [path.removesuffix(".py").replace("/", ".") for path in compiled_modules()]
    script = f"import importlib; [print(importlib.import_module(name).__spec__.origin) for name in {names!r}]"
    done = _python(script, compiled)
    assert done.returncode == 0, done.stderr
    loaded = done.stdout.split()
    assert len(loaded) == len(names)
    assert not [path for path in loaded if not path.endswith(EXTENSION_SUFFIXES[0])]
    done = _python(script, compiled, PURE_PYTHON="true")
    assert {Path(path).suffix for path in done.stdout.split()} == {".py"}


@pytest.mark.long
def test_a_compiled_dataclass_is_written_as_json(compiled: Path) -> None:
    script = (
        "from service.json_writing import write_json; from service.record import chat_messages;"
        "print(chat_messages.__file__, write_json([chat_messages.ToolCall('find', '{}', 'a')]))"
    )
    done = _python(script, compiled)
    assert done.returncode == 0, done.stderr
    assert EXTENSION_SUFFIXES[0] in done.stdout
    assert '{"name":"find","arguments":"{}","id":"a"}' in done.stdout


@pytest.mark.long
@pytest.mark.timeout(1200)
def test_the_suites_pass_on_it(compiled: Path, tmp_path: Path) -> None:
    checkout = tmp_path / "checkout"
    checkout.mkdir()
    for path in PROJECT.iterdir():
        if path.name not in ("service", "tests", ".git"):
            (checkout / path.name).symlink_to(path)
    caches = shutil.ignore_patterns("__pycache__")
    shutil.copytree(PROJECT / "tests", checkout / "tests", ignore=caches)
    shutil.copytree(compiled, checkout, ignore=caches, dirs_exist_ok=True)
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "-n", "2", "--dist", "loadfile"]
    command += ["-m", "not long and not browser", *(f"tests/{suite}" for suite in SUITES)]
    log = tmp_path / "log"
    with (
        log.open("w") as output,
        subprocess.Popen(
            command, cwd=checkout, stdout=output, stderr=subprocess.STDOUT, start_new_session=True
        ) as suites,
    ):
        try:
            status = suites.wait()
        finally:
            # Its workers too, and what they started: one that hangs would outlive it.
            with suppress(ProcessLookupError):
                os.killpg(suites.pid, signal.SIGKILL)
            said = log.read_text(errors="replace")
            print(said[-20_000:])
    assert status == 0
    passed = re.search(r"(\d+) passed", said)
    assert passed is not None
    assert int(passed[1]) > 5000


@contextmanager
def _maker(folder: Path) -> Iterator[Callable[[str], str]]:
    """Makes records by the code in ``folder``, in a process of its own, one for each line."""
    environment = {"PATH": os.environ["PATH"], "PYTHONPATH": str(folder), "PYTHONHASHSEED": "0"}
    with subprocess.Popen(
        [sys.executable, WORKER], env=environment, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as process:
        assert process.stdin is not None
        assert process.stdout is not None
        asked, answered = process.stdin, process.stdout
        assert answered.readline() == f"{folder != PROJECT}\n"

        def answer_to(line: str) -> str:
            asked.write(line + "\n")
            asked.flush()
            answer = answered.readline()
            assert answer, f"the process ended with {process.wait()}"
            return answer

        try:
            yield answer_to
        finally:
            process.kill()


@pytest.mark.long
def test_any_exchange_has_the_same_record_in_both_forms(compiled: Path) -> None:
    with ExitStack() as running:
        forms = [running.enter_context(_maker(folder)) for folder in (PROJECT, compiled)]

        @settings(max_examples=1500, deadline=None, database=None, suppress_health_check=list(HealthCheck))
        @given(EXCHANGES)
        def compare(told: dict[str, Any]) -> None:
            line = json.dumps(told)
            python, machine = (form(line) for form in forms)
            assert python == machine
            assert not python.startswith('"raised')

        compare()


@pytest.mark.long
def test_any_value_in_any_place_has_the_same_record_in_both_forms(compiled: Path) -> None:
    # How deep text is written depends on what runs at the time: of those only that a record is made.
    with ExitStack() as running:
        forms = [running.enter_context(_maker(folder)) for folder in (PROJECT, compiled)]
        for form in FORMS:
            for value in ODD:
                for place, asked, answered in replaced(form, value):
                    line = json.dumps(told_of(form, asked, answered))
                    python, machine = (made(line) for made in forms)
                    is_deep = isinstance(value, Written) and len(value) > 1000
                    note = f"{form.path}: {str(value)[:40]} in the place of {place}"
                    assert "raised" not in (python[1:7], machine[1:7]), note
                    assert python == machine or is_deep, note
