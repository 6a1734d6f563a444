"""Which part of the recorder a small exchange's time goes to: relay, capture, meaning, journal.

Two sources, because neither alone would do. The kernel counts each thread: the event loop's is relay and capture, the
others' are meaning, journal and the line on standard output. What capture and meaning cost is timed here, alone, on the
very exchange that is measured, and taken off its thread. Variants of the recorder with parts removed would measure
something else: without a journal nobody waits for commits, batches have other sizes, and threads wake at other times.

So read it thus: ``capture`` and ``meaning`` are exact but timed with warm caches, hence a little low; ``relay`` and
``journal`` are what is left of their threads, and hold the hand-over between the two and what caches cost.
"""

import time
from collections.abc import Callable

from service.gateway.capture import Capture
from service.record.exchange import Body, Caller, Exchange, OpenExchange, Outcome
from service.record.line import make_record
from tests.benchmarks.messages import CHAT_ANSWER, SMALL_REQUEST

KEEP_BODY_BYTES = 1 << 20
REPEATS, ROUNDS = 500, 9


def shares(whole: float, main_thread: float) -> dict[str, float]:
    """Microseconds of each part of a small exchange, from the seconds that the kernel counted for it."""
    exchange = measured_exchange()
    capture = _seconds(_capture_both)
    meaning = _seconds(lambda: make_record(exchange, context_length_of=lambda model: None, mask=True))
    parts = {
        "relay": main_thread - capture,
        "capture": capture,
        "meaning": meaning,
        "journal, standard output": whole - main_thread - meaning,
    }
    return {name: seconds * 1e6 for name, seconds in parts.items()}


def measured_exchange() -> Exchange:
    """The small exchange of the measurement as the gateway hands it over."""
    request = Body(len(SMALL_REQUEST), SMALL_REQUEST, b"", "application/json", "")
    response = Body(len(CHAT_ANSWER), CHAT_ANSWER, b"", "application/json; charset=utf-8", "")
    opened = OpenExchange(
        id="019aa3c1b2f47d0e8a55c1d2e3f40516",
        started_ns=1_795_220_862_455_996_959,
        method="POST",
        request_uri="/api/ollama/api/chat",
        path="/api/chat",
        operation="chat",
        api="ollama",
        remote_addr="127.0.0.1",
        trace_id="019aa3c1b2f47d0e8a55c1d2e3f40516",
        span_id="8a55c1d2e3f40516",
        user_agent="axios/1.12.0",
        caller=Caller(workflow="Invoices", workflow_id="wf8Qm3", execution_id="231", node="Summarise", caller="axios"),
        request=request,
    )
    return Exchange(
        opened,
        Outcome.COMPLETED,
        ended_ns=opened.started_ns + 6_000_000,
        status=200,
        upstream_status=200,
        duration=0.006,
        first_byte=0.005,
        arrivals=((0, 0.005),),
        response=response,
    )


def _capture_both() -> None:
    for body in (SMALL_REQUEST, CHAT_ANSWER):
        copy = Capture(KEEP_BODY_BYTES)
        copy.add(body)
        copy.body("application/json", "")


def _seconds(work: Callable[[], object]) -> float:
    """CPU seconds of one run of ``work``: the best of some rounds, as whatever else runs here only adds."""
    best = float("inf")
    for _ in range(ROUNDS):
        begin = time.thread_time()
        for _ in range(REPEATS):
            work()
        best = min(best, time.thread_time() - begin)
    return best / REPEATS
