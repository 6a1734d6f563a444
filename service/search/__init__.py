"""The index of the journal, and the questions that it answers: filters, full text, timeline, totals, neighbours.

It reads the journal and never writes there, but for ``compacting``, which writes both files anew for
``ollama-recorder journal compact`` when no recorder runs.

Questions
    * ``parameters``: what can be asked; ``filters``: which exchanges; ``query_language``: the words of a search;
    * ``search`` answers;
    * ``index_query``: the reading connection, and a filter as SQL; ``timeline``, ``totals``, ``neighbours``: answers.

The index
    * ``index``: its file and tables; ``index_columns``: what it keeps of a record; ``indexed_rows``: records go in;
    * ``indexing``: the thread that follows the journal; ``index_position``: how far it is, and of which journal;
    * ``removal``: what expired or was erased goes out.
"""
