"""Ship some records once more to one receiver, beside its shipper: its cursor stays where it is."""

import asyncio
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Final

from service.journal.reader import Row
from service.shipping.pace import Pace, TokenBucket
from service.shipping.receiver import Decision, Receiver, SendBatch, Verdict

_MOST_TRIES: Final = 8


@dataclass(slots=True)
class AgainReport:
    """``unsent``: nothing of these goes to that receiver. ``refused``: number, reason and the receiver's words.

    ``stopped`` says why it went no further, and ``next_number`` which record would have been the next.
    """

    taken: int = 0
    unsent: int = 0
    refused: list[tuple[int, str, str]] = field(default_factory=list)
    stopped: str = ""
    next_number: int | None = None


async def ship_again(
    receiver: Receiver, rows: Iterable[Row], progress: Callable[[int], object], pace: Pace | None = None
) -> AgainReport:
    """Send ``rows``, which are read as they are needed. ``progress`` gets how many are done."""
    report = AgainReport()
    bucket = TokenBucket(receiver.bytes_per_second)
    async with receiver.connect() as send:
        for batch in _batches(rows, receiver):
            parts = [batch]
            while parts:
                part = parts.pop()
                verdict = await _send(receiver, send, bucket, part, pace or Pace())
                if verdict.decision is Decision.SPLIT and len(part) > 1:
                    middle = len(part) // 2
                    parts += [part[middle:], part[:middle]]
                    continue
                if verdict.decision in (Decision.RETRY, Decision.REFUSED):
                    report.stopped = " ".join(filter(None, (verdict.reason, verdict.detail, verdict.what_to_do)))
                    report.next_number = part[0].number
                    return report
                _count(report, part, verdict)
                progress(report.taken + report.unsent + len(report.refused))
    return report


def _count(report: AgainReport, part: Sequence[Row], verdict: Verdict) -> None:
    if verdict.decision is Decision.UNSENT:
        report.unsent += len(part)
    elif verdict.decision is Decision.ACCEPTED and not (verdict.rejected_spans and len(part) == 1):
        report.taken += len(part)
    else:
        report.refused += [(row.number, verdict.reason, verdict.detail) for row in part]


async def _send(receiver: Receiver, send: SendBatch, bucket: TokenBucket, part: Sequence[Row], pace: Pace) -> Verdict:
    """The verdict on ``part``, after some tries where the receiver asks for them."""
    try:
        batch = receiver.encode(part)
    # A record that cannot be encoded must not stand in the way of those behind it.
    except Exception as error:  # noqa: BLE001 - whatever it is, it is told with the record
        return Verdict(Decision.SPLIT, "unencodable", f"{type(error).__name__}: {error}"[:300])
    if not batch.size:
        return Verdict(Decision.UNSENT)
    if batch.size > receiver.most_bytes and len(part) > 1:
        return Verdict(Decision.SPLIT)
    verdict = Verdict(Decision.RETRY)
    for tries in range(1, _MOST_TRIES + 1):
        await asyncio.sleep(bucket.seconds_until(batch.size))
        bucket.take(batch.size)
        verdict = await send(batch)
        if verdict.decision is not Decision.RETRY:
            break
        if tries < _MOST_TRIES:
            await asyncio.sleep(max(pace.delay_after(tries), verdict.retry_after))
    return verdict


def _batches(rows: Iterable[Row], receiver: Receiver) -> Iterator[list[Row]]:
    batch: list[Row] = []
    size = 0
    for row in rows:
        if batch and (len(batch) == receiver.most_records or size + len(row.line) > receiver.most_line_bytes):
            yield batch
            batch, size = [], 0
        batch.append(row)
        size += len(row.line)
    if batch:
        yield batch
