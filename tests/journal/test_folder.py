import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from service.journal import JournalError
from service.journal.folder import make_private_file, prepare_folder, take_lock
from tests.journal.given import kept_ids, open_journal, record

HOLDER = """
import sys, time
from pathlib import Path
from service.journal.folder import take_lock
take_lock(Path(sys.argv[1]))
print("held", flush=True)
time.sleep(60)
"""


def mode(path: Path) -> int:
    return path.stat().st_mode & 0o777


def test_only_the_owner_can_look_into_the_journal(tmp_path: Path) -> None:
    umask = os.umask(0o000)
    try:
        with open_journal(tmp_path / "deep" / "data") as journal:
            journal.write([record(1)])
            modes = {path.name: mode(path) for path in (tmp_path / "deep" / "data").iterdir()}
    finally:
        os.umask(umask)

    assert mode(tmp_path / "deep" / "data") == 0o700
    assert set(modes) == {
        *("journal.sqlite3", "journal.sqlite3-wal", "journal.sqlite3-shm"),
        *("journal.lock", "journal.headroom"),
    }
    assert set(modes.values()) == {0o600}


def test_a_journal_that_others_could_read_is_closed_to_them(tmp_path: Path) -> None:
    with open_journal(tmp_path):
        pass
    tmp_path.chmod(0o755)
    (tmp_path / "journal.sqlite3").chmod(0o644)

    with open_journal(tmp_path):
        pass

    assert mode(tmp_path) == 0o700
    assert mode(tmp_path / "journal.sqlite3") == 0o600


def test_a_folder_of_another_user_is_refused_with_what_to_do(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(_: Path) -> None:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(Path, "iterdir", refuse)
    with pytest.raises(JournalError, match=rf"Permission denied\. .* runs as user {os.geteuid()}: give that user"):
        prepare_folder(tmp_path)


def test_a_folder_that_holds_other_things_keeps_its_mode(tmp_path: Path) -> None:
    (tmp_path / "letters.txt").touch()
    tmp_path.chmod(0o755)

    prepare_folder(tmp_path)

    assert mode(tmp_path) == 0o755


def test_a_second_process_is_told_who_holds_the_folder_and_gets_it_once_that_one_was_killed(tmp_path: Path) -> None:
    holder = subprocess.Popen([sys.executable, "-c", HOLDER, str(tmp_path)], stdout=subprocess.PIPE, text=True)
    try:
        assert holder.stdout is not None
        assert holder.stdout.readline() == "held\n"

        with pytest.raises(JournalError, match=rf"in use by another recorder \(process {holder.pid} on"):
            take_lock(tmp_path)
    finally:
        holder.send_signal(signal.SIGKILL)
        holder.communicate()

    os.close(take_lock(tmp_path))


def test_two_recorders_of_one_process_cannot_share_a_folder_either(tmp_path: Path) -> None:
    with open_journal(tmp_path) as journal:
        journal.write([record(1)])
        with pytest.raises(JournalError, match="in use"), open_journal(tmp_path):
            pass
        journal.write([record(2)])


def test_a_folder_that_cannot_be_made_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").touch()

    with pytest.raises(JournalError, match=r"DATA_DIR='.*file/data' cannot be used: Not a directory"):
        prepare_folder(tmp_path / "file" / "data")


def test_a_file_that_is_made_private_again_keeps_the_locks_of_this_process(tmp_path: Path) -> None:
    with open_journal(tmp_path) as journal:
        journal.write([record(1)])
        make_private_file(tmp_path / "journal.sqlite3")
        # Another process that closes the journal deletes its log if nobody else has a lock.
        looking = (
            "import sqlite3, sys; c = sqlite3.connect(sys.argv[1]); c.execute('SELECT id FROM exchange'); c.close()"
        )
        subprocess.run([sys.executable, "-c", looking, tmp_path / "journal.sqlite3"], check=True)
        assert (tmp_path / "journal.sqlite3-wal").exists()
        journal.write([record(2)])
    assert kept_ids(tmp_path) == [1, 2]


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can make files for others")
def test_what_root_makes_belongs_to_the_folders_owner(tmp_path: Path) -> None:
    """An index that root's ``stats`` makes beside a service that runs as another user is one that it can write."""
    folder = tmp_path / "data"
    folder.mkdir()
    os.chown(folder, 65534, 65533)
    with open_journal(folder) as journal:
        journal.write([record(1)])
        owners = {path.name: (path.stat().st_uid, path.stat().st_gid) for path in folder.iterdir()}
    assert len(owners) == 5
    assert set(owners.values()) == {(65534, 65533)}
