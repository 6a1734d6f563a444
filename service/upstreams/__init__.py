"""Several Ollamas behind one recorder: which of them are well, what each has, and where a call goes.

Words
    * an *upstream* is one Ollama, by the name that ``setting_values.as_upstreams`` gave its address;
    * ``choice`` decides: pure functions of what is known as a call comes;
    * ``named_upstream`` is one of them with what is known of it, ``upstreams`` all of them;
    * ``watching`` asks each how it is and what it has; ``model_lists`` makes one list of theirs;
    * ``routing`` is the turn of a call that goes to one of them. With one address none of this is made.
"""
