"""docs/clients.md: every block of it, run as it stands there, against a real Ollama behind the recorder."""

import json
import os
import re
import shlex
import subprocess
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import yaml

from service.gateway.callers import name_caller
from tests.integration.clients.page import PAGE, block, rows, section_text, shown
from tests.integration.watching import call, records
from tests.servers.ollama import MODEL, Ollama
from tests.servers.process import SERVERS, RunningServer, require, running
from tests.servers.recorder import running_recorder

pytestmark = pytest.mark.long

SECONDS = 300.0
HOW = "run make servers"


@dataclass(frozen=True, slots=True)
class Stand:
    """A recorder in front of a real Ollama, and the records that it keeps."""

    server: RunningServer
    ollama: Ollama
    folder: Path

    @property
    def base(self) -> str:
        return f"http://localhost:{self.server.port}/api/ollama"

    def newest(self) -> int:
        """The number of the newest record, 0 without one."""
        return max((kept.row.number for kept in records(self.folder, 0)), default=0)

    def since(self, number: int) -> list[dict[str, Any]]:
        """The records after ``number``, oldest first."""
        return [json.loads(kept.row.line) for kept in records(self.folder, 1) if kept.row.number > number]


@pytest.fixture(scope="module")
def stand(ollama: Ollama, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stand]:
    folder = tmp_path_factory.mktemp("more-clients")
    with running_recorder(folder, OLLAMA_URL=ollama.url) as recorder:
        yield Stand(recorder, ollama, folder)


@dataclass(frozen=True, slots=True)
class Block:
    """A block of the page, and its records: who asked for what, in this order, with which library.

    ``packages`` is the folder of JavaScript's packages below .servers. A client whose start alone takes a second or
    more of computing ``starts_slowly``: its block is a long test.
    """

    section: str
    language: str
    caller: str
    asked: tuple[str, ...]
    program: Callable[[], Path]
    library: str
    packages: str = "javascript"
    starts_slowly: bool = False

    def __str__(self) -> str:
        return f"{self.section}: {self.language}"


def _own_python() -> Path:
    return Path(sys.executable)


def _clients_python() -> Path:
    return require("clients", HOW) / "bin" / "python"


def _node() -> Path:
    require("javascript", HOW)
    return require("node", "install Node.js 20 or newer")


def _frameworks_python() -> Path:
    return require("frameworks", HOW) / "bin" / "python"


def _newer_node() -> Path:
    require("ai-sdk", HOW)
    return require("n8n/node_modules/node/bin/node", HOW)


def _shell() -> Path:
    return require("bash", "apt-get install bash")


CHAT, EMBED, HELLO = "POST /api/chat", "POST /api/embed", "HEAD /"
LISTED, SHOWN = "GET /api/tags", "POST /api/show"
COMMANDS = (HELLO, LISTED, HELLO, SHOWN, HELLO, SHOWN, "POST /api/generate")
BLOCKS = (
    Block("curl", "sh", "curl", (CHAT,), _shell, "curl"),
    Block("ollama, the command line", "sh", "ollama", COMMANDS, _shell, "ollama"),
    Block("ollama, Python and JavaScript", "python", "ollama-python", (CHAT,), _own_python, "ollama-python"),
    Block("ollama, Python and JavaScript", "js", "ollama-js", (CHAT,), _node, "ollama-js"),
    Block("OpenAI SDK", "python", "OpenAI", ("POST /v1/chat/completions",), _own_python, "OpenAI", starts_slowly=True),
    Block("LangChain, Python", "python", "notes", (CHAT, EMBED), _own_python, "ollama-python", starts_slowly=True),
    Block("LangChain, JavaScript", "js", "notes", (CHAT, EMBED), _node, "ollama-js"),
    Block(
        "LlamaIndex", "python", "library", (SHOWN, CHAT, EMBED), _clients_python, "ollama-python", starts_slowly=True
    ),
    Block("Haystack", "python", "haystack", (CHAT,), _frameworks_python, "ollama-python", starts_slowly=True),
    Block(
        "pydantic-ai",
        "python",
        "agent",
        ("POST /v1/chat/completions",),
        _frameworks_python,
        "pydantic-ai",
        starts_slowly=True,
    ),
    Block("AI SDK", "js", "site", (CHAT,), _newer_node, "ai", "ai-sdk"),
    Block("AI SDK, ai-sdk-ollama", "js", "site", (CHAT,), _newer_node, "ollama-js", "ai-sdk"),
    Block(
        "Claude Code", "python", "Anthropic", ("POST /v1/messages",), _clients_python, "Anthropic", starts_slowly=True
    ),
    Block("LiteLLM", "python", "LiteLLM", (CHAT, SHOWN), _clients_python, "litellm", starts_slowly=True),
)


def run(program: Path, code: str, language: str, folder: Path, packages: str = "javascript", **environment: str) -> str:
    """What ``code`` printed. Nothing of this process's settings reaches it."""
    script = folder / {"sh": "block.sh", "python": "block.py", "js": "block.mjs"}[language]
    script.write_text(code)
    if language == "js":
        (folder / "node_modules").symlink_to(SERVERS / packages / "node_modules")
    settings = {
        "PATH": f"{SERVERS}:{os.environ.get('PATH', os.defpath)}",
        "HOME": str(folder),
        "LITELLM_LOCAL_MODEL_COST_MAP": "True",  # else it fetches a list of prices
        **environment,
    }
    options = ["-eu"] if language == "sh" else []
    done = subprocess.run(
        [program, *options, script],
        cwd=folder,
        env=settings,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        timeout=SECONDS,
        check=False,
    )
    assert done.returncode == 0, done.stderr.decode()
    return done.stdout.decode()


def asked(record: dict[str, Any]) -> str:
    """``POST /api/chat`` of a record, without the gateway's prefix, labels and query."""
    path = re.sub(r"^/api/ollama(/~[^/]*)?", "", record["request_uri"].partition("?")[0]) or "/"
    return f"{record['method']} {path}"


@pytest.mark.parametrize(
    "one", [pytest.param(one, id=str(one), marks=[pytest.mark.long] if one.starts_slowly else []) for one in BLOCKS]
)
def test_a_block_of_the_page_works_and_is_recorded(one: Block, stand: Stand, tmp_path: Path) -> None:
    program = one.program()
    if "command line" in one.section:
        require("ollama", HOW)
    before = stand.newest()
    printed = run(program, shown(one.section, one.language, stand.base, MODEL), one.language, tmp_path, one.packages)
    kept = stand.since(before)
    assert tuple(map(asked, kept)) == one.asked
    assert {record["caller"] for record in kept} == {one.caller}
    assert {name_caller((), {"User-Agent": record["user_agent"]}, None).caller for record in kept} == {one.library}
    assert f"| `{one.library}`" in PAGE.read_text()  # its table of who a caller is without a name
    assert not [record for record in kept if record["failed"]]
    (answered,) = [record for record in kept if record["operation"] in ("chat", "generate")]
    assert answered["model"] == MODEL
    assert answered["completion_tokens"] > 0
    if one.section == "curl":
        printed = "".join(json.loads(line)["message"]["content"] for line in printed.splitlines())
    if "command line" in one.section:
        # What ollama run prints is broken into lines for a terminal.
        assert f"{MODEL}:latest" in printed
    else:
        assert answered["response_text"].strip() in printed


def test_llm_finds_the_model_by_the_address_of_its_environment(stand: Stand, tmp_path: Path) -> None:
    program = require("frameworks", HOW) / "bin"
    before = stand.newest()
    code = shown("llm", "sh", stand.base, MODEL)
    printed = run(_shell(), code, "sh", tmp_path, PATH=f"{program}:{os.environ.get('PATH', os.defpath)}")
    kept = stand.since(before)
    assert {record["caller"] for record in kept} == {"llm"}
    (answered,) = [record for record in kept if record["operation"] == "chat"]
    assert (answered["model"], answered["failed"]) == (f"{MODEL}:latest", False)
    assert answered["response_text"].strip() in printed


@pytest.mark.parametrize("command", ["pull absent", f"cp {MODEL} copied", f"rm {MODEL}"])
def test_the_command_line_says_which_setting_it_would_take(command: str, stand: Stand, tmp_path: Path) -> None:
    program = require("ollama", HOW)
    done = subprocess.run(
        [program, *command.split()],
        env={"OLLAMA_HOST": stand.base, "HOME": str(tmp_path)},
        capture_output=True,
        timeout=SECONDS,
        check=False,
    )
    assert done.returncode == 1
    assert b"Set ALLOW_MANAGEMENT=true to allow it." in done.stderr
    if command.startswith("pull"):
        (promised,) = re.findall("`(Error: 403 .*?)`", section_text("ollama, the command line"))
        assert promised in done.stderr.decode()
    assert stand.ollama.ask("/api/show", {"model": MODEL})["details"]


def test_continue_finds_ollama_below_the_address_of_its_configuration(stand: Stand) -> None:
    configuration = yaml.safe_load(shown("Continue", "yaml", stand.base, MODEL))
    for model in configuration["models"]:
        assert model["provider"] == "ollama"
        base = model["apiBase"] + "/"  # it adds the slash, and joins relative paths
        before = stand.newest()
        messages = [{"role": "user", "content": "Bonjour"}]
        for path in ("api/show", "api/chat", "v1/chat/completions"):
            body = {"model": model["model"], "messages": messages, "stream": False}
            assert call(stand.server, base.partition(str(stand.server.port))[2] + path, body).status == 200
        kept = stand.since(before)
        assert [asked(record) for record in kept] == [SHOWN, CHAT, "POST /v1/chat/completions"]
        assert {record["caller"] for record in kept} == {"continue"}


def test_claude_codes_variables_lead_to_the_messages_of_the_model(stand: Stand, tmp_path: Path) -> None:
    """Anthropic's SDK reads the same variables, and asks as Claude Code does: streamed, with ``beta``."""
    lines = shown("Claude Code", "sh", stand.base, MODEL).splitlines()
    assert lines[-1] == "claude"
    variables = dict(word.split("=", 1) for line in lines[:-1] for word in shlex.split(line)[1:])
    before = stand.newest()
    code = """
import os
from anthropic import Anthropic
with Anthropic() as client:
    asked = {"max_tokens": 8, "messages": [{"role": "user", "content": "Bonjour"}]}
    model = os.environ["ANTHROPIC_MODEL"]
    with client.beta.messages.stream(model=model, extra_query={"beta": "true"}, **asked) as stream:
        print("".join(stream.text_stream), end="")
"""
    printed = run(_clients_python(), code, "python", tmp_path, **variables)
    (record,) = stand.since(before)
    assert record["request_uri"].endswith("/v1/messages?beta=true")
    assert (record["api"], record["stream"], record["model"]) == ("anthropic", True, MODEL)
    assert record.get("response_text", "") == printed
    hello = call(stand.server, "/api/ollama", method="HEAD")
    assert (hello.status, hello.body) == (200, b"")


@pytest.mark.parametrize("row", rows("Clients that break with a path in the address"), ids=lambda row: row[1])
def test_a_wrongly_joined_address_is_answered_as_the_page_says(row: list[str], stand: Stand) -> None:
    method, path = row[1].strip("`").split()
    body = {"model": MODEL, "messages": [{"role": "user", "content": "Bonjour"}], "stream": False}
    answer = call(stand.server, path, body, method=method)
    assert str(answer.status) == row[2]
    said = answer.json()["error"]
    text = said["message"] if isinstance(said, dict) else said
    below = path.startswith("/api/ollama/")
    assert ("is no address of Ollama that passes here" if below else "There is nothing here") in text
    assert "/api/ollama/api/" in text


def test_a_port_of_its_own_serves_a_client_that_loses_the_path(stand: Stand, tmp_path: Path) -> None:
    program = require("nginx", "apt-get install nginx")
    site = block("Clients that break with a path in the address", "nginx")

    def command(port: int) -> list[str | Path]:
        ours = site.replace("127.0.0.1:11435", f"127.0.0.1:{port}").replace(":8080/", f":{stand.server.port}/")
        temporary = "".join(
            f"{name}_temp_path {tmp_path}/{name};" for name in ("client_body", "proxy", "fastcgi", "uwsgi", "scgi")
        )
        frame = f"pid {tmp_path}/pid; error_log stderr; events {{}} http {{ access_log off; {temporary} {ours} }}"
        (tmp_path / "nginx.conf").write_text(frame)
        return [program, "-p", tmp_path, "-c", tmp_path / "nginx.conf", "-g", "daemon off;"]

    with running(command, folder=tmp_path, ready="/api/version") as nginx:
        before = stand.newest()
        # As new URL("/api/chat", base) does: whatever path the address had is gone.
        answer = call(nginx, "/api/chat", {"model": MODEL, "messages": [{"role": "user", "content": "Bonjour"}]})
        assert answer.status == 200
        assert answer.body.count(b"\n") > 2
        assert call(nginx, "/v1/models/tiny:latest").status == 200
        kept = stand.since(before)
        assert [record["caller"] for record in kept] == ["ragflow", "ragflow"]
        assert asked(kept[0]) == CHAT
        assert kept[0]["exchange"] == answer.exchange
