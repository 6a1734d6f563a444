"""Who is let in, and what those who are not are told."""

import hashlib
from pathlib import Path

import pytest

from service.gateway.admission import Policy, check_host, check_key, check_origin, check_route, read_keys
from service.gateway.error_responses import Refusal
from service.gateway.routes import find_target

OPEN = Policy()


@pytest.mark.parametrize(
    "host",
    ["localhost", "localhost:8080", "127.0.0.1:8080", "192.168.1.7", "[::1]:8080", "nginx", "nginx:80", "LOCALHOST",
     "app.localhost", "host.docker.internal", "my.box:1", "localhost.", "localhost.:8080", "my.box.", "a_b.localhost"],
)  # fmt: skip
def test_a_host_by_which_this_machine_is_known_passes(host: str) -> None:
    assert check_host(host, Policy(allowed_hosts=frozenset({"my.box"}))) is None


@pytest.mark.parametrize(
    "host",
    [
        "evil.example",
        "localhost.evil.example",
        "127.0.0.1.evil.example",
        "",
        "a b",
        "localhost:x",
        "[::1",
        "nginx@evil",
        "localhost..",
        "app..localhost",
        ".localhost",
        "-.localhost",
        "localhost:65536",
        "localhost:",
        "a" * 64 + ".localhost",
        "http://localhost",
    ],
)
def test_a_rebound_name_is_refused_with_the_setting_that_allows_it(host: str) -> None:
    refusal = check_host(host, OPEN)
    assert refusal is not None
    assert refusal.status == 403
    assert refusal.setting == "ALLOWED_HOSTS"


@pytest.mark.parametrize(
    ("origin", "passes"),
    [
        (None, True),
        ("http://localhost", True),
        ("https://localhost:4321", True),
        ("http://127.0.0.1:3000", True),
        ("app://obsidian.md", True),
        ("vscode-webview://abc", True),
        ("http://recorder.lan:8080", True),
        ("null", False),
        ("http://evil.example", False),
        ("http://localhost.evil.example", False),
        ("http://localhost@evil.example", False),
        ("http://localhost:80:80", False),
        ("https://evil.example/http://localhost", False),
        ("xapp://a", False),
        ("file://", True),
        ("tauri://localhost", True),
        ("app://-", True),
        ("ftp://recorder.lan:8080", False),
        ("javascript://recorder.lan:8080", False),
        ("HTTP://recorder.lan:8080", False),
        ("//recorder.lan:8080", False),
        ("http://localhost:65536", False),
        ("http://localhost..:80", False),
        ("app://a b", False),
        ("app://a,https://evil.example", False),
        ("file:///etc/../x", False),
    ],
)
def test_only_local_pages_and_the_recorders_own_may_call(origin: str | None, passes: bool) -> None:
    assert (check_origin(origin, "recorder.lan:8080", OPEN) is None) == passes


def test_named_origins_replace_the_local_ones_by_exact_match() -> None:
    policy = Policy(cors_origins=frozenset({"https://app.example"}))
    assert check_origin("https://app.example", "localhost", policy) is None
    for origin in (
        "https://app.example:444",
        "http://app.example",
        "https://app.example.evil",
        "http://localhost:3000",
    ):
        assert check_origin(origin, "localhost", policy) is not None


@pytest.mark.parametrize(
    ("method", "path", "management", "status", "setting"),
    [
        ("POST", "/api/pull", False, 403, "ALLOW_MANAGEMENT"),
        ("DELETE", "/api/delete", False, 403, "ALLOW_MANAGEMENT"),
        ("GET", "/api/chat", False, 405, None),
        ("POST", "/debug/pprof", True, 404, None),
        ("POST", "/api/me", True, 404, None),
        ("PUT", "/api/pull", True, 405, None),
    ],
)
def test_a_refused_route_says_what_to_change(
    method: str, path: str, management: bool, status: int, setting: str | None
) -> None:
    refusal = check_route(find_target("/api/ollama" + path), method, Policy(allow_management=management))
    assert refusal is not None
    assert (refusal.status, refusal.setting) == (status, setting)
    assert path in refusal.message


def test_with_keys_every_call_needs_one_and_its_name_is_the_caller(tmp_path: Path) -> None:
    file = tmp_path / "keys"
    file.write_text(
        f"# keys\nn8n {hashlib.sha256(b'secret').hexdigest()}\neditor {hashlib.sha256(b'other').hexdigest()} # x\n"
    )
    policy = Policy(keys=read_keys(file))
    assert check_key({"Authorization": "Bearer secret"}, policy) == "n8n"
    assert check_key({"Authorization": "bearer  other "}, policy) == "editor"
    assert check_key({"x-api-key": "secret"}, policy) == "n8n"
    for headers in (
        {},
        {"Authorization": "Bearer wrong"},
        {"Authorization": "Basic secret"},
        {"Authorization": "Bearer \udce9"},
    ):
        refusal = check_key(headers, policy)
        assert isinstance(refusal, Refusal)
        assert refusal.status == 401
    assert check_key({}, OPEN) is None


def test_a_broken_keys_file_names_each_bad_line(tmp_path: Path) -> None:
    file = tmp_path / "keys"
    file.write_text("n8n abc\n\nfine " + "0" * 64 + "\nalone\n")
    with pytest.raises(ValueError, match=r"line 1: .*line 4: "):
        read_keys(file)
    file.write_text("# nothing\n")
    with pytest.raises(ValueError, match="nobody could call"):
        read_keys(file)


def test_a_key_of_two_names_is_told_and_two_keys_of_one_name_are_none(tmp_path: Path) -> None:
    file = tmp_path / "keys"
    one, other = "0" * 64, "a" * 64
    file.write_text(f"ann {one}\nann {other}\nann {other.upper()}\n")
    assert read_keys(file) == {one: "ann", other: "ann"}
    file.write_text(f"ann {other}\nbob {other.upper()}\n")
    with pytest.raises(ValueError, match="line 2: 'ann' has the same key; each name"):
        read_keys(file)
