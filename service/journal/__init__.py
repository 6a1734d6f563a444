"""The journal: one SQLite file in which every ended exchange is kept, numbered.

What is promised
    * What was committed is there after a ``kill -9``; with ``JOURNAL_SYNC=full`` after a power loss too.
    * An exchange is kept once, whatever is tried again; numbers only grow and are never used twice.
    * A request that was being answered when the process died comes back as ``gateway_died``.
    * No trouble of the disk fails or delays an exchange; what could not be kept is counted.
    * A damaged file is set aside, never deleted; what can be read moves into a new one.

What lies in ``DATA_DIR`` (folder 0700, files 0600)
    * ``journal.sqlite3`` with SQLite's own ``-wal`` and ``-shm`` beside it;
    * ``journal.lock``: who holds the folder, one process at a time;
    * ``journal.headroom``: reserved bytes, given up so that deleting works on a full disk;
    * ``journal.sqlite3.corrupt-TIME``: a damaged file, kept for its owner to look at.

Who does what: one thread (``recorder``) owns the one writing connection (``journal``);
everybody else only reads (``reader``), from any thread and behind a time limit.
"""


class JournalError(Exception):
    """The journal cannot be used. Its text says why and what to do."""
