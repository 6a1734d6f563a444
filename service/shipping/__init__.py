"""Bring the journal's records to the receivers, at least once, in the order in which they ended.

One ``shipper`` per receiver reads after that receiver's cursor, has the rows encoded, posts
them, has the answer judged, and moves the cursor. ``loki`` and ``otlp`` know their receiver:
each encodes rows into a request and judges the answer. ``spans`` says what the spans of an
exchange are, whoever gets them. Nothing here can touch an exchange that is under way.
"""
