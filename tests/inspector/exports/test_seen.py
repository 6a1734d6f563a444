"""A set of digests on the disk."""

import contextlib
import threading
from hashlib import blake2b

from service.inspector.exports.seen import Seen


def digest(number: int) -> bytes:
    return blake2b(number.to_bytes(8), digest_size=16).digest()


def test_what_was_added_is_in_and_nothing_else() -> None:
    with contextlib.closing(Seen()) as seen:
        seen.add(digest(number) for number in range(0, 10_000, 2))
        seen.add([digest(0), digest(0)])
        assert [number for number in range(10_000) if digest(number) in seen] == list(range(0, 10_000, 2))


def test_one_set_knows_nothing_of_another() -> None:
    with contextlib.closing(Seen()) as one, contextlib.closing(Seen()) as other:
        one.add([digest(1)])
        assert digest(1) not in other


def test_each_step_may_come_from_another_thread() -> None:
    found = []
    with contextlib.closing(Seen()) as seen:
        for step in (lambda: seen.add([digest(1)]), lambda: found.append(digest(1) in seen)):
            thread = threading.Thread(target=step)
            thread.start()
            thread.join()
    assert found == [True]
