"""OTLP over HTTP: exchanges become spans for Tempo, Jaeger or any other receiver of OpenTelemetry.

``settings``: OpenTelemetry's standard variables. ``encode``: rows become an export request. ``judge``: what its answer
to one means. ``health``: whether somebody listens. ``receiver`` puts them together. ``loki`` has the same parts.
"""
