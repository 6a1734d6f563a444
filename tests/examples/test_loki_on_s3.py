"""The example of a Loki on several machines: the real Loki takes its file, and it takes what the recorder needs."""

import json
import os
import re
import subprocess
from pathlib import Path
from typing import Any

import jsonschema
import pytest
import yaml

from service.shipping.loki.deletion import DELETE_PATH
from service.shipping.loki.settings import PUSH_PATH
from tests.configuration.test_stack import without_a_reason
from tests.servers.process import require
from tests.servers.recorder import PROJECT

EXAMPLE = PROJECT / "examples" / "loki-on-s3"
FILE = EXAMPLE / "loki.yaml"
STACK = yaml.safe_load((PROJECT / "docker-compose.yml").read_text())
COMPOSE = yaml.safe_load((EXAMPLE / "docker-compose.yml").read_text())
SIMPLE_SCALABLE = ("write", "read", "backend")
DISTRIBUTED = (
    *("distributor", "ingester", "querier", "query-frontend", "query-scheduler", "index-gateway", "compactor"),
)
GIVEN = {
    "S3_ENDPOINT": "minio:9000",
    "S3_BUCKET": "loki",
    "S3_ACCESS_KEY": "an-access-key",
    "S3_SECRET_KEY": "a-secret-key",
    "S3_INSECURE": "true",
}


def verified(file: Path, target: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [
            *(str(require("loki", "run make servers")), f"-config.file={file}", "-config.expand-env=true"),
            *(f"-target={target}", "-verify-config", "-print-config-stderr"),
        ],
        env=GIVEN | {"PATH": os.environ.get("PATH", os.defpath)},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


@pytest.mark.parametrize("target", [*SIMPLE_SCALABLE, *DISTRIBUTED])
def test_the_real_loki_takes_the_file_for_every_process(target: str) -> None:
    ran = verified(FILE, target)
    assert ran.returncode == 0, ran.stderr[-2000:]
    assert re.search(rf"^target: {target}$", ran.stderr, re.MULTILINE)


def test_the_variables_reach_their_places() -> None:
    printed = yaml.load(re.sub(r"\A(?:(?!target:).*\n)*", "", verified(FILE, "write").stderr), yaml.CSafeLoader)
    common = printed["common"]
    assert common["replication_factor"] == 3
    s3 = common["storage"]["s3"]
    places = [s3[name] for name in ("endpoint", "bucketnames", "access_key_id", "s3forcepathstyle", "insecure")]
    assert places == ["minio:9000", "loki", "an-access-key", True, True]
    assert common["ring"]["kvstore"]["store"] == "memberlist"
    assert printed["memberlist"]["join_members"] == "loki-members:7946"
    # What was delivered late is in memory of the writers, and this is the only way to it with S3.
    # Loki prints no zero; its default is three hours.
    assert "query_ingesters_within" not in printed["querier"]


def test_a_field_that_loki_does_not_know_would_be_found(tmp_path: Path) -> None:
    wrong = tmp_path / "loki.yaml"
    wrong.write_text(FILE.read_text().replace("query_ingesters_within", "query_ingesters_wihtin"))
    ran = verified(wrong, "read")
    assert ran.returncode != 0
    assert "query_ingesters_wihtin" in ran.stderr


def test_what_the_recorder_needs_is_taken_over() -> None:
    here, shipped = (yaml.safe_load(path.read_text()) for path in (FILE, PROJECT / "loki" / "loki.yaml"))
    of_one_machine = {"max_query_parallelism", "tsdb_max_query_parallelism"}
    assert here["limits_config"] == {
        name: value for name, value in shipped["limits_config"].items() if name not in of_one_machine
    }
    assert (
        here["server"].items()
        >= {name: value for name, value in shipped["server"].items() if name != "grpc_listen_address"}.items()
    )
    for name in ("retention_enabled", "delete_request_cancel_period"):
        assert here["compactor"][name] == shipped["compactor"][name]
    assert here["auth_enabled"] is here["analytics"]["reporting_enabled"] is False
    # It is refused with anything but a folder.
    assert "query_store_max_look_back_period" not in here["ingester"]


def test_every_value_has_a_reason() -> None:
    assert [line for line in without_a_reason(FILE) if not FILE_REPEATS.search(line)] == []


# What stands in loki/loki.yaml as well has its reason there.
FILE_REPEATS = re.compile(
    r"^(reporting_enabled|(http|grpc)_server_|log_level|http_listen_port|chunk_encoding|replay_memory|store: tsdb|"
    r"- from|object_store|schema: |prefix|period|region|endpoint|bucketnames|.*_key: |insecure|store: memberlist|"
    r"s3forcepathstyle)"
)


def test_compose_takes_the_file_and_nothing_but_the_gateway_is_reached() -> None:
    schema = json.loads((PROJECT / "tests" / "configuration" / "compose-spec.json").read_text())
    jsonschema.validate(COMPOSE, schema)
    services: dict[str, Any] = COMPOSE["services"]
    assert {name for name, its in services.items() if set(its["networks"]) - {"loki"}} == {"loki-gateway"}
    assert COMPOSE["networks"]["loki"] == {"internal": True}
    assert not [name for name, its in services.items() if "ports" in its]
    for its in services.values():
        assert (its["read_only"], its["cap_drop"]) == (True, ["ALL"])
    of_the_stack = {f"{STACK['name']}_{name}" for name in STACK["networks"]}
    assert {its["name"] for its in COMPOSE["networks"].values() if "name" in its} <= of_the_stack
    # The replication factor needs as many writers.
    assert services["loki-write"]["deploy"]["replicas"] == 3
    assert services["loki-write"]["image"] == STACK["services"]["loki"]["image"]
    assert services["loki-gateway"]["image"] == STACK["services"]["nginx"]["image"]
    targets = [its["command"][-1] for its in services.values() if its["image"].startswith("grafana/loki")]
    assert targets == [f"-target={target}" for target in SIMPLE_SCALABLE]
    for its in services.values():
        if "grafana/loki" in its["image"]:
            assert its["environment"].keys() >= GIVEN.keys()


def test_the_gateway_knows_the_way_to_each_process(tmp_path: Path) -> None:
    conf = (EXAMPLE / "gateway.conf").read_text()
    assert f"location = {PUSH_PATH} {{ proxy_pass http://$write; }}" in conf
    assert f"location = {DELETE_PATH} {{ proxy_pass http://$backend; }}" in conf
    (tmp_path / "gateway.conf").write_text(conf.replace("/tmp/", f"{tmp_path}/"))
    nginx = str(require("nginx", "apt-get install nginx"))
    command = [nginx, "-t", "-e", "stderr", "-p", str(tmp_path), "-c", str(tmp_path / "gateway.conf")]
    ran = subprocess.run(command, capture_output=True, text=True, timeout=30, check=False)
    assert ran.returncode == 0, ran.stderr
