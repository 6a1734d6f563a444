"""The Helm chart: what it renders, what it refuses, and that it repeats what the recorder says of itself."""

import json
import re
from pathlib import Path
from typing import Any

import pytest
import yaml

from service import __version__
from service.app import DRAIN_SECONDS
from service.settings import TABLE, read_settings
from tests.configuration.chart_schema import CHART, is_file
from tests.configuration.test_compose import SERVICES
from tests.servers.helm import helm, rendered, values_file
from tests.servers.recorder import PROJECT

VALUES = yaml.safe_load((CHART / "values.yaml").read_text())
SCHEMA = json.loads((CHART / "values.schema.json").read_text())
TOKEN = {"INSPECTOR_TOKEN": {"name": "recorder", "key": "token"}}
MONITORING = [{"namespaceSelector": {"matchLabels": {"kubernetes.io/metadata.name": "monitoring"}}}]
CONTROLLER = [{"namespaceSelector": {"matchLabels": {"kubernetes.io/metadata.name": "ingress-nginx"}}}]

ALL_OF_IT: dict[str, Any] = {
    "replicas": 3,
    "settings": {
        "OLLAMA_URL": "http://ollama:11434",
        "LOKI_URL": "http://loki:3100",
        "OTEL_EXPORTER_OTLP_ENDPOINT": "http://tempo:4318",
        "OTEL_SERVICE_NAME": "recorder",
        "KEEP_BODY_BYTES": 1048576,
        "ALERT_P95_SECONDS": 2.5,
        "OTLP_POLLS": True,
    },
    "secrets": {**TOKEN, "OTEL_EXPORTER_OTLP_HEADERS": {"name": "recorder", "key": "otlp-headers"}},
    "files": {
        "API_KEYS_FILE": {"secret": "recorder-keys", "key": "api-keys"},
        "LIMITS_FILE": {"configMap": "recorder-limits", "key": "limits.toml"},
    },
    "journal": {"size": "50Gi", "storageClass": "fast"},
    "ingress": {
        "enabled": True,
        "className": "nginx",
        "hosts": ["llm.example.org"],
        "tls": [{"hosts": ["llm.example.org"], "secretName": "llm-tls"}],
        "annotations": {"nginx.ingress.kubernetes.io/proxy-buffering": "off"},
    },
    "networkPolicy": {
        "ingressController": CONTROLLER,
        "prometheus": MONITORING,
        "egress": [{"to": [{"ipBlock": {"cidr": "203.0.113.7/32"}}], "ports": [{"port": 443, "protocol": "TCP"}]}],
    },
    "serviceMonitor": {"enabled": True, "labels": {"release": "monitoring"}},
    "dashboards": {"enabled": True, "annotations": {"grafana_folder": "Ollama"}},
    "podLabels": {"team": "llm"},
    "podAnnotations": {"example.org/owner": "llm"},
    "nodeSelector": {"disk": "ssd"},
    "tolerations": [{"key": "llm", "operator": "Exists", "effect": "NoSchedule"}],
    "topologySpreadConstraints": [
        {"maxSkew": 1, "topologyKey": "kubernetes.io/hostname", "whenUnsatisfiable": "ScheduleAnyway"}
    ],
    "priorityClassName": "high",
    "image": {"repository": "registry.example.org/ollama-recorder", "pullSecrets": ["registry"]},
}
THAT_MATTER: dict[str, dict[str, Any]] = {
    "nothing": {},
    "all of it": ALL_OF_IT,
    "maintenance": {"maintenance": True},
    "no policy, no account, no recorder": {
        "networkPolicy": {"enabled": False},
        "serviceAccount": {"create": False},
        "replicas": 0,
    },
    "a load balancer": {
        "service": {"type": "LoadBalancer", "port": 80, "annotations": {"example.org/internal": "yes"}}
    },
    "an image by its digest": {"image": {"digest": "sha256:" + 64 * "0", "pullPolicy": "Always"}},
    "IPv6": {"listenAddress": "[::]"},
}


def one(resources: list[Any], kind: str, name: str = "recorder-ollama-recorder") -> Any:
    (found,) = [each for each in resources if each["kind"] == kind and each["metadata"]["name"] == name]
    return found


def pod_of(resources: list[Any]) -> Any:
    return one(resources, "StatefulSet")["spec"]["template"]["spec"]


def environment_of(resources: list[Any]) -> dict[str, str]:
    """What the recorder finds in its environment, but secrets."""
    (container,) = pod_of(resources)["containers"]
    given: dict[str, str] = one(resources, "ConfigMap")["data"]
    assert all(isinstance(value, str) for value in given.values())
    return given | {each["name"]: each["value"] for each in container.get("env", []) if "value" in each}


def reached(resources: list[Any]) -> list[tuple[list[Any], list[int]]]:
    policy = one(resources, "NetworkPolicy")["spec"]
    return [(rule["to"], [port["port"] for port in rule["ports"]]) for rule in policy["egress"]]


def test_the_chart_has_the_recorders_version() -> None:
    chart = yaml.safe_load((CHART / "Chart.yaml").read_text())
    assert (chart["version"], chart["appVersion"]) == (__version__, __version__)


@pytest.mark.parametrize("name", THAT_MATTER)
def test_helm_finds_nothing_to_say_against_it(name: str, tmp_path: Path) -> None:
    ran = helm(tmp_path, "lint", "--strict", str(CHART), "--values", values_file(tmp_path, THAT_MATTER[name]))
    assert ran.returncode == 0, ran.stdout + ran.stderr
    assert not re.findall(r"\[(WARNING|ERROR)\].*", ran.stdout)


def test_each_setting_is_a_setting_a_secret_or_a_file() -> None:
    known = {name: set(SCHEMA["properties"][name]["properties"]) for name in ("settings", "secrets", "files")}
    assert known["secrets"] == {each.name for each in TABLE.values() if each.secret}
    assert known["files"] == {each.name for each in TABLE.values() if is_file(each)}
    of_the_chart = {"LISTEN", "DATA_DIR"}
    assert sorted([*known["settings"], *known["secrets"], *known["files"], *of_the_chart]) == sorted(
        each.name for each in TABLE.values()
    )


def test_every_value_has_a_sentence() -> None:
    def without(schema: Any, path: str) -> list[str]:
        inner = schema.get("properties", {}) if schema.get("additionalProperties") is False else {}
        here = [] if inner or schema.get("description") else [path]
        return here + [name for key, each in inner.items() for name in without(each, f"{path}.{key}")]

    own = {
        key: value
        for key, value in SCHEMA["properties"].items()
        if key not in ("global", "enabled", "secrets", "files")
    }
    assert [name for key, value in own.items() for name in without(value, key)] == []


def test_a_setting_arrives_as_it_was_meant(tmp_path: Path) -> None:
    """Helm reads 1048576 from a file as a float, and would write 1.048576e+06."""
    settings = {
        "OLLAMA_URL": "http://a:11434,http://b:11434",
        "KEEP_BODY_BYTES": 134217728,
        "MAX_ACTIVE": "4",
        "RETENTION_GB": 0.5,
        "RETENTION_DAYS": 30,
        "ALLOW_MANAGEMENT": True,
        "RECORD_BEFORE_REPLY": "strict",
        "CORS_ORIGINS": "https://a.example.org,https://b.example.org",
        "TRACE_URL": 'http://grafana/explore?left={"q":"{trace_id}"}',
        "MASK_PACK": "",
    }
    resources = rendered(tmp_path, {"settings": settings})
    read = read_settings(environment_of(resources))
    assert (read.keep_body_bytes, read.max_active, read.retention_gb, read.retention_days) == (134217728, 4, 0.5, 30)
    assert (read.allow_management, read.record_before_reply) == (True, "strict")
    assert read.trace_url == settings["TRACE_URL"]
    assert [each.url for each in read.ollama_urls] == ["http://a:11434", "http://b:11434"]
    # What the chart says itself stays.
    assert [str(network) for network in read.trusted_proxies] == ["127.0.0.0/8", "::1/128"]
    assert (read.listen, str(read.data_dir)) == (("0.0.0.0", 8080), "/data/journal")


def test_every_setting_can_be_given_its_default(tmp_path: Path) -> None:
    names = SCHEMA["properties"]["settings"]["properties"]
    settings = {each.name: each.default for each in TABLE.values() if each.name in names}
    read_settings(environment_of(rendered(tmp_path, {"settings": settings})))


def test_the_recorder_knows_the_names_that_it_is_called_by(tmp_path: Path) -> None:
    values = ALL_OF_IT | {"settings": {"OLLAMA_URL": "http://ollama:11434", "ALLOWED_HOSTS": "gate.example.org"}}
    known = read_settings(environment_of(rendered(tmp_path, values | {"files": {}}))).allowed_hosts
    service, pod = "recorder-ollama-recorder", "recorder-ollama-recorder-2.recorder-ollama-recorder-pods"
    for name in (service, pod):
        assert {name, f"{name}.llm", f"{name}.llm.svc", f"{name}.llm.svc.cluster.local"} <= set(known)
    assert {"llm.example.org", "gate.example.org"} <= set(known)


def test_secrets_are_referred_to_and_stand_nowhere(tmp_path: Path) -> None:
    resources = rendered(tmp_path, ALL_OF_IT)
    (container,) = pod_of(resources)["containers"]
    references = {each["name"]: each["valueFrom"]["secretKeyRef"] for each in container["env"] if "valueFrom" in each}
    assert references == ALL_OF_IT["secrets"]
    assert not references.keys() & environment_of(resources).keys()
    assert not [each for each in resources if each["kind"] == "Secret"]


def test_a_file_of_a_setting_is_where_the_setting_says(tmp_path: Path) -> None:
    resources = rendered(tmp_path, ALL_OF_IT)
    pod, environment = pod_of(resources), environment_of(resources)
    mounts = {each["name"]: each for each in pod["containers"][0]["volumeMounts"]}
    volumes = {each["name"]: each for each in pod["volumes"]}
    for name, given in ALL_OF_IT["files"].items():
        volume = name.lower().replace("_", "-")
        assert environment[name] == f"{mounts[volume]['mountPath']}/{given['key']}"
        assert mounts[volume]["readOnly"]
    # Whole folders, so that a changed file arrives; and the secret is for the recorder's group only.
    assert not [each for each in mounts.values() if "subPath" in each]
    assert volumes["api-keys-file"]["secret"] == {"secretName": "recorder-keys", "defaultMode": 0o440}
    assert volumes["limits-file"]["configMap"] == {"name": "recorder-limits"}


def test_the_pod_may_as_little_as_in_the_docker_stack(tmp_path: Path) -> None:
    pod = pod_of(rendered(tmp_path, {}))
    (container,) = pod["containers"]
    user = re.search(r"^USER (\d+):(\d+)$", (PROJECT / "Dockerfile").read_text(), re.MULTILINE)
    assert user is not None
    its = pod["securityContext"]
    assert (its["runAsUser"], its["runAsGroup"], its["fsGroup"]) == (int(user[1]), int(user[2]), int(user[2]))
    assert its["runAsNonRoot"]
    assert its["seccompProfile"] == {"type": "RuntimeDefault"}
    assert container["securityContext"] == {
        "allowPrivilegeEscalation": False,
        "readOnlyRootFilesystem": True,
        "capabilities": {"drop": ["ALL"]},
    }
    assert pod["automountServiceAccountToken"] is False
    assert container["resources"]["limits"]["memory"].removesuffix("Mi") == SERVICES["recorder"][
        "mem_limit"
    ].removesuffix("m")


def test_a_stop_leaves_running_answers_their_time(tmp_path: Path) -> None:
    pod = pod_of(rendered(tmp_path, {}))
    pause = pod["containers"][0]["lifecycle"]["preStop"]["sleep"]["seconds"]
    in_the_stack = int(SERVICES["recorder"]["stop_grace_period"].removesuffix("s"))
    assert pod["terminationGracePeriodSeconds"] == pause + in_the_stack
    assert in_the_stack > DRAIN_SECONDS


def test_nothing_that_is_wrong_elsewhere_keeps_callers_away(tmp_path: Path) -> None:
    (container,) = pod_of(rendered(tmp_path, {}))["containers"]
    probes = [container[f"{name}Probe"]["httpGet"] for name in ("startup", "readiness", "liveness")]
    assert probes == 3 * [{"path": "/healthz", "port": "http"}]


def test_a_pod_in_maintenance_only_waits(tmp_path: Path) -> None:
    (container,) = pod_of(rendered(tmp_path, {"maintenance": True}))["containers"]
    assert container["command"][:2] == ["python", "-c"]
    assert not [name for name in container if name.endswith("Probe")]


def test_callers_come_in_and_nobody_else(tmp_path: Path) -> None:
    spec = one(rendered(tmp_path, {}), "NetworkPolicy")["spec"]
    assert spec["policyTypes"] == ["Ingress", "Egress"]
    assert spec["ingress"] == [
        {
            "from": [{"podSelector": {"matchLabels": {"ollama-recorder/caller": "true"}}}],
            "ports": [{"port": "http", "protocol": "TCP"}],
        }
    ]


def test_a_policy_without_callers_lets_nobody_in(tmp_path: Path) -> None:
    """A rule with an empty list of peers would let everybody in."""
    spec = one(rendered(tmp_path, {"networkPolicy": {"callers": []}}), "NetworkPolicy")["spec"]
    assert spec["ingress"] == []


def test_the_controller_and_prometheus_come_in_where_they_are_used(tmp_path: Path) -> None:
    (rule,) = one(rendered(tmp_path, ALL_OF_IT), "NetworkPolicy")["spec"]["ingress"]
    assert rule["from"] == VALUES["networkPolicy"]["callers"] + CONTROLLER + MONITORING


def test_the_recorder_reaches_what_it_is_set_to_and_nobody_else(tmp_path: Path) -> None:
    named = {name: VALUES["networkPolicy"][name]["to"] for name in ("ollama", "loki", "otlp")}
    dns = (VALUES["networkPolicy"]["dns"], [53, 53])
    assert reached(rendered(tmp_path, {})) == [dns, (named["ollama"], [11434])]
    assert reached(rendered(tmp_path, ALL_OF_IT)) == [
        dns,
        (named["ollama"], [11434]),
        (named["loki"], [3100]),
        (named["otlp"], [4318]),
        ([{"ipBlock": {"cidr": "203.0.113.7/32"}}], [443]),
    ]
    nowhere = {"networkPolicy": {"ollama": {"to": []}, "dns": []}}
    assert reached(rendered(tmp_path, nowhere)) == []


@pytest.mark.parametrize("signal", ["TRACES", "METRICS"])
def test_a_receiver_of_one_signal_is_reached_too(signal: str, tmp_path: Path) -> None:
    setting = {f"OTEL_EXPORTER_OTLP_{signal}_ENDPOINT": "http://tempo:4318/v1/x"}
    to = VALUES["networkPolicy"]["otlp"]["to"]
    assert reached(rendered(tmp_path, {"settings": setting}))[-1] == (to, [4318])


def test_recorders_that_know_each_other_reach_each_other(tmp_path: Path) -> None:
    labels = {"app.kubernetes.io/name": "ollama-recorder", "app.kubernetes.io/instance": "recorder"}
    own = {"podSelector": {"matchLabels": labels}}
    peers = "recorder-ollama-recorder-0=http://recorder-ollama-recorder-0.recorder-ollama-recorder-pods:8080"
    resources = rendered(tmp_path, {"replicas": 2, "settings": {"PEERS": peers}})
    assert reached(resources)[-1] == ([own], [8080])
    (rule,) = one(resources, "NetworkPolicy")["spec"]["ingress"]
    assert rule["from"] == [*VALUES["networkPolicy"]["callers"], own]
    assert one(resources, "StatefulSet")["spec"]["selector"]["matchLabels"] == labels


def test_names_of_digits_and_truths_stay_names(tmp_path: Path) -> None:
    values = {
        "secrets": {"INSPECTOR_TOKEN": {"name": "123", "key": "1"}},
        "files": {"LIMITS_FILE": {"configMap": "456", "key": "1"}, "API_KEYS_FILE": {"secret": "789", "key": "2"}},
        "journal": {"storageClass": "1"},
        "priorityClassName": "1000",
        "ingress": {"enabled": True, "hosts": ["a.example.org"], "className": "1"},
        "image": {"pullSecrets": ["1", "yes"]},
        "serviceAccount": {"create": True, "name": "on"},
        "serviceMonitor": {"enabled": True, "token": {"name": "0", "key": "7"}},
        "networkPolicy": {"enabled": False},
    }

    def texts(found: Any, *names: str) -> list[Any]:
        if isinstance(found, list):
            return [text for each in found for text in texts(each, *names)]
        if not isinstance(found, dict):
            return []
        inner = [text for each in found.values() for text in texts(each, *names)]
        return inner + [found[name] for name in names if name in found]

    told = texts(
        rendered(tmp_path, values),
        *("name", "key", "secretName", "storageClassName", "priorityClassName", "ingressClassName"),
        "serviceAccountName",
    )
    assert {"123", "1", "456", "789", "1000", "yes", "on", "0", "7"} <= set(told)
    assert all(isinstance(text, str) for text in told)


def test_only_the_gateway_is_published(tmp_path: Path) -> None:
    ingress = one(rendered(tmp_path, ALL_OF_IT), "Ingress")["spec"]
    (rule,) = ingress["rules"]
    assert (rule["host"], [path["path"] for path in rule["http"]["paths"]]) == ("llm.example.org", ["/api/ollama"])
    assert ingress["ingressClassName"] == "nginx"


def test_prometheus_asks_each_recorder_once_and_with_the_token(tmp_path: Path) -> None:
    resources = rendered(tmp_path, ALL_OF_IT)
    monitor = one(resources, "ServiceMonitor")["spec"]
    wanted = monitor["selector"]["matchLabels"].items()
    services = [
        each for each in resources if each["kind"] == "Service" and wanted <= each["metadata"]["labels"].items()
    ]
    assert len(services) == 1
    (endpoint,) = monitor["endpoints"]
    assert endpoint["authorization"]["credentials"] == TOKEN["INSPECTOR_TOKEN"]
    # By which dashboards and alerts ask.
    assert endpoint["relabelings"] == [{"targetLabel": "job", "replacement": "recorder"}]
    of_a_reader = ALL_OF_IT | {"serviceMonitor": {"enabled": True, "token": {"name": "numbers", "key": "token"}}}
    (endpoint,) = one(rendered(tmp_path, of_a_reader), "ServiceMonitor")["spec"]["endpoints"]
    assert endpoint["authorization"]["credentials"]["name"] == "numbers"


def test_dashboards_arrive_as_they_are_in_the_docker_stack(tmp_path: Path) -> None:
    resources = rendered(tmp_path, ALL_OF_IT)
    found = [each for each in resources if each["metadata"]["labels"].get("grafana_dashboard")]
    files = {name: json.loads(text) for each in found for name, text in each["data"].items()}
    shipped = sorted((PROJECT / "grafana" / "dashboards" / "json").iterdir())
    assert files == {path.name: json.loads(path.read_text()) for path in shipped}
    assert sorted(path.name for path in (CHART / "dashboards").iterdir()) == [path.name for path in shipped]


def test_several_recorders_are_not_taken_away_at_once(tmp_path: Path) -> None:
    assert one(rendered(tmp_path, ALL_OF_IT), "PodDisruptionBudget")["spec"]["maxUnavailable"] == 1
    # One alone may go, or no node could ever be emptied.
    assert not [each for each in rendered(tmp_path, {}) if each["kind"] == "PodDisruptionBudget"]


def test_changed_settings_start_the_pods_anew(tmp_path: Path) -> None:
    def annotations(values: dict[str, Any]) -> Any:
        return one(rendered(tmp_path, values), "StatefulSet")["spec"]["template"]["metadata"]["annotations"]

    assert annotations({}) == annotations({})
    assert annotations({"settings": {"RETENTION_DAYS": 7}}) != annotations({})


REFUSED: list[tuple[dict[str, Any], str]] = [
    ({"setings": {}}, "setings"),
    ({"settings": {"OLAMA_URL": "http://a"}}, "OLAMA_URL"),
    ({"settings": {"INSPECTOR_TOKEN": "hush"}}, "INSPECTOR_TOKEN"),
    ({"settings": {"LOKI_PASSWORD": "hush"}}, "LOKI_PASSWORD"),
    ({"settings": {"OTEL_EXPORTER_OTLP_HEADERS": "authorization=hush"}}, "OTEL_EXPORTER_OTLP_HEADERS"),
    ({"settings": {"OTEL_EXPORTER_OTLP_TRACES_HEADERS": "authorization=hush"}}, "OTEL_EXPORTER_OTLP_TRACES_HEADERS"),
    ({"settings": {"API_KEYS_FILE": "/keys"}}, "API_KEYS_FILE"),
    ({"settings": {"DATA_DIR": "/elsewhere"}}, "DATA_DIR"),
    ({"settings": {"LISTEN": "0.0.0.0:80"}}, "LISTEN"),
    ({"settings": {"OLLAMA_URL": ["http://a", "http://b"]}}, "OLLAMA_URL"),
    ({"settings": {"OLLAMA_URL": ""}}, "settings.OLLAMA_URL is empty"),
    ({"secrets": {"INSPECTOR_TOKEN": "hush"}}, "INSPECTOR_TOKEN"),
    ({"secrets": {"INSPECTOR_TOKEN": {"name": "recorder"}}}, "key"),
    ({"secrets": {"RETENTION_DAYS": {"name": "a", "key": "b"}}}, "RETENTION_DAYS"),
    ({"files": {"LIMITS_FILE": {"secret": "a", "configMap": "b", "key": "c"}}}, "LIMITS_FILE"),
    ({"files": {"LIMITS_FILE": {"key": "c"}}}, "LIMITS_FILE"),
    ({"replicas": -1}, "replicas"),
    ({"replicas": "2"}, "replicas"),
    ({"journal": {"size": "a lot"}}, "size"),
    ({"journal": {"whenDeleted": "Forget"}}, "whenDeleted"),
    ({"image": {"digest": "latest"}}, "digest"),
    ({"service": {"type": "ExternalName"}}, "type"),
    ({"networkPolicy": {"loki": {"ports": ["3100"]}}}, "ports"),
    ({"ingress": {"enabled": True}}, "ingress.hosts"),
    ({"ingress": {"enabled": True, "hosts": ["a.example.org"]}}, "networkPolicy.ingressController"),
    ({"serviceMonitor": {"enabled": True}}, "secrets.INSPECTOR_TOKEN"),
    ({"serviceMonitor": {"enabled": True}, "secrets": TOKEN}, "networkPolicy.prometheus"),
    # What the API server or the recorder would refuse later, or take for something else.
    ({"ingress": {"hosts": ["*.example.org"]}}, "hosts"),
    ({"ingress": {"hosts": ["https://llm.example.org"]}}, "hosts"),
    ({"ingress": {"hosts": ["llm.example.org:443"]}}, "hosts"),
    ({"ingress": {"paths": ["/api/ollama: x"]}}, "paths"),
    ({"ingress": {"className": "Nginx!"}}, "className"),
    ({"listenAddress": "0.0.0.0:9090"}, "listenAddress"),
    ({"listenAddress": "::"}, "listenAddress"),
    ({"clusterDomain": ""}, "clusterDomain"),
    ({"fullnameOverride": "My_Recorder"}, "fullnameOverride"),
    ({"fullnameOverride": "yes"}, "fullnameOverride"),
    ({"image": {"repository": ""}}, "repository"),
    ({"image": {"repository": "ollama-recorder@sha256:0"}}, "repository"),
    ({"image": {"tag": "a b"}}, "tag"),
    ({"image": {"pullSecrets": ["My Secret"]}}, "pullSecrets"),
    ({"journal": {"size": "0Gi"}}, "size"),
    ({"journal": {"size": "30G i"}}, "size"),
    ({"journal": {"size": "30K"}}, "size"),
    ({"journal": {"storageClass": "a b"}}, "storageClass"),
    ({"priorityClassName": "a: b"}, "priorityClassName"),
    ({"serviceAccount": {"name": "a b"}}, "name"),
    ({"secrets": {"INSPECTOR_TOKEN": {"name": "re corder", "key": "token"}}}, "name"),
    ({"secrets": {"INSPECTOR_TOKEN": {"name": "recorder", "key": "to/ken"}}}, "key"),
    ({"files": {"LIMITS_FILE": {"configMap": "limits", "key": "../limits.toml"}}}, "key"),
    ({"files": {"LIMITS_FILE": {"configMap": "limits", "key": ".."}}}, "key"),
    ({"settings": {"KEEP_BODY_BYTES": 1e30}}, "KEEP_BODY_BYTES"),
    ({"podLabels": {"app.kubernetes.io/name": "mine"}}, "podLabels"),
    ({"podAnnotations": {"checksum/settings": "mine"}}, "podAnnotations"),
    ({"dashboards": {"labels": {"app.kubernetes.io/managed-by": "me"}}}, "labels"),
    ({"serviceMonitor": {"labels": {"helm.sh/chart": "mine"}}}, "labels"),
]


@pytest.mark.parametrize(("values", "named"), REFUSED, ids=lambda each: each if isinstance(each, str) else "")
def test_what_is_wrong_is_refused_and_named(values: dict[str, Any], named: str, tmp_path: Path) -> None:
    ran = helm(tmp_path, "template", "recorder", str(CHART), "--values", values_file(tmp_path, values))
    assert ran.returncode != 0
    assert named in ran.stderr
    assert "hush" not in ran.stdout


@pytest.mark.parametrize(
    ("release", "name"),
    [("recorder", "recorder-ollama-recorder"), ("ollama-recorder", "ollama-recorder"), ("a" * 53, "a" * 52)],
)
def test_names_are_short_enough_for_every_resource(release: str, name: str, tmp_path: Path) -> None:
    resources = rendered(tmp_path, ALL_OF_IT, release=release)
    assert one(resources, "StatefulSet", name)
    assert all(len(each["metadata"]["name"]) <= 63 for each in resources if each["kind"] == "Service")


def test_it_may_be_a_part_of_another_chart(tmp_path: Path) -> None:
    """Helm then adds values of its own."""
    assert rendered(tmp_path, {"global": {"domain": "example.org"}, "enabled": True})


def test_a_constraint_of_spread_is_about_the_recorders_unless_it_says_otherwise(tmp_path: Path) -> None:
    """An API server warns of one without a selector: it matches no pod."""
    constraint = {"maxSkew": 1, "topologyKey": "zone", "whenUnsatisfiable": "DoNotSchedule"}
    others = {"labelSelector": {"matchLabels": {"team": "llm"}}}
    (first, second) = pod_of(rendered(tmp_path, {"topologySpreadConstraints": [constraint, constraint | others]}))[
        "topologySpreadConstraints"
    ]
    recorders = {"app.kubernetes.io/name": "ollama-recorder", "app.kubernetes.io/instance": "recorder"}
    assert first == constraint | {"labelSelector": {"matchLabels": recorders}}
    assert second["labelSelector"]["matchLabels"]["team"] == "llm"
