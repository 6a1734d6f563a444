"""One Ollama for many: who is next, and what each caller may have.

* ``fair_queue`` decides who is next, without clock, task or socket, among the callers of ``flows``.
* ``places`` is the same for tasks that wait.
* ``limits`` reads the rules, ``use_counts`` counts what was used up.
* ``request_rules`` looks into requests, where a rule asks for that.
* ``sharing`` puts them together for the gateway, which is given ``Sharing.enter``.
* ``queue_picture`` shows it to readers.
"""
