"""Makes records in a process of its own, by whichever form of the code its PYTHONPATH holds.

Each line of standard input is a list in JSON: what was asked and answered. Each line of standard output is the record,
or the name of what was raised.
"""

import base64
import json
import sys
from typing import Any

import service
from service.inspector.exchange_metrics import ExchangeMetrics
from service.journal.reader import Row
from service.record.exchange import Body, Caller, Exchange, OpenExchange, Outcome
from service.record.known_conversations import KnownConversations
from service.record.line import make_record
from service.record.prompt_memory import PromptMemory
from service.search.index_columns import columns_of


def exchange_of(told: dict[str, Any]) -> Exchange:
    """``told`` has bodies as base64, everything else as it is."""
    request, response = (base64.b64decode(told[name]) for name in ("request", "response"))
    opened = OpenExchange(
        id="0" * 32,
        started_ns=1_767_722_308_000_000_000,
        method="POST",
        request_uri=f"/api/ollama{told['path']}",
        path=told["path"],
        operation=told["operation"],
        api=told["api"],
        remote_addr="172.18.0.3",
        trace_id="1" * 32,
        span_id="2" * 16,
        user_agent=told["agent"],
        caller=Caller(workflow=told["workflow"]),
        request=Body(len(request) + told["gap"], request, b"", told["request_type"], told["encoding"]),
    )
    return Exchange(
        opened=opened,
        outcome=Outcome(told["outcome"]),
        ended_ns=1_767_722_309_123_456_789,
        status=told["status"],
        upstream_status=told["status"],
        duration=told["duration"],
        first_byte=0.5,
        arrivals=tuple((number * 40, 0.5 + number / 100) for number in range(told["arrivals"])),
        response=Body(len(response) + told["gap"], response, b"", told["response_type"], ""),
    )


class Maker:
    """What is known of earlier exchanges, as in a recorder."""

    def __init__(self) -> None:
        self._memory = PromptMemory()
        self._conversations = KnownConversations(lambda: 0.0)
        self._metrics = ExchangeMetrics(lambda: 0.0)

    def answer_to(self, line: str) -> str:
        """All that the record is, and what is counted then; or what was raised."""
        try:
            made = make_record(
                exchange_of(json.loads(line)),
                context_length_of=lambda _: 4096,
                mask=True,
                memory=self._memory,
                conversations=self._conversations,
            )
            self._metrics.add([made])
            ended = (made.id, made.started_ns, made.ended_ns, made.method, made.operation, made.outcome)
            return f"{made!r} {columns_of(Row(1, *ended, made.parent_span_id, made.line))!r}"
        except Exception as error:  # noqa: BLE001 - whatever it is, both forms have to raise it
            return f"raised {type(error).__name__}"


def main() -> None:
    """Until the input ends."""
    print(service.is_compiled(), flush=True)
    maker = Maker()
    for line in sys.stdin:
        print(json.dumps(maker.answer_to(line)), flush=True)


if __name__ == "__main__":
    main()
