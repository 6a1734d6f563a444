"""The configuration files of Tempo, Prometheus, Grafana and n8n's import, and how docker-compose.yml starts them."""

import asyncio
import configparser
import json
import os
import re
import subprocess
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator, Mapping
from http import HTTPStatus
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
import yaml

from tests.configuration.test_compose import PROJECT, SERVICES, networks
from tests.configuration.test_nginx import EMPTY, answering, upstream
from tests.servers.process import RunningServer, require, running

TEMPO = PROJECT / "tempo" / "tempo.yaml"
PROMETHEUS = PROJECT / "prometheus" / "prometheus.yml"
PROVISIONING = PROJECT / "grafana" / "provisioning"


def mounted(service: str, target: str) -> Path:
    """The file or folder of the project that ``service`` sees as ``target``."""
    volumes: list[list[str]] = [volume.split(":") for volume in SERVICES[service]["volumes"]]
    found = [source for source, inside, *_ in volumes if inside == target]
    assert len(found) == 1
    return PROJECT / found[0]


def keys_and_values(node: Any, path: str = "") -> Iterator[tuple[str, Any]]:
    """Every leaf of a YAML file, by its path."""
    for key, value in node.items() if isinstance(node, dict) else enumerate(node):
        if isinstance(value, dict | list):
            yield from keys_and_values(value, f"{path}{key}.")
        else:
            yield f"{path}{key}", value


def without_a_reason(file: Path, comment: str = "#") -> list[str]:
    """The values that have no comment above or beside them, nor above a neighbour that they belong to."""
    without: list[str] = []
    explained = False
    for line in file.read_text().splitlines():
        words = line.strip()
        is_heading = words.endswith(":") or words.startswith("[")
        explained = words.startswith(comment) or comment in words or (explained and bool(words))
        if words and not words.startswith(comment) and not is_heading and not explained:
            without.append(words)
    return without


@pytest.mark.parametrize(
    ("file", "comment"), [(TEMPO, "#"), (PROMETHEUS, "#"), (PROJECT / "grafana" / "grafana.ini", ";")]
)
def test_every_value_has_a_reason(file: Path, comment: str) -> None:
    assert not without_a_reason(file, comment)


def test_tempo_is_started_with_the_file_that_is_here() -> None:
    started = ["-target=all", "-config.file=/etc/tempo/tempo.yaml", "-config.expand-env=true"]
    assert SERVICES["tempo"]["command"] == started
    assert mounted("tempo", "/etc/tempo/tempo.yaml") == TEMPO


def test_tempo_keeps_prompts_as_long_as_loki_whole_and_for_itself() -> None:
    tempo = dict(keys_and_values(yaml.safe_load(TEMPO.read_text())))
    loki = yaml.safe_load((PROJECT / "loki" / "loki.yaml").read_text())
    assert tempo["usage_report.reporting_enabled"] is False
    assert tempo["backend_worker.compaction.block_retention"] == loki["limits_config"]["retention_period"]
    assert tempo["backend_scheduler.provider.compaction.compaction.block_retention"] == "720h"
    # Nothing else is expanded in it.
    assert re.findall(r"\$.", TEMPO.read_text()) == ["${"]
    # A record's line is at most 240 kB, so no attribute of its spans is longer.
    assert tempo["distributor.max_attribute_bytes"] >= 240_000
    # What is written lies in the volume; only the HTTP ports listen to others.
    written = [value for name, value in tempo.items() if name.endswith("path")]
    assert all(value.startswith("/var/tempo/") for value in written)
    assert tempo["server.grpc_listen_address"] == tempo["live_store.ring.instance_addr"] == "127.0.0.1"


def interpolated(text: str, environment: Mapping[str, str]) -> str:
    """``text`` as Compose, and Tempo with its file, read ``${NAME:-default}``: an empty variable is none."""
    return re.sub(r"\$\{(\w+):-([^}]*)\}", lambda found: environment.get(found[1]) or found[2], text)


each_retention = pytest.mark.parametrize(
    ("given", "days"),
    [({}, 30), ({"RETENTION_DAYS": ""}, 30), ({"RETENTION_DAYS": "7"}, 7), ({"RETENTION_DAYS": "365"}, 365)],
)


@each_retention
def test_loki_keeps_records_for_retention_days(given: dict[str, str], days: int) -> None:
    program = require("loki", "run make servers")
    shipped, *options = [interpolated(option, given) for option in SERVICES["loki"]["command"]]
    assert shipped == "-config.file=/etc/loki/loki.yaml"
    command = [str(program), f"-config.file={mounted('loki', '/etc/loki/loki.yaml')}", *options]
    ran = subprocess.run(
        [*command, "-verify-config", "-print-config-stderr"], capture_output=True, text=True, timeout=60, check=False
    )
    assert ran.returncode == 0, ran.stderr[-2000:]
    limits = re.search(r"^limits_config:\n((?: .*\n)+)", ran.stderr, re.MULTILINE)
    assert limits is not None
    names = "retention_period|reject_old_samples_max_age|max_query_length"
    printed = dict(re.findall(rf"^  ({names}): (\w+)$", limits[1], re.MULTILINE))
    hours = {name: in_hours(value) for name, value in printed.items()}
    assert hours == {
        "retention_period": days * 24,
        "reject_old_samples_max_age": days * 24,
        "max_query_length": days * 24 + 1,
    }


def in_hours(duration: str) -> int:
    """Of a duration as Loki and Prometheus write it, such as 4w2d1h."""
    units = {"y": 365 * 24, "w": 7 * 24, "d": 24, "h": 1, "m": 0, "s": 0}
    return sum(int(number) * units[unit] for number, unit in re.findall(r"(\d+)([ywdhms])", duration))


@each_retention
def test_tempo_keeps_traces_for_retention_days(given: dict[str, str], days: int) -> None:
    environment = {"RETENTION_DAYS": interpolated(SERVICES["tempo"]["environment"]["RETENTION_DAYS"], given)}
    tempo = yaml.safe_load(interpolated(TEMPO.read_text(), environment))
    assert tempo["overrides"] == {"defaults": {"compaction": {"block_retention": f"{days}d"}}}


@each_retention
def test_prometheus_keeps_samples_for_retention_days(given: dict[str, str], days: int, tmp_path: Path) -> None:
    program = require("prometheus", "run make servers")
    script = interpolated(SERVICES["prometheus"]["command"][0], given)
    option = re.search(r"--storage\.tsdb\.retention\.time=\S+", script)
    assert option is not None

    def command(port: int) -> list[str | Path]:
        (tmp_path / "prometheus.yml").write_text("{}")
        listen = f"--web.listen-address=127.0.0.1:{port}"
        return [
            program,
            f"--config.file={tmp_path}/prometheus.yml",
            f"--storage.tsdb.path={tmp_path}/data",
            listen,
            option[0],
        ]

    with (
        running(command, folder=tmp_path, ready="/-/ready") as prometheus,
        urllib.request.urlopen(f"{prometheus.url}/api/v1/status/runtimeinfo", timeout=20) as reply,
    ):
        kept = json.load(reply)["data"]["storageRetention"]
    assert in_hours(kept) == days * 24


@pytest.mark.parametrize("removed", ["ingester", "compactor", "ingester_client", "query_ingesters_until"])
def test_nothing_that_tempo_3_removed_is_used(removed: str) -> None:
    assert not [name for name, _ in keys_and_values(yaml.safe_load(TEMPO.read_text())) if removed in name.split(".")]


def test_the_spans_of_the_recorder_and_of_n8n_arrive_where_tempo_listens() -> None:
    receivers = yaml.safe_load(TEMPO.read_text())["distributor"]["receivers"]
    assert receivers == {"otlp": {"protocols": {"http": {"endpoint": "0.0.0.0:4318"}}}}
    assert "http://tempo:4318" in SERVICES["recorder"]["environment"]["OTEL_EXPORTER_OTLP_ENDPOINT"]
    assert SERVICES["n8n"]["environment"]["N8N_OTEL_EXPORTER_OTLP_ENDPOINT"] == "http://otlp:4318"
    assert mounted("otlp", "/etc/nginx/nginx.conf") == PROJECT / "tempo" / "otlp.conf"
    assert networks("otlp") & networks("tempo") == {"spans"}
    assert networks("otlp") & networks("n8n") == {"callers"}


@pytest.fixture
def start_door(tmp_path: Path) -> Iterator[Callable[[str], RunningServer]]:
    """Start the real NGINX with otlp.conf in front of a ``tempo`` at ``host:port``."""
    program = require("nginx", "apt-get install nginx")
    shipped = (PROJECT / "tempo" / "otlp.conf").read_text().replace("/tmp/", f"{tmp_path}/")
    opened = []

    def start(tempo: str) -> RunningServer:
        def command(port: int) -> list[str | Path]:
            site = re.sub(r"\blisten 4318\b", f"listen 127.0.0.1:{port}", shipped)
            (tmp_path / "nginx.conf").write_text(site.replace("tempo:4318", tempo))
            return [program, "-p", tmp_path, "-c", tmp_path / "nginx.conf", "-g", "daemon off;"]

        door = running(command, folder=tmp_path, ready="/healthz")
        opened.append(door)
        return door.__enter__()

    yield start
    for door in opened:
        door.__exit__(None, None, None)


def status(url: str, method: str = "GET", body: bytes | None = None, headers: dict[str, str] | None = None) -> int:
    request = urllib.request.Request(url, data=body, method=method, headers=headers or {})
    try:
        with urllib.request.urlopen(request, timeout=20) as reply:
            return int(reply.status)
    except urllib.error.HTTPError as refused:
        refused.close()
        return refused.code


async def test_through_the_door_spans_pass_and_nothing_can_be_asked(
    start_door: Callable[[str], RunningServer],
) -> None:
    async with upstream(answering(EMPTY)) as tempo:
        door = await asyncio.to_thread(start_door, tempo.address)
        asked = [
            ("POST", "/v1/traces", HTTPStatus.OK),
            ("GET", "/v1/traces", HTTPStatus.FORBIDDEN),
            ("POST", "/v1/traces/", HTTPStatus.NOT_FOUND),
            ("POST", "/v1/logs", HTTPStatus.NOT_FOUND),
            ("GET", "/api/search", HTTPStatus.NOT_FOUND),
            ("GET", "/v1/traces/../../api/search", HTTPStatus.NOT_FOUND),
            ("GET", "/api/traces/01a1fbe3a3e07efe99cf6845e4c4fd44", HTTPStatus.NOT_FOUND),
        ]
        for method, path, expected in asked:
            body = b"spans" if method == "POST" else None
            assert await asyncio.to_thread(status, door.url + path, method, body) == expected, path
        assert [head.split(b"\r\n")[0] for head in tempo.heads] == [b"POST /v1/traces HTTP/1.1"]


def test_prometheus_may_read_the_metrics_and_others_may_not(start_recorder: Callable[..., RunningServer]) -> None:
    job = yaml.safe_load(PROMETHEUS.read_text())["scrape_configs"][0]
    host = job["static_configs"][0]["targets"][0]
    given = SERVICES["recorder"]["environment"]["ALLOWED_HOSTS"].replace("${ALLOWED_HOSTS:-}", "")
    recorder = start_recorder(
        ready="/healthz", INSPECTOR_TOKEN="token-of-this-test", ALLOWED_HOSTS=given, OLLAMA_URL="http://127.0.0.1:1"
    )
    # As Prometheus' container arrives: with its name for the recorder, from an address of Docker's network.
    arriving = {"Host": host, "X-Forwarded-For": "172.18.0.7"}
    url = f"{recorder.url}{job.get('metrics_path', '/metrics')}"
    assert status(url, headers=arriving) == HTTPStatus.UNAUTHORIZED
    assert status(url, headers=arriving | {"Authorization": "Bearer wrong"}) == HTTPStatus.UNAUTHORIZED
    scheme = job["authorization"]["type"]
    assert status(url, headers=arriving | {"Authorization": f"{scheme} token-of-this-test"}) == HTTPStatus.OK
    assert status(url, headers=arriving | {"Host": "elsewhere:8080"}) == HTTPStatus.FORBIDDEN


def test_prometheus_is_given_the_token_in_a_file_that_nobody_else_reads(tmp_path: Path) -> None:
    token_file = yaml.safe_load(PROMETHEUS.read_text())["scrape_configs"][0]["authorization"]["credentials_file"]
    program = tmp_path / "prometheus"
    program.write_text('#!/bin/sh\necho "${INSPECTOR_TOKEN-gone} $*"\n')
    program.chmod(0o755)
    # Compose turns $$ into $.
    script = SERVICES["prometheus"]["command"][0].replace("$$", "$")
    assert token_file in script
    script = script.replace(token_file, str(tmp_path / "token")).replace("/bin/prometheus", str(program))
    ran = subprocess.run(
        [*SERVICES["prometheus"]["entrypoint"], script],
        env={"PATH": os.defpath, "INSPECTOR_TOKEN": "abc"},
        capture_output=True,
        text=True,
        check=True,
    )
    assert (tmp_path / "token").read_text() == "abc"
    assert (tmp_path / "token").stat().st_mode & 0o777 == 0o600
    assert ran.stdout.split()[:2] == ["gone", "--config.file=/etc/prometheus/prometheus.yml"]
    assert "--web.enable-remote-write-receiver" in ran.stdout
    assert mounted("prometheus", "/etc/prometheus/prometheus.yml") == PROMETHEUS


def grafana_settings() -> configparser.ConfigParser:
    settings = configparser.ConfigParser(interpolation=None)
    settings.optionxform = str  # type: ignore[assignment,method-assign]
    settings.read(mounted("grafana", "/etc/grafana/grafana.ini"))
    return settings


def test_grafana_asks_everybody_for_a_password_and_tells_nobody_anything() -> None:
    settings = grafana_settings()
    off = [
        ("auth.anonymous", "enabled"),
        ("users", "allow_sign_up"),
        ("public_dashboards", "enabled"),
        ("snapshots", "external_enabled"),
        ("analytics", "reporting_enabled"),
        ("analytics", "check_for_updates"),
        ("analytics", "check_for_plugin_updates"),
        ("plugins", "plugin_admin_enabled"),
        ("feature_toggles", "sqlExpressions"),
    ]
    assert [where for where in off if settings.getboolean(*where)] == []
    assert settings.getboolean("plugins", "preinstall_disabled")
    assert SERVICES["grafana"]["environment"]["GF_SECURITY_ADMIN_PASSWORD"].startswith("${GRAFANA_PASSWORD:?")
    assert not settings.has_option("security", "admin_password")


def test_grafanas_data_sources_are_services_that_it_reaches() -> None:
    sources = yaml.safe_load((PROVISIONING / "datasources" / "datasources.yaml").read_text())["datasources"]
    assert {source["uid"] for source in sources} == {"loki", "tempo", "prometheus"}
    for source in sources:
        service = urlsplit(source["url"]).hostname
        assert service in SERVICES
        assert networks(service) & networks("grafana")
    assert grafana_settings()["unified_alerting.state_history"]["prometheus_target_datasource_uid"] == "prometheus"


def test_grafana_finds_its_dashboards_and_every_variable_of_its_files() -> None:
    assert mounted("grafana", "/etc/grafana/provisioning") == PROVISIONING
    for file in (PROVISIONING / "dashboards").glob("*.yaml"):
        for provider in yaml.safe_load(file.read_text())["providers"]:
            folder = mounted("grafana", provider["options"]["path"])
            assert [json.loads(board.read_text())["title"] for board in folder.glob("*.json")]
    # $$ is a plain dollar sign, $__ belongs to queries.
    texts = [file.read_text().replace("$$", "") for file in PROVISIONING.rglob("*.yaml")]
    used = {name for text in texts for name in re.findall(r"\$\{?([A-Z][A-Z0-9_]+)\b", text)}
    assert used <= SERVICES["grafana"]["environment"].keys()


def test_n8n_gets_its_credential_and_workflows_once(tmp_path: Path) -> None:
    program = tmp_path / "n8n"
    program.write_text('#!/bin/sh\necho "$*"\n[ "$1" != "$BROKEN" ]\n')
    program.chmod(0o755)
    script = SERVICES["n8n-import"]["command"][0].replace("/home/node/.n8n", str(tmp_path))

    def ran(broken: str = "") -> tuple[int, str]:
        done = subprocess.run(
            [*SERVICES["n8n-import"]["entrypoint"], script],
            env={"PATH": f"{tmp_path}:{os.defpath}", "BROKEN": broken},
            capture_output=True,
            text=True,
            check=False,
        )
        return done.returncode, done.stdout

    assert ran(broken="import:workflow")[0] != 0  # n8n does not start then, and the next start tries again
    assert ran() == (
        0,
        "import:credentials --input=/import/credentials.json\nimport:workflow --separate --input=/import/workflows\n",
    )
    assert ran() == (0, "")
    assert mounted("n8n-import", "/import/credentials.json").is_file()
    assert list(mounted("n8n-import", "/import/workflows").glob("*.json"))
