"""What docker-compose.yml and the Dockerfile promise: who reaches whom, as which user, with which limits.

compose-spec.json is schema/compose-spec.json of github.com/compose-spec/compose-go v2.16.2 (Apache License 2.0),
the parser of docker compose.
"""

import itertools
import json
import re
from pathlib import Path
from typing import Any

import jsonschema
import pytest
import yaml
from click.testing import CliRunner

from service.cli import app
from service.settings import TABLE
from tests.configuration.env_example import STACK_VARIABLES

PROJECT = Path(__file__).parents[2]
COMPOSE = (PROJECT / "docker-compose.yml").read_text()
STACK: dict[str, Any] = yaml.safe_load(COMPOSE)
SERVICES: dict[str, dict[str, Any]] = STACK["services"]
AMD: dict[str, Any] = yaml.safe_load((PROJECT / "docker-compose.amd.yml").read_text())
DOCKERFILE = (PROJECT / "Dockerfile").read_text()
ONE_SHOT = {"n8n-import"}
each_service = pytest.mark.parametrize("name", SERVICES)


def networks(name: str) -> set[str]:
    return set(SERVICES[name]["networks"])


def neighbours(name: str) -> set[str]:
    """The services that share a network with ``name``."""
    return {other for other in SERVICES if other != name and networks(name) & networks(other)}


def internal(name: str) -> bool:
    """Whether ``name`` has no way to any other machine."""
    return all((STACK["networks"][network] or {}).get("internal") for network in networks(name))


@pytest.mark.parametrize("file", [STACK, AMD], ids=["docker-compose.yml", "docker-compose.amd.yml"])
def test_the_file_is_what_the_compose_specification_describes(file: dict[str, Any]) -> None:
    schema = json.loads((Path(__file__).parent / "compose-spec.json").read_text())
    jsonschema.Draft202012Validator(schema).validate(file)


def test_what_starts_by_itself_and_what_with_a_profile() -> None:
    profiles = {name: its.get("profiles", []) for name, its in SERVICES.items()}
    assert profiles == {
        "nginx": [],
        "recorder": [],
        "loki": [],
        "tempo": [],
        "prometheus": [],
        "grafana": [],
        "n8n": ["n8n"],
        "n8n-import": ["n8n"],
        "otlp": ["n8n"],
        "open-webui": ["webui"],
        "ollama": ["ollama"],
        "ollama-gpu": ["ollama-gpu"],
    }


def test_only_what_people_open_is_published_and_only_to_this_machine() -> None:
    ports = {name: its["ports"] for name, its in SERVICES.items() if "ports" in its}
    assert ports == {
        "nginx": ["127.0.0.1:8080:80"],
        "grafana": ["127.0.0.1:3000:3000"],
        "n8n": ["127.0.0.1:5678:5678"],
        "open-webui": ["127.0.0.1:3001:8080"],
    }
    # A port of a service that is in internal networks only would not be published at all.
    assert not [name for name in ports if internal(name)]


def test_callers_reach_nginx_and_the_door_for_their_spans_and_nothing_else() -> None:
    assert STACK["networks"]["callers"] == {"name": "ollama-recorder"}
    assert {name for name in SERVICES if "callers" in networks(name)} == {
        "nginx",
        "otlp",
        "n8n",
        "n8n-import",
        "open-webui",
    }
    for caller in ("n8n", "n8n-import", "open-webui"):
        assert networks(caller) == {"callers"}


@pytest.mark.parametrize(
    ("name", "reached_by"),
    [
        ("loki", {"recorder", "tempo", "prometheus", "grafana"}),
        ("tempo", {"recorder", "loki", "prometheus", "grafana", "otlp"}),
        ("prometheus", {"recorder", "loki", "tempo", "grafana"}),
    ],
)
def test_what_holds_prompts_has_no_login_so_few_reach_it_and_it_reaches_nobody_outside(
    name: str, reached_by: set[str]
) -> None:
    assert neighbours(name) == reached_by
    assert internal(name)


def test_nobody_but_nginx_prometheus_and_the_receivers_can_call_the_recorder() -> None:
    # Who could, could name any address in X-Forwarded-For, and Grafana would do so for who logs in.
    assert neighbours("recorder") == {"nginx", "prometheus", "loki", "tempo", "ollama", "ollama-gpu"}


def test_an_ollama_in_a_container_is_reached_by_the_recorder_only_and_by_one_name() -> None:
    for name in ("ollama", "ollama-gpu"):
        assert neighbours(name) == {"recorder", "ollama", "ollama-gpu"} - {name}
        assert SERVICES[name]["networks"] == {"models": {"aliases": ["ollama"]}}
        assert "ports" not in SERVICES[name]
        assert not internal(name)  # it fetches models


def test_graphics_cards_are_given_to_ollama_and_to_nobody_else() -> None:
    devices = SERVICES["ollama-gpu"]["deploy"]["resources"]["reservations"]["devices"]
    assert devices == [{"driver": "nvidia", "count": "all", "capabilities": ["gpu"]}]
    assert [name for name, its in SERVICES.items() if "deploy" in its or "devices" in its] == ["ollama-gpu"]
    assert AMD["services"].keys() == {"ollama"}
    assert AMD["services"]["ollama"]["image"] == SERVICES["ollama"]["image"] + "-rocm"
    assert AMD["services"]["ollama"]["devices"] == ["/dev/kfd", "/dev/dri"]


def test_the_recorder_reaches_the_ollama_of_this_machine() -> None:
    recorder = SERVICES["recorder"]
    assert recorder["extra_hosts"] == ["host.docker.internal:host-gateway"]
    assert recorder["environment"]["OLLAMA_URL"] == "${OLLAMA_URL:-http://host.docker.internal:11434}"
    assert not internal("recorder")


def test_every_setting_of_the_env_file_reaches_the_recorder_but_no_password_of_others() -> None:
    recorder = SERVICES["recorder"]
    environment = dict(recorder["environment"])
    assert recorder["env_file"] == [{"path": ".env", "required": False}]
    assert environment.pop("GRAFANA_PASSWORD") == ""
    # Grafana posts the alerts: nobody is told twice.
    assert environment["ALERT_WEBHOOK_URL"] == ""
    assert "ALERT_WEBHOOK_URL" in SERVICES["grafana"]["environment"]
    assert environment.keys() <= {variable.name for variable in TABLE.values()}
    assert environment["LISTEN"] == "0.0.0.0:8080"
    assert environment["DATA_DIR"] == "/data"
    assert environment["LOKI_URL"] == "${LOKI_URL:-http://loki:3100}"
    assert environment["OTEL_EXPORTER_OTLP_ENDPOINT"] == "${OTEL_EXPORTER_OTLP_ENDPOINT:-http://tempo:4318}"


def test_one_variable_sets_how_long_nginx_and_the_recorder_wait() -> None:
    assert SERVICES["nginx"]["environment"]["OLLAMA_TIMEOUT"] == "${OLLAMA_TIMEOUT:-300}"
    assert TABLE["ollama_timeout"].default == "300"


def test_nothing_starts_without_passwords_of_ones_own() -> None:
    required = re.findall(r"\$\{(\w+):\?[^}]*make up[^}]*\}", COMPOSE)
    assert sorted(set(required)) == ["GRAFANA_PASSWORD", "INSPECTOR_TOKEN"]
    given = [line.strip() for line in COMPOSE.splitlines() if re.match(r"\s+\w*(PASSWORD|TOKEN|SECRET_KEY): ", line)]
    assert [line for line in given if "${" not in line] == ['GRAFANA_PASSWORD: ""']


def test_every_variable_is_in_the_example_with_the_default_that_holds() -> None:
    used: dict[str, str] = dict(re.findall(r"\$\{(\w+):-([^}]*)\}", COMPOSE))
    stack = {variable.name: variable.default for variable in STACK_VARIABLES}
    table = {variable.name for variable in TABLE.values()}
    assert used.keys() - table <= stack.keys()
    differing = {name: default for name, default in used.items() if name in stack and stack[name] != default}
    assert not differing
    # Grafana takes no empty address: at this one nobody listens.
    assert used["ALERT_WEBHOOK_URL"] == "http://127.0.0.1:9/nobody"
    read_by_compose_itself = {"COMPOSE_PROFILES", "COMPOSE_FILE", "GRAFANA_PASSWORD"}
    assert stack.keys() - used.keys() == read_by_compose_itself


@each_service
def test_a_service_may_do_only_what_it_must(name: str) -> None:
    its = SERVICES[name]
    assert its["read_only"] is (name != "open-webui")
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
    assert its["restart"] == ("no" if name in ONE_SHOT else "unless-stopped")


@each_service
def test_an_image_is_pinned_to_a_version(name: str) -> None:
    if "build" in SERVICES[name]:
        assert re.search(r"^ARG PYTHON=python:3\.\d+\.\d+-slim-\w+$", DOCKERFILE, re.MULTILINE)
    else:
        assert re.search(r":v?\d+\.\d+\.\d+(-\w+)?$", SERVICES[name]["image"])


def test_the_guide_names_the_versions_that_start() -> None:
    guide = (PROJECT / "docs" / "stack.md").read_text()
    versions = {found[1] for its in SERVICES.values() if (found := re.search(r":v?(\d+\.\d+\.\d+)", its["image"]))}
    assert not [version for version in versions if not re.search(rf"\| [^|\n]*\b{re.escape(version)}\b", guide)]
    published = {port.split(":")[1] for its in SERVICES.values() for port in its.get("ports", [])}
    assert not [port for port in published if f"http://localhost:{port}" not in guide]


@pytest.mark.parametrize("name", [name for name in SERVICES if name not in ONE_SHOT])
def test_a_health_check_is_a_program_and_no_shell_line(name: str) -> None:
    if name == "recorder":
        assert re.search(r'HEALTHCHECK [^\n]*\\\n    CMD \["ollama-recorder", "health"\]', DOCKERFILE)
    else:
        assert SERVICES[name]["healthcheck"]["test"][0] == "CMD"


# What Docker Engine 20.10 knows, which Debian 12 and Ubuntu 20.04 have; the newer ones know it too.
ENGINE_20 = {
    "HEALTHCHECK": {"interval", "timeout", "start-period", "retries"},
    "COPY": {"from", "chown"},
    "ADD": {"chown"},
    "FROM": {"platform"},
}


def instructions(dockerfile: str) -> list[tuple[str, list[str]]]:
    """Each instruction with the names of its options; a line that ends in a backslash goes on in the next."""
    lines = [line for line in dockerfile.splitlines() if line.strip() and not line.lstrip().startswith("#")]
    joined = re.sub(r"\\\n\s*", " ", "\n".join(lines)).splitlines()
    found = []
    for line in joined:
        name, *words = line.split()
        options = itertools.takewhile(lambda word: word.startswith("--"), words)
        found.append((name.upper(), [option[2:].partition("=")[0] for option in options]))
    return found


def test_the_image_is_built_by_old_engines_too() -> None:
    assert not re.match(r"#\s*syntax\s*=", DOCKERFILE)  # a frontend that would be fetched first
    assert "<<" not in DOCKERFILE  # here-documents need one
    unknown = [
        (name, option)
        for name, options in instructions(DOCKERFILE)
        for option in options
        if option not in ENGINE_20.get(name, set())
    ]
    assert not unknown


@pytest.mark.parametrize("name", SERVICES)
def test_no_option_needs_a_newer_engine_than_the_image(name: str) -> None:
    # Of Engine 25: a service would not be made on an older one.
    assert "start_interval" not in SERVICES[name].get("healthcheck", {})


def test_an_option_of_an_instruction_is_found_wherever_it_stands() -> None:
    text = """\
FROM a AS b
HEALTHCHECK --interval=1s \\
    --start-interval=1s CMD ["x", "--no"]
RUN --mount=type=bind x --y
"""
    assert instructions(text) == [
        ("FROM", []),
        ("HEALTHCHECK", ["interval", "start-interval"]),
        ("RUN", ["mount"]),
    ]


@pytest.mark.parametrize("name", ["n8n", "n8n-import"])
def test_n8n_tells_and_asks_its_makers_nothing(name: str) -> None:
    given = SERVICES[name]["environment"]
    # Seen with 2.30.8: it fetched a list of MCP servers from them at each start.
    assert given["N8N_DISABLED_MODULES"] == "mcp-registry"
    for asked in ("DIAGNOSTICS", "VERSION_NOTIFICATIONS", "TEMPLATES", "HIRING_BANNER", "PERSONALIZATION"):
        assert given[f"N8N_{asked}_ENABLED"] == "false"


def test_services_start_in_order_and_no_receiver_keeps_the_recorder_from_starting() -> None:
    order = {
        name: {other: how["condition"].removeprefix("service_") for other, how in its["depends_on"].items()}
        for name, its in SERVICES.items()
        if "depends_on" in its
    }
    assert order == {
        "nginx": {"recorder": "started"},
        "recorder": {"loki": "started", "tempo": "started"},
        "grafana": {"loki": "healthy", "tempo": "healthy", "prometheus": "healthy"},
        "n8n": {"n8n-import": "completed_successfully", "nginx": "healthy", "otlp": "healthy"},
        "otlp": {"tempo": "started"},
        "open-webui": {"nginx": "healthy"},
    }


@each_service
def test_every_mounted_file_is_in_the_project_and_read_only(name: str) -> None:
    for volume in SERVICES[name]["volumes"]:
        source, target = volume.split(":")[:2]
        if source.startswith("."):
            assert (PROJECT / source).exists()
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
    copied = {
        "requirements" if source.startswith("requirements/") else source
        for sources in re.findall(r"^COPY (?!--from)(.+) \S+$", DOCKERFILE, re.MULTILINE)
        for source in sources.split()
    }
    assert lines[1] == "*"
    assert taken == copied


def test_the_command_of_the_health_check_exists() -> None:
    assert CliRunner().invoke(app, ["health", "--help"]).exit_code == 0
