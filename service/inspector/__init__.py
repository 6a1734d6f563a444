"""The recorder's own addresses: its page, its API, health and metrics. Reads the journal, never the hot path.

``pages`` knows all addresses and hands each request on. Health and metrics are answered by ``service.polled``.

Who may see what
    * ``access``: the token, sessions, guesses; ``sign_in``: the form for the token; ``client``: who sends a request.

What is answered
    * ``assets``: the files of the page (folder ``page``) and ``openapi.json``;
    * ``listing``: many exchanges; ``one_exchange``: one of them, put together by
      ``exchange_detail``; ``exporting``: files of many; ``live``: what happens;
    * ``replaying``: a prompt sent again; ``erasing``: exchanges erased on demand;
    * ``health``: alive, ready, degraded; ``metrics``: Prometheus' numbers.

``responses`` is the form of all answers; ``threads`` answers questions beside the event loop.
"""
