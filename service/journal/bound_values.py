"""Values that SQLite takes as they are, made known to Python's sqlite3 module.

It asks each value that is no int, float, str or bytearray whether it can be adapted, and fails at that in a roundabout
way: some 2,000 instructions of the processor more than a registered adapter takes, which is looked up and called.
"""

import sqlite3

from service.record.exchange import Outcome


def take_as_they_are() -> None:
    """For all connections of this process. May be called again."""
    nothing: dict[None, None] = {}
    sqlite3.register_adapter(type(None), nothing.get)
    sqlite3.register_adapter(bytes, bytes)
    # The text itself, without its class.
    sqlite3.register_adapter(Outcome, str.__str__)
