"""The journal: one SQLite file in which every ended exchange is kept, numbered.

What is promised
    * What was committed is there after a ``kill -9``; with ``JOURNAL_SYNC=full`` after a power loss too.
    * An exchange is kept once, whatever is tried again; numbers only grow and are never used twice.
    * A request that was being answered when the process died comes back as ``gateway_died``.
    * No trouble of the disk fails or delays an exchange; what could not be kept is counted.
    * A damaged file is set aside, never deleted; each record in a sound page moves into a new one.
    * A file that was deleted while it was open is read out of what is still open.
    * A clock that is far ahead expires nothing for a day.

What lies in ``DATA_DIR`` (folder 0700, files 0600)
    * ``journal.sqlite3`` with SQLite's own ``-wal`` and ``-shm`` beside it;
    * ``journal.lock``: who holds the folder, one process at a time;
    * ``journal.headroom``: reserved bytes, given up so that deleting works on a full disk;
    * ``journal.sqlite3.corrupt-TIME``: a damaged file, kept for its owner to look at;
    * ``journal.damaged``, ``journal.salvage``, ``journal.salvaged``: damage was met, its file is being set aside, and
      what was saved of it; ``journal.trust-clock``: a person's word to the recorder. All are there for moments only;
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
    * ``space``: retention and headroom; ``clock_doubt``: whether age counts; ``erasing``: erasing on demand;
    * ``reader``: the reading side, with the columns of a row; ``read_only``: where nothing may be written;
    * ``check``: whether the file is sound;

Damage
    * ``damage``: what can be seen of it, and the note of whoever met it; ``setting_aside``: the renames;
    * ``salvage``: what can be read moves into a new file, by ``file_pages``, ``leaf_cells`` and ``write_ahead_log``;
    * ``unread_files``: those that were set aside and not read to their end, until they are gone;
    * ``displaced``: a file that was deleted or replaced while it was open;
    * ``defects``: a fault of ours is reported without what was in the bodies.
"""


class JournalError(Exception):
    """The journal cannot be used. Its text says why and what to do."""
