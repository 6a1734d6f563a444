"""Ollama Recorder: the flight recorder for local LLMs.

Five words carry the program:

* an **exchange** is one request of a client and the whole answer to it;
* a **caller** is who asks: an n8n workflow, execution and node, an application, a user;
* a **generation** is what the bytes of an exchange mean: texts, tokens, durations;
* the **journal** is the one file on disk in which every ended exchange is kept, numbered;
* a **receiver** gets the journal's records: Loki, an OTLP endpoint.

Rooms that do I/O: ``gateway`` talks to clients and to Ollama, ``journal`` and ``search`` to the disk, ``shipping`` to
receivers, ``inspector`` to readers, ``cli`` to a terminal. ``record`` does none: bytes in, facts out. ``exports`` makes
files of records.

``sharing`` decides who is next at Ollama, and what each caller may have.

The parts meet in ``app`` (which starts and stops them), ``status`` and ``inspector_setup``, and in ``cli``.
"""

__version__ = "0.1.0"
