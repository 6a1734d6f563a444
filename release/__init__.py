"""What a release consists of, made in ``dist/``: wheel, source, bill of materials, checksums. ``python -m release``."""
