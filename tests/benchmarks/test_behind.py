import pytest

from tests.benchmarks.measure_behind import PARTS, prepared


@pytest.mark.parametrize("part", PARTS)
def test_each_part_can_be_measured_alone(part: str) -> None:
    with prepared(part, 1) as work:
        work(1)
