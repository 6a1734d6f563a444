import pytest

from service.setting_values import as_webhook


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
