"""What the log tells of an exchange when nobody is to be named there."""

import orjson
import pytest

from service.record.fields import PERSONAL
from service.record.without_names import without_names


def test_who_asked_is_left_out_and_all_else_stays() -> None:
    told = {"user": "Ada", "caller": "n8n", "user_agent": "n8n/2", "remote_addr": "192.0.2.7", "key": "ada"}
    assert set(told) == set(PERSONAL)
    rest = {"method": "POST", "request_uri": "/api/ollama/api/chat", "status": 200, "workflow": "Invoices"}
    assert orjson.loads(without_names(orjson.dumps(told | rest))) == rest


@pytest.mark.parametrize(
    ("address", "left"),
    [
        ("/api/ollama/~user=Ada;node=x/api/chat", "/api/ollama/api/chat"),
        ("/api/ollama/%7Euser=Ada/api/chat?a=b", "/api/ollama/api/chat?a=b"),
        ("/api/ollama/~Ada", "/api/ollama/"),
        ("//api//ollama/~user=Ada/api/chat", "/api/ollama"),
        ("/x/../api/ollama/%7euser=Ada/api/chat", "/api/ollama"),
        ("/api/ollama/v1/models?x=~1", "/api/ollama/v1/models?x=~1"),
        ("/generate", "/generate"),
    ],
)
def test_labels_in_the_address_name_nobody(address: str, left: str) -> None:
    assert orjson.loads(without_names(orjson.dumps({"request_uri": address})))["request_uri"] == left


@pytest.mark.parametrize("line", [b"", b"{"])
def test_what_is_no_record_raises(line: bytes) -> None:
    with pytest.raises(ValueError, match=r".+"):
        without_names(line)
