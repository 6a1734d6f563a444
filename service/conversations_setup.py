"""The conversations that were going on before this start are gone on with: the newest records tell them."""

import asyncio
import contextlib
import threading
from pathlib import Path

from service.journal import JournalError
from service.journal.reader import Bodies, Reader
from service.record.known_conversations import KnownConversations
from service.record.record import Record

# Some hundred milliseconds of a core; a person goes on with one of the newest.
_MOST_RECORDS = 2_000
_MOST_BYTES = 1 << 20
# A busy machine's disk may take long, and the start does not wait for ever.
_LONGEST_WAIT = 1.0


class EarlierConversations:
    """What is known of conversations, with what the journal in ``folder`` tells of them."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._is_over = threading.Event()
        self._is_learned = asyncio.Event()
        self.conversations = KnownConversations()

    async def learn(self) -> None:
        """Read the newest records, on a thread, once. A journal that cannot be read tells nothing."""
        reading = asyncio.get_running_loop().run_in_executor(None, self._read)
        try:
            await asyncio.shield(reading)
        except asyncio.CancelledError:
            self._is_over.set()
            await asyncio.gather(reading, return_exceptions=True)
            raise
        finally:
            self._is_learned.set()

    async def prepare(self) -> None:
        """Wait, for a second at most, until they are known: a first call may go on with one."""
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(self._is_learned.wait(), _LONGEST_WAIT)

    def _read(self) -> None:
        reader = Reader(self._folder)
        try:
            with contextlib.suppress(JournalError):
                newest = reader.newest_number()
                numbers = range(newest, max(0, newest - _MOST_RECORDS), -1)
                for kept in reader.records(numbers, Bodies.NONE, _MOST_BYTES):
                    if self._is_over.is_set():
                        return
                    self.conversations.learn(Record(kept.row.line))
        finally:
            reader.close()
