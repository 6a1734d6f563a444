"""The lock, read."""

import json
import tomllib

import pytest

import service
from release.lock import LockedPackage, read_lock
from tests.servers.recorder import PROJECT

TEXT = """\
aiohttp==3.14.5 \\
    --hash=sha256:00 \\
    --hash=sha256:11
backports-zstd==1.8.0 ; python_full_version < '3.14' \\
    --hash=sha256:22
Python_JSON.logger==4.0.0
"""


def test_each_package_has_one_version_and_says_where_it_holds() -> None:
    assert read_lock(TEXT) == [
        LockedPackage("aiohttp", "3.14.5"),
        LockedPackage("backports-zstd", "1.8.0", "python_full_version < '3.14'"),
        LockedPackage("python-json-logger", "4.0.0"),
    ]


@pytest.mark.parametrize("line", ["aiohttp>=3", "-r other.txt", "aiohttp @ file:///x", "--index-url x"])
def test_a_line_that_pins_nothing_is_a_mistake(line: str) -> None:
    with pytest.raises(ValueError, match="1 lines of the lock"):
        read_lock(TEXT + line + "\n")


def test_the_lock_that_is_here_can_be_read() -> None:
    names = {package.name for package in read_lock((PROJECT / "requirements" / "run.txt").read_text())}
    assert {"aiohttp", "orjson", "click"} <= names


def test_the_version_is_one_wherever_it_stands() -> None:
    described = tomllib.loads((PROJECT / "pyproject.toml").read_text())["project"]["version"]
    nodes = json.loads((PROJECT / "n8n" / "nodes" / "package.json").read_text())["version"]
    assert described == service.__version__ == nodes


def test_the_image_has_what_the_recorder_runs_with_and_the_mcp_sdk_that_the_tests_talk_to() -> None:
    run, image, tried = (
        set(read_lock((PROJECT / name).read_text()))
        for name in ("requirements/run.txt", "requirements/image.txt", "tests/servers/mcp/requirements.txt")
    )
    assert run < image
    assert "mcp" in {package.name for package in image - run}
    assert image == tried
    dockerfile = (PROJECT / "Dockerfile").read_text()
    assert "--require-hashes --only-binary :all: -r requirements/image.txt" in dockerfile
