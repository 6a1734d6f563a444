"""Between the clients and Ollama: admit a request, name its caller, relay the bytes both ways.

The way of a request
    * ``http_server`` makes a ``client_connection`` for each client; ``request_head`` and ``body_framing`` read it;
    * ``gateway`` takes each ``request`` below the prefix; ``generate`` is ``POST /generate``, a client of the gateway;
    * ``routes``: what may be asked of Ollama; ``admission``: who may ask; ``cors``: what browsers may do;
    * ``trace``: ids; ``callers``: who asks; ``headers``: what passes on; ``call``: all of this together;
    * ``relay`` carries calls and counts them; ``round_trip`` is the way of one exchange;
    * ``request_body``: the request comes in; ``upstream``, ``connection``: it goes to Ollama, the answer comes back;
    * ``response_writer``: the answer goes to the client; ``capture``: the copy; ``idle_timeout``: nothing is heard.

Beside it
    * ``error_responses``: our own answers; ``malformed``: aiohttp's server, and what is no HTTP, loaded by
      ``late_aiohttp`` for the first who needs it;
    * ``context_lengths``: how many tokens each loaded model has room for.

A round trip is given what to call when an exchange opens and ends. It knows nothing of what lies behind.
"""
