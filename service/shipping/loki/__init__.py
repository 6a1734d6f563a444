"""Loki: records and spans become log lines, and its answers are understood as Loki means them.

``settings``: where it is and what opens it. ``encode``: rows become a push request. ``judge``: what its answer to one
means. ``health``: whether it is ready. ``deletion``: what was erased here is deleted there. ``receiver`` puts them
together. ``otlp`` has the same parts, save the deletion.
"""
