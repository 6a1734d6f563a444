"""What is still to be erased elsewhere outlives a restart, and is readable by its owner only."""

from pathlib import Path

import pytest

from service.peers.open_erasures import FILE, LOKI, OpenErasure, OpenErasures

GARAGE = OpenErasure("garage", (("model", "tiny"),), since="2026-11-29T12:00:00Z", trouble="away")
IN_LOKI = OpenErasure(LOKI, requests=("/loki/api/v1/delete?x=1",), since="2026-11-29T12:00:00Z", trouble="off")


def test_they_are_there_after_a_restart_until_they_are_done(tmp_path: Path) -> None:
    OpenErasures(tmp_path).add([GARAGE, IN_LOKI])
    assert (tmp_path / FILE).stat().st_mode & 0o777 == 0o600
    again = OpenErasures(tmp_path)
    assert again.all() == (GARAGE, IN_LOKI)
    again.settle(GARAGE, "still away")
    assert {one.trouble for one in OpenErasures(tmp_path).all()} == {"still away", "off"}
    again.settle(IN_LOKI, "")
    again.settle(again.all()[0], "")
    assert OpenErasures(tmp_path).all() == ()


def test_one_that_is_done_already_is_done(tmp_path: Path) -> None:
    erasures = OpenErasures(tmp_path)
    erasures.settle(GARAGE, "")
    assert erasures.all() == ()
    assert not (tmp_path / FILE).exists()


@pytest.mark.parametrize("content", [b"{", b"[1]", b'[{"where":"a"}]', b'{"a":1}', b'[{"where":"a","query":[[1]]}]'])
def test_a_damaged_file_is_kept_aside_and_keeps_nobody_from_erasing(tmp_path: Path, content: bytes) -> None:
    (tmp_path / FILE).write_bytes(content)
    erasures = OpenErasures(tmp_path)
    assert erasures.all() == ()
    assert (tmp_path / FILE).with_suffix(".damaged").read_bytes() == content
    erasures.add([GARAGE])
    assert OpenErasures(tmp_path).all() == (GARAGE,)


def test_what_cannot_be_written_is_not_remembered(tmp_path: Path) -> None:
    erasures = OpenErasures(tmp_path / "nowhere")
    with pytest.raises(OSError, match="nowhere"):
        erasures.add([GARAGE])
    assert erasures.all() == ()


def test_the_part_of_this_recorder_is_told_apart_also_after_a_restart(tmp_path: Path) -> None:
    here = OpenErasure("office", (("model", "tiny"),), since="2026-11-29T12:00:00Z", is_here=True)
    OpenErasures(tmp_path).add([here, GARAGE])
    assert OpenErasures(tmp_path).all() == (here, GARAGE)
    # As it was written before there were any.
    (tmp_path / FILE).write_text('[{"where":"a","query":[],"requests":[],"since":"","trouble":""}]')
    assert OpenErasures(tmp_path).all() == (OpenErasure("a"),)
