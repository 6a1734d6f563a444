"""What others waited for is tested in words in test_totals; here that the sums hold whatever the records say."""

import contextlib
from pathlib import Path
from random import Random

import pytest

from service.search.filters import Filter
from service.search.search import Search
from tests.search.indexed import index, said, write


@pytest.mark.parametrize("seed", range(5))
def test_nobody_makes_others_wait_for_longer_than_they_waited(tmp_path: Path, seed: int) -> None:
    random = Random(seed)
    records = [
        said(
            number,
            seconds=random.uniform(0, 9),
            model=random.choice("abc"),
            queue_time=random.choice([None, 0.0, 3.0, 1e9]),
            wait_time=(load := random.choice([None, 0.2, 3.0, 1e9])),
            load_time=load,
            prompt_time=random.choice([None, 0.5]),
            generation_time=random.choice([None, 2.0, 1e9]),
            stream=random.random() < 0.5,
            time_to_first_token=random.choice([None, 2.0, 4.0]),
        )
        for number in range(1, 200)
    ]
    write(tmp_path, records)
    index(tmp_path)

    with contextlib.closing(Search(tmp_path)) as search:
        use = search.use(Filter(), "model")
    groups = use.groups
    made = sum(group.made_wait for group in groups) + use.load_made_wait
    assert 0 < made <= sum(group.waited for group in groups) + 1e-6
    assert use.load_made_wait > 0
    assert all(group.made_wait >= 0 for group in groups)
    assert sum(group.model_share for group in groups) == pytest.approx(1)
