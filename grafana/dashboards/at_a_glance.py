"""*Ollama at a glance*: how much, how fast, how well."""

from typing import Any

from grafana_foundation_sdk.builders.dashboard import Dashboard

from grafana.dashboards import frame
from grafana.dashboards.names import (
    LOKI,
    PROMETHEUS,
    RECORDS,
    averaged,
    buckets,
    estimated,
    field,
    key,
    rate,
    risen,
)
from grafana.dashboards.panels import (
    CLICKED,
    COUNT,
    MOMENT,
    TOKENS_A_SECOND,
    Column,
    Panel,
    Query,
    Steps,
    heatmap_panel,
    logs_panel,
    record_table,
    series_panel,
    stat_panel,
    to_dashboard,
    to_trace,
)
from service.inspector.exchange_metrics import (
    ANSWER_TOKENS,
    CALL_SECONDS,
    EXCHANGES,
    FIRST_TOKEN,
    PREFIX,
    PROMPT_TOKENS,
    READ_TOKENS,
    SPEED,
    TIMED_SECONDS,
)

UID = "ollama-at-a-glance"
_LEARN = "The guide's five queries, to learn from: copy them into Explore"
_FAILED, _LEFT = 'failed="true"', 'outcome="client_left", failed="true"'
EXCHANGE = to_dashboard("ollama-prompts", exchange=CLICKED)
TRACE = to_trace("${__value.raw}")
_WAITS: Steps = ((None, "green"), (10.0, "yellow"), (60.0, "red"))

_CALLS_COUNTED = f'{PREFIX}{CALL_SECONDS.name}_count{{recorder=~"$instance"}}'
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
        "Numbers and diagrams come from the recorder's metrics by way of Prometheus, and are estimated where they are"
        " quantiles; they begin where Prometheus first saw the recorder. The table of slow requests comes from the"
        " records in Loki. Something was slow: *Why was it slow?* A prompt is looked for: *Prompts*. A workflow: *n8n*."
        " Something is missing: *The recorder itself*.",
        [*frame.sources(LOKI, PROMETHEUS), frame.instance()],
        rows,
        closed=_LEARN,
    )


def _numbers() -> list[Panel]:
    day = "$__range"

    def number(title: str, description: str, expr: str, unit: str, **more: Any) -> Panel:
        return stat_panel(title, description, Query(expr, instant=True, source=PROMETHEUS), unit, **more)

    return [
        number("How many requests?", "All exchanges, lists and health checks too.", risen(EXCHANGES, day), COUNT),
        number(
            "What share failed?",
            "Not completed, or status 400 and above, or an error inside the answer. Yellow from 1 %: more than an"
            " accident; red from 5 %: one in twenty is felt by everybody.",
            f"{risen(EXCHANGES, day, where=_FAILED)}\n/ {risen(EXCHANGES, day)}",
            "percentunit",
            steps=((None, "green"), (0.01, "yellow"), (0.05, "red")),
            no_value="None failed",
        ),
        number(
            "How many gave up?",
            "Clients that hung up before the answer was complete, often at a limit of 300 s of their own. Red from 1: a"
            " client that gives up usually tries again, and makes the queue longer.",
            risen(EXCHANGES, day, where=_LEFT),
            COUNT,
            steps=((None, "green"), (1.0, "red")),
            no_value="None",
        ),
        number(
            "How long is a call?",
            "Mean request_time of calls to models. Yellow from 10 s, where the guide calls a request slow; red from"
            " 60 s, where many clients give up.",
            averaged(CALL_SECONDS, day),
            "s",
            steps=_WAITS,
        ),
        number(
            "How fast is an answer?",
            "Mean tokens a second while generating, waiting excluded. Yellow below 10, about as fast as people read;"
            " red below 4.",
            averaged(SPEED, day),
            TOKENS_A_SECOND,
            steps=((None, "red"), (4.0, "yellow"), (10.0, "green")),
        ),
        number(
            "How many in flight?",
            "Exchanges that have not ended, from the recorder's own metrics. Yellow from 4: Ollama works on few at a"
            " time (OLLAMA_NUM_PARALLEL) and the rest waits.",
            "sum(ollama_recorder_in_flight)",
            COUNT,
            steps=((None, "green"), (4.0, "yellow"), (16.0, "red")),
            no_value="Prometheus does not know the recorder",
        ),
    ]


def _lines(title: str, description: str, queries: dict[str, str], unit: str, **more: Any) -> Panel:
    """A diagram of what Prometheus answers; by its legend, each query."""
    asked = [Query(expr, legend, source=PROMETHEUS) for legend, expr in queries.items()]
    return series_panel(title, description, asked, unit, **more)


def _over_time() -> list[Panel]:
    reading = 'phase="reading"'
    cached, told = (rate(PROMPT_TOKENS, where=f"cached=~`{values}`") for values in ("true", "true|false"))
    return [
        _lines(
            "How do requests end?",
            "Exchanges a minute by outcome. What refused means is in the line's error.",
            {"{{outcome}}": f"60 * {rate(EXCHANGES, 'outcome')}"},
            "short",
            stacked=True,
        ),
        _lines(
            "How long do calls to models take?",
            "request_time: half of the calls are faster than p50, one in twenty is slower than p95. Quantiles are"
            " estimated. The line at 10 s is where the guide calls a request slow.",
            {
                **{f"p{q * 100:.0f}": estimated(q, CALL_SECONDS) for q in (0.5, 0.95, 0.99)},
                "mean": averaged(CALL_SECONDS, "$__rate_interval"),
            },
            "s",
            steps=((None, "green"), (10.0, "red")),
        ),
        heatmap_panel(
            "How are the times of calls spread?",
            "Calls to models by how long they took: the darker, the more. Two bands are two kinds of call.",
            Query(buckets(CALL_SECONDS), source=PROMETHEUS),
            "s",
        ),
        _lines(
            "How long until the first word?",
            "Time to the first token, of streamed answers: what somebody who chats feels. Estimated.",
            {"p50": estimated(0.5, FIRST_TOKEN), "p95": estimated(0.95, FIRST_TOKEN)},
            "s",
        ),
        _lines(
            "Which models are in use?",
            "Calls a minute by model.",
            {"{{model}}": f"60 * sum by (model) (rate({_CALLS_COUNTED}[$__rate_interval]))"},
            "short",
            stacked=True,
        ),
        _lines(
            "How fast does each model generate?",
            "Mean tokens a second. A model that falls behind itself has left the graphics card, or shares it.",
            {"{{model}}": averaged(SPEED, "$__rate_interval", "model")},
            TOKENS_A_SECOND,
        ),
        _lines(
            "How many tokens are asked and written?",
            "Tokens a minute: of prompts, and of answers.",
            {"asked": f"60 * {rate(PROMPT_TOKENS)}", "written": f"60 * {rate(ANSWER_TOKENS)}"},
            "short",
        ),
        _lines(
            "How fast are prompts read?",
            "Tokens of prompts a second of reading, by model; what came from the cache was not read. A fall means that"
            " the model has left the graphics card.",
            {"{{model}}": f"{rate(READ_TOKENS, 'model')}\n/ ({rate(TIMED_SECONDS, 'model', reading)} > 0)"},
            TOKENS_A_SECOND,
        ),
        _lines(
            "What share of prompts comes from the cache?",
            "Of all tokens of prompts where Ollama tells of it (from version 0.17 on): the beginning that is the same"
            " as in the call before costs no time.",
            {"from the cache": f"{cached}\n/ ({told} > 0)"},
            "percentunit",
            no_value="This Ollama does not tell",
        ),
    ]


def _slow() -> Panel:
    return record_table(
        "Requêtes lentes (> 10 s)",
        "The newest 200 requests that took more than 10 s, with their prompts. A click on an exchange opens it"
        " whole, one on its trace shows its phases.",
        Query(f"{RECORDS} | {field.request_time} > 10", lines=200),
        [
            Column(key.started, "Started", MOMENT, width=200),
            Column(key.request_time, "Duration", "s", width=90),
            Column(key.model, "Model", width=140),
            Column(key.workflow, "Workflow", width=140),
            Column(key.node, "Node", width=140),
            Column(key.outcome, "Outcome", width=165),
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
