"""Tests in a browser take a while each, and longer when they run side by side: they have a target of their own."""

from pathlib import Path

import pytest
from playwright.async_api import expect

# Five seconds, as it is otherwise, are not much for a browser on a machine that is busy.
expect.set_options(timeout=15_000)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        if item.path.parent == Path(__file__).parent:
            item.add_marker(pytest.mark.browser)
