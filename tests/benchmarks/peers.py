"""What a user would pick instead: LiteLLM's proxy and Portkey's gateway, each with its own logging on and off.

Both speak OpenAI's form. *On* is what each has without a service beside it that has to be bought or set up. LiteLLM
posts its log entries to an address (``generic_api``; its own store is a PostgreSQL). Portkey's gateway shows them in
its console, which has to be open and keeps none (its own store is Portkey's service).
"""

import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tests.benchmarks.apis import same_content
from tests.benchmarks.gateways import Gateway, started_peer
from tests.benchmarks.load import Target
from tests.benchmarks.measured_process import ROOT, free_port, running_process

SERVERS = ROOT / ".servers"
LITELLM = SERVERS / "clients" / "bin" / "litellm"
PORTKEY = SERVERS / "portkey" / "node_modules" / "@portkey-ai" / "gateway" / "build" / "start-server.js"
LITELLM_MODEL = """\
model_list:
  - model_name: llama3.2
    litellm_params:
      model: openai/llama3.2
      api_base: {upstream}/v1
      api_key: ollama
"""
LITELLM_LOG = """\
litellm_settings:
  callbacks: ["generic_api"]
"""


@contextmanager
def litellm(core: int, behind: Gateway, folder: Path, *, logs: bool) -> Iterator[Gateway]:
    """LiteLLM's proxy with one worker. It writes answers anew, so what they say is compared.

    Raises RuntimeError where it is not installed or does not start.
    """
    _need(LITELLM, "clients")
    folder.mkdir()
    key = "sk-" + os.urandom(24).hex()  # without one it does not start
    port, configuration = free_port(), folder / "config.yaml"
    upstream = f"http://127.0.0.1:{behind.target.port}"
    configuration.write_text(LITELLM_MODEL.format(upstream=upstream) + (LITELLM_LOG if logs else ""))
    environment = {
        "PATH": os.environ["PATH"],
        "HOME": str(folder),
        "LITELLM_LOCAL_MODEL_COST_MAP": "True",  # else it fetches a list of prices
        "LITELLM_LOG": "ERROR",
        "LITELLM_MASTER_KEY": key,
        # What it has gathered goes out each second and not each fifth, so that it is spent in the slot that it is for.
        "DEFAULT_FLUSH_INTERVAL_SECONDS": "1",
    }
    target = Target(port, "", behind.target.api, f"Authorization: Bearer {key}\r\n", same_content)
    command = [str(LITELLM), "--config", str(configuration), "--host", "127.0.0.1", "--port", str(port)]
    command += ["--telemetry", "False"]
    entries = folder / "entries"
    with _receiver(behind.core, "posts", str(entries)) as own_port:
        environment["GENERIC_LOGGER_ENDPOINT"] = f"http://127.0.0.1:{own_port}/"
        log = folder / "output.log"
        name = "LiteLLM, logs" if logs else "LiteLLM"
        with started_peer(core, log, name, target, command, environment, entries if logs else None) as gateway:
            yield gateway


@contextmanager
def portkey(core: int, behind: Gateway, folder: Path, *, logs: bool) -> Iterator[Gateway]:
    """Portkey's gateway, with the console open in one browser if ``logs``. It passes answers unchanged.

    Raises RuntimeError where it is not installed or does not start.
    """
    _need(PORTKEY, "portkey")
    folder.mkdir()
    port = free_port()
    headers = (
        f"x-portkey-provider: openai\r\nx-portkey-custom-host: http://127.0.0.1:{behind.target.port}/v1\r\n"
        "Authorization: Bearer ollama\r\n"
    )
    target = Target(port, api=behind.target.api, headers=headers)
    command = ["node", str(PORTKEY), f"--port={port}", *([] if logs else ["--headless"])]
    environment = {"PATH": os.environ["PATH"], "HOME": str(folder)}
    log, entries = folder / "output.log", folder / "entries"
    name = "Portkey, console" if logs else "Portkey"
    with started_peer(core, log, name, target, command, environment, entries if logs else None) as gateway:
        if not logs:
            yield gateway
            return
        with _receiver(behind.core, "events", f"http://127.0.0.1:{port}/log/stream", str(entries)):
            yield gateway


def _need(program: Path, part: str) -> None:
    if not program.exists():
        raise RuntimeError(f"{program.relative_to(ROOT)} is not here. Install it: tests/servers/build.sh {part}")


@contextmanager
def _receiver(core: int, *arguments: str) -> Iterator[str]:
    """``log_receiver`` on the load's core; gives what it printed first."""
    Path(arguments[-1]).touch()
    command = [sys.executable, "-m", "tests.benchmarks.log_receiver", *arguments]
    with running_process(command, core, stdout=subprocess.PIPE) as process:
        assert process.stdout is not None
        yield process.stdout.readline().strip()
