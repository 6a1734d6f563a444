"""The bill of materials in CycloneDX 1.6: the recorder, what it is installed with, and what the page has copies of.

It is made of two tables alone, so the same lock gives the same bytes: no time, and a serial number from the content.
"""

import json
import re
import uuid
from typing import Any

from release.lock import LockedPackage, normal_name
from release.vendored import VENDORED, VendoredPackage

_NAMESPACE = uuid.UUID("6f4b5c1e-6c0c-5d3b-9a52-5a0f3e2b7d11")


def bill_of_materials(project: dict[str, Any], packages: list[LockedPackage]) -> str:
    """JSON, as text. ``project`` is the table of that name in ``pyproject.toml``."""
    root = _component(LockedPackage(project["name"], project["version"]), kind="application")
    root["description"] = project["description"]
    root["licenses"] = [{"license": {"id": project["license"]}}]
    direct = {
        normal_name(re.split(r"[\s<>=!~;\[]", requirement, maxsplit=1)[0]) for requirement in project["dependencies"]
    }
    if unknown := direct - {package.name for package in packages}:
        raise ValueError(f"the lock lacks {', '.join(sorted(unknown))}: make lock")
    references = {package.name: _reference(package) for package in packages}
    bill = {
        "bomFormat": "CycloneDX",
        "specVersion": "1.6",
        "version": 1,
        "metadata": {"component": root},
        "components": [
            *(_component(package, kind="library") for package in packages),
            *map(_vendored_component, VENDORED),
        ],
        # What the packages need of each other the lock does not tell.
        "dependencies": [{"ref": root["bom-ref"], "dependsOn": sorted(references[name] for name in direct)}],
    }
    serial = uuid.uuid5(_NAMESPACE, json.dumps(bill, sort_keys=True))
    return json.dumps({"serialNumber": f"urn:uuid:{serial}", **bill}, indent=2, sort_keys=True) + "\n"


def _reference(package: LockedPackage) -> str:
    return f"pkg:pypi/{package.name}@{package.version}"


def _component(package: LockedPackage, kind: str) -> dict[str, Any]:
    reference = _reference(package)
    component: dict[str, Any] = {
        "type": kind,
        "bom-ref": reference,
        "name": package.name,
        "version": package.version,
        "purl": reference,
    }
    if package.marker:
        # Not on every machine: "optional" is CycloneDX' word for what may be absent.
        component["scope"] = "optional"
        component["properties"] = [{"name": "python:marker", "value": package.marker}]
    return component


def _vendored_component(package: VendoredPackage) -> dict[str, Any]:
    reference = f"pkg:npm/{package.name}@{package.version}"
    component: dict[str, Any] = {
        "type": "library",
        "bom-ref": reference,
        "name": package.name,
        "version": package.version,
        "purl": reference,
        "licenses": [{"license": {"id": package.license}}],
        "properties": [{"name": "ollama-recorder:copy", "value": package.path}],
    }
    if package.sha256:
        component["hashes"] = [{"alg": "SHA-256", "content": package.sha256}]
    return component
