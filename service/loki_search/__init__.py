"""The records of all recorders, asked of the Loki that they ship to (``store=loki``).

Loki narrows down which lines may fit; the same index as beside the journal, in memory, then decides. So a filter
means the same in both stores.

``log_query``: a filter as LogQL. ``loki_answers``: what Loki is asked and what it costs. ``selection``: which of some
lines a filter lets through. ``all_recorders`` puts them together.
"""
