import pytest

from service.setting_values import as_header_text, as_listen, as_named_addresses, as_webhook, host_and_port
from service.settings import SettingsError, read_settings


@pytest.mark.parametrize(
    "url", ["https://hooks.example.org/services/T0/B0/x", "http://127.0.0.1:5678/webhook/a?token=b"]
)
def test_a_webhook_is_any_address_of_http(url: str) -> None:
    assert as_webhook(url) == url


@pytest.mark.parametrize(
    "url",
    [
        "",
        "hooks.example.org",
        "ftp://a/b",
        "http://",
        "http://a:0/",
        "http://a:99999/",
        "http://a/ b",
        "http://a/\n",
        "http://ü/",
    ],
)
def test_anything_else_is_no_webhook(url: str) -> None:
    with pytest.raises(ValueError, match="an address like https://host/path"):
        as_webhook(url)


@pytest.mark.parametrize(
    "text",
    [
        *("http://127.0.0.1:8080", "http://localhost:8080", "[::1:8080", "::1]:8080", "[]:8080", "[a b]:8080"),
        *(
            "a..b:8080",
            ".:8080",
            "a" * 64 + ":8080",
            "1:2:8080",
            "**:8080",
            "a b:8080",
            "a/b:8080",
            "localhost:",
            ":8080",
            "localhost:80000",
        ),
    ],
)
def test_what_is_no_host_and_port_is_told_before_anything_listens(text: str) -> None:
    with pytest.raises(ValueError, match="HOST:PORT"):
        as_listen(text)


@pytest.mark.parametrize("host", ["192.168.1..5", "ollama..lan", ".lan", "a" * 64])
@pytest.mark.parametrize(
    "name",
    ["OLLAMA_URL", "LOKI_URL", "OTEL_EXPORTER_OTLP_ENDPOINT", "N8N_URL", "ALERT_WEBHOOK_URL", "PEERS"],
)
def test_a_host_that_cannot_be_looked_up_is_told_before_anybody_calls(name: str, host: str) -> None:
    address = f"http://{host}:8080"
    with pytest.raises(SettingsError, match=f"^{name}=.*: expected "):
        read_settings({name: f"garage={address}" if name == "PEERS" else address})


def test_host_and_port_are_written_as_an_address_has_them() -> None:
    for text in ("127.0.0.1:8080", "[::1]:8080", "localhost:80", "[fe80::1%eth0]:8080"):
        assert host_and_port(*as_listen(text)) == text
    assert host_and_port(*as_listen("*:80")) == "0.0.0.0:80"


@pytest.mark.parametrize("text", ["two\nlines", "a\r\nX-Other: b", "nul\0", "\x1b[31m"])
def test_what_no_header_can_hold_is_told(text: str) -> None:
    with pytest.raises(ValueError, match="one line"):
        as_header_text(text)
    for name in ("LOKI_TOKEN", "LOKI_TENANT", "INSPECTOR_TOKEN"):
        with pytest.raises(SettingsError, match=f"^{name}=.*: expected one line") as told:
            read_settings({name: text})
        assert (text in str(told.value)) is False
    assert as_header_text("pässwörd 日") == "pässwörd 日"


def test_other_recorders_are_named_with_an_address_each() -> None:
    read = as_named_addresses("garage=http://garage:8080/, attic = https://10.0.0.7/recorder")
    assert read == (("garage", "http://garage:8080"), ("attic", "https://10.0.0.7/recorder"))


@pytest.mark.parametrize(
    "text",
    [
        "garage",
        "http://garage:8080",
        "=http://garage:8080",
        "garage=garage:8080",
        "garage=http://garage:8080,",
        "garage=http://garage:8080,attic",
        "garage=http://a,garage=http://b",
        "garage=http://user:password@garage",
        "garage=http://garage?x=1",
    ],
)
def test_what_names_no_recorder_is_told(text: str) -> None:
    with pytest.raises(ValueError, match="garage=http://garage:8080"):
        as_named_addresses(text)
