"""The text of a file that a setting names."""

import os
import threading
from pathlib import Path

import pytest

from service.file_of_setting import read_file_of_setting
from service.gateway.admission import read_keys
from service.settings_file import SettingsFile


def test_it_is_read_as_it_is(tmp_path: Path) -> None:
    file = tmp_path / "file"
    file.write_bytes("é\r\n#\n".encode())
    assert read_file_of_setting(file) == "é\r\n#\n"
    file.write_bytes(b"a" * (1 << 20))
    assert len(read_file_of_setting(file)) == 1 << 20


def test_the_mark_that_windows_writes_first_is_no_part_of_a_name(tmp_path: Path) -> None:
    file = tmp_path / "keys"
    file.write_bytes(b"\xef\xbb\xbfann " + b"0" * 64 + b"\r\n")
    assert read_keys(file) == {"0" * 64: "ann"}


def test_what_cannot_be_read_is_told(tmp_path: Path) -> None:
    file = tmp_path / "file"
    with pytest.raises(ValueError, match="cannot be read: No such file"):
        read_file_of_setting(file)
    file.mkdir()
    with pytest.raises(ValueError, match="cannot be read: Is a directory"):
        read_file_of_setting(file)
    file.rmdir()
    file.write_bytes(b"a\xff")
    with pytest.raises(ValueError, match="is not UTF-8"):
        read_file_of_setting(file)
    file.write_bytes(b"#" * ((1 << 20) + 1))
    with pytest.raises(ValueError, match="longer than 1 MiB"):
        read_file_of_setting(file)
    with pytest.raises(ValueError, match="is no file"):
        read_file_of_setting(Path("/dev/zero"))


@pytest.mark.parametrize(
    "read", [read_keys, lambda path: SettingsFile("LIMITS_FILE", path, str).read()], ids=["keys", "limits"]
)
def test_a_pipe_in_its_place_holds_nobody_up(tmp_path: Path, read: object) -> None:
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    met: list[str] = []

    def try_it() -> None:
        try:
            read(pipe)  # type: ignore[operator]  # both take a path
        except ValueError as mistake:
            met.append(str(mistake))

    trying = threading.Thread(target=try_it, daemon=True)
    trying.start()
    trying.join(10)
    assert met == ["it is no file"]
