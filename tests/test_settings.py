"""The table of settings."""

from pathlib import Path

import pytest

from service.settings import TABLE, SettingsError, read_settings


def test_the_defaults_are_those_of_the_table() -> None:
    settings = read_settings({})
    assert settings.ollama_url == "http://127.0.0.1:11434"
    assert settings.listen == ("127.0.0.1", 8080)
    assert settings.record_before_reply is True
    assert settings.api_keys_file is None
    assert settings == read_settings(dict.fromkeys((variable.name for variable in TABLE.values()), ""))


def test_where_it_listens_is_told_as_an_address_has_it() -> None:
    settings = read_settings({"LISTEN": "[::1]:0"})
    assert (settings.listen_at(), settings.listen_at(8080)) == ("[::1]:0", "[::1]:8080")


def test_all_mistakes_are_told_at_once_each_with_variable_value_and_expectation() -> None:
    wrong = {
        "OLLAMA_URL": "localhost:11434",
        "OLLAMA_TIMEOUT": "-1",
        "LISTEN": "8080",
        "KEEP_BODY_BYTES": "1.5",
        "RETENTION_DAYS": "nan",
        "RETENTION_GB": "0",
        "ALLOW_MANAGEMENT": "maybe",
        "ALLOWED_HOSTS": "http://x",
        "CORS_ORIGINS": "*",
        "TRUSTED_PROXIES": "10.0.0.1/8",
        "JOURNAL_SYNC": "off",
        "TRACE_URL": "http://grafana",
        "N8N_URL": "localhost:5678",
        "LOG_LEVEL": "loud",
        "LOG_FORMAT": "xml",
    }
    with pytest.raises(SettingsError) as raised:
        read_settings(wrong)
    lines = str(raised.value).splitlines()
    assert len(lines) == len(wrong)
    for name, value in wrong.items():
        assert any(line.startswith(f"{name}={value!r}: expected ") for line in lines), name


def test_a_contradiction_is_a_mistake_and_a_secret_is_not_repeated(tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match="LOKI_USERNAME and LOKI_PASSWORD") as raised:
        read_settings({"LOKI_PASSWORD": "hunter2"})
    assert "hunter2" not in str(raised.value)
    with pytest.raises(SettingsError, match="LOKI_TOKEN and LOKI_USERNAME"):
        read_settings({"LOKI_TOKEN": "a", "LOKI_USERNAME": "b", "LOKI_PASSWORD": "c"})
    with pytest.raises(SettingsError, match="expected an existing file"):
        read_settings({"API_KEYS_FILE": str(tmp_path / "absent")})


def test_a_contradiction_is_told_beside_the_mistakes(tmp_path: Path) -> None:
    with pytest.raises(SettingsError) as raised:
        read_settings({"MAX_ACTIVE": "many", "LIMITS_FILE": str(tmp_path / "absent"), "LOKI_PASSWORD": "hunter2"})
    beginnings = [line.split("=")[0].split(":")[0] for line in str(raised.value).splitlines()]
    assert beginnings == ["MAX_ACTIVE", "LOKI_USERNAME and LOKI_PASSWORD", "LIMITS_FILE"]


@pytest.mark.parametrize("url", ["http://box:11434", "https://box/ollama/", "http://[::1]:11434"])
def test_an_upstream_may_have_a_path_and_loses_its_last_slash(url: str) -> None:
    assert read_settings({"OLLAMA_URL": url}).ollama_url == url.rstrip("/")


def test_several_upstreams_have_names_that_tell_them_apart() -> None:
    def names(value: str) -> list[str]:
        return [address.name for address in read_settings({"OLLAMA_URL": value}).ollama_urls]

    assert names("http://GPU1:11434") == ["gpu1"]
    assert names("http://gpu1:11434, https://gpu2/") == ["gpu1", "gpu2"]
    assert names("http://box:1,http://box") == ["box:1", "box:80"]
    assert names("http://box/a,http://box/b,http://other") == ["box:80/a", "box:80/b", "other:80"]
    assert read_settings({"OLLAMA_URL": "http://a/ ,http://b"}).ollama_url == "http://a, http://b"
    # A path may have a comma.
    assert names("http://box/a,b") == ["box"]


@pytest.mark.parametrize(
    "url",
    ["http://a,http://a", "http://a:80,http://A/", "http://a,", "http://a,b", ",http://a", "http://a,ftp://b"]
    + [f"http://a{path}{mark}http://b" for path in ("", "/x") for mark in ("; ", ";", " ", "|", "\t", "\n", ", ,")],
)
def test_several_upstreams_are_addresses_each_once(url: str) -> None:
    with pytest.raises(SettingsError, match="OLLAMA_URL"):
        read_settings({"OLLAMA_URL": url})


@pytest.mark.parametrize(
    "url", ["ftp://box", "http://", "http://box:0", "http://box:99999", "http://u:p@box", "http://box?x", "http://[::1"]
)
def test_an_upstream_that_cannot_be_one_is_a_mistake(url: str) -> None:
    with pytest.raises(SettingsError, match="OLLAMA_URL"):
        read_settings({"OLLAMA_URL": url})


@pytest.mark.parametrize(("value", "meant"), [("true", True), ("Off", False), ("STRICT", "strict")])
def test_an_answer_may_wait_for_its_record_a_while_never_or_for_as_long_as_it_takes(value: str, meant: object) -> None:
    assert read_settings({"RECORD_BEFORE_REPLY": value}).record_before_reply == meant
    with pytest.raises(SettingsError, match="true, false or strict"):
        read_settings({"RECORD_BEFORE_REPLY": "maybe"})
