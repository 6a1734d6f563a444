"""Grafana's alerts, as the provisioning file that ``make dashboards`` writes.

``$NAME`` in that file is an environment variable of Grafana's, ``$$`` a dollar sign. A rule whose query finds
nothing does not fire: without traffic there is nothing to complain about.
"""

from dataclasses import dataclass
from typing import Any

from grafana.dashboards.names import ALL_RECORDS, FOLDER, LOKI, PROMETHEUS, count, field, quantile
from service.record.operations import MODEL_CALLS

_CALLS = f'{ALL_RECORDS} | {field.operation}=~"{"|".join(sorted(MODEL_CALLS))}"'
_VALUE = "{{ humanize $$values.B.Value }}"
_GLANCE, _SLOW, _ITSELF = "ollama-at-a-glance", "ollama-why-slow", "ollama-recorder-itself"


@dataclass(frozen=True, slots=True)
class Alert:
    """``expr`` compared with ``limit`` (a number, or ``$NAME``) every minute; it must hold for ``minutes``."""

    uid: str
    title: str
    expr: str
    limit: str
    minutes: int
    severity: str
    dashboard: str
    summary: str
    what_to_do: str
    source: str = LOKI
    no_data: str = "OK"
    compare: str = ">"


ALERTS = (
    Alert(
        "ollama-failures",
        "More than 10 % of requests fail",
        f"{count(f'{ALL_RECORDS} | {field.failed}=`true`', '10m')} / ({count(ALL_RECORDS, '10m')} > 4)",
        "0.1",
        5,
        "warning",
        _GLANCE,
        "{{ humanizePercentage $$values.B.Value }} of the requests of the last 10 minutes failed.",
        "Open 'How do requests end?' on the dashboard: the outcome names the cause. Then look at the error of one"
        " such record on the dashboard Prompts. Fewer than 5 requests in 10 minutes raise no alert.",
    ),
    Alert(
        "ollama-p95",
        "Calls to models take long",
        quantile(0.95, _CALLS, field.request_time, "15m"),
        "$ALERT_P95_SECONDS",
        5,
        "warning",
        _SLOW,
        f"One in twenty calls of the last 15 minutes took more than {_VALUE} s.",
        "Open the dashboard and see which phase grew. Waiting: a queue, or models that push each other out. Reading:"
        " long prompts. Generating: a large model, or one that left the graphics card (ollama ps). The limit is"
        " ALERT_P95_SECONDS.",
    ),
    Alert(
        "ollama-clients-left",
        "Clients give up waiting",
        count(f"{ALL_RECORDS} | {field.outcome}=`client_left` | {field.failed}=`true`", "15m"),
        "2",
        0,
        "warning",
        _SLOW,
        f"{_VALUE} clients gave up in the last 15 minutes: before their answer began, or at a time limit.",
        "Compare request_time of these records: if all are the same (n8n: 300 s), it is the client's limit. Raise it"
        " there (n8n: Options, Timeout) and OLLAMA_TIMEOUT here, or make answers shorter.",
    ),
    Alert(
        "ollama-queue",
        "Calls wait long for a place at Ollama",
        "histogram_quantile(0.9, sum by (le) (rate(ollama_recorder_queue_seconds_bucket[10m])))",
        "60",
        5,
        "warning",
        _SLOW,
        f"One in ten calls of the last 10 minutes waited more than {_VALUE} s in the recorder.",
        "ollama-recorder queue tells who waits and why. Raise MAX_ACTIVE if Ollama has room (OLLAMA_NUM_PARALLEL), or"
        " make a batch wait for people: priority and max_active in LIMITS_FILE.",
        PROMETHEUS,
    ),
    Alert(
        "ollama-prompts-cut",
        "Prompts are being cut",
        count(f"{ALL_RECORDS} | {field.prompt_truncated}=`true`", "15m", field.model),
        "0",
        0,
        "warning",
        _SLOW,
        f"Ollama dropped part of {_VALUE} prompts of {{{{ $$labels.model }}}} and did not tell the client.",
        "Raise num_ctx in the request, or OLLAMA_CONTEXT_LENGTH for all, if memory allows; else send less.",
    ),
    Alert(
        "ollama-model-loads",
        "A model is loaded again and again",
        count(f"{_CALLS} | {field.load_time} > 1", "15m", field.model),
        "5",
        0,
        "warning",
        _SLOW,
        f"{_VALUE} calls of the last 15 minutes waited more than a second for {{{{ $$labels.model }}}}.",
        "ollama ps tells which models are loaded. Two that do not fit together push each other out: raise keep_alive,"
        " use one of them, or raise OLLAMA_MAX_LOADED_MODELS if memory allows. If only one is used, it is a queue:"
        " OLLAMA_NUM_PARALLEL.",
    ),
    Alert(
        "ollama-unreachable",
        "Ollama is not there",
        "min(ollama_recorder_ollama_up)",
        "1",
        1,
        "critical",
        _ITSELF,
        "The recorder finds no Ollama: every request is answered with an error.",
        "Is Ollama running (ollama ps)? From Docker it must listen on more than loopback: OLLAMA_HOST=0.0.0.0:11434."
        " /readyz of the recorder says which address was tried.",
        PROMETHEUS,
        compare="<",
    ),
    Alert(
        "ollama-one-gone",
        "One Ollama of several is not there",
        "min by (upstream) (ollama_recorder_upstream_up) and on () (max(ollama_recorder_upstream_up) == 1)",
        "1",
        1,
        "warning",
        _ITSELF,
        "{{ $$labels.upstream }} gets no calls. The other Ollamas go on.",
        "Is Ollama running there (ollama ps)? From another machine it must listen on more than loopback:"
        " OLLAMA_HOST=0.0.0.0:11434. /readyz of the recorder says what it met. It gets calls again by itself.",
        PROMETHEUS,
        compare="<",
    ),
    Alert(
        "recorder-absent",
        "The recorder does not answer",
        'up{job="recorder"}',
        "1",
        2,
        "critical",
        _ITSELF,
        "Prometheus gets no numbers from the recorder.",
        "docker compose ps, then docker compose logs recorder. While it is away, nothing reaches Ollama. If it runs,"
        " Prometheus may lack the INSPECTOR_TOKEN.",
        PROMETHEUS,
        "Alerting",
        "<",
    ),
    Alert(
        "recorder-loses",
        "The recorder loses records",
        "sum(increase(ollama_recorder_lost_records_total[15m]))"
        " + sum(increase(ollama_recorder_lost_bodies_total[15m]))",
        "0",
        0,
        "critical",
        _ITSELF,
        f"{_VALUE} records or bodies of the last 15 minutes could not be kept.",
        "Look at the room on the journal's disk and at the recorder's log: RecordsLost and BodiesLost give the reason.",
        PROMETHEUS,
    ),
    Alert(
        "recorder-damaged",
        "The recorder's journal was damaged",
        "sum(increase(ollama_recorder_journal_set_aside_total[1h]))"
        " + sum(increase(ollama_recorder_journal_displaced_total[1h]))",
        "0",
        0,
        "critical",
        _ITSELF,
        f"{_VALUE} times in the last hour the journal's file was damaged, deleted or replaced.",
        "What could be read is in a new file. Look at the disk, and at JournalSetAside or JournalDisplaced in the log;"
        " docs/reliability.md says what was saved. A file that was set aside is yours to delete.",
        PROMETHEUS,
    ),
    Alert(
        "recorder-parks",
        "A receiver refuses records for good",
        "sum by (receiver) (increase(ollama_recorder_parked_records_total[15m]))",
        "0",
        0,
        "warning",
        _ITSELF,
        f"{{{{ $$labels.receiver }}}} will never take {_VALUE} records of the last 15 minutes.",
        "ollama-recorder ship status tells the receiver's reason. They stay in the journal.",
        PROMETHEUS,
    ),
    Alert(
        "recorder-lags",
        "A receiver is 5 minutes behind",
        "max by (receiver) (ollama_recorder_oldest_unshipped_seconds)",
        "300",
        1,
        "warning",
        _ITSELF,
        f"{{{{ $$labels.receiver }}}} lacks records of the last {_VALUE} s. These dashboards lack them too.",
        "Is it running? The recorder's log says what it answers (ReceiverFailed, ReceiverRefused). Nothing is lost:"
        " the journal keeps what is not delivered.",
        PROMETHEUS,
    ),
    Alert(
        "recorder-lags-far",
        "A receiver is 45 minutes behind: Loki soon refuses",
        "max by (receiver) (ollama_recorder_oldest_unshipped_seconds)",
        "2700",
        1,
        "critical",
        _ITSELF,
        f"{{{{ $$labels.receiver }}}} lacks records of the last {_VALUE} s.",
        "Loki refuses what is over an hour behind the newest line of its stream. Keep others from writing to the"
        " recorder's streams and start Loki again; the recorder delivers the oldest first.",
        PROMETHEUS,
    ),
)


def provisioning() -> dict[str, Any]:
    """The whole file: rules, where they go, and when."""
    return {
        "apiVersion": 1,
        "groups": [
            {
                "orgId": 1,
                "name": "Ollama Recorder",
                "folder": "Ollama Recorder",
                "interval": "1m",
                "rules": [_rule(alert) for alert in ALERTS],
            }
        ],
        "contactPoints": [
            {
                "orgId": 1,
                "name": FOLDER,
                "receivers": [
                    {
                        "uid": "ollama-recorder-webhook",
                        "type": "webhook",
                        "settings": {"url": "$ALERT_WEBHOOK_URL", "httpMethod": "POST"},
                    }
                ],
            }
        ],
        "policies": [{"orgId": 1, "receiver": FOLDER, "group_by": ["alertname", "grafana_folder"]}],
    }


def _rule(alert: Alert) -> dict[str, Any]:
    asked: dict[str, Any] = {"refId": "A", "expr": alert.expr, "instant": True}
    asked |= {"queryType": "instant"} if alert.source == LOKI else {"range": False}
    # Some versions of Grafana take an answer at one moment for a series, which cannot be compared: its last value can.
    last = {"refId": "B", "type": "reduce", "expression": "A", "reducer": "last"}
    condition = {"refId": "C", "type": "math", "expression": f"$$B {alert.compare} {alert.limit}"}
    return {
        "uid": alert.uid,
        "title": alert.title,
        "condition": "C",
        "for": f"{alert.minutes}m",
        "noDataState": alert.no_data,
        # Loki being away is the recorder's lag; without it each rule would fire.
        "execErrState": "KeepLast",
        "labels": {"severity": alert.severity, "product": "ollama-recorder"},
        "annotations": {
            "summary": alert.summary,
            "description": alert.what_to_do,
            "dashboard": f"/d/{alert.dashboard}",
        },
        "data": [
            {
                "refId": model["refId"],
                "datasourceUid": source,
                "relativeTimeRange": {"from": 900, "to": 0},
                "model": model,
            }
            for source, model in ((alert.source, asked), ("__expr__", last), ("__expr__", condition))
        ],
    }
