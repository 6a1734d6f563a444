"""The real n8n, without a browser: its own commands, and its server where a test needs webhooks."""

import atexit
import contextlib
import functools
import json
import os
import shutil
import signal
import sqlite3
import subprocess
import tempfile
import urllib.request
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, NamedTuple

from tests.servers.process import RunningServer, free_port, require, running

# Each version and its folder below .servers: that of the Docker stack, and the newest that can be installed.
VERSIONS = {"2.30.8": "n8n", "2.41.1": "n8n-2.41"}
NEWEST = "2.41.1"
SECONDS_FOR_A_COMMAND = 240.0
# It asks nobody about versions, banners, templates or packages, and reports to nobody.
KEEPS_TO_ITSELF = dict.fromkeys(
    (
        "N8N_DIAGNOSTICS_ENABLED",
        "N8N_VERSION_NOTIFICATIONS_ENABLED",
        "N8N_VERSION_NOTIFICATIONS_WHATS_NEW_ENABLED",
        "N8N_DYNAMIC_BANNERS_ENABLED",
        "N8N_PERSONALIZATION_ENABLED",
        "N8N_HIRING_BANNER_ENABLED",
        "N8N_TEMPLATES_ENABLED",
        "N8N_COMMUNITY_PACKAGES_ENABLED",
        "N8N_LICENSE_AUTO_RENEW_ENABLED",
        "N8N_SECURE_COOKIE",
    ),
    "false",
)

OWNER = {"email": "owner@example.org", "firstName": "Olga", "lastName": "Owner", "password": "Of-a-test-1"}


class Execution(NamedTuple):
    """One run of a workflow as n8n itself remembers it."""

    id: str
    workflow_id: str
    status: str


@dataclass(frozen=True, slots=True)
class N8n:
    """An n8n with its database in ``folder``, and its commands. ``variables`` are set beside what it always has."""

    program: Path
    folder: Path
    ports: tuple[int, int] = field(default_factory=lambda: (free_port(), free_port()))
    variables: Mapping[str, str] = field(default_factory=dict[str, str])

    def run(self, *arguments: str | Path, may_crash: bool = False) -> str:
        """Run one of its commands; what it wrote. Raises AssertionError with that if the command fails.

        With ``may_crash`` it may also end by a segmentation fault.
        """
        command = [self.node, self.program, *arguments]
        done = subprocess.run(
            command,
            cwd=self.folder,
            env=self.environment(),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            timeout=SECONDS_FOR_A_COMMAND,
            check=False,
        )
        ends = (0, -signal.SIGSEGV) if may_crash else (0,)
        assert done.returncode in ends, f"n8n {arguments[0]} ended with {done.returncode}:\n{done.stdout[-4000:]}"
        return done.stdout

    def add_workflows(self, *workflows: dict[str, Any]) -> None:
        """Import ``workflows``, each as in a file of its own."""
        waiting = self.folder / f"workflows-{len(list(self.folder.iterdir()))}"
        waiting.mkdir()
        for number, workflow in enumerate(workflows):
            (waiting / f"{number}.json").write_text(json.dumps(workflow))
        self.run("import:workflow", "--separate", f"--input={waiting}")

    def add_credentials(self, credentials: Iterable[dict[str, Any]]) -> None:
        """Import ``credentials`` with their data in the clear; n8n encrypts it."""
        waiting = self.folder / "credentials.json"
        waiting.write_text(json.dumps([*credentials]))
        self.run("import:credentials", f"--input={waiting}")

    def execute(self, workflow_id: str) -> Execution:
        """Run a workflow from its manual trigger until its end; an error if a node of it failed."""
        before = len(self.executions())
        # 2.41.1 was seen to crash while it stopped, after it had stored the execution as ended.
        written = self.run("execute", f"--id={workflow_id}", may_crash=True)
        executions = self.executions()
        assert len(executions) > before, f"n8n execute stored no execution:\n{written[-4000:]}"
        status = executions[-1].status
        assert status == "success", f"n8n execute ended with an execution of status {status}:\n{written[-4000:]}"
        return executions[-1]

    def execute_all(self, *left_out: str) -> dict[str, Any]:
        """Run every workflow but those ``left_out``, one after the other in one process; what each gave, by its id.

        What failed gave nothing.
        """
        given = self.folder / f"given-{len(list(self.folder.iterdir()))}"
        given.mkdir()
        skipped, summary = given / "left-out.json", given / "summary.json"
        skipped.write_text(json.dumps([{"workflowId": one} for one in left_out]))
        flags = (f"--snapshot={given}", f"--skipList={skipped}", f"--output={summary}", "--retries=0")
        self.run("execute-batch", *flags, may_crash=True)
        ending = "-snapshot.json"
        return {path.name.removesuffix(ending): json.loads(path.read_text()) for path in given.glob(f"*{ending}")}

    def executions(self) -> list[Execution]:
        """Every execution so far, oldest first."""
        database = sqlite3.connect(f"file:{self.folder}/.n8n/database.sqlite?mode=ro", uri=True)
        with contextlib.closing(database):
            rows = database.execute("SELECT id, workflowId, status FROM execution_entity ORDER BY id").fetchall()
        return [Execution(str(number), workflow, status) for number, workflow, status in rows]

    def kept_of_executions(self) -> str:
        """What every execution left, its nodes' errors too, in the form in which n8n stores it."""
        database = sqlite3.connect(f"file:{self.folder}/.n8n/database.sqlite?mode=ro", uri=True)
        with contextlib.closing(database):
            return "\n".join(data for (data,) in database.execute("SELECT data FROM execution_data"))

    @contextlib.contextmanager
    def serving(self, **environment: str) -> Iterator[RunningServer]:
        """Its server, with ``environment`` beside what it always has; published workflows wait for webhooks."""

        def command(port: int) -> list[str | Path]:
            return ["env", f"N8N_PORT={port}", self.node, self.program, "start"]

        given = {**self.environment(), **environment}
        # Ready means a migrated database; webhooks come a moment later.
        with running(command, folder=self.folder, ready="/healthz/readiness", environment=given, seconds=90) as server:
            yield server

    @property
    def node(self) -> Path:
        """The Node.js that was installed with it."""
        return self.program.parents[1] / "node" / "bin" / "node"

    def environment(self) -> dict[str, str]:
        """Everything that it is told about its surroundings."""
        port, broker_port = self.ports
        return {
            "PATH": os.environ.get("PATH", os.defpath),
            "HOME": str(self.folder),
            "N8N_USER_FOLDER": str(self.folder),
            "N8N_ENCRYPTION_KEY": "of a test",
            "N8N_LISTEN_ADDRESS": "127.0.0.1",
            "N8N_PORT": str(port),
            "N8N_RUNNERS_BROKER_PORT": str(broker_port),
            "N8N_RUNNERS_BROKER_LISTEN_ADDRESS": "127.0.0.1",
            "GENERIC_TIMEZONE": "UTC",
            "N8N_DISABLED_MODULES": "mcp-registry",  # it asks n8n's makers for a list at each start
            **KEEPS_TO_ITSELF,
            **self.variables,
        }


@contextlib.contextmanager
def signed_in(server: RunningServer) -> Iterator[Callable[[str, Any], Any]]:
    """Make the owner's account of a new n8n; ``post(path, body)`` then asks its own API, and gives what it answers.

    It raises urllib.error.HTTPError for what n8n refuses.
    """
    opener = urllib.request.build_opener(urllib.request.HTTPCookieProcessor())

    def post(path: str, body: Any) -> Any:
        headers = {"Content-Type": "application/json", "browser-id": "of a test"}
        with opener.open(
            urllib.request.Request(server.url + path, json.dumps(body).encode(), headers), timeout=60
        ) as answer:
            return json.load(answer)

    post("/rest/owner/setup", OWNER)
    yield post
    opener.close()


def installed_n8n(folder: Path, version: str = NEWEST) -> N8n:
    """An n8n with nothing in it, and ``folder`` for what it will have; skips the test where n8n is absent."""
    program = require(f"{VERSIONS[version]}/node_modules/.bin/n8n", "run make servers")
    shutil.copytree(_first_started(program), folder, dirs_exist_ok=True)
    return N8n(program, folder)


@functools.cache
def _first_started(program: Path) -> Path:
    """A folder in which this n8n has made its database; that takes longer than what most tests do with it."""
    folder = Path(tempfile.mkdtemp(prefix="ollama-recorder-n8n-"))
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    N8n(program, folder).run("list:workflow")
    return folder
