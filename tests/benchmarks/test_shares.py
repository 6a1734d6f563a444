import pytest

from tests.benchmarks.shares import shares


def test_the_parts_of_an_exchange_add_up_to_the_whole() -> None:
    parts = shares(whole=0.002, main_thread=0.001)
    assert set(parts) == {"relay", "capture", "meaning", "journal, standard output"}
    assert sum(parts.values()) == pytest.approx(2000)
    assert 0 < parts["capture"] < parts["meaning"]
