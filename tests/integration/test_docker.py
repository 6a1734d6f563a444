"""A user's days with the Docker stack, in a real engine. Images that cannot be pulled have stand-ins."""

import json
import re
import sqlite3
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path

import pytest

from tests.integration.docker_stack import (
    BEGUN,
    LINES,
    RECORDER,
    SECONDS_BETWEEN_LINES,
    DockerStack,
    running_stack,
    wait_until,
)
from tests.servers.docker import inspected, why_not

NOT_HERE = why_not()
pytestmark = [pytest.mark.long, pytest.mark.skipif(NOT_HERE is not None, reason=NOT_HERE or "")]
DOCS = Path(__file__).parents[2] / "docs"
DEPLOY, TROUBLE = (DOCS / "deploy.md").read_text(), (DOCS / "troubleshooting.md").read_text()
OLDEST = Path(__file__).parents[1] / "journal" / "released" / "0.1.0.sql"
ALWAYS = ("nginx", "recorder", "loki", "tempo", "prometheus", "grafana", "otlp", "n8n")
PORTS = {
    "nginx": 80,
    "recorder": 8080,
    "loki": 3100,
    "tempo": 4318,
    "prometheus": 9090,
    "grafana": 3000,
    "otlp": 4318,
    "n8n": 5678,
}
# Prints which of the addresses in its arguments take a connection.
PROBE = """
import socket, sys
from concurrent.futures import ThreadPoolExecutor
def probe(address):
    host, port = address.split(":")
    try:
        socket.create_connection((host, int(port)), 2).close()
        return address + chr(10)
    except OSError:
        return ""
with ThreadPoolExecutor(30) as pool:
    sys.stdout.writelines(pool.map(probe, sys.argv[1:]))
"""


@pytest.fixture(scope="module")
def stack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[DockerStack]:
    """``make up`` has ended, with profile n8n."""
    with running_stack(tmp_path_factory.mktemp("docker") / "shared") as stack:
        told = stack.up("n8n")
        assert "Started: NGINX and the recorder answer." in told
        assert "http://localhost:5678" in told
        assert stack.answers()
        yield stack


def documented(command: str) -> str:
    """The line of docs/deploy.md that has this ``command`` for Docker."""
    (line,) = re.findall(rf"^(docker compose .*\b{command} - [<>].*?)(?: +#.*)?$", DEPLOY, re.MULTILINE)
    return str(line)


def _is_healthy(stack: DockerStack, service: str) -> bool:
    return stack.health(service) == "healthy"


def test_every_service_becomes_healthy(stack: DockerStack) -> None:
    for service in ALWAYS:
        wait_until(partial(_is_healthy, stack, service), f"{service} is healthy")
    imported = stack.compose("exec -T n8n cat /home/node/.n8n/imported").split()
    assert len(imported) == 1 + len(list((stack.checkout / "n8n" / "workflows").glob("*.json")))


def test_the_recorder_can_do_nothing_but_its_work(stack: DockerStack, measured: Callable[[str], None]) -> None:
    status = dict(
        line.split(":\t", 1)
        for line in stack.compose("exec -T recorder cat /proc/1/status").splitlines()
        if ":\t" in line
    )
    assert (status["CapEff"], status["NoNewPrivs"], status["Seccomp"]) == ("0" * 16, "1", "2")
    assert status["Uid"].split() == ["10001"] * 4
    assert stack.compose("exec -T recorder stat -c %u:%a /data /data/journal.sqlite3").split() == [
        "10001:700",
        "10001:600",
    ]
    assert stack.shell(f"docker diff {RECORDER}").stdout == b""
    assert stack.compose("exec -T recorder sh -c 'echo x > /venv/x'", check=False) == ""
    assert stack.compose("exec -T recorder sh -c 'ls /venv'").split().count("x") == 0
    layers = stack.shell("docker history --human=false --format '{{.Size}} {{.CreatedBy}}' ollama-recorder").stdout
    (packages,) = [line.split()[0] for line in layers.decode().splitlines() if "COPY /venv" in line]
    measured(f"what the image adds to its base: {int(packages) / 1e6:.0f} MB")
    assert int(packages) < 150e6


def test_the_first_prompt_is_answered_and_told_to_loki_and_prometheus(stack: DockerStack) -> None:
    asked = {"model": "llama3.2", "prompt": "Explain Docker", "stream": False}
    reply = stack.call("/api/ollama/api/generate", asked)
    assert (reply.status, bool(json.loads(reply.body)["response"])) == (200, True)
    exchange = stack.exchange_of("Explain Docker")
    assert (exchange["outcome"], exchange["model"], exchange["caller"]) == ("completed", "llama3.2", "curl")
    wait_until(lambda: stack.in_loki().get(exchange["exchange"]) == "completed", "Loki has it")
    spans = "exec -T tempo cat /var/tempo/spans.jsonl"
    wait_until(lambda: exchange["exchange"] in stack.compose(spans), "Tempo has its trace")

    def is_up() -> bool:
        query = "--data-urlencode query=ollama_recorder_ollama_up http://prometheus:9090/api/v1/query"
        told = json.loads(stack.compose(f"exec -T grafana curl -sG {query}"))["data"]["result"]
        return [each["value"][1] for each in told] == ["1"]

    wait_until(is_up, "Prometheus reads the recorder's metrics, with the token")


def test_what_may_be_read_needs_the_token(stack: DockerStack) -> None:
    for path in ("/", "/exchanges.json", "/metrics"):
        assert stack.call(path).status == 401, path
    assert stack.call("/readyz").status == 200


def test_who_shares_no_network_reaches_nobody(stack: DockerStack) -> None:
    networks = {
        service: dict(inspected(stack.engine, name)["NetworkSettings"]["Networks"])
        for service, name in names_of(stack).items()
    }
    for caller, its in networks.items():
        # By address: a name is told to neighbours only, and who listens behind it may be guessed.
        others = {
            f"{joined['IPAddress']}:{PORTS[service]}": (service, network)
            for service, all_joined in networks.items()
            if service != caller
            for network, joined in all_joined.items()
        }
        reached = stack.compose(f"exec -T {caller} {python(caller)} -c '{PROBE}' {' '.join(others)}").split()
        assert {others[address] for address in reached} == {
            (service, network) for service, network in others.values() if network in its
        }, caller


def names_of(stack: DockerStack) -> dict[str, str]:
    told = [json.loads(line) for line in stack.compose("ps --format json").splitlines()]
    return {each["Service"]: each["Name"] for each in told}


def python(service: str) -> str:
    return "python" if service == "recorder" else "python3"


def test_what_holds_prompts_has_no_way_out(stack: DockerStack) -> None:
    def has_a_way(service: str) -> bool:
        """Whether there is a default route."""
        routes = stack.compose(f"exec -T {service} cat /proc/net/route").splitlines()[1:]
        return any(route.split()[1] == "00000000" for route in routes)

    ways = {service: has_a_way(service) for service in ALWAYS}
    assert [service for service, way in ways.items() if not way] == ["loki", "tempo", "prometheus"]
    # The machine is in each of its networks. docs/stack.md says so, as an Ollama on 0.0.0.0 is reached there.
    for service in ("loki", "n8n"):
        address = next(iter(inspected(stack.engine, names_of(stack)[service])["NetworkSettings"]["Networks"].values()))
        machine = re.sub(r"\d+$", "1", address["IPAddress"]) + ":11434"
        assert stack.compose(f"exec -T {service} python3 -c '{PROBE}' {machine}").strip() == machine


def test_only_this_machine_reaches_what_is_published(stack: DockerStack) -> None:
    listening = stack.shell("ss -Hltn").stdout.decode().splitlines()
    addresses = {line.split()[3] for line in listening}
    # Docker's own name server, and the Ollama of the machine.
    assert {each for each in addresses if not each.endswith(":11434")} == {
        "127.0.0.1:8080",
        "127.0.0.1:3000",
        "127.0.0.1:5678",
    }


@pytest.mark.parametrize("service", ["recorder", "nginx"])
def test_a_restart_in_mid_stream_lets_the_answer_end(service: str, stack: DockerStack) -> None:
    with stack.streamed(f"While {service} is restarted") as stream:
        stack.compose(f"restart {service}")
        rest, _ = stream.communicate(timeout=60)
    assert (stream.returncode, len(rest.splitlines())) == (0, LINES - BEGUN), "the last line says how it went"
    wait_until(stack.answers, "calls are answered again")
    exchange = stack.exchange_of(f"While {service} is restarted")
    assert exchange["outcome"] == "completed"
    assert exchange["request_time"] > (LINES - 1) * SECONDS_BETWEEN_LINES * 0.9


def test_a_recorder_that_is_killed_comes_back_and_says_what_it_lost(stack: DockerStack) -> None:
    with stack.streamed("While the recorder is killed") as stream:
        state = inspected(stack.engine, RECORDER)["State"]
        stack.shell(f"kill -9 {state['Pid']}")
        stream.communicate(timeout=60)
    assert stream.returncode != 0, "the client sees that its answer is not whole"
    wait_until(stack.answers, "calls are answered again")
    exchange = stack.exchange_of("While the recorder is killed")
    assert exchange["outcome"] == "gateway_died"
    wait_until(lambda: stack.in_loki().get(exchange["exchange"]) == "gateway_died", "Loki is told")
    assert "in the middle of 1 call" in stack.compose("exec -T recorder ollama-recorder doctor", check=False)


def test_a_backup_is_restored_as_documented(stack: DockerStack) -> None:
    stack.call("/api/ollama/api/show", {"model": "before the backup"})
    wait_until(lambda: stack.exchanges()[0].get("model") == "before the backup", "it is recorded")
    before = [each["exchange"] for each in stack.exchanges()]
    stack.shell(documented("backup"))
    stack.call("/api/ollama/api/show", {"model": "after the backup"})
    stack.shell(documented("restore"))
    wait_until(stack.answers, "calls are answered again")
    after = [each["exchange"] for each in stack.exchanges()]
    # What was asked meanwhile to see whether it answers is newer.
    assert after[-len(before) :] == before
    assert "after the backup" not in [each.get("model") for each in stack.exchanges()]
    assert stack.compose("exec -T recorder stat -c %u:%a /data/journal.sqlite3").strip() == "10001:600"
    stack.compose("exec -T recorder ollama-recorder health")


def test_a_journal_of_another_owner_is_seen_by_everybody_and_calls_go_on(stack: DockerStack) -> None:
    (mending,) = re.findall(r"`(docker run .*? chown .*? /data)`", TROUBLE)
    stack.compose("stop recorder")
    stack.shell(mending.replace("10001:10001 /data", "0:0 /data/journal.sqlite3"))
    stack.compose("start recorder")
    wait_until(stack.answers, "calls go on")
    wait_until(lambda: stack.health("recorder") == "unhealthy", "its container is unhealthy", seconds=150)
    checks = inspected(stack.engine, RECORDER)["State"]["Health"]["Log"]
    assert "journal" in checks[-1]["Output"], checks
    doctor = stack.compose("exec -T recorder ollama-recorder doctor", check=False)
    assert "Give DATA_DIR and all files in it to the recorder's user" in doctor
    assert stack.answers()

    stack.compose("stop recorder")
    stack.shell(mending)
    stack.compose("start recorder")
    wait_until(stack.answers, "calls are answered again")
    stack.compose("exec -T recorder ollama-recorder health")


def test_an_upgrade_lets_an_answer_end_and_keeps_what_was_kept(stack: DockerStack, tmp_path: Path) -> None:
    journal = sqlite3.connect(tmp_path / "journal.sqlite3")
    journal.executescript(OLDEST.read_text())
    journal.close()
    stack.compose("stop recorder")
    stack.shell(
        "docker compose run --rm --no-deps -T --entrypoint sh recorder -c"
        " 'rm -f /data/journal.sqlite3* && umask 077 && cat > /data/journal.sqlite3'",
        stdin=(tmp_path / "journal.sqlite3").read_bytes(),
    )
    # Its records grow old.
    with (stack.checkout / ".env").open("a") as settings:
        settings.write("RETENTION_DAYS=3650\n")
    stack.compose("up --detach")
    wait_until(stack.answers, "the oldest journal is gone on with")
    numbered = stack.checkout / "service" / "__init__.py"
    newer = re.sub(r'^__version__ = ".*"', '__version__ = "9.9.9"', numbered.read_text(), flags=re.MULTILINE)
    numbered.write_text(newer)

    with stack.streamed("While it is upgraded") as stream:
        stack.up()
        rest, _ = stream.communicate(timeout=60)
    assert stack.compose("exec -T recorder ollama-recorder version") == "9.9.9 (compiled)\n"
    assert (stream.returncode, len(rest.splitlines())) == (0, LINES - BEGUN)
    assert stack.answers()
    assert stack.exchange_of("While it is upgraded")["outcome"] == "completed"
    assert "Invoices" in [each.get("workflow") for each in stack.exchanges()]


def test_the_stack_comes_back_with_its_machine(stack: DockerStack) -> None:
    stack.call("/api/ollama/api/show", {"model": "before the reboot"})
    stack.stop_machine(stack.engine.stop)
    stack.start_machine()
    wait_until(stack.answers, "calls are answered again")
    assert "before the reboot" in [each.get("model") for each in stack.exchanges()]

    with stack.streamed("While the power goes"):
        stack.stop_machine(stack.engine.cut_power)
    stack.start_machine()
    wait_until(stack.answers, "calls are answered again")
    # Even so one process ends after another: the recorder may have seen NGINX go, and told that in time.
    assert stack.exchange_of("While the power goes")["outcome"] in ("gateway_died", "client_left")
    of_today = ("before the reboot", "tiny")
    kept = {each["exchange"] for each in stack.exchanges() if each.get("model") in of_today}
    wait_until(lambda: len(kept) > 1 and kept <= set(stack.in_loki()), "Loki has all of it")


def test_the_stack_ends_in_peace(stack: DockerStack) -> None:
    wait_until(stack.answers, "calls are answered")
    stack.compose("stop")
    told = [json.loads(line) for line in stack.compose("ps --all --format json").splitlines()]
    assert {each["Service"]: each["ExitCode"] for each in told if each["Service"] in ("recorder", "nginx", "loki")} == {
        "recorder": 0,
        "nginx": 0,
        "loki": 0,
    }
    stack.compose("down")
    assert stack.shell("docker ps --all --quiet").stdout == b""
    assert b"ollama-recorder_journal" in stack.shell("docker volume ls").stdout
