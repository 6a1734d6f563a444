"""*n8n*: which workflow, execution and node asks how much, and what it costs in time."""

from grafana_foundation_sdk.builders.dashboard import Dashboard

from grafana.dashboards import frame
from grafana.dashboards.at_a_glance import EXCHANGE, TRACE
from grafana.dashboards.names import LOKI, PROMETHEUS, RECORDS, field, key, named, rate, risen, total
from grafana.dashboards.panels import (
    CLICKED,
    COUNT,
    MOMENT,
    Column,
    Panel,
    Query,
    metric_table,
    record_table,
    series_panel,
    to_dashboard,
)
from service.inspector.exchange_metrics import (
    MOST_NODES,
    NODE_CALLS,
    NODE_FAILURES,
    NODE_READ,
    NODE_SECONDS,
    NODE_WAITING,
    NODE_WRITTEN,
)

UID = "ollama-n8n"
_NAMED = f'{RECORDS} | {field.workflow}!="" | {frame.contains(field.workflow, "workflow")}'
_ONE = f'{frame.once_chosen("execution")} | {field.execution_id}="$execution"'
_CHOSEN = f"{field.workflow}=~`(?i).*${{workflow:regex}}.*`"
_NO_NAMES = "No call named its workflow: see n8n in the README"
_NUMBERS = [
    Column("calls", "Calls", COUNT),
    Column("seconds", "Duration", "s"),
    Column("waiting", "of them waiting", "s"),
    Column("read", "Tokens read", COUNT),
    Column("written", "Tokens written", COUNT),
    Column("failures", "Failures", COUNT),
]
_WORKFLOW = Column(field.workflow, "Workflow", link=("Only this one", to_dashboard(UID, workflow=CLICKED)))
_EXECUTION = Column(
    field.execution_id,
    "Execution",
    link=("Its calls in order", to_dashboard(UID, execution=CLICKED, lookback="${lookback}")),
)


def build() -> Dashboard:
    return frame.put_together(
        UID,
        "n8n",
        "What workflows ask of Ollama, by workflow, execution and node.",
        "What each workflow and node cost, from the recorder's metrics by way of Prometheus; the rest from the records"
        f" in Loki. A click on an execution lists its calls in order, a click on a call shows it. Beyond {MOST_NODES}"
        " workflows and nodes since the recorder's start further ones count as *(others)*.",
        [
            *frame.sources(LOKI, PROMETHEUS),
            frame.instance(),
            frame.text("workflow", "Workflow contains", "Part of a workflow's name; empty: all."),
            frame.text("execution", "Execution", "The id of one execution, from a click below."),
            frame.lookback(),
        ],
        [
            ("Who asks?", [*_over_time(), _by_workflow(), _by_node()]),
            ("Which executions cost most?", [_executions()]),
            ("One execution", [_calls()]),
        ],
    )


def _numbers(*labels: str) -> dict[str, Query]:
    by = ", ".join(labels)
    families = {
        "calls": NODE_CALLS,
        "seconds": NODE_SECONDS,
        "waiting": NODE_WAITING,
        "read": NODE_READ,
        "written": NODE_WRITTEN,
        "failures": NODE_FAILURES,
    }
    numbers = {name: risen(family, "$__range", by, _CHOSEN) for name, family in families.items()}
    return {name: Query(named(expr, *labels), source=PROMETHEUS) for name, expr in numbers.items()}


def _over_time() -> list[Panel]:
    by = field.workflow
    return [
        series_panel(
            "Which workflows use Ollama's time?",
            "How many calls of each workflow are going on, on average: seconds of request_time a second.",
            [Query(rate(NODE_SECONDS, by, _CHOSEN), "{{workflow}}", source=PROMETHEUS)],
            "short",
            stacked=True,
            no_value=_NO_NAMES,
        ),
        series_panel(
            "Which workflows fail?",
            "Failed calls a minute by workflow: not completed, status 400 and above, or an error inside the answer.",
            [Query(f"60 * {rate(NODE_FAILURES, by, _CHOSEN)}", "{{workflow}}", source=PROMETHEUS)],
            "short",
            stacked=True,
            no_value="No call of a workflow failed",
        ),
    ]


def _by_workflow() -> Panel:
    return metric_table(
        "What does each workflow cost?",
        "Over the whole time shown.",
        _numbers(field.workflow),
        [_WORKFLOW, *_NUMBERS],
        "-seconds",
        no_value=_NO_NAMES,
    )


def _by_node() -> Panel:
    return metric_table(
        "What does each node cost?",
        "Nodes name themselves only where their credential or headers can: HTTP Request nodes always.",
        _numbers(field.workflow, field.node),
        [_WORKFLOW, Column(field.node, "Node"), *_NUMBERS],
        "-seconds",
        no_value=_NO_NAMES,
    )


def _executions() -> Panel:
    by = f"{field.workflow}, {field.execution_id}"
    known = f'{_NAMED} | {field.execution_id}!=""'
    return metric_table(
        "Which 25 executions took most of Ollama's time?",
        "Of those that ended in the last hour, or in the time chosen above. A click on an execution lists its calls in"
        " order, below.",
        {"seconds": Query(f"topk(25, {total(known, field.request_time, '$lookback', by)})")},
        [_EXECUTION, _WORKFLOW, Column("seconds", "Duration", "s")],
        "-seconds",
        no_value="No execution ended in that time: choose a longer one above",
    )


def _calls() -> Panel:
    return record_table(
        "Which calls did the execution make, in order?",
        "Started, waited, read, generated; of those that ended in the time chosen above. The row with the largest"
        " number is the answer to why it was slow.",
        Query(_ONE, lines=500, forward=True),
        [
            Column(key.started, "Started", MOMENT, width=200),
            Column(key.node, "Node", width=110),
            Column(key.model, "Model", width=130),
            Column(key.request_time, "Duration", "s", width=90),
            Column(key.wait_time, "Waiting", "s", width=80),
            Column(key.prompt_time, "Reading", "s", width=80),
            Column(key.generation_time, "Generating", "s", width=95),
            Column(key.completion_tokens, "Tokens", COUNT, width=75),
            Column(key.outcome, "Outcome", width=130),
            Column(key.request_body, "Prompt"),
            Column(key.exchange, "Exchange", width=90, link=("Prompt and answer", EXCHANGE)),
            Column(key.trace_id, "Trace", width=90, link=("Its trace", TRACE)),
        ],
        "started",
        no_value="Click an execution above, or type its id; choose a longer time above if it ended before",
    ).time_from("$lookback")
