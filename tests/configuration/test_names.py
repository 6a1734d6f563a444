"""One thing, one name: classes, modules, and the fields of a record."""

import ast
import re
from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path

from service.record.fields import FIELD_NAMES
from service.record.operations import OPERATIONS

PROJECT = Path(__file__).parents[2]
SERVICE = PROJECT / "service"
MODULES = sorted(SERVICE.rglob("*.py"))

# Modules of one name in several rooms are about the same thing, each its room's side of it.
SAME_SUBJECT = {
    "dataset": "the command, and the form that it writes",
    "erasing": "of the journal, for readers of the page, and as a command",
    "exporting": "over HTTP, and as a command",
    "listing": "over HTTP, and as a command",
    "replaying": "over HTTP, and as a command",
    "settings": "of the recorder, and of each receiver",
    "encode": "each receiver has one",
    "judge": "each receiver has one",
    "receiver": "what it is to the shipper, and each receiver's own",
    "health": "of the recorder, of shipping, and how each receiver is asked for its own",
}


def classes() -> Iterator[tuple[str, str]]:
    for path in MODULES:
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.ClassDef):
                yield node.name, str(path.relative_to(PROJECT))


def test_the_name_of_a_class_means_one_thing() -> None:
    places = defaultdict(list)
    for name, path in classes():
        places[name].append(path)
    assert not {name: paths for name, paths in places.items() if len(paths) > 1}


def test_the_name_of_a_module_means_one_thing() -> None:
    places = defaultdict(list)
    for path in MODULES:
        if not path.name.startswith("__"):
            places[path.stem].append(str(path.relative_to(PROJECT)))
    twice = {name for name, paths in places.items() if len(paths) > 1}
    assert twice <= SAME_SUBJECT.keys(), sorted(twice - SAME_SUBJECT.keys())
    assert twice == SAME_SUBJECT.keys(), "an exception that nothing needs"


def test_nothing_is_called_by_the_word_that_meant_nine_things() -> None:
    files = [*MODULES, *SERVICE.rglob("*.js"), *SERVICE.rglob("*.html"), *SERVICE.rglob("*.css")]
    assert not [str(path.relative_to(PROJECT)) for path in files if re.search(r"\bsaid\b", path.read_text())]


# Words of other tables, protocols and programs that are also names of fields: what they mean there.
MEANS_ANOTHER_THING: dict[str, tuple[str, str]] = {
    "alerting/webhook.py": ("status", "a key of Grafana's webhooks"),
    "cli/__init__.py": ("status", "the command `ship status`"),
    "cli/batch_replaying.py": ("error model", "a key of a row, and a parameter of /replay"),
    "cli/doctor/ollama.py": ("context_length", "a key of Ollama's /api/ps"),
    "cli/doctor/traffic.py": ("exchange", "the noun, counted"),
    "cli/doctor/unusable_answers.py": ("stream", "the noun"),
    "cli/doctor/window.py": ("exchange", "the noun, counted"),
    "cli/erasing.py": ("exchange", "the noun, counted"),
    "cli/exchange_line.py": ("error", "a mark"),
    "cli/failure_listing.py": ("failed", "a parameter of a filter"),
    "cli/filter_options.py": ("exchange", "a parameter of a filter"),
    "cli/log_text.py": ("exchange", "the noun, counted"),
    "cli/mcp_tools.py": ("failed", "a parameter of a filter"),
    "cli/measuring.py": ("error model stream", "keys of Ollama's JSON"),
    "cli/queueing.py": ("caller model upstream", "keys of /queue.json and /limits.json"),
    "cli/replaying.py": ("exchange model status", "parameters of /replay, and what the command prints"),
    "cli/running_recorder.py": ("error", "a key of our errors"),
    "cli/about.py": ("status", "a key of /readyz"),
    "cli/showing.py": ("user", "a role"),
    "cli/side_by_side.py": ("exchange model", "names of rows"),
    "cli/stats.py": (
        "caller energy failed key model node operation outcome task upstream user workflow",
        "values of `by`, and a column of the table",
    ),
    "exports/card.py": ("tool_calls", "a key of OpenAI's messages"),
    "exports/chats.py": ("images tool_calls user", "reasons, a role, and a key of OpenAI's messages"),
    "exports/csv_table.py": ("user", "a role"),
    "exports/dataset.py": ("tool_calls user", "a role, and a key of OpenAI's messages"),
    "exports/har.py": ("method status time", "keys of an HTTP archive"),
    "exports/messages.py": ("model tool_calls user", "roles and keys of OpenAI's messages"),
    "exports/train_split.py": ("user", "a role"),
    "gateway/callers.py": ("attempt caller execution_id item node user workflow workflow_id", "labels of a path"),
    "gateway/context_lengths.py": ("model", "a key of what /api/show is asked"),
    "gateway/error_responses.py": ("error", "a key of our errors, of OpenAI's and of Anthropic's"),
    "gateway/gateway.py": ("upstream", "a label of a path"),
    "gateway/generate.py": ("error exchange model stream", "keys of /generate and of Ollama's JSON"),
    "gateway/model_choice.py": ("model", "a key of what /api/show is asked"),
    "gateway/routes.py": ("caller", "a label of a path"),
    "gateway/vocabularies.py": ("model", "a key of Ollama's /api/show"),
    "inspector/batch_pages.py": ("error stream", "a key of a row, and a parameter of /replay"),
    "inspector/batch_replay.py": ("error", "a key of a row"),
    "inspector/batch_table.py": ("error exchange failed model", "keys of a row"),
    "inspector/exchange_metrics.py": (
        "failed model node operation outcome workflow",
        "labels of metrics, and a kind of end",
    ),
    "inspector/exporting.py": ("thinking", "a parameter of an export"),
    "inspector/health.py": ("status", "a key of /readyz"),
    "inspector/listing.py": ("failed", "a key of /timeline.json"),
    "inspector/live.py": ("exchange time", "keys of the events `progress` and `hello`"),
    "inspector/model_memory.py": ("model upstream", "labels of metrics"),
    "inspector/metrics.py": ("upstream", "a label of metrics"),
    "inspector/replaying.py": ("model stream", "parameters of /replay"),
    "inspector/responses.py": ("error", "a key of our errors"),
    "journal/open_rows.py": ("caller", "a fact of an open exchange"),
    "journal/salvage.py": ("exchange", "the name of the table"),
    "mcp_over_http.py": ("method status", "keys of ASGI"),
    "logs.py": ("time", "a key of a log line"),
    "reporting/failure_values.py": ("exchange outcome status", "keys of /failures.json"),
    "reporting/report.py": ("caller failed model user workflow", "values of `by`, and a column of the table"),
    "loki_search/log_query.py": ("caller model", "parameters of a filter"),
    "loki_search/loki_answers.py": ("exchange status stream", "keys of Loki's answers"),
    "search/failed_requests.py": ("caller key node user workflow", "filters, by which the page leads to who was hit"),
    "search/failure_groups.py": ("caller failed key node user workflow", "the same, and a kind of finding"),
    "search/index.py": (
        "caller item key model node operation outcome replay_of status task upstream user workflow workflow_id",
        "columns of the index",
    ),
    "search/index_columns.py": ("caller model", "columns of the index"),
    "search/index_query.py": ("model workflow workflow_id", "columns of the index"),
    "search/parameters.py": (
        "caller exchange failed key model node operation outcome status task upstream user workflow",
        "parameters of a filter, and their labels",
    ),
    "search/timeline.py": ("model", "a column of the index"),
    "search/totals.py": (
        "caller key model node operation outcome task upstream user workflow",
        "values of `by`, which are columns of the index",
    ),
    "settings.py": ("error", "a level of the log"),
    "sharing/limits.py": ("caller key user workflow", "tables of LIMITS_FILE"),
    "sharing/queue_picture.py": ("caller exchange upstream", "keys of /queue.json"),
    "shipping/genai.py": ("user", "a key of requests"),
    "shipping/genai_messages.py": ("error user", "a finish reason and a role of messages"),
    "shipping/loki/encode.py": (
        "exchange method span_id stream trace_id",
        "keys of Loki's push, labels, keys of a span",
    ),
    "shipping/spans.py": ("error span_id status trace_id", "keys of a span's line"),
    "upstreams/upstreams.py": ("model", "a key of what /api/show is asked"),
    "upstreams/conversations.py": ("user", "a role"),
    "status.py": ("exchange", "a key of /queue.json"),
}


def literals(path: Path) -> Iterator[str]:
    """Texts of a module, its docstrings left out."""
    tree = ast.parse(path.read_text())
    docstrings = {
        id(node.body[0].value)
        for node in ast.walk(tree)
        if isinstance(node, ast.Module | ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef)
        and node.body
        and isinstance(node.body[0], ast.Expr)
    }
    for node in ast.walk(tree):
        if isinstance(node, ast.Constant) and isinstance(node.value, str) and id(node) not in docstrings:
            yield node.value


def test_no_field_of_a_record_is_named_by_a_literal_outside_its_room() -> None:
    found: dict[str, set[str]] = defaultdict(set)
    for path in MODULES:
        if SERVICE / "record" not in path.parents:
            for value in literals(path):
                if value in FIELD_NAMES:
                    found[str(path.relative_to(SERVICE))].add(value)
    allowed = {path: set(words.split()) for path, (words, _) in MEANS_ANOTHER_THING.items()}
    assert {
        path: words - allowed.get(path, set()) for path, words in found.items() if words - allowed.get(path, set())
    } == {}
    assert {path: words - found[path] for path, words in allowed.items() if words - found[path]} == {}, "not needed"


def test_operations_are_listed_nowhere_else() -> None:
    names = {one.name for one in OPERATIONS}
    lists = []
    for path in MODULES:
        if SERVICE / "record" in path.parents:
            continue
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.Set | ast.Tuple | ast.List):
                values = {each.value for each in node.elts if isinstance(each, ast.Constant)}
                if len(values) > 1 and values <= names:
                    lists.append(f"{path.relative_to(SERVICE)}:{node.lineno}: {sorted(map(str, values))}")
    assert not lists
