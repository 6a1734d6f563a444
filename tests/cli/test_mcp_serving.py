"""``mcp``, asked by the client of the official SDK; and what it says without that SDK."""

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from service.cli.mcp_tools import TOOLS
from tests.cli.kept import chat, keep
from tests.servers.process import require
from tests.servers.recorder import PROJECT

SLOW = "0" * 31 + "a"


def asked(folder: Path, *questions: tuple[str, dict[str, Any]]) -> list[Any]:
    """What the client got: the tools, then each answer."""
    python = require("mcp", "run make servers") / "bin" / "python"
    words = [word for name, arguments in questions for word in (name, json.dumps(arguments))]
    ran = subprocess.run(
        [python, PROJECT / "tests" / "servers" / "mcp" / "mcp_client.py", folder, *words],
        env={"PYTHONPATH": str(PROJECT)},
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert ran.returncode == 0, ran.stderr
    return [json.loads(line) for line in ran.stdout.splitlines()]


@pytest.mark.long
def test_an_mcp_client_finds_why_a_call_was_slow(tmp_path: Path) -> None:
    keep(tmp_path / "data", chat(1), chat(2, "Summarise it", id=SLOW, seconds=90.0, model="big"))
    tools, found, told, wrong, unknown = asked(
        tmp_path / "data",
        ("find_exchanges", {"slower": 60}),
        ("explain_exchange", {"id": SLOW[:32]}),
        ("find_exchanges", {"slower": "soon"}),
        ("erase", {}),
    )
    assert tools == {tool.name: True for tool in TOOLS}
    (entry,) = json.loads(found["text"])["exchanges"]
    assert (entry["exchange"], entry["model"]) == (SLOW, "big")
    assert json.loads(told["text"])["sentence"]
    assert not found["is_error"]
    assert (wrong["is_error"], "slower='soon'" in wrong["text"]) == (True, True), wrong
    assert (unknown["is_error"], "There is no tool 'erase'" in unknown["text"]) == (True, True)


@pytest.mark.long
def test_a_client_without_a_journal_is_told_so_and_can_ask_again(tmp_path: Path) -> None:
    _, first, second = asked(tmp_path / "data", ("totals", {}), ("failures", {}))
    assert first["is_error"]
    assert second["is_error"]
    assert str(tmp_path / "data") in first["text"]


@pytest.mark.long
def test_a_client_that_is_killed_amid_an_answer_leaves_no_traceback(tmp_path: Path) -> None:
    keep(tmp_path / "data", chat(1))
    python = require("mcp", "run make servers") / "bin" / "python"
    environment = {"DATA_DIR": str(tmp_path / "data"), "PYTHONPATH": str(PROJECT)}
    hello = {"protocolVersion": "2025-06-18", "capabilities": {}, "clientInfo": {"name": "a test", "version": "1"}}
    begin = {"jsonrpc": "2.0", "id": 0, "method": "initialize", "params": hello}
    with subprocess.Popen(
        [python, "-m", "service", "mcp"],
        env=environment,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    ) as server:
        assert server.stdin is not None
        assert server.stdout is not None
        assert server.stderr is not None
        server.stdout.close()
        server.stdin.write(json.dumps(begin).encode() + b"\n")
        server.stdin.close()
        assert server.wait(60) == 0
        assert server.stderr.read() == b""


def test_without_the_sdk_it_says_what_to_install(tmp_path: Path) -> None:
    (tmp_path / "mcp.py").write_text("raise ImportError('no SDK')\n")
    ran = subprocess.run(
        [sys.executable, "-m", "service", "mcp"],
        env={"PYTHONPATH": f"{tmp_path}:{PROJECT}", "DATA_DIR": str(tmp_path)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert (ran.returncode, ran.stdout) == (1, "")
    assert "ollama-recorder[mcp]" in ran.stderr
    assert "Traceback" not in ran.stderr
