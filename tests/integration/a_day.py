"""A day of varied exchanges, as records: models, workflows, failures, cut prompts, slow ones and lists."""

import json
import random
from dataclasses import dataclass, field
from typing import Any

import orjson

from service.record.exchange import Body, Caller, EncodedRecord, Exchange, OpenExchange, Outcome
from service.record.line import make_record

DAY = 86_400
CONTEXT = 4096
LONG_ANSWER = range(880, 900)
MODELS = ("llama3.2", "qwen3:8b", "nomic-embed-text")
_CALLERS = (
    Caller("Invoices", "7", None, "Summarise", "n8n"),
    Caller("Invoices", "7", None, "Classify", "n8n"),
    Caller("Résumé agent", "9", None, "Chat Model", "n8n"),
    Caller("Night & day #1+2", "11", None, None, "n8n"),
    Caller(caller="Open WebUI", user="Ada"),
    Caller(),
)
_FAILURES = (Outcome.CLIENT_LEFT, Outcome.UPSTREAM_UNREACHABLE, Outcome.UPSTREAM_TIMED_OUT, Outcome.UPSTREAM_BROKE_OFF)


@dataclass(frozen=True, slots=True)
class Day:
    """Records in the order of their ends, and what their lines say. ``end`` is Unix seconds, ``seconds`` how long."""

    end: int
    records: list[EncodedRecord] = field(default_factory=list)
    said: list[dict[str, Any]] = field(default_factory=list)
    seconds: int = DAY

    @property
    def begin(self) -> int:
        """Unix seconds."""
        return self.end - self.seconds


def a_day(count: int, end: int) -> Day:
    """``count`` exchanges of the 24 hours before ``end``; the same numbers give the same day."""
    chance, day = random.Random(count), Day(end)
    for number in range(count):
        ended = (end - DAY + 30) * 10**9 + (DAY - 40) * 10**9 // count * number + chance.randrange(10**6)
        exchange = _exchange(number, ended, chance)
        record = make_record(exchange, context_length_of=lambda _: CONTEXT, mask=True)
        day.records.append(record)
        day.said.append(orjson.loads(record.line))
    return day


def _exchange(number: int, ended: int, chance: random.Random) -> Exchange:
    kind = chance.choices(("chat", "generate", "embed", "load", "list"), (50, 25, 12, 3, 10))[0]
    model = MODELS[2] if kind == "embed" else chance.choice(MODELS[:2])
    phases = {
        "load_duration": chance.choice((0.02, 0.05, 0.1, 2.5, 7.0)),
        "prompt_eval_duration": chance.uniform(0.01, 1.5),
        "eval_duration": chance.expovariate(0.25) + 0.05,
    }
    seconds = sum(phases.values()) + chance.uniform(0.001, 0.4)
    outcome = chance.choice(_FAILURES) if chance.random() < 0.08 and kind != "list" else Outcome.COMPLETED
    path = {"list": "/api/tags", "load": "/api/generate", "embed": "/api/embed"}.get(kind, f"/api/{kind}")
    opened = OpenExchange(
        id=f"{number + 1:032x}",
        started_ns=ended - int(seconds * 1e9),
        method="GET" if kind == "list" else "POST",
        request_uri="/api/ollama" + path,
        path=path,
        operation="generate" if kind == "load" else kind,
        api="ollama",
        remote_addr="172.18.0.3",
        trace_id=f"{number + 1:032x}",
        span_id=f"{number + 1:016x}",
        caller=chance.choice(_CALLERS)._replace(execution_id=None),
        request=_json({} if kind == "list" else _asked(kind, model, number)),
    )
    if opened.caller.workflow:
        opened = opened._replace(caller=opened.caller._replace(execution_id=str(1000 + number // 12)))
    if outcome is not Outcome.COMPLETED:
        status = None if outcome is Outcome.CLIENT_LEFT else 502
        return Exchange(opened, outcome, ended, status, None, seconds, error=f"the test says {outcome}")
    body, arrivals = _answered(kind, model, phases, seconds, chance)
    return Exchange(opened, outcome, ended, 200, 200, seconds, seconds / 2, arrivals, body)


def _asked(kind: str, model: str, number: int) -> dict[str, Any]:
    if kind == "load":
        return {"model": model}
    if kind == "embed":
        return {"model": model, "input": f"invoice {number}"}
    prompt = f"Summarise invoice {number}, please. " + "It is about apples. " * (number % 20)
    if kind == "generate":
        return {"model": model, "prompt": prompt, "stream": False}
    return {"model": model, "messages": [{"role": "user", "content": prompt}]}


def _answered(
    kind: str, model: str, phases: dict[str, float], seconds: float, chance: random.Random
) -> tuple[Body, tuple[tuple[int, float], ...]]:
    times = {name: int(value * 1e9) for name, value in phases.items()}
    tokens = CONTEXT if chance.random() < 0.03 else chance.randrange(10, 900)
    done = {"model": model, "done": True, "done_reason": "stop", "prompt_eval_count": tokens, **times}
    # A long answer may run over the end of the context.
    written = chance.randrange(1, 400) + (CONTEXT if tokens in LONG_ANSWER else 0)
    done |= {"eval_count": written, "total_duration": int(seconds * 1e9)}
    if kind == "list":
        return _json({"models": [{"name": name} for name in MODELS]}), ()
    if kind == "load":
        return _json({"model": model, "response": "", "done": True, "done_reason": "load"}), ()
    if kind == "embed":
        short = {key: done[key] for key in ("model", "load_duration", "total_duration", "prompt_eval_count")}
        return _json({**short, "embeddings": [[0.1, 0.2, 0.3]]}), ()
    if kind == "generate":
        return _json({**done, "response": "The invoice is about apples."}), ()
    first = json.dumps({"model": model, "message": {"role": "assistant", "content": "Apples"}, "done": False}) + "\n"
    last = json.dumps({**done, "message": {"role": "assistant", "content": "."}}) + "\n"
    data = (first + last).encode()
    arrivals = ((0, phases["load_duration"] + phases["prompt_eval_duration"]), (len(first), seconds))
    return Body(len(data), data, b"", "application/x-ndjson"), arrivals


def _json(document: dict[str, Any]) -> Body:
    data = json.dumps(document).encode() if document else b""
    return Body(len(data), data, b"", "application/json" if data else "")
