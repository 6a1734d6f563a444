"""A real API server takes what the Helm chart makes. No node runs: what the pods would do is Docker's to show."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.configuration.test_helm_chart import ALL_OF_IT, THAT_MATTER
from tests.servers.helm import CHART, helm, rendered, values_file
from tests.servers.kubernetes import SERVER, ApiServer, running_api_server

pytestmark = [
    pytest.mark.long,
    pytest.mark.skipif(
        not SERVER.exists(), reason="the API server of Kubernetes is not here: tests/servers/build.sh kubernetes"
    ),
]
NAMESPACE = "llm"
RESTRICTED = {"pod-security.kubernetes.io/enforce": "restricted", "pod-security.kubernetes.io/warn": "restricted"}


@pytest.fixture(scope="module")
def api_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ApiServer]:
    """One that knows ServiceMonitors, with a namespace that takes restricted pods only."""
    with running_api_server(tmp_path_factory.mktemp("kubernetes") / "cluster") as server:
        namespace = {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": NAMESPACE, "labels": RESTRICTED}}
        monitors = yaml.safe_load((SERVER / "servicemonitors.yaml").read_text())
        for resource in (namespace, monitors):
            status, answer, _ = server.apply(resource, NAMESPACE, only_try=False)
            assert status in (200, 201), answer
        server.wait_for("/apis/monitoring.coreos.com/v1")
        yield server


def installed(server: ApiServer, kind: str, name: str = "recorder-ollama-recorder") -> Any:
    path = {
        "StatefulSet": "/apis/apps/v1/namespaces/{}/statefulsets/",
        "Service": "/api/v1/namespaces/{}/services/",
        "ConfigMap": "/api/v1/namespaces/{}/configmaps/",
    }[kind].format(NAMESPACE)
    status, answer, _ = server.ask(path + name)
    return answer if status == 200 else None


@pytest.mark.parametrize("name", THAT_MATTER)
def test_the_api_server_takes_every_resource_and_warns_of_none(
    name: str, api_server: ApiServer, tmp_path: Path
) -> None:
    """A server-side dry run, with every field checked."""
    for resource in rendered(tmp_path, THAT_MATTER[name]):
        status, answer, warning = api_server.apply(resource, NAMESPACE, only_try=True)
        assert status in (200, 201), answer
        assert warning == "", resource["kind"]


@pytest.mark.parametrize("name", THAT_MATTER)
def test_a_namespace_for_restricted_pods_takes_them(name: str, api_server: ApiServer, tmp_path: Path) -> None:
    (set_,) = [each for each in rendered(tmp_path, THAT_MATTER[name]) if each["kind"] == "StatefulSet"]
    template = set_["spec"]["template"]
    # What the controller of StatefulSets adds.
    claimed = [{"name": "journal", "persistentVolumeClaim": {"claimName": "journal-recorder-0"}}]
    spec = template["spec"] | {"volumes": [*template["spec"]["volumes"], *claimed]}
    spec.pop("priorityClassName", None)  # a class that the cluster would have to have
    pod = {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "recorder-0"} | template["metadata"], "spec": spec}
    status, answer, warning = api_server.apply(pod, NAMESPACE, only_try=True)
    assert (status, warning) == (201, ""), answer
    # The namespace does refuse.
    spec["containers"][0]["securityContext"].pop("allowPrivilegeEscalation")
    status, answer, _ = api_server.apply(pod, NAMESPACE, only_try=True)
    assert (status, "restricted" in answer["message"]) == (403, True)


def test_a_field_that_is_none_would_be_refused(api_server: ApiServer, tmp_path: Path) -> None:
    (set_,) = [each for each in rendered(tmp_path, {}) if each["kind"] == "StatefulSet"]
    set_["spec"]["template"]["spec"]["containers"][0]["redinessProbe"] = {}
    status, answer, _ = api_server.apply(set_, NAMESPACE, only_try=True)
    assert status >= 400
    assert "redinessProbe" in json.dumps(answer)


def test_it_is_installed_changed_taken_back_and_removed(api_server: ApiServer, tmp_path: Path) -> None:
    def run(*arguments: str) -> str:
        ran = helm(tmp_path, *arguments, "--namespace", NAMESPACE, kubeconfig=api_server.kubeconfig)
        assert ran.returncode == 0, ran.stderr
        return ran.stdout

    told = run("install", "recorder", str(CHART), "--values", values_file(tmp_path, {}))
    assert f"http://recorder-ollama-recorder.{NAMESPACE}:8080/api/ollama" in told
    assert installed(api_server, "StatefulSet")["spec"]["replicas"] == 1

    values = {name: value for name, value in ALL_OF_IT.items() if name != "journal"}
    told = run("upgrade", "recorder", str(CHART), "--values", values_file(tmp_path, values))
    assert "https://llm.example.org/api/ollama" in told
    assert installed(api_server, "StatefulSet")["spec"]["replicas"] == 3

    # Kubernetes changes no claim of a StatefulSet; README.md says how a volume grows.
    larger = helm(
        tmp_path,
        *("upgrade", "recorder", str(CHART), "--namespace", NAMESPACE, "--values", values_file(tmp_path, ALL_OF_IT)),
        kubeconfig=api_server.kubeconfig,
    )
    assert larger.returncode != 0
    assert "volumeClaimTemplates" in larger.stderr or "updates to statefulset spec" in larger.stderr

    run("rollback", "recorder", "1")
    assert installed(api_server, "StatefulSet")["spec"]["replicas"] == 1
    run("uninstall", "recorder")
    assert installed(api_server, "StatefulSet") is None
    assert installed(api_server, "ConfigMap") is None
