"""The dashboards as Grafana's own components draw them, to be looked at.

``python -m tests.pictures.grafana FOLDER`` writes a picture of each dashboard into ``FOLDER``. It fetches what it
draws with by npm, into a temporary folder, and takes about two minutes.
"""
