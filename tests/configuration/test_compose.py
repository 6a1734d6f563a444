"""What docker-compose.yml and the Dockerfile promise: who reaches whom, as which user, with which limits."""

import re
from pathlib import Path
from typing import Any

import pytest
import yaml
from typer.testing import CliRunner

from service.cli import app
from service.settings import TABLE

PROJECT = Path(__file__).parents[2]
STACK: dict[str, Any] = yaml.safe_load((PROJECT / "docker-compose.yml").read_text())
SERVICES: dict[str, dict[str, Any]] = STACK["services"]
DOCKERFILE = (PROJECT / "Dockerfile").read_text()
each_service = pytest.mark.parametrize("name", SERVICES)


def neighbours(name: str) -> set[str]:
    """The services that share a network with ``name``."""
    networks = set(SERVICES[name]["networks"])
    return {other for other, its in SERVICES.items() if other != name and networks & set(its["networks"])}


def test_only_nginx_is_published_and_only_to_this_machine() -> None:
    ports = {name: its["ports"] for name, its in SERVICES.items() if "ports" in its}
    assert ports == {"nginx": ["127.0.0.1:8080:80"]}


def test_callers_reach_nginx_and_nothing_else() -> None:
    assert [name for name, its in SERVICES.items() if "callers" in its["networks"]] == ["nginx"]
    assert STACK["networks"]["callers"] == {"name": "ollama-recorder"}
    assert "nginx" in SERVICES


def test_loki_is_reached_by_the_recorder_only_and_reaches_nobody() -> None:
    assert neighbours("loki") == {"recorder"}
    assert all(STACK["networks"][network].get("internal") for network in SERVICES["loki"]["networks"])


def test_the_recorder_reaches_the_ollama_of_this_machine() -> None:
    recorder = SERVICES["recorder"]
    assert recorder["extra_hosts"] == ["host.docker.internal:host-gateway"]
    assert recorder["environment"]["OLLAMA_URL"] == "${OLLAMA_URL:-http://host.docker.internal:11434}"
    assert not all(STACK["networks"][network].get("internal") for network in recorder["networks"])


def test_every_setting_of_the_env_file_reaches_the_recorder() -> None:
    recorder = SERVICES["recorder"]
    assert recorder["env_file"] == [{"path": ".env", "required": False}]
    assert recorder["environment"].keys() <= {variable.name for variable in TABLE.values()}
    assert recorder["environment"]["LISTEN"] == "0.0.0.0:8080"
    assert recorder["environment"]["DATA_DIR"] == "/data"
    assert recorder["environment"]["LOKI_URL"] == "${LOKI_URL:-http://loki:3100}"


def test_one_variable_sets_how_long_nginx_and_the_recorder_wait() -> None:
    assert SERVICES["nginx"]["environment"]["OLLAMA_TIMEOUT"] == "${OLLAMA_TIMEOUT:-300}"
    assert TABLE["ollama_timeout"].default == "300"


@each_service
def test_a_service_may_do_only_what_it_must(name: str) -> None:
    its = SERVICES[name]
    assert its["read_only"] is True
    assert its["cap_drop"] == ["ALL"]
    assert "cap_add" not in its
    assert "privileged" not in its
    assert its["security_opt"] == ["no-new-privileges:true"]
    assert not any("docker.sock" in volume for volume in its["volumes"])


@each_service
def test_a_service_is_bounded(name: str) -> None:
    its = SERVICES[name]
    assert its["mem_limit"]
    assert its["pids_limit"]
    assert its["logging"]["options"].keys() == {"max-size", "max-file"}
    assert its["stop_grace_period"] == "30s"
    assert its["restart"] == "unless-stopped"


@each_service
def test_an_image_is_pinned_to_a_version(name: str) -> None:
    if "build" in SERVICES[name]:
        assert re.search(r"^ARG PYTHON=python:3\.\d+\.\d+-slim-\w+$", DOCKERFILE, re.MULTILINE)
    else:
        assert re.search(r":\d+\.\d+\.\d+(-\w+)?$", SERVICES[name]["image"])


@each_service
def test_a_health_check_is_a_program_and_no_shell_line(name: str) -> None:
    if name == "recorder":
        assert re.search(r'HEALTHCHECK [^\n]*\\\n    CMD \["ollama-recorder", "health"\]', DOCKERFILE)
    else:
        assert SERVICES[name]["healthcheck"]["test"][0] == "CMD"


def test_services_start_in_order_and_loki_never_keeps_the_recorder_from_starting() -> None:
    assert SERVICES["nginx"]["depends_on"] == {"recorder": {"condition": "service_healthy"}}
    assert SERVICES["recorder"]["depends_on"] == {"loki": {"condition": "service_started"}}


@each_service
def test_every_mounted_file_is_in_the_project_and_read_only(name: str) -> None:
    for volume in SERVICES[name]["volumes"]:
        source, target = volume.split(":")[:2]
        if source.startswith("."):
            assert (PROJECT / source).is_file()
            assert volume.endswith(":ro")
        else:
            assert source in STACK["volumes"], target


def test_the_names_that_the_template_needs_pass_the_images_filter() -> None:
    environment = SERVICES["nginx"]["environment"]
    # Compose turns $$ into $.
    names = re.compile(environment["NGINX_ENVSUBST_FILTER"].replace("$$", "$"))
    template = (PROJECT / "nginx" / "proxy.conf.template").read_text()
    used = set(re.findall(r"\$\{(\w+)\}", template))
    assert used == {"RECORDER", "NGINX_TIMEOUT", "NGINX_LOCAL_RESOLVERS"}
    assert all(names.search(name) for name in used)
    assert environment["RECORDER"] == "recorder:8080"
    assert environment["NGINX_ENTRYPOINT_LOCAL_RESOLVERS"] == "yes"


def test_nginx_may_write_where_its_image_renders_and_the_script_can_be_sourced() -> None:
    assert any(mount.startswith("/etc/nginx/conf.d:") for mount in SERVICES["nginx"]["tmpfs"])
    assert (PROJECT / "nginx" / "18-timeouts.envsh").stat().st_mode & 0o111


def test_the_recorder_runs_as_a_user_who_owns_only_the_journal() -> None:
    assert re.search(r"^USER 10001:10001$", DOCKERFILE, re.MULTILINE)
    assert "install -d -m 0700 -o 10001 -g 10001 /data" in DOCKERFILE
    assert "--require-hashes --only-binary :all:" in DOCKERFILE


def test_the_image_is_built_from_nothing_but_what_it_needs() -> None:
    lines = (PROJECT / ".dockerignore").read_text().splitlines()
    taken = {line[1:].strip("/") for line in lines if line.startswith("!")}
    copied = set(re.findall(r"(?:^|\s)(LICENSE|README\.md|pyproject\.toml|requirements|service)\b", DOCKERFILE))
    assert lines[1] == "*"
    assert taken == copied


def test_the_command_of_the_health_check_exists() -> None:
    assert CliRunner().invoke(app, ["health", "--help"]).exit_code == 0
