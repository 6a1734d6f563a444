import time

import pytest

from service.journal.shedding import Losses
from service.journal.write_queue import WriteBatch, WriteQueue
from tests.journal.given import ended, identifier, opened


@pytest.fixture
def losses() -> Losses:
    return Losses()


@pytest.fixture
def queue(losses: Losses) -> WriteQueue:
    return WriteQueue(losses, max_bytes=1000, max_count=10)


def names(batch: WriteBatch) -> list[int]:
    return [int(exchange.opened.id, 16) for exchange in batch.exchanges]


def test_all_that_is_there_is_taken_at_once_and_in_order(queue: WriteQueue) -> None:
    for number in range(1, 6):
        queue.open(opened(number))
        queue.close(ended(number), None)

    batch = queue.take(0)

    assert names(batch) == [1, 2, 3, 4, 5]
    assert [request.id for _, request in batch.opened] == [identifier(number) for number in range(1, 6)]
    assert queue.queued() == (0, 0)
    assert not batch.is_last


def test_taking_waits_no_longer_than_it_was_told(queue: WriteQueue) -> None:
    begun = time.monotonic()

    assert names(queue.take(0.05)) == []

    assert 0.04 < time.monotonic() - begun < 20


def test_what_opened_wakes_the_writer_only_if_it_was_not_taken_yet(queue: WriteQueue) -> None:
    queue.open(opened(1))
    queue.take(0)
    queue.wake_for_opened()
    assert queue.queued()[0] == 0

    queue.open(opened(2))
    queue.wake_for_opened()
    assert queue.queued()[0] == 1
    assert [request.id for _, request in queue.take(5).opened] == [identifier(2)]


def test_a_commit_stays_within_a_size_so_that_the_first_does_not_wait_for_the_last(losses: Losses) -> None:
    queue = WriteQueue(losses)
    for number in range(1, 601):
        queue.close(ended(number), None)
    for number in range(601, 603):
        queue.close(ended(number, b"x" * (5 << 20)), None)
    # Records are made before they are written: all of a commit are in memory at once, with their bodies.
    for number in range(603, 633):
        queue.close(ended(number, b"x" * 100_000), None)

    sizes = []
    while taken := names(queue.take(0)):
        sizes.append(len(taken))

    assert sizes == [256, 256, 89, 1, 11, 11, 8]


def test_requests_that_wait_count_against_the_bytes_too(queue: WriteQueue) -> None:
    queue.open(opened(1, b"x" * 900))
    queue.open(opened(2, b"x" * 900))

    assert queue.queued()[1] == 900
    assert [len(request.request.head) for _, request in queue.take(0).opened] == [900, 0]


def test_the_batch_that_holds_the_last_says_so_and_holds_everything(losses: Losses) -> None:
    queue = WriteQueue(losses)
    for number in range(1, 701):
        queue.close(ended(number), None)
    queue.stop()
    batches = [queue.take(0), queue.take(0), queue.take(0)]

    assert [len(batch.exchanges) for batch in batches] == [256, 256, 188]
    assert [batch.is_last for batch in batches] == [False, False, True]
