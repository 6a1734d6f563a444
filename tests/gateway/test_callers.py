"""Who asked, out of everything that a request says about it."""

from collections.abc import Callable
from functools import partial
from urllib.parse import quote

import pytest
from multidict import CIMultiDict

from service.gateway.callers import client_address, is_at_this_machine, is_loopback, item_and_attempt, name_caller
from service.gateway.routes import find_target, read_labels
from service.json_writing import write_json
from service.record.exchange import Caller
from service.settings import TABLE

TRUSTED = TABLE["trusted_proxies"].read("loopback,private")


def test_the_first_that_says_something_wins_per_field() -> None:
    headers = CIMultiDict(
        {
            "X-N8N-Workflow-Name": "R%C3%A9sum%C3%A9%20agent",
            "X-N8N-Workflow-Id": "w1",
            "X-N8N-Execution-Id": "7",
            "x-n8n-node": "Ask",
            "X-OpenWebUI-User-Name": "Ada",
            "X-OpenWebUI-Chat-Id": "chat",
            "User-Agent": "curl/8.0",
        }
    )
    assert name_caller([("node", "From path")], headers, "a-key") == Caller(
        workflow="Résumé agent", workflow_id="w1", execution_id="7", node="From path", caller="a-key", user="Ada"
    )


@pytest.mark.parametrize(
    ("labels", "headers", "told"),
    [
        ([], {}, (None, None)),
        ([], {"X-N8N-Item": "0", "X-N8N-Attempt": "1"}, (0, 1)),
        ([], {"x-n8n-item": "999999999", "x-n8n-attempt": "3"}, (999_999_999, 3)),
        ([("item", "4"), ("attempt", "2")], {"X-N8N-Item": "0"}, (4, 2)),
        ([("item", "undefined")], {"X-N8N-Item": "7"}, (7, None)),
        ([], {"X-N8N-Item": "-1", "X-N8N-Attempt": "0"}, (None, None)),
        ([], {"X-N8N-Item": "1e3", "X-N8N-Attempt": "2.0"}, (None, None)),
        ([], {"X-N8N-Item": "\u0663", "X-N8N-Attempt": "\u00b2"}, (None, None)),
        ([], {"X-N8N-Item": "9" * 5000, "X-N8N-Attempt": "1" * 10}, (None, None)),
        ([], {"X-N8N-Item": "", "X-N8N-Attempt": " "}, (None, None)),
    ],
)
def test_item_and_try_are_whole_numbers_or_unknown(
    labels: list[tuple[str, str]], headers: dict[str, str], told: tuple[int | None, int | None]
) -> None:
    assert item_and_attempt(labels, CIMultiDict(headers)) == told


@pytest.mark.parametrize(
    ("user_agent", "caller"),
    [
        ("ollama-js/0.6.4 (x64 linux Node.js/v24)", "ollama-js"),
        ("Mozilla/5.0 (compatible; n8n/2.30.8; +https://n8n.io/)", "n8n"),
        ("n8n", "n8n"),
        ("curl/8.0", "curl"),
        ("Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36", "Mozilla"),
        # One program is one caller, whichever way it asks.
        ("ai/7.0.173 ai-sdk-provider-utils/5.0.81 node.js/24", "ai"),
        ("ai-sdk-provider-utils/5.0.81 node.js/24", "ai"),
        ("OpenAI/Python 3.57.0", "OpenAI"),
        ("AsyncOpenAI/Python 3.57.0", "OpenAI"),
        ("AsyncAnthropic/Python 0.90.0", "Anthropic"),
        ("Python/3.11 aiohttp/3.14.5", "aiohttp"),
        ("Python/3.11", "Python"),
        ("Python", "Python"),
        ("Java-http-client/17.0.2", "Java-http-client"),
        ("pydantic-ai/2.68.0", "pydantic-ai"),
        ("", None),
    ],
)
def test_without_better_knowledge_the_product_is_the_caller(user_agent: str, caller: str | None) -> None:
    assert name_caller([], {"User-Agent": user_agent}, None).caller == caller


@pytest.mark.parametrize(
    ("origin", "caller"),
    [
        ("http://localhost:4321", "localhost:4321"),
        ("https://chat.example.org", "chat.example.org"),
        ("chrome-extension://abcdef", "abcdef"),
        ("null", "Mozilla"),
        ("", "Mozilla"),
        ("http://" + "x" * 500, "x" * 200),
    ],
)
def test_in_a_browser_the_page_is_the_caller(origin: str, caller: str) -> None:
    headers = CIMultiDict({"User-Agent": "Mozilla/5.0 (X11; Linux x86_64) Chrome/150.0", "Origin": origin})
    assert name_caller([], headers, None).caller == caller
    headers["User-Agent"] = "ollama-js/0.6.4 (x64)"
    assert name_caller([], headers, None).caller == "ollama-js"


def test_open_webui_is_known_by_its_headers_as_its_user_agent_names_a_library() -> None:
    headers = CIMultiDict(
        {
            "X-OpenWebUI-User-Name": "Ada L%C3%B6velace",
            "X-OpenWebUI-Chat-Id": "c1",
            "User-Agent": "Python/3.11 aiohttp/3.14.5",
        }
    )
    assert name_caller([], headers, None) == Caller(caller="Open WebUI", user="Ada Lövelace", execution_id="c1")
    assert name_caller([], headers, "a-key").caller == "a-key"
    headers["X-Caller"] = "our desk"
    assert name_caller([], headers, "a-key").caller == "our desk"


def test_names_are_bounded_and_broken_encodings_do_no_harm() -> None:
    caller = name_caller(
        [("workflow", "x" * 1000), ("unknown", "y")], {"X-N8N-Node": "%FF%zz", "X-Caller": "a" * 999}, None
    )
    assert caller.workflow == "x" * 200
    assert caller.node == "\ufffd%zz"
    assert caller.caller == "a" * 200


def test_names_of_bytes_that_are_no_utf8_are_those_that_the_record_has() -> None:
    """Head lines are decoded with an escape for each byte, which no JSON of ours can hold."""
    headers = {"X-N8N-Workflow-Name": "Caf\udce9", "X-N8N-Node": "%C3%A9\udcff", "User-Agent": "\udcfe/1"}
    caller = name_caller([("user", "\udced" * 300)], headers, None)
    assert (caller.workflow, caller.node, caller.caller) == ("Caf\\udce9", "é\\udcff", "\\udcfe")
    assert caller.user == ("\\udced" * 50)[:200]
    assert write_json(caller._asdict())


# What the expressions of n8n 2.30.8 and 2.41.1 gave where a value was missing, and more of each kind.
PLACEHOLDERS = (
    *("undefined", "null", "NaN", "__UNKNOWN__", "__EMPTY__", "uuid-1234", "uuid-00ff-77", "[object Object]"),
    *("x[object Object]", "[object Array]", " undefined ", " ", "\t"),
)


@pytest.mark.parametrize("placeholder", PLACEHOLDERS)
@pytest.mark.parametrize("label", ["workflow", "workflow_id", "execution", "execution_id", "node", "caller", "user"])
def test_what_n8n_writes_for_a_missing_value_is_no_name_in_a_path(label: str, placeholder: str) -> None:
    path = f"/api/ollama/~{label}={quote(placeholder, safe='')};{label}=Second/api/tags"
    assert set(name_caller(find_target(path).labels, {}, None)) == {None, "Second"}
    assert name_caller([(label, placeholder)], {}, None) == Caller()
    assert name_caller(read_labels(quote(placeholder, safe="")), {}, None) == Caller()


@pytest.mark.parametrize("placeholder", PLACEHOLDERS)
@pytest.mark.parametrize(
    ("header", "field"),
    [
        ("X-N8N-Workflow-Id", "workflow_id"),
        ("X-N8N-Workflow-Name", "workflow"),
        ("X-N8N-Execution-Id", "execution_id"),
        ("X-N8N-Node", "node"),
        ("X-Caller", "caller"),
        ("X-OpenWebUI-User-Name", "user"),
        ("X-OpenWebUI-Chat-Id", "execution_id"),
    ],
)
@pytest.mark.parametrize("write", [str, partial(quote, safe="")])
def test_what_n8n_writes_for_a_missing_value_is_no_name_in_a_header(
    write: Callable[[str], str], header: str, field: str, placeholder: str
) -> None:
    headers = CIMultiDict({header: write(placeholder), "User-Agent": "curl/8.0"})
    found = getattr(name_caller([], headers, None), field)
    assert found in (("curl", "n8n") if field == "caller" else (None,))


@pytest.mark.parametrize(
    "name",
    [
        *("undefined behaviour", "Undefined", "null values", "uuid-generator", "My uuid-1234", "__init__", "NaNny"),
        *("None", "0", "1e22c1f1-3b5c-4c4d-9a43-5d0e9f1b7c33", "unknown", "new", "{{ $workflow.name }}"),
    ],
)
def test_what_only_looks_like_a_placeholder_is_a_name(name: str) -> None:
    assert name_caller([("workflow", name)], {}, None).workflow == name


def test_n8n_has_a_name_where_it_has_no_workflow() -> None:
    # Test of the shipped credential of before, and the list of models of an AI node, as n8n sends them.
    for node in ("undefined", "uuid-1234"):
        labels = find_target(f"/api/ollama/~workflow=undefined;execution=__UNKNOWN__;node={node}/api/tags").labels
        assert name_caller(labels, {"User-Agent": "n8n"}, None) == Caller(caller="n8n")


OF_THE_CREDENTIAL = (("workflow", "Mails"), ("workflow_id", "Xa9"), ("execution", "7"), ("node", "a1b2"))


@pytest.mark.parametrize(
    ("labels", "user_agent", "caller"),
    [
        (OF_THE_CREDENTIAL, "ollama-js/0.6.4 (x64 linux Node.js/v24.21.0)", "n8n"),
        (OF_THE_CREDENTIAL, "OpenAI/JS 6.34.0", "n8n"),
        (OF_THE_CREDENTIAL, "axios/1.12.0", "n8n"),
        (OF_THE_CREDENTIAL, "node", "n8n"),
        (OF_THE_CREDENTIAL, "", "n8n"),
        (OF_THE_CREDENTIAL, "n8n", "n8n"),
        (OF_THE_CREDENTIAL, "curl/8.0", "curl"),
        (OF_THE_CREDENTIAL, "OpenAI/Python 2.1", "OpenAI"),
        (OF_THE_CREDENTIAL, "node-red/4.0", "node-red"),
        ((*OF_THE_CREDENTIAL, ("caller", "Post")), "ollama-js/0.6.4", "Post"),
        ((("workflow", "Nightly"),), "ollama-js/0.6.4", "ollama-js"),
        ((("workflow", "Nightly"), ("execution", "3")), "ollama-js/0.6.4", "ollama-js"),
    ],
)
def test_an_ai_node_of_n8n_is_n8n(labels: tuple[tuple[str, str], ...], user_agent: str, caller: str) -> None:
    headers = {"User-Agent": user_agent} if user_agent else {}
    assert name_caller(labels, headers, None).caller == caller
    assert name_caller(labels[:4], headers, "a-key").caller == "a-key"


def test_an_http_request_node_is_n8n_whatever_its_user_agent_was_changed_to() -> None:
    named = CIMultiDict({"X-N8N-Workflow-Id": "w1", "X-N8N-Execution-Id": "7", "User-Agent": "our house/1.0"})
    assert name_caller([], named, None).caller == "n8n"
    # Open WebUI's guide has one of n8n's headers.
    task = CIMultiDict({"X-N8N-Node": "title_generation", "X-OpenWebUI-User-Name": "Ada"})
    assert name_caller([], task, None).caller == "Open WebUI"


@pytest.mark.parametrize(
    ("peer", "headers", "address"),
    [
        ("127.0.0.1", {"X-Forwarded-For": "203.0.113.9"}, "203.0.113.9"),
        ("172.18.0.3", {"X-Forwarded-For": "6.6.6.6, 203.0.113.9, 10.0.0.2"}, "203.0.113.9"),
        ("203.0.113.1", {"X-Forwarded-For": "127.0.0.1"}, "203.0.113.1"),
        ("127.0.0.1", {"X-Real-IP": "203.0.113.9"}, "203.0.113.9"),
        ("127.0.0.1", {"X-Forwarded-For": "garbage"}, "127.0.0.1"),
        ("127.0.0.1", {"X-Forwarded-For": "127.0.0.1, garbage, 10.0.0.9"}, "10.0.0.9"),
        ("127.0.0.1", {}, "127.0.0.1"),
        ("::ffff:10.1.2.3", {"X-Real-IP": "2001:db8::1"}, "2001:db8::1"),
    ],
)
def test_only_trusted_proxies_are_believed(peer: str, headers: dict[str, str], address: str) -> None:
    assert client_address(peer, CIMultiDict(headers), TRUSTED) == address


def test_a_proxy_may_append_a_line_of_its_own() -> None:
    lines = CIMultiDict([("X-Forwarded-For", "6.6.6.6"), ("x-forwarded-for", "203.0.113.9")])
    assert client_address("127.0.0.1", lines, TRUSTED) == "203.0.113.9"


@pytest.mark.parametrize("peer", ["127.0.0.1", "::1", "::ffff:127.0.0.1"])
@pytest.mark.parametrize(
    "headers",
    [
        {},
        {"X-Forwarded-For": "127.0.0.1, ::1"},
        {"X-Real-IP": "127.0.0.1", "X-Forwarded-Proto": "http", "X-Forwarded-Host": "localhost"},
        # What programs and browsers send, and no proxy does.
        {"X-Request-Id": "1", "Traceparent": "1", "Viewport-Width": "1", "Origin": "http://localhost", "X-Caller": "1"},
    ],
)
def test_a_request_of_this_machine_passes_this_machine_only(peer: str, headers: dict[str, str]) -> None:
    assert is_at_this_machine(peer, CIMultiDict(headers))


@pytest.mark.parametrize(
    ("peer", "lines"),
    [
        ("192.168.1.5", []),
        # What a client in a trusted network writes itself,
        ("192.168.1.5", [("X-Forwarded-For", "127.0.0.1")]),
        ("", [("X-Forwarded-For", "127.0.0.1")]),
        # and what a proxy on this machine makes of it: by appending, in a line of its own, by its own header.
        ("127.0.0.1", [("X-Forwarded-For", "127.0.0.1, 192.168.1.5")]),
        ("127.0.0.1", [("X-Forwarded-For", "127.0.0.1"), ("X-Forwarded-For", "192.168.1.5")]),
        ("127.0.0.1", [("X-Forwarded-For", "127.0.0.1"), ("X-Real-IP", "192.168.1.5")]),
        ("127.0.0.1", [("X-Forwarded-For", "127.0.0.1, unknown")]),
        ("127.0.0.1", [("X-Forwarded-For", "")]),
        ("127.0.0.1", [("Forwarded", "for=127.0.0.1, for=192.168.1.5")]),
        # A proxy that does not tell who its client is.
        ("127.0.0.1", [("Via", "1.1 proxy")]),
        ("127.0.0.1", [("X-Forwarded-For", "127.0.0.1"), ("Via", "1.1 proxy")]),
        ("127.0.0.1", [("X-Forwarded-Host", "recorder.lan")]),
        ("127.0.0.1", [("X-Forwarded-Proto", "https")]),
        # Proxies of other makers.
        ("127.0.0.1", [("CF-Connecting-IP", "192.168.1.5")]),
        ("127.0.0.1", [("True-Client-IP", "192.168.1.5"), ("X-Forwarded-For", "127.0.0.1")]),
        ("127.0.0.1", [("X-Client-IP", "192.168.1.5")]),
        *(
            ("127.0.0.1", [("X-Forwarded-For", "127.0.0.1"), (name, "192.168.1.5")])
            for name in (
                *("X-Forwarded", "Forwarded-For", "X-Original-Forwarded-For", "X-Envoy-External-Address"),
                *("X-ProxyUser-Ip", "Proxy-Client-IP", "WL-Proxy-Client-IP", "X-Remote-Addr", "X-Originating-IP"),
                *("Fly-Client-IP", "CF-Connecting-IPv6", "CF-Ray", "CDN-Loop", "X-Azure-ClientIP"),
                *("X-Appengine-User-IP", "X-Amzn-Trace-Id", "Tailscale-User-Login", "Ngrok-Auth-User-Email"),
            )
        ),
        *(
            ("127.0.0.1", [(name, "a")])
            for name in (
                *("X-Forwarded-Ssl", "X-Forwarded-Scheme", "X-Forwarded-By", "X-Forwarded-Prefix", "X-Forwarded-User"),
                *("X-Original-Host", "X-Original-URL", "X-Envoy-Original-Path", "X-Scheme", "Front-End-Https"),
                *("X-Auth-Request-User", "x-forwarded-port"),
            )
        ),
    ],
)
def test_nobody_becomes_this_machine_by_saying_so(peer: str, lines: list[tuple[str, str]]) -> None:
    assert not is_at_this_machine(peer, CIMultiDict(lines))


def test_loopback_is_this_machine_only() -> None:
    assert all(is_loopback(address) for address in ("127.0.0.1", "127.9.9.9", "::1", "::ffff:127.0.0.1"))
    assert not any(is_loopback(address) for address in ("10.0.0.1", "::ffff:10.0.0.1", "", "localhost.evil"))
