"""Which paths lead where, whatever way they are written."""

import pytest

from service.gateway.routes import MODEL_NAME, TABLE, canonical_path, find_target, is_gateway_path

CHAT = "/api/chat"


@pytest.mark.parametrize(
    ("written", "canonical"),
    [
        ("/api/ollama/api/chat", CHAT),
        ("/api/ollama/%61pi/ch%61t", CHAT),
        ("/api/ollama//api///chat", CHAT),
        ("/api/ollama/api%2fchat", CHAT),
        ("/api/ollama/api/./chat/", CHAT),
        ("/api/ollama/x/../api/chat", CHAT),
        ("/api/ollama/../../../api/chat", CHAT),
        ("/api/ollama", "/"),
        ("/api/ollama/", "/"),
        ("/%61pi/ollama/api/chat", CHAT),
        ("//api//ollama//api/chat", CHAT),
    ],
)
def test_ways_to_write_an_allowed_path_all_lead_to_its_canonical_form(written: str, canonical: str) -> None:
    assert is_gateway_path(written)
    target = find_target(written)
    assert target.path == canonical
    assert target.route is not None


@pytest.mark.parametrize(
    "written",
    [
        "/api/ollama/debug/pprof",
        "/api/ollama/debug/pprof/heap",
        "/api/ollama/api/chat/../../debug/pprof/",
        "/api/ollama/%64ebug/pprof",
        "/api/ollama/%2564ebug/pprof",
        "/api/ollama/api/chat;x=1",
        "/api/ollama/api/chat%00",
        "/api/ollama/api/chat%0d%0aX: y",
        "/api/ollama/api/chat%3Fx",
        "/api/ollama/API/CHAT",
        "/api/ollama/api\\chat",
        "/api/ollama/api/me",
        "/api/ollama/api/signout",
        "/api/ollama/api/user/keys/abc",
        "/api/ollama/api/status",
        "/api/ollama/api/blobs/sha256:../../x",
        "/api/ollama/api/blobs/sha256:123",
        "/api/ollama/healthz",
        "/api/ollama/~name/debug/pprof",
        "/api/ollama/http://127.0.0.1/api/chat",
    ],
)
def test_what_is_not_in_the_table_has_no_route(written: str) -> None:
    assert is_gateway_path(written)
    assert find_target(written).route is None


@pytest.mark.parametrize(
    "written", ["/", "/healthz", "/api/ollamaX/api/chat", "/api", "/exchanges.json", "/x/api/ollama/api/chat", "/apis"]
)
def test_other_addresses_are_not_the_gateways(written: str) -> None:
    assert not is_gateway_path(written)


def test_what_goes_upstream_is_what_was_matched() -> None:
    target = find_target("/api/ollama/v1/models/library%2Fllama3.2:latest")
    assert target.route is not None
    assert target.upstream_path == "/v1/models/library/llama3.2:latest"
    assert canonical_path(target.upstream_path) == target.path


@pytest.mark.parametrize(
    "model",
    [
        *("llama3.2", "tiny:latest", "qwen2.5-coder:32b-instruct-q4_K_M", "_x", "gpt-oss:120b-cloud", "a" * 80),
        *("library/llama3.2:1b", "hf.co/bartowski/Llama-3.2-1B-Instruct-GGUF:Q4_K_M"),
        *("localhost:5000/me/mine:v1", "llama3.2@sha256:" + "0" * 64),
    ],
)
def test_a_name_that_a_model_may_have_passes(model: str) -> None:
    target = find_target(f"/api/ollama/v1/models/{model}")
    assert target.route is not None
    assert target.upstream_path == f"/v1/models/{model}"


@pytest.mark.parametrize(
    "model",
    [
        *("a%3Fb", "a%23c", "a%20b", "a%25b", "a%5Cb", "a%22b", "%FF", "%C3%A9", "a'b", "a;b", "a&b", "a=b", "a%7Fb"),
        *(".a", "-a", "a:", ":a", "a:-b", "a@b", "a@sha256:1", "a/b/c/d", "a" * 81, "a:" + "b" * 81, "a:b:c"),
    ],
)
def test_what_no_model_is_called_does_not_reach_ollama(model: str) -> None:
    assert find_target(f"/api/ollama/v1/models/{model}").route is None


def test_labels_in_the_path_name_the_caller_and_do_not_reach_ollama() -> None:
    target = find_target("/api/ollama/~workflow=R%C3%A9sum%C3%A9%20a%2Fb%3Bc;node=N;execution=231/api/chat")
    assert target.path == CHAT
    assert target.labels == (("workflow", "Résumé a/b;c"), ("node", "N"), ("execution", "231"))
    assert find_target("/api/ollama/~editor/v1/chat/completions").labels == (("caller", "editor"),)
    assert find_target("/api/ollama/~editor").path == "/"
    assert find_target("/api/ollama/~=;;x=/api/chat").labels == ()


@pytest.mark.parametrize("mark", ["~", "%7E", "%7e"])
def test_the_mark_of_labels_may_be_percent_encoded(mark: str) -> None:
    target = find_target(f"/api/ollama/{mark}workflow=A;node=%7EB/api/chat")
    assert (target.path, target.labels) == (CHAT, (("workflow", "A"), ("node", "~B")))
    assert find_target(f"/api/ollama/{mark}n8n/api/chat").labels == (("caller", "n8n"),)


@pytest.mark.parametrize("prefix", ["/api/ollama", "//api/ollama", "/%61pi/ollama", "/api//ollama"])
def test_labels_and_path_are_decoded_once_however_the_prefix_is_written(prefix: str) -> None:
    target = find_target(f"{prefix}/~workflow=A%252FB;node=c%20d/api/chat")
    assert (target.path, target.labels) == (CHAT, (("workflow", "A%2FB"), ("node", "c d")))
    assert find_target(f"{prefix}/api/ch%2561t").path == "/api/ch%61t"


def test_an_encoded_slash_belongs_to_a_label_after_a_doubled_slash_too() -> None:
    assert find_target("//api/ollama/~workflow=A%2FB%3BC/api/chat").labels == (("workflow", "A/B;C"),)


def test_every_route_of_the_table_can_be_reached() -> None:
    for route in TABLE:
        example = route.pattern.replace(MODEL_NAME, "m").replace(r"sha256[:-][0-9a-fA-F]{64}", "sha256:" + "0" * 64)
        assert find_target("/api/ollama" + example).route == route
