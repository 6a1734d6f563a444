"""Journals for the command line's tests: records made the way the recorder makes them, said in a few words."""

import json
from pathlib import Path
from typing import Any

from service.record.exchange import Caller, EncodedRecord
from service.record.line import make_record
from tests.journal.given import ended, open_journal, opened

HOSTILE = "\x1b]0;owned\x07\x1b[2J\x9b31m \u202egnp.exe\u2066 \r\n\x00\udc80 [bold]not markup[/bold] :smile:"
"""What a terminal would obey, show the wrong way round, or end a line at; and what looks like markup."""


def chat(number: int, prompt: str = "Why?", answer: str = "Because.", **facts: Any) -> EncodedRecord:
    """A whole chat with Ollama. ``model``, ``caller``, ``seconds``, ``id``, ``replay_of``; else an Exchange's facts."""
    seconds, model = facts.pop("seconds", 2.0), facts.pop("model", "tiny")
    caller = Caller(**facts.pop("caller", {"workflow": "Invoices", "node": "Summarise", "execution_id": "231"}))
    asked = {"model": model, "messages": [{"role": "user", "content": prompt}], "options": {"num_ctx": 4096}}
    said = {
        "model": model,
        "message": {"role": "assistant", "content": answer},
        "done": True,
        "done_reason": "stop",
        "total_duration": int(seconds * 1e9),
        "load_duration": int(seconds * 0.1e9),
        "prompt_eval_count": 27,
        "prompt_eval_duration": int(seconds * 0.2e9),
        "eval_count": 40,
        "eval_duration": int(seconds * 0.7e9),
    }
    request, response = json.dumps(asked).encode(), json.dumps(said).encode()
    known = {"caller": caller} | {name: facts.pop(name) for name in ("id", "replay_of") if name in facts}
    exchange = ended(number, request, response, **({"duration": seconds} | facts))
    exchange = exchange._replace(opened=opened(number, request, **known))
    return make_record(exchange, context_length_of=lambda model: None, mask=False)


def keep(folder: Path, *records: EncodedRecord) -> None:
    """Write ``records`` into ``folder``'s journal."""
    with open_journal(folder) as journal:
        journal.write(records)
