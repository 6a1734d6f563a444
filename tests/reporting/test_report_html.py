from html.parser import HTMLParser
from pathlib import Path

from service.reporting.report_html import write_html
from tests.reporting.given import HOSTILE, failed, reports
from tests.search.indexed import said


class Tags(HTMLParser):
    """The tags of a page, and those that are open."""

    def __init__(self) -> None:
        super().__init__()
        self.seen: set[str] = set()
        self.open: list[str] = []
        self.text = ""

    def handle_starttag(self, tag: str, attributes: object) -> None:
        self.seen.add(tag)
        if tag != "meta":
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        self.text += data


def test_it_is_whole_and_holds_no_mark_up_of_what_was_recorded(tmp_path: Path) -> None:
    names = {"user": HOSTILE, "model": HOSTILE, "error": HOSTILE}
    report, _ = reports(tmp_path, [failed(1, **names), said(2, workflow=HOSTILE)])
    tags = Tags()
    tags.feed(write_html(report))
    assert tags.open == []
    assert tags.seen <= set("html head meta title style body h1 h2 p strong div table tr th td span".split())
    assert "<script>alert(1)</script>" in tags.text
    assert "\x1b" not in tags.text
    assert "\u202e" not in tags.text
