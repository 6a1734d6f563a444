"""What came of a batch: rows and a sentence."""

from pathlib import Path
from typing import Any

from service.inspector.batch_table import COLUMNS, flat, rows_of, sentence_of
from service.journal.reader import Reader
from service.journal.replay_batches import ReplayBatch
from tests.cli.kept import chat, keep
from tests.journal.given import identifier


def row(seconds: float | None = 2.0, **facts: Any) -> dict[str, Any]:
    side = {"seconds": seconds} if seconds else {}
    return {"old": {"seconds": 1.0}, "new": side} | facts


def test_the_sentence_says_what_it_comes_to() -> None:
    rows = [row(likeness=0.5, verdict="new"), row(likeness=0.9, verdict="new"), row(verdict="bad"), {"error": "gone"}]
    assert sentence_of(rows) == (
        "3 of 4 prompts got a new answer, 1 failed. Half of them share 70 % of their words or more with the old"
        " ones."
        " They took 2 s in the median, the old ones 1 s. Judged 3: the new was better 2 ×, both bad 1 ×."
    )
    erased_later: list[dict[str, Any]] = [{"new": {}, "gone": "old"}, {"old": {}, "likeness": 0.5, "gone": "new"}]
    erased_before, failed = {"gone": "old", "error": "It is not here any more."}, {"new": {"failed": True}}
    assert sentence_of([*erased_later, erased_before, failed]) == (
        "2 of 4 prompts got a new answer, 2 failed. Of 3 not all is here any more: erased, or older than what is kept."
        " Half of them share 50 % of their words or more with the old ones."
    )
    assert sentence_of([]) == "0 of 0 prompts got a new answer."
    assert sentence_of([{"verdict": "odd"}]) == "0 of 1 prompt got a new answer."


def test_what_was_erased_meanwhile_is_told(tmp_path: Path) -> None:
    keep(tmp_path, chat(1, "Why?", "One two."), chat(2, answer="One.", model="big", replay_of=identifier(1)))
    reader = Reader(tmp_path)
    batch = ReplayBatch(
        "0" * 16,
        {"exchanges": [identifier(1), "f" * 32, identifier(1), "f" * 32, identifier(1)]},
        {
            0: {"new": identifier(2), "likeness": 0.5},
            1: {"new": "e" * 32},
            3: {"new": identifier(2)},
            4: {"new": "e" * 32},
        },
    )
    rows = rows_of(reader, batch)
    first, second, third, *_ = rows
    reader.close()
    assert [row.get("gone") for row in rows] == [None, "both", None, "old", "new"]
    assert (first["prompt"], first["old"]["words"], first["new"]["words"]) == ("Why?", 2, 1)
    assert "new" not in second
    assert "old" not in second
    assert "new" not in third
    assert "error" not in third
    values = flat(first)
    assert tuple(values) == COLUMNS
    assert (values["old_model"], values["new_model"]) == ("tiny", "big")
