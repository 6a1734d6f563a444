import json
import random
import string
import time

import pytest

from service.record.masking import mask, mask_text

_SEED = random.Random(7)
_LETTERS = string.ascii_letters + string.digits


def _some(count: int, alphabet: str = _LETTERS) -> str:
    return "".join(_SEED.choice(alphabet) for _ in range(count - 1)) + "7"


_PEM = "\n".join(_some(64, _LETTERS + "+/") for _ in range(12)) + "\nQ9w=="

# (a text with a secret, the part that must not survive, what stands there instead)
SECRETS = {
    "openai": (f"sk-{_some(48)}", "sk-***"),
    "openai project": (f"sk-proj-{_some(60)}-_{_some(60)}", "sk-proj-***"),
    "anthropic": (f"sk-ant-api03-{_some(93)}-AA", "sk-ant-***"),
    "openrouter": (f"sk-or-v1-{_some(64, '0123456789abcdef')}", "sk-or-v1-***"),
    "github": (f"ghp_{_some(36)}", "ghp_***"),
    "github oauth": (f"gho_{_some(36)}", "gho_***"),
    "github app": (f"ghs_{_some(36)}", "ghs_***"),
    "github fine-grained": (f"github_pat_{_some(22)}_{_some(59)}", "github_pat_***"),
    "gitlab": (f"glpat-{_some(20)}", "glpat-***"),
    "slack": ("xoxb-" + "123456789012-" + _some(24), "xoxb-***"),
    "slack hook": ("hooks.slack.com/services/" + "T0AAAAAA0/B0AAAAAA0/" + _some(24), "hooks.slack.com/services/***"),
    "aws id": ("AKIA" + "IOSFODNN7EXAMPLE", "AKIA***"),
    "aws temporary id": ("ASIA" + "IOSFODNN7EXAMPLE", "ASIA***"),
    "aws secret": (f"aws_secret_access_key = {_some(20)}/+{_some(18)}", "aws_secret_access_key = ***"),
    "aws secret, camel case": (f"SecretAccessKey: {_some(40)}", "SecretAccessKey: ***"),
    "aws secret, variable": (f"AWS_SECRET_ACCESS_KEY={_some(40)}", "AWS_SECRET_ACCESS_KEY=***"),
    "google": (f"AIza{_some(35)}", "AIza***"),
    "stripe": (f"sk_live_{_some(24)}", "sk_live_***"),
    "stripe restricted": (f"rk_live_{_some(24)}", "rk_live_***"),
    "jwt, such as n8n's keys": (f"eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxMjM0In0.{_some(43)}", "eyJ***"),
    "n8n, older": (f"n8n_api_{_some(40)}", "n8n_api_***"),
    "hugging face": (f"hf_{_some(34)}", "hf_***"),
    "npm": (f"npm_{_some(36)}", "npm_***"),
    "bearer": (f"Bearer {_some(32)}", "Bearer ***"),
    "authorization, bearer": ("Authorization: Bearer abc123", "Authorization: Bearer ***"),
    "authorization, basic": ("Authorization: Basic dXNlcjpwYXNz", "Authorization: Basic ***"),
    "password in an address": ("postgres://admin:hunter2@db.example/x", "postgres://admin:***@db.example/x"),
    "replicate": (f"r8_{_some(37)}", "r8_***"),
    "grafana": (f"glsa_{_some(32)}_{_some(8, '0123456789abcdef')}", "glsa_***"),
    "pypi": (f"pypi-AgEIcHlwaS5vcmc{_some(120, _LETTERS + '-_')}", "pypi-***"),
    "groq": (f"gsk_{_some(52)}", "gsk_***"),
    "langfuse": ("pk-lf-3f2a9c1e-7b4d-4e8a-9c6f-2d1b8e7a5c90", "pk-lf-***"),
    "digitalocean": (f"dop_v1_{_some(64, '0123456789abcdef')}", "dop_v1_***"),
    "supabase": (f"sbp_{_some(40, '0123456789abcdef')}", "sbp_***"),
    "stripe, nothing but letters": ("sk_live_thisisatestofallletters", "sk_live_***"),
    "stripe, test": ("sk_test_testkeyofstripewithout", "sk_test_***"),
    "stripe, restricted": ("rk_live_abcdefghijklmnop", "rk_live_***"),
    "lower case, one digit": ("sk-configurationmanagement5x", "sk-***"),
    "vault": (f"hvs.{'abcdefgh' * 3}1", "hvs.***"),
    "a key of an example": ("sk-abcdefghijklmnopqrstuvwxyz123456", "sk-***"),
    "a key of one letter": ("npm_" + "a" * 36, "npm_***"),
    "hugging face, letters only": ("hf_" + "aBcDeFgHiJkLmNoPqRsTuVwXyZaBcDeFgH", "hf_***"),
    "bearer of one's own making": ("Bearer my-own-secret-token-2024", "Bearer ***"),
    "pem": (
        f"-----BEGIN RSA PRIVATE KEY-----\n{_PEM}\n-----END RSA PRIVATE KEY-----",
        "-----BEGIN RSA PRIVATE KEY-----***",
    ),
    "pem, encrypted": (
        "-----BEGIN EC PRIVATE KEY-----\nProc-Type: 4,ENCRYPTED\nDEK-Info: AES-128-CBC,9F\n\n"
        + f"{_PEM}\n-----END EC PRIVATE KEY-----",
        "-----BEGIN EC PRIVATE KEY-----***",
    ),
    "pem, one line": (
        f"-----BEGIN PRIVATE KEY-----{_some(64)}-----END PRIVATE KEY-----",
        "-----BEGIN PRIVATE KEY-----***",
    ),
    "pem, its end missing": (f"-----BEGIN PRIVATE KEY-----\n{_PEM}", "-----BEGIN PRIVATE KEY-----***"),
}


@pytest.mark.parametrize("name", SECRETS)
def test_a_secret_is_masked_behind_its_prefix(name: str) -> None:
    secret, masked = SECRETS[name]
    for before, after in (("", ""), ("my key: ", " please"), ('"', '"'), ("\n", "\n"), ("key=", "\t"), ("(", ")")):
        assert mask_text(f"{before}{secret}{after}") == (f"{before}{masked}{after}", 1)


@pytest.mark.parametrize("name", SECRETS)
@pytest.mark.parametrize("depth", [1, 2, 3])
def test_json_stays_json_and_its_other_texts_stay(name: str, depth: int) -> None:
    secret, _ = SECRETS[name]
    nested: object = {"a": f'say\n{secret}\n"quoted"', "b": f"é{secret}", "c": "\\", "d": [secret]}
    text = json.dumps(nested)
    for _ in range(depth - 1):
        text = json.dumps({"inner": text})
    masked, count = mask(text.encode())
    found = json.loads(masked)
    for _ in range(depth - 1):
        found = json.loads(found["inner"])
    assert count == 3
    assert found["a"].startswith("say\n")
    assert found["a"].endswith('\n"quoted"')
    assert found["c"] == "\\"
    assert secret.encode() not in masked
    assert mask(masked) == (masked, 0), "what is masked is not masked again"


def test_slashes_that_php_escapes_hide_nothing() -> None:
    sent = rb'{"u":"postgres:\/\/admin:hunter2@db\/x","k":"aws_secret_access_key=' + b"aB3\\/" * 8 + rb'aB3aB3ab"}'
    masked, count = mask(sent)
    assert json.loads(masked) == {"u": "postgres://admin:***@db/x", "k": "aws_secret_access_key=***"}
    assert count == 2


@pytest.mark.parametrize(
    "text",
    [
        "task-abcdefghijklmnopqrstuv123 and risk-assessment-2026-with-many-words",
        "The sk-learn package, sk-folding-cube-animation-delayed, desk-1234567890123456789012",
        "Why is npm_config_user_agent empty in npm_lifecycle_script? And npm_package_config_port_number_8080?",
        "Run pypi-publish-with-attestations after pypi-attestations-verify",
        "a class sk-circle-spinner-animation-1-of-12, sk-fading-circle-delay-2-of-3",
        "call glsa_dashboards_and_folders_export, see r8_optimization_rules_file_path",
        "hf_hub_download_from_local_cache2 and hf_AutoTokenizerFromPretrained",
        "sk_test_connection_timeout_seconds n8n_api_key_of_workflow_2 github_pat_token_for_deployments",
        "figd_export_of_page_number_1_only gsk_llama_inference_endpoint_name xapp-connection-pool-manager",
        "dop_v1_kubernetes_cluster_settings sbp_local_development_setup_guide whsec_signing_key_rotation",
        "Use bearer token-based-authentication or Bearer authentication-and-authorization headers",
        "curl -H 'Authorization: Bearer $TOKEN' https://example.org/a/long/path/of/a/page.html",
        "mail me: joe@example.org, or see https://example.org/?mail=joe@example.org",
        "sha256:" + "0123456789abcdef" * 4,
        "550e8400-e29b-41d4-a716-446655440000",
        "prompt_eval_duration additionalProperties com.example.averylongname.of.a.package",
        "-----BEGIN PUBLIC KEY-----\n" + "A" * 64,
        "What does -----BEGIN RSA PRIVATE KEY----- mean to you?",
        "git@github.com:owner/repository.git http://localhost:8080/@user/page",
        "The bearer of this letter may be an authorization: basic rules apply.",
        "",
        "@",
    ],
)
def test_what_is_no_secret_stays_and_is_the_same_object(text: str) -> None:
    data = text.encode()
    assert mask(data) == (data, 0)
    assert mask(data)[0] is data


def test_every_secret_of_a_text_is_counted() -> None:
    text = " ".join(secret for secret, _ in SECRETS.values())
    masked, count = mask_text(text)
    assert count >= len(SECRETS) - 1
    for secret, _ in SECRETS.values():
        assert secret not in masked


def test_a_text_with_lone_surrogates_is_masked_too() -> None:
    assert mask_text(f"\ud800 ghp_{'a1' * 18} \udce9") == ("\ud800 ghp_*** \udce9", 1)


@pytest.mark.parametrize(
    "piece",
    [
        *(b"@", b"a:b@", b"http://a:b@", b"//", b"\\", b'\\"', b"a", b"A" * 63 + b"\n", b"\xff" * 20),
        *(b"eyJ", b".eyJ", b".eyJa.", b"sk-", b"sk-aaaaaaaaaaaaaaaaa ", b"\\u0020sk-", b"xoxb-", b"+AKIA", b"/SG."),
        *(b"Authorization: ", b"Authorization: Bearer ", b"Bearer ", b"AccountKey=", b"hooks.slack.com/services/"),
        *(b"aws_secret_access_key=", b"SecretAccessKey ", b"github_pat_" * 3 + b" "),
        *(b"-----BEGIN RSA PRIVATE KEY-----", b"-----BEGIN PRIVATE KEY-----\\n" + b"A: b\\n"),
    ],
)
def test_much_of_anything_takes_linear_time(piece: bytes) -> None:
    def seconds(size: int) -> float:
        data = piece * (size // len(piece))
        started = time.thread_time()
        mask(data)
        return time.thread_time() - started

    small = min(seconds(30_000) for _ in range(2))
    assert seconds(300_000) < 40 * small + 0.1
