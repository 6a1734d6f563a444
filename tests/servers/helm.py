"""The real Helm, and what it makes of the chart."""

import os
import subprocess
from pathlib import Path
from typing import Any

import yaml

from tests.servers.process import require

CHART = Path(__file__).parents[2] / "deploy" / "helm" / "ollama-recorder"


def helm(folder: Path, *arguments: str, kubeconfig: Path | None = None) -> subprocess.CompletedProcess[str]:
    """Run Helm with all that it keeps in ``folder``; without ``kubeconfig`` it finds no cluster."""
    environment = {
        "PATH": os.environ.get("PATH", os.defpath),
        **{
            name: str(folder / name.lower())
            for name in ("HOME", "HELM_CACHE_HOME", "HELM_CONFIG_HOME", "HELM_DATA_HOME")
        },
        "KUBECONFIG": str(kubeconfig or folder / "no-cluster"),
    }
    command = [str(require("helm", "run make servers")), *arguments]
    return subprocess.run(command, env=environment, capture_output=True, text=True, timeout=120, check=False)


def values_file(folder: Path, values: dict[str, Any]) -> str:
    """``values`` as Helm reads them with ``--values``."""
    path = folder / "values.yaml"
    path.write_text(yaml.safe_dump(values))
    return str(path)


def rendered(folder: Path, values: dict[str, Any], *, release: str = "recorder", namespace: str = "llm") -> list[Any]:
    """The resources that the chart makes of ``values``; AssertionError with what Helm wrote when it refuses them."""
    ran = helm(
        folder,
        *("template", release, str(CHART), "--namespace", namespace, "--values", values_file(folder, values)),
        *("--api-versions", "monitoring.coreos.com/v1"),
    )
    assert ran.returncode == 0, ran.stderr
    return [resource for resource in yaml.safe_load_all(ran.stdout) if resource]
