"""The rules of LIMITS_FILE: which one counts, and what is wrong with a file."""

import pytest

from service.sharing.flows import Priority
from service.sharing.limits import FOR_EVER, Identity, Limits, Rules, name_of, read_rules, span_of

FILE = """
[default]
max_active = 2

[key."alice"]
requests_per_minute = 30

[workflow."Invoices"]
priority = "batch"
max_active = 1
max_waiting = 50
tokens_per_day = 100000
models = ["llama3.2", "qwen*"]
keep_alive_at_most = "10m"
context = "refuse"

[caller."Open WebUI"]
max_active = 3

[user."Ann"]
max_active = 4
"""


def test_every_rule_is_read() -> None:
    limits = read_rules(FILE).tables["workflow", "Invoices"]
    assert limits == Limits(1, 50, None, 100_000, ("llama3.2", "qwen*"), Priority.BATCH, 600.0, True)
    assert limits.needs_body
    assert not read_rules(FILE).default.needs_body


@pytest.mark.parametrize(
    ("who", "name", "most"),
    [
        (Identity(), "address ", 2),
        (Identity(address="10.0.0.7"), "address 10.0.0.7", 2),
        (Identity(workflow="Invoices", caller="n8n"), "workflow Invoices", 1),
        (Identity(workflow="Other", workflow_id="Invoices"), "workflow Invoices", 1),
        (Identity(caller="Open WebUI", user="Ann"), "caller Open WebUI", 3),
        (Identity(caller="curl", user="Ann"), "user Ann", 4),
        (Identity(caller="curl", user="Bob"), "caller curl, user Bob", 2),
        # A key decides alone.
        (Identity(key="alice", workflow="Invoices"), "key alice", None),
        (Identity(key="bob", workflow="Invoices", user="Ann"), "key bob", 2),
    ],
)
def test_the_first_table_that_fits_counts(who: Identity, name: str, most: int | None) -> None:
    found, limits = read_rules(FILE).of(who)
    assert (found, limits.max_active) == (name, most)


def test_callers_without_a_table_are_named_by_what_is_known() -> None:
    assert name_of(Identity(key="k", user="Ann")) == "key k"
    assert name_of(Identity(workflow_id="17", user="Ann")) == "workflow 17"
    assert name_of(Identity(caller="curl", address="10.0.0.7")) == "caller curl"


def test_all_mistakes_of_a_file_are_told_at_once() -> None:
    text = """
[defaults]
[default]
max_active = 0
models = "tiny"
[user]
max_active = 1
[caller."x"]
max_actve = 1
priority = "high"
keep_alive_at_most = "-1"
context = true
tokens_per_day = true
"""
    with pytest.raises(ValueError, match="defaults") as told:
        read_rules(text)
    message = str(told.value)
    for words in (
        "[defaults]: expected [default], or [key.",
        "[default] max_active = 0: expected a whole number from 1 on",
        "[default] models = 'tiny': expected a list of names",
        '[user]: expected tables with a name, like [user."Invoices"]',
        "[caller.'x'] max_actve: expected one of max_active, max_waiting",
        'priority = \'high\': expected "interactive" or "batch"',
        "keep_alive_at_most = '-1': expected a time like",
        'context = True: expected "observe" or "refuse"',
        "tokens_per_day = True: expected a whole number",
    ):
        assert words in message
    for no_time in ("nan", "inf", "-1", "true"):
        with pytest.raises(ValueError, match="expected a time like"):
            read_rules(f"[default]\nkeep_alive_at_most = {no_time}")
    with pytest.raises(ValueError, match="no TOML"):
        read_rules("[default")


@pytest.mark.parametrize(
    ("value", "seconds"),
    [
        (300, 300.0),
        (0, 0.0),
        (-1, FOR_EVER),
        ("-1", FOR_EVER),
        ("-1m", FOR_EVER),
        ("1h30m", 5400.0),
        ("1.5h", 5400.0),
        ("500ms", 0.5),
        ("10", 10.0),
        ("10x", None),
        ("", None),
        ("m", None),
        (None, None),
        (True, None),
        ([], None),
    ],
)
def test_times_are_read_as_ollama_reads_them(value: object, seconds: float | None) -> None:
    assert span_of(value) == seconds


@pytest.mark.parametrize("name", ["llama3.2", "llama3.2:latest", "LLAMA3.2", "registry.ollama.ai/library/llama3.2"])
def test_a_model_is_known_however_its_name_is_spelt(name: str) -> None:
    assert Limits(models=("llama3.2",)).allows_model(name)
    assert Limits(models=("llama3.2:latest",)).allows_model(name)
    assert not Limits(models=("llama3",)).allows_model(name)


def test_patterns_fit_beginnings() -> None:
    limits = Limits(models=("qwen*", "llama3.2:1b"))
    assert limits.allows_model("qwen3:8b")
    assert not limits.allows_model("llama3.2")
    assert Limits(models=("*",)).allows_model("anything/at:all")


def test_people_go_before_prompts_that_are_sent_again_many_at_a_time() -> None:
    who = Identity(None, None, None, "batch replay", None, "127.0.0.1")
    rules = read_rules('[default]\nmax_active = 2\n[caller."batch replay"]\npriority = "interactive"')
    name, limits = Rules().of(who)
    assert (name, limits.priority) == ("caller batch replay", Priority.BATCH)
    assert rules.of(who)[1].priority is Priority.INTERACTIVE
    assert read_rules("[default]\nmax_active = 2").of(who)[1].max_active == 2
