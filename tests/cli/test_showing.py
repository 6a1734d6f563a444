"""``show``: one exchange as people read it, as programs do, and as it passed."""

import json
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from service.record.fields import FIELDS, FieldKind
from service.record.line import make_record
from tests.cli.conftest import Run
from tests.cli.kept import HOSTILE, chat, keep
from tests.cli.test_screen import on_a_terminal
from tests.journal.given import ended, identifier
from tests.servers.recorder import PROJECT


def test_the_conversation_the_time_and_the_reason_are_told(run: Run, folder: Path) -> None:
    keep(
        folder,
        chat(1, "Why is it slow?", "The model\nwas loaded.", seconds=40.0),
        chat(2),
        chat(3, replay_of=identifier(1)),
    )
    shown = run("show", identifier(1)).stdout
    for words in (
        "── user\nWhy is it slow?",
        "━━ assistant\nThe model\nwas loaded.",
        "generation",
        "█",
        "27 tokens",
    ):
        assert words in shown
    assert identifier(2) in next(line for line in shown.splitlines() if line.startswith("next"))
    assert identifier(3) in next(line for line in shown.splitlines() if line.startswith("repeated by"))
    assert identifier(1) in next(
        line for line in run("show", identifier(3)).stdout.splitlines() if line.startswith("repeats")
    )


def test_an_answer_of_which_not_all_was_read_is_told_to_be_so(run: Run, folder: Path) -> None:
    parts = [{"type": "text", "text": "Because."}, {"type": "hologram", "data": "x"}]
    response = json.dumps({"message": {"role": "assistant", "content": parts}, "done": True}).encode()
    keep(folder, make_record(ended(1, b'{"model":"tiny"}', response), context_length_of=lambda model: None, mask=False))
    shown = " ".join(run("show", identifier(1)).stdout.split())
    assert "The answer holds something that the record does not read; it is kept as it came." in shown
    assert "our copy was shortened" not in shown


def test_every_field_that_has_a_name_for_people_is_shown(run: Run, folder: Path) -> None:
    made: dict[FieldKind, Any] = {FieldKind.NUMBER: 1234.5, FieldKind.COUNT: 4321, FieldKind.TRUTH: True}
    made[FieldKind.NAMES] = ["think", "num_ctx"]
    texts = {FieldKind.NUMBER: "1,234.5", FieldKind.COUNT: "4,321", FieldKind.TRUTH: "yes"}
    texts[FieldKind.NAMES] = "think, num_ctx"
    line = {field.name: made.get(field.kind, f"the {field.name}") for field in FIELDS} | {"exchange": identifier(1)}
    keep(folder, chat(1)._replace(line=json.dumps(line).encode()))
    shown = run("show", identifier(1)).stdout
    assert "the error" in shown
    for field in FIELDS:
        if field.label and field.name not in ("error", "exchange"):
            text = texts.get(field.kind)
            written = f"{text or line[field.name]} {field.unit}".rstrip()
            assert re.search(rf"^{re.escape(field.label)} +{re.escape(written)}\s*$", shown, re.MULTILINE), field.name


def test_an_execution_is_a_link_into_n8n(run: Run, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    named = {"workflow": "Invoices", "workflow_id": "Xa9", "execution_id": "231/2", "node": "Summarise"}
    # Without the workflow's id n8n has no address for an execution.
    keep(folder, chat(1, caller=named), chat(2, caller=named | {"workflow_id": None}))
    assert "shown at" not in run("show", identifier(1)).stdout
    assert json.loads(run("show", identifier(1), "--json").stdout)["n8n_url"] is None
    monkeypatch.setenv("N8N_URL", "http://n8n.localhost:5678/flows/")
    address = "http://n8n.localhost:5678/flows/workflow/Xa9/executions/231%2F2"
    shown = run("show", identifier(1)).stdout
    line = next(line for line in shown.splitlines() if line.startswith("execution is shown at"))
    assert line.split()[-1] == address
    assert json.loads(run("show", identifier(1), "--json").stdout)["n8n_url"] == address
    assert "shown at" not in run("show", identifier(2)).stdout
    assert json.loads(run("show", identifier(2), "--json").stdout)["n8n_url"] is None


def test_an_address_of_n8n_that_is_none_is_told(run: Run, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    keep(folder, chat(1))
    monkeypatch.setenv("N8N_URL", "localhost:5678")
    told = run("show", identifier(1))
    assert told.exit_code != 0
    assert "N8N_URL" in told.stderr


def test_programs_get_all_of_it(run: Run, folder: Path) -> None:
    keep(folder, chat(1, "Why?", "Because."))
    told = json.loads(run("show", identifier(1), "--json").stdout)
    assert told["record"]["exchange"] == identifier(1)
    assert told["conversation"]["turns"][0]["text"] == "Why?"
    assert told["conversation"]["answer"]["text"] == "Because."
    assert [phase["name"] for phase in told["explanation"]["phases"]][:3] == ["wait", "prompt", "generation"]


def test_the_kept_bytes_pass_through_a_pipe_unchanged(folder: Path) -> None:
    record = chat(1, HOSTILE)
    keep(folder, record)
    command = [sys.executable, "-m", "service", "show", identifier(1), "--raw"]
    settings = {"PYTHONPATH": str(PROJECT), "DATA_DIR": str(folder)}
    for side, body in (("request", record.request), ("response", record.response)):
        done = subprocess.run([*command, side], env=settings, capture_output=True, timeout=30, check=True)
        assert done.stdout == body


@pytest.mark.parametrize(
    "words",
    [["show"], ["show", "--raw", "request"], ["show", "--raw", "response"], ["list"], ["stats"], ["export", "jsonl"]],
)
def test_a_terminal_obeys_nothing_of_what_was_recorded(words: list[str], folder: Path) -> None:
    record = chat(1, HOSTILE, HOSTILE, model=HOSTILE, caller={"workflow": HOSTILE})
    # As bytes, JSON's escapes hide nothing.
    keep(folder, record._replace(request=HOSTILE.encode("utf-8", "replace"), response=b"\x1b]52;c;b3duZWQ=\x07\x9b2J"))
    words = [*words, identifier(1)] if words[0] == "show" else words
    shown = on_a_terminal(
        f"import sys\nsys.argv[1:] = {words!r}\nfrom service.cli import main\nmain()",
        # Without styles of its own it has no reason to send a single ESC.
        TERM="dumb",
        DATA_DIR=str(folder),
    ).decode()
    assert not [character for character in shown if ord(character) < 32 and character not in "\r\n"]
    assert not set("\x7f\x9b\u202e\u2066") & set(shown)


def test_an_exchange_that_is_not_there_is_said_in_one_sentence(run: Run, folder: Path) -> None:
    keep(folder, chat(1))
    done = run("show", "abc")
    assert (done.exit_code, done.stdout) == (1, "")
    assert "There is no exchange abc" in done.stderr
    assert run("show", "nonsense").exit_code == 2
    assert run("show", identifier(1), "--raw", "both").exit_code == 2
    assert run("show", identifier(1), "--raw", "request", "--json").exit_code == 2


@pytest.mark.parametrize(
    ("outcome", "status", "error"),
    [
        ("completed", 404, "model 'llama3.3' not found"),
        ("refused", 403, "/api/pull changes models, which is off. Set ALLOW_MANAGEMENT=true to allow it."),
        ("upstream_unreachable", 502, "Ollama cannot be reached at http://127.0.0.1:1\n(connection refused)."),
    ],
)
def test_an_error_is_shown_once(run: Run, folder: Path, outcome: str, status: int, error: str) -> None:
    facts = {"exchange": identifier(1), "outcome": outcome, "status": status, "failed": True, "error": error}
    keep(folder, chat(1)._replace(line=json.dumps(facts).encode()))
    shown = " ".join(run("show", identifier(1)).stdout.split())
    assert shown.count(" ".join(error.split())) == 1


def test_of_an_error_too_long_for_a_sentence_all_is_shown(run: Run, folder: Path) -> None:
    error = "llama runner: " + "x" * 600 + " and its end"
    facts = {"exchange": identifier(1), "outcome": "completed", "status": 500, "failed": True, "error": error}
    keep(folder, chat(1)._replace(line=json.dumps(facts).encode()))
    assert "and its end" in " ".join(run("show", identifier(1)).stdout.split())
