"""What shipping costs a record, in microseconds of this process: ``python -m tests.benchmarks.measure_shipping``.

Best of several runs, as this measures the work and not what else the machine does meanwhile.
"""

import time
from collections.abc import Callable
from functools import partial

from service.journal.reader import Row
from service.shipping.loki import encode as loki
from service.shipping.otlp import encode as otlp
from service.shipping.receiver import Batch
from tests.shipping.rows import make_row

RECORDS = 200
RUNS = 7


def microseconds_a_record(encode: Callable[[], object]) -> float:
    """Processor time of the best run, divided by the number of records."""
    best = float("inf")
    for _ in range(RUNS):
        began = time.process_time()
        encode()
        best = min(best, time.process_time() - began)
    return best / RECORDS * 1e6


def rows_of(characters: int) -> list[Row]:
    """Chats whose prompt and answer have so many characters each."""
    text = ("Why is the sky blue? " * (characters // 20 + 1))[:characters]
    body = f'{{"model":"llama3.2","messages":[{{"role":"user","content":"{text}"}}]}}'
    return [make_row(number, request_body=body, response_text=text) for number in range(1, RECORDS + 1)]


def main() -> None:
    """Print the table."""
    print(f"{'':34}{'µs a record':>12}{'bytes before':>14}{'on the wire':>12}")
    for characters in (300, 3_000, 30_000):
        rows = rows_of(characters)
        size = len(rows[0].line)
        for name, encode in (
            ("Loki, lines only", partial(loki.encode, rows, "box-1", with_spans=False)),
            ("Loki, lines and spans", partial(loki.encode, rows, "box-1", with_spans=True)),
        ):
            report(f"{name}, {size} byte lines", encode)
    for characters in (300, 3_000, 30_000):
        rows = rows_of(characters)
        size = len(rows[0].line)
        report(f"OTLP, 5 spans, {size} byte lines", partial(otlp.encode, rows, (("service.name", "x"),), False))


def report(name: str, encode: Callable[[], Batch]) -> None:
    """Print one line of the table."""
    batch = encode()
    print(
        f"{name:34}{microseconds_a_record(encode):12.1f}{batch.size / RECORDS:14.0f}{len(batch.body) / RECORDS:12.0f}"
    )


if __name__ == "__main__":
    main()
