"""The image for two kinds of processors: the file for `docker buildx bake`, and that all packages are for both."""

import json
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from service import __version__

PROJECT = Path(__file__).parents[2]
BAKE = "deploy/docker-bake.hcl"
MACHINES = {"linux/amd64": "x86_64", "linux/arm64": "aarch64"}
BUILDX = PROJECT / ".servers/docker/engine/usr/libexec/docker/cli-plugins/docker-buildx"


def test_the_bake_file_builds_the_dockerfile_for_both_under_the_version_and_the_stacks_name() -> None:
    text = (PROJECT / BAKE).read_text()
    (platforms,) = re.findall(r"platforms += (\[.+\])", text)
    assert json.loads(platforms) == list(MACHINES)
    assert re.findall(r'variable "(\w+)" \{\n  default = "(.+)"\n\}', text) == [
        ("IMAGE", "ollama-recorder"),
        ("VERSION", __version__),
    ]
    assert "    image: ollama-recorder\n" in (PROJECT / "docker-compose.yml").read_text()
    for page in ("docs/deploy.md", "docs/release.md"):
        assert f"--file {BAKE}" in (PROJECT / page).read_text(), page


@pytest.mark.skipif(not BUILDX.exists(), reason="docker-buildx is not here (tests/servers/build.sh docker)")
def test_buildx_reads_the_bake_file_and_no_other(tmp_path: Path) -> None:
    command = [str(BUILDX), "bake", "--file", BAKE, "--print"]
    environment = {"PATH": os.defpath, "HOME": str(tmp_path), "IMAGE": "registry.example/recorder"}
    told = subprocess.run(command, cwd=PROJECT, env=environment, capture_output=True, text=True, check=True, timeout=60)
    target = json.loads(told.stdout)["target"]["recorder"]
    assert target["tags"] == [f"registry.example/recorder:{__version__}", "registry.example/recorder:latest"]
    assert target["platforms"] == list(MACHINES)


@pytest.mark.long
@pytest.mark.parametrize("platform", MACHINES)
def test_every_package_of_the_image_is_a_wheel_for(platform: str, tmp_path: Path) -> None:
    """As pip takes them in the image, for glibc 2.28 and newer; its hashes are those of the lock."""
    python = re.search(r"^ARG PYTHON=python:3\.(\d+)\.", (PROJECT / "Dockerfile").read_text(), re.MULTILINE)
    assert python is not None
    command = [sys.executable, "-m", "pip", "download", "--quiet", "--disable-pip-version-check", "--no-deps"]
    command += ["--only-binary", ":all:", "--require-hashes", "--implementation", "cp", "--dest", str(tmp_path)]
    command += [f"--python-version=3.{python[1]}", f"--abi=cp3{python[1]}", "--abi=abi3", "--abi=none"]
    command += [f"--platform={kind}_{MACHINES[platform]}" for kind in ("manylinux_2_28", "manylinux2014")]
    for lock in ("image.txt", "build.txt", "compile.txt"):
        subprocess.run([*command, "-r", PROJECT / "requirements" / lock], check=True, timeout=300)
    # pip fails where one has no wheel.
    assert {path.suffix for path in tmp_path.iterdir()} == {".whl"}
    assert any(MACHINES[platform] in path.name for path in tmp_path.iterdir())
