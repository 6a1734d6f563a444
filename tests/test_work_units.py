import pytest

from tests.servers.ollama import PROGRAMS
from tests.work_units import unit_of

OLLAMA = next(iter(PROGRAMS))


@pytest.mark.parametrize(
    ("test", "unit"),
    [
        ("tests/cli/test_tail.py::test_one", "tests/cli/test_tail.py"),
        ("tests/cli/test_tail.py::test_one[a-b]", "tests/cli/test_tail.py"),
        (f"tests/cli/test_tail.py::test_one[{OLLAMA}]", OLLAMA),
        (f"tests/examples/test_chat.py::test_one[a-{OLLAMA}-b]", OLLAMA),
        (f"tests/cli/{OLLAMA}.py::test_one", f"tests/cli/{OLLAMA}.py"),
    ],
)
def test_a_unit_is_a_file_or_a_real_ollama(test: str, unit: str) -> None:
    assert unit_of(test) == unit
