"""Records as files that other programs read: one module a format, each a stream of bytes from a stream of records.

* ``jsonl`` (the records as they are), ``chats`` (fine-tuning), ``csv_table`` (spreadsheets) and ``har`` (HTTP tools)
  know nothing of files, addresses or the journal;
* ``formats`` lists them and brings them the records; ``chunks`` joins small parts of a file;
* ``messages`` is a conversation in the form of trainers; ``digest_set`` knows which conversations came before;
* ``dataset`` makes a folder for trainers of the same conversations, ``train_split`` divides it, ``card`` describes it.

None holds more than a few megabytes, however many records there are.
"""
