"""Files that repeat the recorder's tables are written from them, and nobody edits them by hand."""

import pytest

from tests.configuration.written_files import PROJECT, WRITTEN


@pytest.mark.parametrize("name", WRITTEN)
def test_a_written_file_is_as_the_tables_have_it(name: str) -> None:
    assert (PROJECT / name).read_text() == WRITTEN[name](), "run make written"
