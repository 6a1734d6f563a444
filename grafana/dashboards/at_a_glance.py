"""*Ollama at a glance*: how much, how fast, how well."""

from typing import Any

from grafana_foundation_sdk.builders.dashboard import Dashboard

from grafana.dashboards import frame
from grafana.dashboards.names import (
    LOKI,
    MODEL_CALLS,
    PROMETHEUS,
    RECORDS,
    count,
    field,
    key,
    mean,
    quantile,
    total,
)
from grafana.dashboards.panels import (
    CLICKED,
    Column,
    Panel,
    Query,
    Steps,
    logs_panel,
    record_table,
    series_panel,
    stat_panel,
    to_dashboard,
    to_trace,
)

UID = "ollama-at-a-glance"
_LEARN = "The guide's five queries, to learn from: copy them into Explore"
_FAILED = f'{RECORDS} | {field.failed}="true"'
_LEFT = f'{RECORDS} | {field.outcome}="client_left" | {field.failed}="true"'
EXCHANGE = to_dashboard("ollama-prompts", exchange=CLICKED)
TRACE = to_trace("${__value.raw}")
_WAITS: Steps = ((None, "green"), (10.0, "yellow"), (60.0, "red"))

# The five queries of the guide, word for word.
GUIDE = {
    "All calls to Ollama, as they were recorded": '{job="nginx", service="ollama"} | json',
    "What was asked: the requests' bodies alone": (
        '{job="nginx", service="ollama", method="POST"} | json | line_format "{{.request_body}}"'
    ),
    "Which requests took more than 10 s?": '{job="nginx", service="ollama"} | json | request_time > 10',
    "Mean time over 5 minutes": 'avg(avg_over_time({job="nginx", service="ollama"} | json | unwrap request_time [5m]))',
    "Requests in 5 minutes": 'sum(count_over_time({job="nginx", service="ollama"}[5m]))',
}


def build() -> Dashboard:
    rows = [
        ("Is everything all right?", _numbers()),
        ("Over time", _over_time()),
        ("Slow requests", [_slow()]),
        (_LEARN, _guide()),
    ]
    return frame.put_together(
        UID,
        "Ollama at a glance",
        "How much is asked of Ollama, how long it takes, and what fails.",
        [*frame.sources(LOKI, PROMETHEUS), frame.instance()],
        rows,
        closed=_LEARN,
    )


def _numbers() -> list[Panel]:
    day = "$__range"

    def number(title: str, description: str, expr: str, unit: str, **more: Any) -> Panel:
        return stat_panel(title, description, Query(expr, instant=True), unit, **more)

    return [
        number("How many requests?", "All exchanges, lists and health checks too.", count(RECORDS, day), "short"),
        number(
            "What share failed?",
            "Not completed, or status 400 and above, or an error inside the answer. Yellow from 1 %: more than an"
            " accident; red from 5 %: one in twenty is felt by everybody.",
            f"{count(_FAILED, day)}\n/ {count(RECORDS, day)}",
            "percentunit",
            steps=((None, "green"), (0.01, "yellow"), (0.05, "red")),
            no_value="None failed",
        ),
        number(
            "How many clients gave up?",
            "They hung up before the answer was complete, often at a limit of 300 s of their own. Red from 1: a"
            " client that gives up usually tries again, and makes the queue longer.",
            count(_LEFT, day),
            "short",
            steps=((None, "green"), (1.0, "red")),
            no_value="None",
        ),
        number(
            "How long does a call take on average?",
            "Mean request_time of calls to models. Yellow from 10 s, where the guide calls a request slow; red from"
            " 60 s, where many clients give up.",
            mean(MODEL_CALLS, field.request_time, day),
            "s",
            steps=_WAITS,
        ),
        number(
            "How fast is text generated?",
            "Mean tokens a second while generating, waiting excluded. Yellow below 10, about as fast as people read;"
            " red below 4.",
            mean(MODEL_CALLS, field.tokens_per_second, day),
            "none",
            steps=((None, "red"), (4.0, "yellow"), (10.0, "green")),
        ),
        stat_panel(
            "How many are in flight now?",
            "Exchanges that have not ended, from the recorder's own metrics. Yellow from 4: Ollama works on few at a"
            " time (OLLAMA_NUM_PARALLEL) and the rest waits.",
            Query("sum(ollama_recorder_in_flight)", instant=True, source=PROMETHEUS),
            "short",
            steps=((None, "green"), (4.0, "yellow"), (16.0, "red")),
            no_value="Prometheus does not know the recorder",
        ),
    ]


def _over_time() -> list[Panel]:
    step = "$__auto"
    times = [
        *((quantile(q, MODEL_CALLS, field.request_time, step), f"p{q * 100:.0f}") for q in (0.5, 0.95, 0.99)),
        (mean(MODEL_CALLS, field.request_time, step), "mean"),
    ]
    outcome, model = field.outcome, field.model
    return [
        series_panel(
            "How do requests end?",
            "Exchanges by outcome. What refused means is in the line's error.",
            [Query(count(RECORDS, step, outcome), "{{outcome}}")],
            "short",
            stacked=True,
        ),
        series_panel(
            "How long do calls to models take?",
            "request_time: half of the calls are faster than p50, one in twenty is slower than p95. The line at 10 s"
            " is where the guide calls a request slow.",
            [Query(expr, legend) for expr, legend in times],
            "s",
            steps=((None, "green"), (10.0, "red")),
        ),
        series_panel(
            "How fast does each model generate?",
            "Mean tokens a second. A model that falls behind itself has left the graphics card, or shares it.",
            [Query(mean(MODEL_CALLS, field.tokens_per_second, step, model), "{{model}}")],
            "none",
        ),
        series_panel(
            "How long until the first word?",
            "Time to the first token, of streamed answers: what somebody who chats feels.",
            [
                Query(quantile(0.5, MODEL_CALLS, field.time_to_first_token, step), "p50"),
                Query(quantile(0.95, MODEL_CALLS, field.time_to_first_token, step), "p95"),
            ],
            "s",
        ),
        series_panel(
            "Which models are in use?",
            "Calls by model.",
            [Query(count(MODEL_CALLS, step, model), "{{model}}")],
            "short",
            stacked=True,
        ),
        series_panel(
            "How many tokens are read and written?",
            "Tokens of prompts, and of answers.",
            [
                Query(total(MODEL_CALLS, field.prompt_tokens, step), "read"),
                Query(total(MODEL_CALLS, field.completion_tokens, step), "written"),
            ],
            "short",
            stacked=True,
        ),
    ]


def _slow() -> Panel:
    return record_table(
        "Requêtes lentes (> 10 s)",
        "The newest 200 requests that took more than 10 s, with their prompts. A click on an exchange opens it"
        " whole, one on its trace shows its phases.",
        Query(f"{RECORDS} | {field.request_time} > 10", lines=200),
        [
            Column(key.started, "Started", width=210),
            Column(key.request_time, "Seconds", "s", width=100),
            Column(key.model, "Model", width=140),
            Column(key.workflow, "Workflow", width=140),
            Column(key.node, "Node", width=140),
            Column(key.outcome, "Outcome", width=120),
            Column(key.request_body, "Prompt"),
            Column(key.exchange, "Exchange", width=120, link=("The whole exchange", EXCHANGE)),
            Column(key.trace_id, "Trace", width=120, link=("Its trace", TRACE)),
        ],
        "-request_time",
        no_value="No request took more than 10 s",
    )


def _guide() -> list[Panel]:
    lines, bodies, slow, average, number = GUIDE.items()
    return [
        logs_panel(lines[0], "Guide: Tous les appels Ollama.", Query(lines[1], lines=100)),
        logs_panel(bodies[0], "Guide: Voir les prompts envoyés.", Query(bodies[1], lines=100)),
        logs_panel(slow[0], "Guide: Requêtes lentes (> 10 secondes).", Query(slow[1], lines=100)),
        series_panel(
            average[0],
            "Guide: Temps moyen sur 5 minutes. It parses every line, which takes ten times as long as asking"
            " structured metadata like the panels above: so only of the last hour.",
            [Query(average[1], "mean")],
            "s",
        )
        .interval("5m")
        .time_from("1h"),
        series_panel(number[0], "Guide: Nombre de requêtes (5 min).", [Query(number[1], "requests")], "short").interval(
            "5m"
        ),
    ]
