"""Kubernetes' real API server with an etcd of its own. No controller and no node: nothing is ever started."""

import contextlib
import json
import subprocess
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from tests.servers.process import SERVERS, UNCHECKED, RunningServer, free_port, running

SERVER = SERVERS / "kubernetes"
"""Not among what `make servers` builds: fifteen minutes of a core. `tests/servers/build.sh kubernetes` does."""
_TOKEN = "of-this-test"
_COLLECTIONS = {
    "ConfigMap": "configmaps",
    "Ingress": "ingresses",
    "NetworkPolicy": "networkpolicies",
    "PodDisruptionBudget": "poddisruptionbudgets",
    "ServiceAccount": "serviceaccounts",
    "ServiceMonitor": "servicemonitors",
    "Service": "services",
    "StatefulSet": "statefulsets",
    "Pod": "pods",
    "Namespace": "namespaces",
    "CustomResourceDefinition": "customresourcedefinitions",
}
_WITHOUT_NAMESPACE = {"Namespace", "CustomResourceDefinition"}


@dataclass(frozen=True, slots=True)
class ApiServer:
    """A running API server, whoever asks it may do everything."""

    server: RunningServer
    kubeconfig: Path

    def apply(self, resource: dict[str, Any], namespace: str, *, only_try: bool) -> tuple[int, dict[str, Any], str]:
        """Server-side apply of ``resource``: status, answer, warnings. Fields that it does not know are refused."""
        group = resource["apiVersion"]
        path = f"/api/{group}" if "/" not in group else f"/apis/{group}"
        if resource["kind"] not in _WITHOUT_NAMESPACE:
            path += f"/namespaces/{namespace}"
        path += f"/{_COLLECTIONS[resource['kind']]}/{resource['metadata']['name']}"
        query = "?fieldManager=test&fieldValidation=Strict" + ("&dryRun=All" if only_try else "")
        headers = {"Content-Type": "application/apply-patch+yaml"}
        return self.ask(path + query, method="PATCH", body=json.dumps(resource).encode(), headers=headers)

    def wait_for(self, path: str, seconds: float = 60.0) -> None:
        """Until ``path`` is served: a new kind of resource is, some time after it was defined."""
        until = time.monotonic() + seconds
        while (answer := self.ask(path))[0] != 200:
            assert time.monotonic() < until, answer
            time.sleep(0.1)

    def ask(
        self, path: str, *, method: str = "GET", body: bytes | None = None, headers: dict[str, str] | None = None
    ) -> tuple[int, dict[str, Any], str]:
        """Status, answer and warnings."""
        headers = {"Authorization": f"Bearer {_TOKEN}", **(headers or {})}
        request = urllib.request.Request(self.server.url + path, body, headers, method=method)
        try:
            with urllib.request.urlopen(request, timeout=60, context=UNCHECKED) as reply:
                return reply.status, json.load(reply), reply.headers.get("Warning", "")
        except urllib.error.HTTPError as error:
            with error:
                text = error.read().decode()
                is_json = error.headers.get_content_type() == "application/json"
                answer = json.loads(text) if is_json else {"message": text}
                return error.code, answer, error.headers.get("Warning", "")


@contextlib.contextmanager
def running_api_server(folder: Path) -> Iterator[ApiServer]:
    """Start etcd and the API server, with their data in ``folder``."""
    api_server, etcd = SERVER / "kube-apiserver", SERVER / "etcd"
    folder.mkdir(parents=True)
    key = folder / "service-accounts.key"
    subprocess.run(["openssl", "genrsa", "-out", str(key), "2048"], check=True, capture_output=True)
    (folder / "tokens.csv").write_text(f"{_TOKEN},test,1,system:masters\n")

    def etcd_command(port: int) -> list[str | Path]:
        client, peer = f"http://127.0.0.1:{port}", f"http://127.0.0.1:{free_port()}"
        return [
            etcd,
            f"--data-dir={folder / 'etcd-data'}",
            *(f"--listen-client-urls={client}", f"--advertise-client-urls={client}"),
            *(
                f"--listen-peer-urls={peer}",
                f"--initial-advertise-peer-urls={peer}",
                f"--initial-cluster=default={peer}",
            ),
            "--unsafe-no-fsync",
        ]

    with running(etcd_command, folder=folder / "etcd", ready="/readyz", seconds=60) as store:

        def command(port: int) -> list[str | Path]:
            return [
                api_server,
                f"--etcd-servers={store.url}",
                *("--bind-address=127.0.0.1", f"--secure-port={port}", f"--cert-dir={folder / 'certificates'}"),
                *(f"--token-auth-file={folder / 'tokens.csv'}", "--authorization-mode=RBAC"),
                *("--service-account-issuer=https://kubernetes.default.svc", f"--service-account-key-file={key}"),
                f"--service-account-signing-key-file={key}",
                "--service-cluster-ip-range=10.0.0.0/24",
                # Who usually makes the accounts of a new namespace is not here, nor a node that the server is found by.
                *("--disable-admission-plugins=ServiceAccount", "--endpoint-reconciler-type=none"),
            ]

        headers = {"Authorization": f"Bearer {_TOKEN}"}
        with running(
            command, folder=folder / "api-server", ready="/readyz", headers=headers, seconds=120, scheme="https"
        ) as server:
            yield ApiServer(server, _kubeconfig(folder, server.url))


def _kubeconfig(folder: Path, url: str) -> Path:
    path = folder / "kubeconfig"
    cluster = {"server": url, "insecure-skip-tls-verify": True}
    path.write_text(
        yaml.safe_dump(
            {
                "apiVersion": "v1",
                "kind": "Config",
                "clusters": [{"name": "test", "cluster": cluster}],
                "users": [{"name": "test", "user": {"token": _TOKEN}}],
                "contexts": [{"name": "test", "context": {"cluster": "test", "user": "test"}}],
                "current-context": "test",
            }
        )
    )
    path.chmod(0o600)
    return path
