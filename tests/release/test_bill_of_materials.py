"""The bill of materials: complete, in CycloneDX' form, the same for the same lock."""

import json
import re
import tomllib
from typing import Any

import pytest

from release.bill_of_materials import bill_of_materials
from release.lock import LockedPackage, read_lock
from release.vendored import VENDORED
from tests.servers.recorder import PROJECT

PACKAGES = read_lock((PROJECT / "requirements" / "run.txt").read_text())
DESCRIBED: dict[str, Any] = tomllib.loads((PROJECT / "pyproject.toml").read_text())["project"]


def test_it_names_the_recorder_every_package_of_the_lock_and_what_the_page_has_copies_of() -> None:
    bill = json.loads(bill_of_materials(DESCRIBED, PACKAGES))
    assert (bill["bomFormat"], bill["specVersion"], bill["version"]) == ("CycloneDX", "1.6", 1)
    assert re.fullmatch(r"urn:uuid:[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}", bill["serialNumber"])
    root = bill["metadata"]["component"]
    assert (root["type"], root["purl"]) == ("application", f"pkg:pypi/ollama-recorder@{DESCRIBED['version']}")
    assert root["licenses"] == [{"license": {"id": "Apache-2.0"}}]
    listed = {(component["name"], component["version"]) for component in bill["components"]}
    assert listed == {(p.name, p.version) for p in PACKAGES} | {(p.name, p.version) for p in VENDORED}
    references = [component["bom-ref"] for component in bill["components"]]
    assert len(set(references)) == len(references)
    (needs,) = bill["dependencies"]
    assert needs["ref"] == root["bom-ref"]
    assert set(needs["dependsOn"]) < set(references)
    assert len(needs["dependsOn"]) == len(DESCRIBED["dependencies"])


def test_what_is_not_on_every_machine_says_where_it_is() -> None:
    given = [LockedPackage("a", "1"), LockedPackage("b", "2", "sys_platform == 'win32'")]
    bill = json.loads(bill_of_materials(DESCRIBED | {"dependencies": ["a>=1"]}, given))
    assert [component.get("scope") for component in bill["components"][:2]] == [None, "optional"]
    assert bill["components"][1]["properties"] == [{"name": "python:marker", "value": "sys_platform == 'win32'"}]


def test_the_same_lock_gives_the_same_bytes_and_another_one_another_number() -> None:
    first = bill_of_materials(DESCRIBED, PACKAGES)
    assert first == bill_of_materials(DESCRIBED, list(PACKAGES))
    other = bill_of_materials(DESCRIBED, [*PACKAGES, LockedPackage("zzz", "1")])
    assert json.loads(first)["serialNumber"] != json.loads(other)["serialNumber"]


def test_a_lock_without_a_package_that_is_needed_is_refused() -> None:
    with pytest.raises(ValueError, match="the lock lacks orjson: make lock"):
        bill_of_materials(DESCRIBED, [package for package in PACKAGES if package.name != "orjson"])
