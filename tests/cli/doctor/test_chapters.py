"""Each entry of the page is found when its situation is there, and nothing is found when all is well."""

import pytest

from service.cli.doctor.chapters import Chapter
from tests.cli.doctor.place import Place, Situation
from tests.cli.doctor.situations import SITUATIONS


@pytest.mark.parametrize("situation", SITUATIONS, ids=lambda situation: str(situation.name))
def test_each_situation_is_found(situation: Situation, place: Place) -> None:
    found = [finding for finding in situation.make(place) if finding.entry is situation.entry]
    assert [finding.state for finding in found] == [situation.state], found
    assert found[0].advice


def test_every_entry_has_a_situation() -> None:
    assert {situation.entry for situation in SITUATIONS} == set(Chapter)
