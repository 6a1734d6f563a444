"""The measurement of many Ollamas finds all of them, and its chats go where their models are."""

from tests.benchmarks.gateways import Cores
from tests.benchmarks.many_ollamas import address_of
from tests.benchmarks.measure_many_ollamas import measured


def test_each_stand_in_has_an_address_of_its_own() -> None:
    addresses = [address_of(number) for number in range(1, 1001)]
    assert len(set(addresses)) == 1000
    assert (addresses[0], addresses[-1]) == ("127.1.0.2", "127.1.4.1")


def test_a_recorder_in_front_of_three_is_measured() -> None:
    figures = measured(Cores.of_this_machine(), 3, idle_seconds=0.1, exchanges=6)
    assert figures.ollamas == 3
    assert figures.files > 6
    assert 0 < figures.exchange < 60
    sizes = {path: size for path, (size, _) in figures.answers.items()}
    assert sizes["/api/ollama/api/tags"] > 4 * 200, "four models"
