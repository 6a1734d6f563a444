import logging

import pytest

from service import event_log
from service.journal.defects import report_defect


def test_a_defect_is_told_with_its_place_but_not_with_what_it_quotes(caplog: pytest.LogCaptureFixture) -> None:
    event_log._last_logged.clear()
    with caplog.at_level(logging.ERROR):
        try:
            int("a secret prompt")
        except ValueError as error:
            report_defect("a test", error)
        report_defect("another", KeyError("a secret prompt"))

    said = [entry.__dict__["error"] for entry in caplog.records if entry.__dict__.get("event") == "DefectFound"]
    assert said[0].startswith("ValueError in test_a_defect_is_told")
    assert "test_defects.py:" in said[0]
    assert "secret" not in caplog.text + "".join(said)
