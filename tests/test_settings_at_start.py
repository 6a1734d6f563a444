"""Whoever starts a recorder with several mistakes is told all of them at once, wherever each stands."""

import os
from pathlib import Path

import pytest

from service.settings import SettingsError
from service.settings_at_start import read_settings_at_start

KEYS = "n8n " + "0" * 64 + "\n"


def mistakes(environment: dict[str, str]) -> list[str]:
    with pytest.raises(SettingsError) as found:
        read_settings_at_start(environment)
    return str(found.value).splitlines()


def test_mistakes_in_variables_in_both_files_and_of_otlp_are_told_together(tmp_path: Path) -> None:
    keys, limits = tmp_path / "keys", tmp_path / "limits.toml"
    keys.write_text("n8n 123\nsomebody\n" + KEYS)
    limits.write_text("[default]\nmax_active = 'many'\npriority = 'first'\n")
    told = mistakes(
        {
            "MAX_ACTIVE": "many",
            "LOKI_PASSWORD": "secret",
            "API_KEYS_FILE": str(keys),
            "LIMITS_FILE": f" {limits} ",
            "OTEL_EXPORTER_OTLP_ENDPOINT": "http://127.0.0.1:4318",
            "OTEL_EXPORTER_OTLP_PROTOCOL": "grpc",
        }
    )

    text = "\n".join(told)
    assert [line.partition("=")[0] for line in told if line.startswith(("MAX", "API", "LIMITS", "OTEL"))] == [
        "MAX_ACTIVE",
        "API_KEYS_FILE",
        "LIMITS_FILE",
        "OTEL_EXPORTER_OTLP_PROTOCOL",
    ]
    assert "line 1" in text
    assert "line 2" in text
    assert "max_active" in text
    assert "priority" in text
    assert "secret'" not in text


@pytest.mark.parametrize("content", [b"", b"\xff\xfe", b"[default\n", b"x" * (2 << 20), b"\0" * 100])
@pytest.mark.parametrize("variable", ["API_KEYS_FILE", "LIMITS_FILE", "PEER_TOKENS_FILE"])
def test_a_file_of_whatever_bytes_is_a_mistake_beside_the_others_or_none(
    tmp_path: Path, variable: str, content: bytes
) -> None:
    (tmp_path / "file").write_bytes(content)
    told = mistakes({"MAX_ACTIVE": "many", variable: str(tmp_path / "file")})

    assert told[0].startswith("MAX_ACTIVE=")
    if content or variable == "API_KEYS_FILE":
        assert told[1].startswith(variable + "=")


@pytest.mark.parametrize("variable", ["API_KEYS_FILE", "LIMITS_FILE", "PEER_TOKENS_FILE"])
@pytest.mark.parametrize("kind", ["absent", "a folder", "a pipe"])
def test_what_is_no_file_is_told_once_beside_the_others(tmp_path: Path, variable: str, kind: str) -> None:
    path = tmp_path / "file"
    if kind == "a folder":
        path.mkdir()
    elif kind == "a pipe":
        os.mkfifo(path)
    told = mistakes({"MAX_ACTIVE": "many", variable: str(path)})

    assert [line.partition("=")[0] for line in told] == ["MAX_ACTIVE", variable]


def test_right_settings_and_files_give_settings(tmp_path: Path) -> None:
    keys, limits = tmp_path / "keys", tmp_path / "limits.toml"
    keys.write_text(KEYS)
    limits.write_text("[default]\nmax_active = 2\n")
    settings = read_settings_at_start({"API_KEYS_FILE": str(keys), "LIMITS_FILE": str(limits), "MAX_ACTIVE": "3"})

    assert (settings.api_keys_file, settings.limits_file, settings.max_active) == (keys, limits, 3)


def test_mistakes_in_the_tokens_of_peers_are_told_without_a_token(tmp_path: Path) -> None:
    tokens = tmp_path / "tokens"
    tokens.write_text("garage: secret word\nattic abc\nattic def\n")
    (told,) = mistakes({"PEER_TOKENS_FILE": str(tokens)})
    assert told.startswith("PEER_TOKENS_FILE=")
    assert ("line 1" in told, "line 2" in told, "line 3" in told) == (True, False, True)
    assert not any(word in told for word in ("secret", "abc", "def"))
    tokens.write_text("# the office's\ngarage abc\n")
    assert read_settings_at_start({"PEER_TOKENS_FILE": str(tokens)}).peer_tokens_file == tokens
