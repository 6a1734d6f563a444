"""*The recorder itself*: whether records are kept and delivered, from the recorder's own metrics."""

from grafana_foundation_sdk.builders.dashboard import Dashboard

from grafana.dashboards import frame
from grafana.dashboards.names import PROMETHEUS
from grafana.dashboards.panels import COUNT, NO_STEPS, Panel, Query, Steps, series_panel, stat_panel

UID = "ollama-recorder-itself"
_ABSENT = "Prometheus does not know the recorder"
_NONE: Steps = ((None, "green"), (1.0, "red"))


def build() -> Dashboard:
    return frame.put_together(
        UID,
        "The recorder itself",
        "Whether every exchange is kept, and how far each receiver is.",
        "The recorder's own metrics, by way of Prometheus. Red in the first row: a record or a part of it is missing"
        " somewhere, and `ollama-recorder doctor` says what to do.",
        frame.sources(PROMETHEUS),
        [("Is anything lost?", _numbers()), ("Over time", _over_time())],
    )


def _numbers() -> list[Panel]:
    def number(title: str, description: str, expr: str, unit: str, steps: Steps = NO_STEPS) -> Panel:
        query = Query(expr, instant=True, source=PROMETHEUS)
        return stat_panel(title, description, query, unit, steps=steps, no_value=_ABSENT)

    return [
        number(
            "How many were lost?",
            "Exchanges that could not be kept, since the start. Red from 1: it should never happen.",
            "sum(ollama_recorder_lost_records_total)",
            COUNT,
            _NONE,
        ),
        number(
            "How many lack bodies?",
            "Records that were kept without prompt and answer, for want of room. Red from 1: look at the disk.",
            "sum(ollama_recorder_lost_bodies_total)",
            COUNT,
            _NONE,
        ),
        number(
            "How many were refused?",
            "Parked records; ollama-recorder ship status tells why. Red from 1: each is missing in Grafana.",
            "sum(ollama_recorder_parked_records_total)",
            COUNT,
            _NONE,
        ),
        number(
            "How many came late?",
            "Of those refused: Loki takes nothing that is over an hour behind the newest. Red from 1: Loki was away"
            " while others wrote to the same stream.",
            "sum(ollama_recorder_late_records_total)",
            COUNT,
            _NONE,
        ),
        number(
            "How late is shipping?",
            "Age of the oldest record that the slowest receiver lacks. Yellow from 5 minutes; red from 45, because"
            " Loki refuses what is an hour behind.",
            "max(ollama_recorder_oldest_unshipped_seconds)",
            "s",
            ((None, "green"), (300.0, "yellow"), (2700.0, "red")),
        ),
        number(
            "How much disk is left?",
            "Bytes free on the journal's disk. Red below 1 GB, yellow below 5: old records then make room.",
            "min(ollama_recorder_disk_free_bytes)",
            "bytes",
            ((None, "red"), (1e9, "yellow"), (5e9, "green")),
        ),
    ]


def _over_time() -> list[Panel]:
    def lines(
        title: str, description: str, queries: list[tuple[str, str]], unit: str, steps: Steps = NO_STEPS
    ) -> Panel:
        asked = [Query(expr, legend, source=PROMETHEUS) for expr, legend in queries]
        return series_panel(title, description, asked, unit, steps=steps, no_value=_ABSENT)

    return [
        lines(
            "How far behind is each receiver?",
            "Age of the oldest record that the receiver has not got. The line is at 45 minutes: Loki refuses what is"
            " an hour behind.",
            [("max by (receiver) (ollama_recorder_oldest_unshipped_seconds)", "{{receiver}}")],
            "s",
            ((None, "green"), (2700.0, "red")),
        ),
        lines(
            "Does Ollama answer, and does each receiver take records?",
            "1: yes. 0: it is away, or refuses; /readyz and the recorder's log say what to do. Each of several"
            " Ollamas has a line too.",
            [
                ("min(ollama_recorder_ollama_up)", "Ollama"),
                ("min by (receiver) (ollama_recorder_receiver_up)", "{{receiver}}"),
                ("min by (upstream) (ollama_recorder_upstream_up)", "Ollama {{upstream}}"),
            ],
            "bool_yes_no",
        ),
        lines(
            "How large is the journal?",
            "Bytes of its files. It stays below RETENTION_GB.",
            [("sum(ollama_recorder_journal_bytes)", "journal")],
            "bytes",
        ),
        lines(
            "How long does a commit take?",
            "The last write to disk. The line is at 250 ms: an answer waits no longer than that for its record.",
            [("max(ollama_recorder_journal_last_commit_seconds)", "commit")],
            "s",
            ((None, "green"), (0.25, "red")),
        ),
        lines(
            "How many exchanges end, and how?",
            "A second, by outcome.",
            [("sum by (outcome) (rate(ollama_recorder_exchanges_total[$__rate_interval]))", "{{outcome}}")],
            "reqps",
        ),
        lines(
            "How many calls wait for a place at Ollama?",
            "Calls that have a place and calls that wait for one in the recorder. Empty without MAX_ACTIVE and"
            " LIMITS_FILE; ollama-recorder queue tells who they are.",
            [("sum(ollama_recorder_active)", "at Ollama"), ("sum(ollama_recorder_waiting)", "waiting")],
            "short",
        ),
        lines(
            "What is on its way?",
            "Exchanges that have not ended; on their way to the journal; in memory because the disk does not take"
            " them. The last two are nearly always 0.",
            [
                ("sum(ollama_recorder_in_flight)", "in flight"),
                ("sum(ollama_recorder_journal_queued)", "queued"),
                ("sum(ollama_recorder_journal_waiting)", "waiting for the disk"),
            ],
            "short",
        ),
        lines(
            "Are answers held up or log lines dropped?",
            "Answers let go before their record was on disk, and log lines that nobody took from standard output.",
            [
                ("sum(increase(ollama_recorder_replies_released_total[$__rate_interval]))", "answers let go"),
                ("sum(increase(ollama_recorder_log_lines_dropped_total[$__rate_interval]))", "log lines"),
            ],
            "short",
        ),
        lines(
            "Are there defects?",
            "Faults of the recorder itself that it went on after. The line is at 1: please report each.",
            [("sum(increase(ollama_recorder_defect_found_total[$__rate_interval]))", "defects")],
            "short",
            _NONE,
        ),
    ]
