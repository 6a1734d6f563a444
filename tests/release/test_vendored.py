"""What others wrote and the page has a copy of is what they published, and its licences go along."""

import hashlib

from release.vendored import VENDORED
from service.inspector.assets import FOLDER
from tests.servers.recorder import PROJECT

COPIES = {package.path: package.sha256 for package in VENDORED if package.sha256}


def test_each_copy_is_as_it_was_published_and_there_is_no_other() -> None:
    for path, digest in COPIES.items():
        assert hashlib.sha256((PROJECT / path).read_bytes()).hexdigest() == digest
    assert {str(file.relative_to(PROJECT)) for file in FOLDER.rglob("*.mjs")} == set(COPIES)


def test_each_package_in_a_copy_has_its_licence_beside_it() -> None:
    for package in VENDORED:
        licences = (PROJECT / package.path).with_name("LICENSES.txt").read_text()
        title = f"{package.name} {package.version}"
        _, found, after = licences.partition(f"\n{title}\n{'=' * len(title)}\n")
        assert found
        own = after.split("\n====", 1)[0]
        assert "Copyright" in own
        assert (
            "Redistribution and use" if package.license == "BSD-2-Clause" else "Permission is hereby granted"
        ) in own
        assert package.path in COPIES
