"""Records as files that other programs read: one module a format, each a stream of bytes from a stream of records.

``jsonl`` (the records as they are), ``chats`` (fine-tuning), ``csv_table`` (spreadsheets) and ``har`` (HTTP tools)
know nothing of files, addresses or the journal; ``reading`` brings them the records and lists the formats.
``dataset`` and ``card`` make a folder for trainers of the same conversations.
None holds more than a few megabytes, however many records there are.
"""
