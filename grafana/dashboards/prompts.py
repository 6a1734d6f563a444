"""*Prompts*: what was asked and answered, found by words, model, workflow or caller."""

from grafana_foundation_sdk.builders.dashboard import Dashboard

from grafana.dashboards import frame
from grafana.dashboards.at_a_glance import EXCHANGE, TRACE
from grafana.dashboards.names import LOKI, RECORDER_PAGE, RECORDS, field, key
from grafana.dashboards.panels import CLICKED, COUNT, MOMENT, Column, Panel, Query, logs_panel, record_table

UID = "ollama-prompts"
_FOUND = " | ".join(
    [
        f"{RECORDS} |~ `(?i)${{search:regex}}`",
        *(frame.contains(name, name) for name in (field.model, field.workflow, field.caller)),
        f'{field.operation}=~"${{operation:regex}}"',
        f'{field.outcome}=~"${{outcome:regex}}"',
    ]
)
_READ = f'{key.request_body}="{key.request_body}", {key.response_text}="{key.response_text}"'
_SHOWN = "\n".join(
    [
        f"{{{{.{field.model}}}}} ({{{{.{field.request_time}}}}} s)",
        f"{{{{.{key.request_body}}}}}",
        f"→ {{{{.{key.response_text}}}}}",
    ]
)
_PAGE = f"{RECORDER_PAGE}/?show={CLICKED}"
# A record is one line. With room for a second Loki reads all of the time shown, though it has found the first.
_ONE = f'{frame.once_chosen("exchange")} | {field.exchange}="$exchange"'


def build() -> Dashboard:
    return frame.put_together(
        UID,
        "Prompts",
        "Prompts and answers as they were. They are private: think of who may see this dashboard.",
        "Prompts and answers, found by words, model, workflow or caller, from the records in Loki. It asks anew when"
        " you change something, and not by itself. A click on an exchange shows it in full; from there another leads to"
        " the recorder's own page, which explains it and can send it again.",
        [
            *frame.sources(LOKI),
            frame.instance(),
            frame.text("search", "Search", "Words in the prompt, the answer or anything else of the record."),
            frame.text("model", "Model contains", "Part of a model's name; empty: all models."),
            frame.text("workflow", "Workflow contains", "Part of a workflow's name; empty: all calls."),
            frame.text("caller", "Caller contains", "Part of a program's name; empty: all."),
            frame.operation(),
            frame.outcome(),
            frame.text("exchange", "Exchange", "The id of one exchange, from a click or from X-Exchange-Id."),
        ],
        [
            ("One exchange in full", [_one(), _its_lines()]),
            ("What was asked, and what was answered?", [_list(), _texts()]),
        ],
        since="now-6h",
        refresh="",
    )


def _one() -> Panel:
    return record_table(
        "What is the chosen exchange?",
        "The exchange that was clicked, or whose id was typed above. The trace shows its phases; the exchange opens the"
        " recorder's own page, which explains them and can send the prompt again.",
        Query(_ONE, lines=1),
        [
            Column(key.started, "Started", MOMENT, width=200),
            Column(key.request_time, "Duration", "s", width=80),
            Column(key.wait_time, "Waiting", "s", width=75),
            Column(key.prompt_time, "Reading", "s", width=75),
            Column(key.generation_time, "Generating", "s", width=90),
            Column(key.prompt_tokens, "Tokens read", COUNT, width=100),
            Column(key.completion_tokens, "Tokens written", COUNT, width=115),
            Column(key.prompt_truncated, "Prompt cut", width=90),
            Column(key.outcome, "Outcome", width=110),
            Column(key.status, "Status", width=65),
            Column(key.error, "Error"),
            Column(key.exchange, "Exchange", width=90, link=("On the recorder's page", _PAGE)),
            Column(key.trace_id, "Trace", width=90, link=("Its trace", TRACE)),
        ],
        "-started",
        no_value="Click an exchange in a table, or type its id above",
    ).height(5)


def _its_lines() -> Panel:
    return logs_panel(
        "The chosen exchange, everything that was recorded",
        "One JSON object: prompt, answer, phases, who asked. Its trace and the recorder's page are links among"
        " the fields of the line.",
        Query(_ONE, lines=1),
        pretty=True,
    ).no_value("Click an exchange in a table, or type its id above")


def _list() -> Panel:
    return record_table(
        "Which exchanges match?",
        "The newest 200 that match everything above. A click on an exchange shows it in full.",
        Query(_FOUND, lines=200),
        [
            Column(key.started, "Started", MOMENT, width=200),
            Column(key.request_time, "Duration", "s", width=90),
            Column(key.model, "Model", width=130),
            Column(key.workflow, "Workflow", width=130),
            Column(key.caller, "Caller", width=110),
            Column(key.outcome, "Outcome", width=165),
            Column(key.request_body, "Prompt"),
            Column(key.response_text, "Answer"),
            Column(key.exchange, "Exchange", width=90, link=("In full", EXCHANGE)),
            Column(key.trace_id, "Trace", width=90, link=("Its trace", TRACE)),
        ],
        "-started",
        no_value="Nothing matches: take a filter away, or show more time",
    )


def _texts() -> Panel:
    return logs_panel(
        "The prompts and answers that match",
        "The newest 100, the prompt above its answer.",
        Query(f"{_FOUND} | json {_READ} | line_format `{_SHOWN}`", lines=100),
    ).no_value("Nothing matches: take a filter away, or show more time")
