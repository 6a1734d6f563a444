"""Which right an address asks for; more of it is in test_readers.py, at a running recorder."""

import pytest

from service.inspector.readers import Right
from service.inspector.rights import right_for


@pytest.mark.parametrize(
    "path", ["/new.json", "/exchanges.new", "//exchanges.json", "/exchanges.json/", "/exchanges/x"]
)
def test_what_nobody_thought_of_asks_for_bodies(path: str) -> None:
    assert right_for("GET", path, frozenset()) is Right.BODIES
