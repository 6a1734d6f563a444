"""The pictures of ``docs/pictures/``: the page, the command line and n8n, taken of the real programs.

``make pictures`` takes them anew; ``python -m tests.pictures terminal`` takes only those of one module.
"""
