"""A record without the names of who asked, for logs that no erasure reaches."""

import orjson

from service.json_writing import write_json
from service.record.exchange import GATEWAY_PREFIX, cut_labels
from service.record.fields import PERSONAL


def without_names(line: bytes) -> bytes:
    """``line`` (the JSON of a record) without the fields that tell who asked, nor the labels in its address.

    Raises ValueError if ``line`` is no JSON.
    """
    values = orjson.loads(line)
    for name in PERSONAL:
        values.pop(name, None)
    address = values.get("request_uri")
    if isinstance(address, str):
        values["request_uri"] = _without_labels(address)
    return write_json(values)


def _without_labels(address: str) -> str:
    path, mark, query = address.partition("?")
    if path.startswith(GATEWAY_PREFIX):
        labels, rest = cut_labels(path.removeprefix(GATEWAY_PREFIX))
        return address if labels is None else GATEWAY_PREFIX + rest + mark + query
    # Written in another way, the labels may stand anywhere.
    return GATEWAY_PREFIX if "~" in path or "%7e" in path.lower() else address
