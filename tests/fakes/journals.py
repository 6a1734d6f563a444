"""Makes journals of any size that look like months of use: ``python -m tests.fakes.journals FOLDER RECORDS``.

Four kinds of callers ask as they do in life: n8n's workflows in executions of several calls, people who chat, scripts
that embed, programs that list models. Words follow Zipf's law over 30,000 invented ones, with numbers of orders that
occur once, so that an index of them has the size and the shape of a real one. The same seed makes the same records.
"""

import math
import sys
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from itertools import accumulate, islice
from pathlib import Path
from random import Random
from typing import Any

import orjson

from service.journal.journal import Journal
from service.journal.space import Retention
from service.record.exchange import EncodedRecord
from service.record.fields import BODIES

RARE_WORD = "zanzibar"
"""Is in one prompt of ``RARE_EVERY``."""
RARE_EVERY = 25_000
COMMON_WORD = "invoice"
"""Is in every second prompt or so, as is the phrase ``COMMON_PHRASE``."""
COMMON_PHRASE = "invoice of the customer"

MODELS = ("llama3.2:3b", "qwen3:8b", "mistral-small:24b", "gemma3:12b", "deepseek-r1:14b", "phi4:latest")
WORKFLOWS = tuple(
    f"{what} {of}" for what in ("Summarise", "Sort", "Answer", "Check") for of in ("mails", "invoices", "tickets")
)
NODES = ("AI Agent", "Basic LLM Chain", "Ollama Chat Model", "Summarization Chain")
USERS = tuple(f"{name}@example.org" for name in ("ada", "grace", "edsger", "barbara", "donald", "tony"))
_SYLLABLES = tuple(a + b for a in "b d f g k l m n p r s t v z sh tr st".split() for b in "a e i o u ar en il".split())
_FAILURES = (
    ("client_left", 499, None),
    ("upstream_broke_off", 200, "Ollama closed the connection before its answer was complete"),
    ("upstream_timed_out", 504, "Ollama sent nothing for 300 seconds"),
    ("upstream_unreachable", 502, "connection refused"),
    ("completed", 500, "model runner has unexpectedly stopped"),
)
_COMMIT = 256
_DAY_NS = 86_400_000_000_000


def make_journal(folder: Path, records: int, *, seed: int = 1, days: float = 30.0, until_ns: int | None = None) -> None:
    """Write ``records`` into ``folder``'s journal, spread over the ``days`` before ``until_ns`` (Unix ns; now)."""
    journal = Journal(folder, sync="normal", retention=Retention(days=36_500, bytes=1 << 50))
    journal.open()
    try:
        made = make_records(records, seed=seed, days=days, until_ns=until_ns)
        while batch := list(islice(made, _COMMIT)):
            journal.write(batch)
    finally:
        journal.close()


def make_records(
    count: int, *, seed: int = 1, days: float = 30.0, until_ns: int | None = None
) -> Iterator[EncodedRecord]:
    """The records themselves, in the order in which they ended."""
    random = Random(seed)
    texts = _Texts(random)
    until_ns = time.time_ns() if until_ns is None else until_ns
    going_on: list[_Execution] = []
    for position, ended_ns in enumerate(_moments(count, until_ns - int(days * _DAY_NS), days)):
        kind = random.random()
        if kind < 0.70:
            call = _workflow_call(random, texts, going_on, position)
        elif kind < 0.85:
            call = _chat_call(random, texts, position)
        elif kind < 0.95:
            call = _embedding_call(random, texts)
        else:
            call = _Call("list", "GET", "/api/ollama/api/tags", caller={"caller": "Open WebUI"})
        yield _record(random, call, ended_ns)


@dataclass(slots=True)
class _Execution:
    """One run of a workflow, with how many calls are still to come."""

    workflow: int
    number: int
    left: int


@dataclass(frozen=True, slots=True)
class _Call:
    """One exchange before it is known how it went."""

    operation: str
    method: str
    uri: str
    caller: dict[str, str]
    request: bytes = b""
    answer: str | None = None
    model: str | None = None
    facts: dict[str, Any] = field(default_factory=dict)


class _Texts:
    """Sentences made once and joined anew for each record: making each word anew would take longer than all else."""

    def __init__(self, random: Random, words: int = 30_000, sentences: int = 6_000) -> None:
        vocabulary = ["".join(random.choices(_SYLLABLES, k=random.randint(1, 4))) for _ in range(words)]
        weights = list(accumulate(1 / rank for rank in range(1, words + 1)))
        self._random = random
        self._sentences = [
            " ".join(random.choices(vocabulary, cum_weights=weights, k=random.randint(6, 18))).capitalize() + "."
            for _ in range(sentences)
        ]
        self.systems = [" ".join(random.choices(self._sentences, k=5)) for _ in WORKFLOWS]

    def text(self, sentences: int) -> str:
        return " ".join(self._random.choices(self._sentences, k=sentences))

    def length(self, median: float, most: int) -> int:
        """A number of sentences: most are short, few are very long."""
        return min(most, max(1, round(self._random.lognormvariate(math.log(median), 0.8))))

    def question(self, position: int) -> str:
        about = COMMON_PHRASE if self._random.random() < 0.5 else "letter of a friend"
        rare = f" {RARE_WORD}" if position % RARE_EVERY == RARE_EVERY // 2 else ""
        number = f"{self._random.getrandbits(40):x}"
        return f"What does the {about} say about order {number}?{rare} {self.text(self.length(6, 60))}"


def _workflow_call(random: Random, texts: _Texts, going_on: list[_Execution], position: int) -> _Call:
    if len(going_on) < 5 or random.random() < 0.02:
        workflow = min(int(random.expovariate(0.3)), len(WORKFLOWS) - 1)
        going_on.append(_Execution(workflow, 100_000 + position, random.randint(1, 12)))
    execution = random.choice(going_on)
    execution.left -= 1
    if not execution.left:
        going_on.remove(execution)
    model = MODELS[execution.workflow % len(MODELS)]
    messages = [
        {"role": "system", "content": texts.systems[execution.workflow]},
        {"role": "user", "content": texts.question(position)},
    ]
    request = orjson.dumps(
        {"model": model, "messages": messages, "stream": False, "options": {"temperature": 0.2, "num_ctx": 4096}}
    )
    caller = {
        "workflow": WORKFLOWS[execution.workflow],
        "workflow_id": f"wf{execution.workflow:014d}",
        "execution_id": str(execution.number),
        "node": NODES[execution.workflow % len(NODES)],
    }
    answer = texts.text(texts.length(5, 40))
    return _Call("chat", "POST", "/api/ollama/api/chat", caller, request, answer, model, {"stream": False})


def _chat_call(random: Random, texts: _Texts, position: int) -> _Call:
    user = random.choice(USERS)
    model = random.choice(MODELS)
    messages = []
    for _ in range(random.randint(0, 3)):
        messages.append({"role": "user", "content": texts.text(texts.length(2, 10))})
        messages.append({"role": "assistant", "content": texts.text(texts.length(4, 20))})
    messages.append({"role": "user", "content": texts.question(position)})
    request = orjson.dumps({"model": model, "messages": messages, "stream": True})
    caller = {"execution_id": f"{random.getrandbits(12):08x}-chat", "caller": "Open WebUI", "user": user}
    answer = texts.text(texts.length(8, 60))
    return _Call("chat", "POST", "/api/ollama/v1/chat/completions", caller, request, answer, model, {"stream": True})


def _embedding_call(random: Random, texts: _Texts) -> _Call:
    inputs = [texts.text(texts.length(3, 12)) for _ in range(random.randint(1, 6))]
    request = orjson.dumps({"model": "nomic-embed-text", "input": inputs})
    caller = {"caller": random.choice(("indexer.py", "langchain"))}
    return _Call("embed", "POST", "/api/ollama/api/embed", caller, request, None, "nomic-embed-text")


def _record(random: Random, call: _Call, ended_ns: int) -> EncodedRecord:
    outcome, status, error = random.choice(_FAILURES) if random.random() < 0.02 else ("completed", 200, None)
    seconds = _seconds(random, call)
    identifier = f"{ended_ns // 1_000_000:012x}{random.getrandbits(80):020x}"
    started_ns = ended_ns - int(seconds * 1e9)
    failed = outcome != "completed" or status >= 400
    answer = None if failed else call.answer
    said: dict[str, Any] = {"time": _rfc3339(ended_ns), "method": call.method, "request_uri": call.uri}
    said |= {"status": status, "request_time": round(seconds, 3)}
    if call.request:
        said["request_body"] = call.request.decode()
    if answer is not None:
        said["response_text"] = answer
    if error is not None:
        said["error"] = error
    said |= {"outcome": outcome, "failed": failed, "operation": call.operation, "api": "ollama"}
    if call.model is not None:
        said["model"] = call.model
    said |= call.facts
    if answer is not None:
        said |= _measured(random, call, len(answer), seconds)
    response = b"" if answer is None else orjson.dumps({"model": call.model, "response": answer, "done": True})
    said |= call.caller
    said |= {"user_agent": "axios/1.8.2", "remote_addr": "172.18.0.5"}
    said |= {"request_bytes": len(call.request), "response_bytes": len(response), "exchange": identifier}
    said |= {"trace_id": identifier, "span_id": identifier[16:], "started": _rfc3339(started_ns)}
    line = orjson.dumps(said)
    summary = orjson.dumps({key: value for key, value in said.items() if key not in BODIES})
    return EncodedRecord(
        *(identifier, started_ns, ended_ns, call.method, call.operation, outcome, None),
        *(line, summary, call.request, response),
    )


def _seconds(random: Random, call: _Call) -> float:
    """A list takes milliseconds, an embedding tenths, an answer seconds; now and then a model is loaded first."""
    if call.answer is None:
        return random.lognormvariate(math.log(0.003 if call.operation == "list" else 0.2), 0.5)
    load = random.uniform(5, 60) if random.random() < 0.01 else 0.0
    return load + random.lognormvariate(math.log(3.0), 0.8)


def _measured(random: Random, call: _Call, characters: int, seconds: float) -> dict[str, Any]:
    is_cut = random.random() < 0.03
    generated = max(1, characters // 5)
    return {
        "done_reason": "stop",
        "prompt_tokens": 4096 if is_cut else len(call.request) // 5,
        "completion_tokens": generated,
        "tokens_per_second": round(generated / (0.7 * seconds), 2),
        "prompt_truncated": is_cut,
        **({"prompt_truncated_by": "length"} if is_cut else {}),
        "context_length": 4096 if is_cut else 32_768,
        "wait_time": round(0.05 * seconds, 3),
        "prompt_time": round(0.2 * seconds, 3),
        "generation_time": round(0.7 * seconds, 3),
        "upstream_status": 200,
    }


def _moments(count: int, since_ns: int, days: float) -> Iterator[int]:
    """``count`` moments that only grow, three times as dense at noon as at midnight."""
    minutes = [2 - math.cos(2 * math.pi * minute / 1440) for minute in range(1440)]
    total = sum(minutes)
    borders: Sequence[float] = [0.0, *accumulate(minute / total for minute in minutes)]
    minute = 0
    for position in range(count):
        day, share = divmod(days * position / count, 1)
        if share < borders[minute]:
            minute = 0
        while share >= borders[minute + 1] and minute < 1439:
            minute += 1
        part = (share - borders[minute]) / (borders[minute + 1] - borders[minute])
        yield since_ns + int((day + (minute + min(1.0, part)) / 1440) * _DAY_NS)


def _rfc3339(nanoseconds: int) -> str:
    seconds, rest = divmod(nanoseconds, 1_000_000_000)
    return f"{_second(seconds)}.{rest // 1000:06d}Z"


@lru_cache(maxsize=1000)
def _second(seconds: int) -> str:
    return time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(seconds))


if __name__ == "__main__":
    make_journal(Path(sys.argv[1]), int(sys.argv[2]))
