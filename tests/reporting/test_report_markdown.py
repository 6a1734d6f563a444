import re
from pathlib import Path

from service.reporting.report_markdown import write_markdown
from tests.reporting.given import HOSTILE, failed, reports
from tests.search.indexed import said


def test_tables_have_as_many_cells_in_each_row_whatever_stands_in_them(tmp_path: Path) -> None:
    report, _ = reports(tmp_path, [failed(1, user=HOSTILE, error=HOSTILE), said(2, workflow="a|b\nc", model=HOSTILE)])
    lines = write_markdown(report).splitlines()
    tables = [re.sub(r"\\.", "", line).count("|") for line in lines if line.startswith("|")]
    assert set(tables) == {9, 12}
    assert sum(line.startswith("|---") for line in lines) == 4


def test_what_was_recorded_is_text_and_no_mark_up(tmp_path: Path) -> None:
    report, _ = reports(tmp_path, [failed(1, user=HOSTILE)])
    text = re.sub(r"\\.", "", write_markdown(report))
    assert not re.search(r"<script|https://|]\(|\x1b|\u202e|`|www\.", text)
    assert "alert" in text


def test_a_name_that_begins_like_a_list_stays_a_name(tmp_path: Path) -> None:
    report, _ = reports(tmp_path, [said(1, user="- 1. a"), said(2, user="1. b")])
    text = write_markdown(report)
    assert "| \\- 1. a |" in text
    assert "| 1\\. b |" in text


def test_a_number_with_a_dot_is_not_taken_for_a_list(tmp_path: Path) -> None:
    report, _ = reports(tmp_path, [said(1, user="1.8 s"), said(2, user="2026. x"), said(3, user="12) y")])
    text = write_markdown(report)
    assert all(cell in text for cell in ("| 1.8 s |", "| 2026\\. x |", "| 12\\) y |"))
