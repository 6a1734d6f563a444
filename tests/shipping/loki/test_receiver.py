import gzip
from typing import Any

import orjson
import pytest

from service.settings import read_settings
from service.shipping.loki.receiver import make_endpoint, want_loki
from service.shipping.loki.settings import LokiSettings, login_headers
from service.shipping.receiver import Receiver
from tests.shipping.rows import make_row


def pushed_by(receiver: Receiver) -> list[Any]:
    """The streams of a push of one record."""
    streams: list[Any] = orjson.loads(gzip.decompress(receiver.encode([make_row()]).body))["streams"]
    return streams


@pytest.mark.parametrize(
    ("url", "push"),
    [
        ("http://loki:3100/", "http://loki:3100/loki/api/v1/push"),
        ("http://loki:3100/loki/api/v1/push", "http://loki:3100/loki/api/v1/push"),
        ("https://host/prefix", "https://host/prefix/loki/api/v1/push"),
    ],
)
def test_the_push_address_is_added_to_the_base_address_once(url: str, push: str) -> None:
    assert make_endpoint(LokiSettings(url)).url == push


def test_credentials_become_headers_of_every_push_and_never_show() -> None:
    loki = LokiSettings("http://loki:3100", login_headers(tenant="team-a", token="hunter2"))
    endpoint = make_endpoint(loki)
    assert endpoint.headers["X-Scope-OrgID"] == "team-a"
    assert endpoint.headers["Authorization"] == "Bearer hunter2"
    assert endpoint.headers["Content-Encoding"] == "gzip"
    assert "hunter2" not in f"{loki} {endpoint}"


def test_without_its_address_loki_is_not_wanted() -> None:
    assert want_loki(read_settings({"LOKI_TOKEN": "t"}), {}) is None


@pytest.mark.parametrize(("variables", "streams"), [({}, 2), ({"LOKI_SPANS": "false"}, 1)])
def test_it_is_made_with_what_the_settings_and_the_environment_say(variables: dict[str, Any], streams: int) -> None:
    environment = {"OTEL_INSTRUMENTATION_GENAI_CAPTURE_MESSAGE_CONTENT": "true"}
    wanted = want_loki(read_settings({"LOKI_URL": "http://loki:3100/", **variables}), environment)
    assert wanted is not None
    assert (wanted.name, wanted.variable, wanted.address) == ("loki", "LOKI_URL", "http://loki:3100")
    assert wanted.can_delete
    pushed = pushed_by(wanted.prepare()("box-1"))
    assert len(pushed) == streams
    assert {stream["stream"]["instance"] for stream in pushed} == {"box-1"}
    assert ("gen_ai.input.messages" in str(pushed)) is (streams == 2)
