"""Between the clients and Ollama: admit a request, name its caller, relay the bytes both ways.

``relay`` is the way of one exchange; it is handed what to do when an exchange opens and closes
and knows nobody downstream.
"""
