"""The index of the journal, and the questions that it answers: filters, full text, timeline, totals, neighbours.

It reads the journal and never writes there. ``filters`` says what may be asked, ``search`` answers, ``indexing``
brings the index up to date behind the journal.
"""
