"""*Why was it slow?*: where the time of calls goes, and what makes them wait."""

from grafana_foundation_sdk.builders.dashboard import Dashboard

from grafana.dashboards import frame
from grafana.dashboards.at_a_glance import EXCHANGE, TRACE
from grafana.dashboards.names import LOKI, MODEL_CALLS, PROMETHEUS, RECORDS, count, field, named, quantile, total
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
from service.record.phases import MEASURED_PHASES

UID = "ollama-why-slow"
_CALLS = f"{MODEL_CALLS} | {frame.contains(field.model, 'model')}"
# Calls of which every phase is known: only there is the rest a remainder and not a gap.
_TIMED = " | ".join([_CALLS, *(f'{phase.field}!=""' for phase in MEASURED_PHASES)])
_PHASES = {phase.doing: phase.field for phase in MEASURED_PHASES}
SECONDS_THAT_ARE_A_LOAD = 1
_LOADED = f"{_CALLS} | {field.load_time} > {SECONDS_THAT_ARE_A_LOAD}"
_EXPLICIT = f'{RECORDS} | {field.operation}=~"load|unload"'
_CUT = f'{_CALLS} | {field.prompt_truncated}="true"'


def build() -> Dashboard:
    model = frame.text("model", "Model contains", "Part of a model's name; empty: all models.")
    slower = frame.text("slower", "Slower than (s)", "Seconds from which the list of exchanges begins.", "1")
    return frame.put_together(
        UID,
        "Why was it slow?",
        "A call waits for its model, reads the prompt, generates, and sends. Which of these took the time?",
        [*frame.sources(LOKI, PROMETHEUS), frame.instance(), model, slower],
        [
            ("Where does the time go?", [*_phases_over_time(), _phases_by_model()]),
            ("Which calls were slow?", [_slowest()]),
            ("What makes calls wait or lose their prompts?", _causes()),
        ],
    )


def _phases(over: str, by: str = "") -> dict[str, str]:
    """Seconds spent in each phase that Ollama tells of."""
    return {name: total(_TIMED, phase, over, by) for name, phase in _PHASES.items()}


def _sending(over: str) -> str:
    """What Ollama's own times leave over of request_time."""
    return " - ".join([total(_TIMED, field.request_time, over), *_phases(over).values()])


def _phases_over_time() -> list[Panel]:
    return [
        series_panel(
            "What are calls doing?",
            "Seconds spent in each phase, summed over all calls. Waiting: for a free place or for the model to be"
            " loaded. Reading: the prompt. Sending: the network, and a client that reads slowly.",
            [
                *(Query(expr, name) for name, expr in _phases("$__auto").items()),
                Query(_sending("$__auto"), "sending"),
            ],
            "s",
            stacked=True,
        ),
        series_panel(
            "How long do calls wait for their model?",
            "wait_time: the queue and the loading of the model. A model that is there answers at once; the line at"
            " 1 s is where somebody notices.",
            [
                Query(quantile(0.5, _CALLS, field.wait_time, "$__auto"), "p50"),
                Query(quantile(0.95, _CALLS, field.wait_time, "$__auto"), "p95"),
            ],
            "s",
            steps=((None, "green"), (float(SECONDS_THAT_ARE_A_LOAD), "red")),
        ),
    ]


def _phases_by_model() -> Panel:
    by, over = field.model, "$__range"
    numbers = {
        "calls": count(_TIMED, over, by),
        "altogether": total(_TIMED, field.request_time, over, by),
        **_phases(over, by),
    }
    return metric_table(
        "Where does the time of each model go?",
        "Seconds per phase and model over the whole time shown; what the phases lack is sending. Mostly"
        " waiting: more memory, or keep_alive. Mostly reading: shorter prompts. Mostly generating: a smaller model, or"
        " num_predict.",
        {name: Query(named(expr, by), instant=True) for name, expr in numbers.items()},
        [
            Column(by, "Model", link=("This model's phases", to_dashboard(UID, model=CLICKED))),
            Column("calls", "Calls", COUNT),
            *(Column(name, name.capitalize(), "s") for name in ("altogether", *_PHASES)),
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
            Column("Time", "Ended", width=180),
            Column(field.request_time, "Seconds", "s"),
            Column(field.wait_time, "Waiting", "s"),
            Column(field.prompt_time, "Reading", "s"),
            Column(field.generation_time, "Generating", "s"),
            Column(field.completion_tokens, "Tokens", COUNT),
            Column(field.model, "Model"),
            Column(field.workflow, "Workflow"),
            Column(
                field.execution_id,
                "Execution",
                link=("The calls of this execution", to_dashboard("ollama-n8n", execution=CLICKED)),
            ),
            Column(field.node, "Node"),
            Column(field.outcome, "Outcome"),
            Column(field.exchange, "Exchange", link=("Prompt and answer", EXCHANGE)),
            Column(field.trace_id, "Trace", link=("Its trace", TRACE)),
        ],
        f"-{field.request_time}",
        no_value="No call took that long",
    )


def _causes() -> list[Panel]:
    by = field.model
    return [
        series_panel(
            "Which models are loaded again and again?",
            f"Calls for which Ollama spent more than {SECONDS_THAT_ARE_A_LOAD} s loading their model. Often: two models"
            " that do not fit into memory together push each other out (OLLAMA_MAX_LOADED_MODELS, keep_alive).",
            [Query(count(_LOADED, "$__auto", by), "{{model}}")],
            "short",
            stacked=True,
            no_value="No call waited for its model",
        ),
        series_panel(
            "Whose prompts are cut?",
            "Calls whose prompt was longer than the model's context: Ollama dropped part of it without saying so."
            " Raise num_ctx (or OLLAMA_CONTEXT_LENGTH), or send less.",
            [Query(count(_CUT, "$__auto", by), "{{model}}")],
            "short",
            stacked=True,
            no_value="No prompt was cut",
        ),
        series_panel(
            "Is there a queue?",
            "Exchanges that have not ended, from the recorder's own metrics. What is above OLLAMA_NUM_PARALLEL waits.",
            [Query("sum(ollama_recorder_in_flight)", "in flight", source=PROMETHEUS)],
            "short",
            no_value="Prometheus does not know the recorder",
        ),
        series_panel(
            "Do explicit loads and unloads happen?",
            "Requests that only load or unload a model.",
            [
                Query(
                    count(f'{RECORDS} | {field.operation}=~"load|unload"', "$__auto", field.operation), "{{operation}}"
                )
            ],
            "short",
            no_value="None",
        ),
    ]
