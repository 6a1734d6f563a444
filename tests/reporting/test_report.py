from pathlib import Path

from tests.reporting.given import failed, reports
from tests.search.indexed import said


def test_it_tells_the_numbers_the_failures_and_who_used_the_machine(tmp_path: Path) -> None:
    records = [
        said(1, "a", user="ada", workflow="Mails", model="tiny", seconds=30.0, prompt_tokens=7, prompt_truncated=True),
        said(2, "b", user="bob", model="tiny", seconds=10.0, completion_tokens=3),
        failed(40, "c", model="tiny"),
        said(80, "c", "now it is", user="ada", model="tiny"),
        failed(90, "d", user="bob"),
        said(91, operation="embed", model="vectors"),
        said(92, operation="list"),
    ]
    report, _ = reports(tmp_path, records)

    assert report.summary == "5 model calls, 2 failures, 1 request never answered."
    numbers, failures, *users = report.sections
    assert numbers.sentences[0] == "5 calls of models, 2 of them failed."
    assert "7 tokens were read and 3 written." in numbers.sentences
    assert "Ollama silently cut 1 prompt." in numbers.sentences
    assert "Beside them: 1 embedding, 1 list or the like." in numbers.sentences
    assert failures.sentences == ("2 failures. 1 request got an answer later, 1 never.",)
    (row,) = failures.rows
    assert (row[0], row[1], row[4:7]) == ("it broke (status 500)", "2", ("ada (1), bob (1)", "1", "1"))
    assert [section.heading for section in users] == [
        "Who used the machine: by workflow",
        "Who used the machine: by user",
        "Who used the machine: by model",
    ]
    assert [row[0] for row in users[1].rows] == ["ada", "bob"]
    assert users[1].rows[0][1:4] == ("3", "32 s", "71 %")


def test_where_nothing_happened_it_says_so(tmp_path: Path) -> None:
    report, _ = reports(tmp_path, [])
    assert report.summary == "0 model calls, nothing failed."
    assert report.sections[1].sentences == ("Nothing failed.",)
