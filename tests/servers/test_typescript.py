"""The types in the comments of the page: checked, and plainly said to be unchecked where Node.js is absent."""

import json
import re
import shutil
import subprocess
from pathlib import Path

import pytest

from service.inspector.assets import FOLDER
from tests.servers.process import require

PROJECT = Path(__file__).parents[2]
CONFIGURATION = PROJECT / "tests/servers/typescript/tsconfig.json"
CHECK = PROJECT / "tests/servers/typescript/check.sh"


@pytest.fixture
def tsc() -> Path:
    """TypeScript's compiler."""
    return require("typescript", "make lint") / "node_modules/.bin/tsc"


def test_the_types_of_the_page_hold(tsc: Path) -> None:
    ran = subprocess.run([tsc, "--project", CONFIGURATION], capture_output=True, text=True, timeout=120, check=False)
    assert ran.returncode == 0, ran.stdout + ran.stderr


MISTAKES = (
    ("record.execution_id", "record.execution_idd", "TS2551"),
    ("whole(tokens)", 'whole("many")', "TS2345"),
    ('tone: "warn"', 'tone: "blue"', "TS2322"),
)


@pytest.mark.long
def test_each_mistake_in_the_page_is_found(tsc: Path, tmp_path: Path) -> None:
    shutil.copytree(FOLDER, tmp_path / "page")
    module = tmp_path / "page/text/exchange_text.js"
    text = module.read_text()
    places = set()
    for right, wrong, fault in MISTAKES:
        before, found, _ = text.partition(right)
        assert found
        places.add((before.count("\n") + 1, fault))
        text = text.replace(right, wrong, 1)
    module.write_text(text)
    configuration = {"extends": str(CONFIGURATION), "include": ["page/**/*.js"]}
    (tmp_path / "tsconfig.json").write_text(json.dumps(configuration))
    ran = subprocess.run([tsc, "--project", tmp_path], capture_output=True, text=True, timeout=120, check=False)
    assert ran.returncode != 0
    assert ran.stdout.count("error TS") == len(MISTAKES)
    told = re.findall(r"page/text/exchange_text\.js\((\d+),\d+\): error (TS\d+)", ran.stdout)
    assert {(int(line), fault) for line, fault in told} == places


def test_no_mistake_is_passed_over() -> None:
    for module in FOLDER.rglob("*.js"):
        assert "@ts-" not in module.read_text(), module.name


@pytest.mark.parametrize(("required", "status"), [("", 0), ("0", 0), ("1", 1)])
def test_without_node_it_is_said_that_types_were_not_checked(tmp_path: Path, required: str, status: int) -> None:
    for name in ("bash", "dirname"):
        (tmp_path / name).symlink_to(shutil.which(name) or name)
    ran = subprocess.run(
        [tmp_path / "bash", CHECK],
        capture_output=True,
        text=True,
        timeout=20,
        check=False,
        env={"PATH": str(tmp_path), "REQUIRE_SERVERS": required},
    )
    assert ran.returncode == status
    assert "The types of the page were not checked" in ran.stderr
