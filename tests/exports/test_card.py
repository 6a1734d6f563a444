from collections import Counter

import yaml

from service.exports.card import write_card
from service.exports.dataset import Contents


def test_the_head_of_the_card_names_only_the_sets_that_have_examples() -> None:
    for examples, names in (({"train": 3, "validation": 1}, ["train", "validation"]), ({"train": 3}, ["train"])):
        card = write_card(Contents(examples=Counter(examples)), ["model=tiny"], "2026-11-21T10:00:00Z")
        _, head, body = card.split("---\n", 2)
        said = yaml.safe_load(head)
        assert [split["name"] for split in said["dataset_info"]["splits"]] == names
        assert [file["split"] for file in said["configs"][0]["data_files"]] == names
        assert "model=tiny" in body


def test_many_names_are_summed_up() -> None:
    models = Counter({f"model{number}": number + 1 for number in range(30)})
    card = write_card(Contents(examples=Counter(train=1), models=models), [], "2026-11-21T10:00:00Z")
    assert "| model29 | 30 |" in card
    assert f"| 10 others | {sum(range(1, 11))} |" in card
