"""Bring the journal's records to the receivers, at least once, in the order in which they ended.

``registry`` names the receivers. Each has a folder of the same parts (``loki``, ``otlp``): it encodes rows into a
batch and judges the answer. One ``shipper`` per receiver reads after that receiver's cursor, has the rows encoded,
sent (``sending``, at its ``pace``) and the answer judged, and moves the cursor. ``receiver`` says what the two expect
of each other, ``delivery`` how it goes. ``spans`` and ``genai`` say what the spans of an exchange are, whoever gets
them. ``asking`` is for questions beside the records. Nothing here can touch an exchange that is under way.
"""
