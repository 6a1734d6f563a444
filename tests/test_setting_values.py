import pytest

from service.setting_values import as_named_addresses, as_webhook


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
