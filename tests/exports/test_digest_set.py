"""A set of digests on the disk."""

import contextlib
import threading
from hashlib import blake2b

from service.exports.digest_set import DigestSet, Groups


def digest(number: int) -> bytes:
    return blake2b(number.to_bytes(8), digest_size=16).digest()


def test_what_was_added_is_not_new_and_everything_else_is() -> None:
    with contextlib.closing(DigestSet()) as seen:
        assert all(seen.add(digest(number)) for number in range(0, 10_000, 2))
        assert [number for number in range(10_000) if seen.add(digest(number))] == list(range(1, 10_000, 2))


def test_one_set_knows_nothing_of_another() -> None:
    with contextlib.closing(DigestSet()) as one, contextlib.closing(DigestSet()) as other:
        assert one.add(digest(1))
        assert other.add(digest(1))


def test_each_step_may_come_from_another_thread() -> None:
    found = []
    with contextlib.closing(DigestSet()) as seen:
        for _ in range(2):
            thread = threading.Thread(target=lambda: found.append(seen.add(digest(1))))
            thread.start()
            thread.join()
    assert found == [True, False]


def test_a_digest_stays_in_the_group_that_it_was_first_put_into() -> None:
    with contextlib.closing(Groups()) as groups:
        groups.put([digest(1), digest(2)], 7)
        groups.put([digest(2), digest(3)], 8)
        assert groups.of([digest(2), digest(4)]) == {7}
        assert groups.of([digest(1), digest(3)]) == {7, 8}
        assert groups.of([]) == set()
