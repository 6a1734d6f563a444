"""What a shell offers at the Tab key."""

import os
import subprocess
import sys
from pathlib import Path

from service.cli.completing import complete_id, completes_values
from service.cli.journal_access import catch_up
from service.settings import read_settings
from tests.cli.conftest import Run
from tests.cli.kept import HOSTILE, chat, keep
from tests.journal.given import identifier
from tests.servers.recorder import PROJECT


def offered(folder: Path, words: str) -> str:
    """The words that bash is told for a line that ends where Tab is pressed."""
    settings = {"DATA_DIR": str(folder), "PYTHONPATH": str(PROJECT), "PATH": os.environ["PATH"]}
    count = len(words.split(" ")) - 1
    asked = {"_OLLAMA_RECORDER_COMPLETE": "bash_complete", "COMP_WORDS": words, "COMP_CWORD": str(count)}
    code = "import sys; sys.argv[0] = 'ollama-recorder'\nfrom service.cli import app\napp(prog_name='ollama-recorder')"
    done = subprocess.run(
        [sys.executable, "-c", code], env=settings | asked, capture_output=True, text=True, timeout=60, check=False
    )
    assert not done.stderr, done.stderr
    return "\n".join(line.partition(",")[2] for line in done.stdout.splitlines())


def test_ids_models_and_workflows_are_offered(folder: Path) -> None:
    keep(folder, chat(1, model="tiny"), chat(2, model="big", caller={"workflow": "Invoices"}))
    catch_up(read_settings({"DATA_DIR": str(folder)}))
    assert offered(folder, "ollama-recorder show ").split() == [identifier(2), identifier(1)]
    assert offered(folder, "ollama-recorder list --model t").split() == ["tiny"]
    assert offered(folder, "ollama-recorder stats --workflow ").split() == ["Invoices"]
    assert "replay-all" in offered(folder, "ollama-recorder repl")


def test_without_a_journal_or_with_a_wrong_setting_nothing_is_offered(run: Run, folder: Path) -> None:
    assert offered(folder, "ollama-recorder show ").strip() == ""
    assert offered(folder, "ollama-recorder list --model t").strip() == ""
    assert complete_id("xyz") == []
    assert completes_values("slower") is None


def test_a_name_that_a_terminal_would_obey_is_not_offered(run: Run, folder: Path) -> None:
    keep(folder, chat(1, model=HOSTILE), chat(2, model="tiny"))
    catch_up(read_settings({"DATA_DIR": str(folder)}))
    complete = completes_values("model")
    assert complete is not None
    assert complete("") == ["tiny"]
    assert all(text.isprintable() for one in complete_id("") for text in one)
