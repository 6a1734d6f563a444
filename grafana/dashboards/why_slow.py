"""*Why was it slow?*: where the time of calls goes, and what makes them wait."""

from grafana_foundation_sdk.builders.dashboard import Dashboard

from grafana.dashboards import frame
from grafana.dashboards.at_a_glance import EXCHANGE, TRACE
from grafana.dashboards.names import LOKI, MODEL_CALLS, PROMETHEUS, estimated, field, named, rate, risen
from grafana.dashboards.panels import (
    CLICKED,
    COUNT,
    Column,
    Panel,
    Query,
    facts_table,
    metric_table,
    series_panel,
    to_dashboard,
)
from service.inspector.exchange_metrics import (
    CUT_PROMPTS,
    EXCHANGES,
    LOAD_SECONDS,
    LOADS,
    PHASES,
    TIMED_CALLS,
    TIMED_SECONDS,
    WAIT,
)

UID = "ollama-why-slow"
_CALLS = f"{MODEL_CALLS} | {frame.contains(field.model, 'model')}"
_CHOSEN = f"{field.model}=~`(?i).*${{model:regex}}.*`"
_GONE_EARLY = 'ollama_recorder_models_gone_early_total{recorder=~"$instance"}'


def build() -> Dashboard:
    model = frame.text("model", "Model contains", "Part of a model's name; empty: all models.")
    slower = frame.text("slower", "Slower than (s)", "Seconds from which the list of exchanges begins.", "1")
    return frame.put_together(
        UID,
        "Why was it slow?",
        "A call waits for its model, reads the prompt, generates, and sends. Which of these took the time?",
        "A call waits for its model, reads the prompt, generates, and sends. The diagrams show which of these takes the"
        " time, from the recorder's metrics by way of Prometheus; the table of slow calls, from the records in Loki,"
        " shows which calls, and a click on one shows its prompt and answer.",
        [*frame.sources(LOKI, PROMETHEUS), frame.instance(), model, slower],
        [
            ("Where does the time go?", [*_phases_over_time(), _phases_by_model()]),
            ("Which calls were slow?", [_slowest()]),
            ("What makes calls wait or lose their prompts?", _causes()),
        ],
    )


def _phases_over_time() -> list[Panel]:
    return [
        series_panel(
            "What are calls doing?",
            "How many calls are in each phase, on average: seconds spent in it, a second. Waiting: for a free place or"
            " for the model to be loaded. Reading: the prompt. Sending: the network, and a client that reads slowly.",
            [
                Query(rate(TIMED_SECONDS, where=f'phase="{phase}", {_CHOSEN}'), phase, source=PROMETHEUS)
                for phase in PHASES
            ],
            "short",
            stacked=True,
        ),
        series_panel(
            "How long do calls wait for their model?",
            "wait_time: the queue and the loading of the model. Quantiles are estimated. A model that is there answers"
            " at once; the line at 1 s is where somebody notices.",
            [Query(estimated(q, WAIT, _CHOSEN), f"p{q * 100:.0f}", source=PROMETHEUS) for q in (0.5, 0.95)],
            "s",
            steps=((None, "green"), (LOAD_SECONDS, "red")),
        ),
    ]


def _phases_by_model() -> Panel:
    by, over = field.model, "$__range"
    numbers = {
        "calls": risen(TIMED_CALLS, over, by, _CHOSEN),
        "altogether": risen(TIMED_SECONDS, over, by, _CHOSEN),
        **{phase: risen(TIMED_SECONDS, over, by, f'phase="{phase}", {_CHOSEN}') for phase in PHASES},
    }
    return metric_table(
        "Where does the time of each model go?",
        "Seconds per phase and model over the whole time shown. Mostly waiting: more memory, or keep_alive. Mostly"
        " reading: shorter prompts. Mostly generating: a smaller model, or num_predict.",
        {name: Query(named(expr, by), source=PROMETHEUS) for name, expr in numbers.items()},
        [
            Column(by, "Model", link=("This model's phases", to_dashboard(UID, model=CLICKED))),
            Column("calls", "Calls", COUNT),
            *(Column(name, name.capitalize(), "s") for name in ("altogether", *PHASES)),
        ],
        "-waiting",
    )


def _slowest() -> Panel:
    return facts_table(
        "Which calls were slow, and in which phase?",
        "The newest 500 that took longer than the seconds above, the longest first. A click on an exchange shows prompt"
        " and answer, one on an execution all of its calls, one on a trace its phases one after the other.",
        Query(f"{_CALLS} | {field.request_time} > $slower", lines=500),
        [
            Column("Time", "Ended", width=170),
            Column(field.request_time, "Duration", "s", width=90),
            Column(field.wait_time, "Waiting", "s", width=80),
            Column(field.prompt_time, "Reading", "s", width=80),
            Column(field.generation_time, "Generating", "s", width=95),
            Column(field.completion_tokens, "Tokens", COUNT, width=75),
            Column(field.model, "Model", width=120),
            Column(field.workflow, "Workflow"),
            Column(
                field.execution_id,
                "Execution",
                width=85,
                link=("The calls of this execution", to_dashboard("ollama-n8n", execution=CLICKED, lookback="24h")),
            ),
            Column(field.node, "Node", width=110),
            Column(field.outcome, "Outcome", width=95),
            Column(field.exchange, "Exchange", width=90, link=("Prompt and answer", EXCHANGE)),
            Column(field.trace_id, "Trace", width=80, link=("Its trace", TRACE)),
        ],
        f"-{field.request_time}",
        no_value="No call took that long",
    )


def _causes() -> list[Panel]:
    by = field.model

    def lines(title: str, description: str, expr: str, legend: str, no_value: str, *, stacked: bool = False) -> Panel:
        asked = [Query(expr, legend, source=PROMETHEUS)]
        return series_panel(title, description, asked, "short", stacked=stacked, no_value=no_value)

    return [
        lines(
            "Which models are loaded again and again?",
            f"Calls an hour for which Ollama spent more than {LOAD_SECONDS:g} s loading their model. Often: two models"
            " that do not fit into memory together push each other out (OLLAMA_MAX_LOADED_MODELS, keep_alive).",
            f"3600 * {rate(LOADS, by, _CHOSEN)}",
            "{{model}}",
            "No call waited for its model",
            stacked=True,
        ),
        series_panel(
            "Which models are in memory?",
            "Bytes by model and place, as Ollama lists them every ten seconds. What is on the CPU's side makes a model"
            " slow: the card is too small for it.",
            [
                Query(
                    'sum by (model, place) (ollama_recorder_loaded_model_bytes{recorder=~"$instance"})',
                    "{{model}} ({{place}})",
                    source=PROMETHEUS,
                )
            ],
            "bytes",
            stacked=True,
            no_value="No model is loaded",
        ),
        lines(
            "Which models had to leave early?",
            "How often an hour a model left memory before its keep_alive ended: for another one, or on request.",
            f"3600 * sum by (model) (rate({_GONE_EARLY}[$__rate_interval]))",
            "{{model}}",
            "None",
            stacked=True,
        ),
        lines(
            "Is there a queue?",
            "Exchanges that have not ended, from the recorder's own metrics. What is above OLLAMA_NUM_PARALLEL waits.",
            "sum(ollama_recorder_in_flight)",
            "in flight",
            "Prometheus does not know the recorder",
        ),
        lines(
            "Whose prompts are cut?",
            "Calls an hour whose prompt was longer than the model's context: Ollama dropped part of it without saying"
            " so. Raise num_ctx (or OLLAMA_CONTEXT_LENGTH), or send less.",
            f"3600 * {rate(CUT_PROMPTS, by, _CHOSEN)}",
            "{{model}}",
            "No prompt was cut",
            stacked=True,
        ),
        lines(
            "How are prompts cut?",
            "Calls an hour, by what Ollama did. messages: it left out the oldest ones. length: it cut a text to the"
            " model's context. shift: the context ran full in mid-answer, and it threw half of it away.",
            f"3600 * {rate(CUT_PROMPTS, 'how', _CHOSEN)}",
            "{{how}}",
            "No prompt was cut",
            stacked=True,
        ),
        lines(
            "Do explicit loads and unloads happen?",
            "Requests an hour that only load or unload a model.",
            f"3600 * {rate(EXCHANGES, field.operation, f'{field.operation}=~`load|unload`')}",
            "{{operation}}",
            "None",
        ),
    ]
