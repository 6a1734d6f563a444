"""Other recorders that ship to the same Loki: what is erased in all of them, and what of that is still to be done.

``peer_answers``: one recorder is asked, by its address in PEERS. ``open_erasures``: what could not be reached, in a
file. ``erasing_elsewhere`` tries that again until it is done.
"""
