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
    * ``journal.sqlite3.corrupt-TIME``: a damaged file, kept for its owner to look at;
    * ``index.sqlite3`` with its ``-wal`` and ``-shm``: the index, which ``service.search`` makes from the journal.

Threads
    * ``journal`` (started by ``recorder``) owns the one writing connection;
    * ``index`` (``service.search.indexing``) only reads here, like everybody else;
    * any other thread reads through ``reader``, behind a time limit.

The way of an exchange, in this order
    * ``recorder`` takes it from the event loop; ``write_queue`` holds it; ``batch_writer`` makes its record;
    * ``retrying_writer`` gets it onto the disk; ``shedding`` says what is dropped when there is no room;
    * ``journal`` is the writing connection; ``open_rows`` are the rows of what is still being answered.

The file
    * ``folder``: the files and the lock; ``schema``: the form of the tables; ``transaction``: all or nothing;
    * ``space``: retention and headroom; ``erasing``: erasing on demand; ``salvage``: a damaged file is read;
    * ``reader``: the reading side, with the columns of a row; ``check``: whether the file is sound;
    * ``defects``: a fault of ours is reported without what was in the bodies.
"""


class JournalError(Exception):
    """The journal cannot be used. Its text says why and what to do."""
