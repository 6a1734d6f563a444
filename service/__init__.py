"""Ollama Recorder: the flight recorder for local LLMs.

Five words carry the program:

* an **exchange** is one request of a client and everything that was answered to it;
* a **caller** is who asked: an n8n workflow, execution and node, an application, a user;
* a **generation** is what the bytes of an exchange meant: texts, tokens, durations;
* the **journal** is the one file on disk in which every ended exchange is kept, numbered;
* a **receiver** is somebody the journal's records are shipped to: Loki, an OTLP endpoint.

Who does I/O: ``gateway`` talks to clients and to Ollama, ``journal`` to the disk,
``shipping`` to receivers, ``inspector`` to readers. ``record`` does none: bytes in, facts out.
The parts meet in ``app`` (which starts and stops them), ``status`` and ``inspector_setup``.
"""

__version__ = "0.1.0"
