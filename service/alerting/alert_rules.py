"""The rules: the one list of what the recorder itself alerts to. Those of Grafana with the same uid mean the same."""

from dataclasses import dataclass
from enum import StrEnum
from typing import Final


class AlertSeverity(StrEnum):
    """How urgent it is."""

    WARNING = "warning"
    CRITICAL = "critical"


@dataclass(frozen=True, slots=True)
class AlertRule:
    """It fires when what is looked at has been above ``limit`` for ``minutes``.

    ``limit`` None: it is a setting. ``summary`` says what happened: in it stand ``{value}``, and ``{about}`` for which
    model or receiver.
    """

    uid: str
    title: str
    limit: float | None
    minutes: int
    severity: AlertSeverity
    summary: str
    what_to_do: str


FAILURES: Final = AlertRule(
    "ollama-failures",
    "More than 10 % of requests fail",
    0.1,
    5,
    AlertSeverity.WARNING,
    "{value} of the requests of the last 10 minutes failed.",
    "ollama-recorder failures --from -10m names the causes, and who was hit. Fewer than 5 requests in 10 minutes raise"
    " no alert.",
)
P95: Final = AlertRule(
    "ollama-p95",
    "Calls to models take long",
    None,
    5,
    AlertSeverity.WARNING,
    "One in twenty calls of the last 15 minutes took more than {value}.",
    "ollama-recorder stats --from -15m tells who waits and for whom. The limit is ALERT_P95_SECONDS.",
)
CLIENTS_LEFT: Final = AlertRule(
    "ollama-clients-left",
    "Clients give up waiting",
    2,
    0,
    AlertSeverity.WARNING,
    "{value} clients gave up in the last 15 minutes: before their answer began, or at a time limit.",
    "If all of them left after the same time (n8n: 300 s), it is their limit: raise it there and OLLAMA_TIMEOUT here,"
    " or make answers shorter.",
)
PROMPTS_CUT: Final = AlertRule(
    "ollama-prompts-cut",
    "Prompts are being cut",
    0,
    0,
    AlertSeverity.WARNING,
    "Ollama dropped part of {value} prompts of {about} and did not tell the client.",
    "Raise num_ctx in the request, or OLLAMA_CONTEXT_LENGTH for all, if memory allows; else send less.",
)
UNREACHABLE: Final = AlertRule(
    "ollama-unreachable",
    "Ollama is not there",
    0,
    1,
    AlertSeverity.CRITICAL,
    "The recorder finds no Ollama: every request is answered with an error. {about}",
    "Is Ollama running (ollama ps)? From Docker it must listen on more than loopback: OLLAMA_HOST=0.0.0.0:11434.",
)
ONE_GONE: Final = AlertRule(
    "ollama-one-gone",
    "One Ollama of several is not there",
    0,
    1,
    AlertSeverity.WARNING,
    "{about} gets no calls: {value}. The other Ollamas go on.",
    "Is Ollama running there (ollama ps)? From another machine it must listen on more than loopback:"
    " OLLAMA_HOST=0.0.0.0:11434. It gets calls again by itself.",
)
LOSES: Final = AlertRule(
    "recorder-loses",
    "The recorder loses records",
    0,
    0,
    AlertSeverity.CRITICAL,
    "{value} records or bodies of the last 15 minutes could not be kept.",
    "Look at the room on the journal's disk and at the recorder's log: RecordsLost and BodiesLost give the reason.",
)
DISK: Final = AlertRule(
    "recorder-disk",
    "The journal cannot be written as it should",
    0,
    1,
    AlertSeverity.CRITICAL,
    "The journal is in trouble: {about}",
    "Look at the room on the disk of DATA_DIR, and who may write there. Exchanges go on; what waits for the disk is in"
    " memory only.",
)
PARKS: Final = AlertRule(
    "recorder-parks",
    "A receiver refuses records for good",
    0,
    0,
    AlertSeverity.WARNING,
    "{about} will never take {value} records of the last 15 minutes.",
    "ollama-recorder ship status tells the receiver's reason. They stay in the journal.",
)
LAGS: Final = AlertRule(
    "recorder-lags",
    "A receiver is 5 minutes behind",
    300,
    1,
    AlertSeverity.WARNING,
    "{about} lacks records of the last {value}.",
    "Is it running? The recorder's log says what it answers (ReceiverFailed, ReceiverRefused). Nothing is lost: the"
    " journal keeps what is not delivered.",
)
LAGS_FAR: Final = AlertRule(
    "recorder-lags-far",
    "A receiver is 45 minutes behind: Loki soon refuses",
    2700,
    1,
    AlertSeverity.CRITICAL,
    "{about} lacks records of the last {value}.",
    "Loki refuses what is over an hour behind the newest line of its stream. Keep others from writing to the recorder's"
    " streams and start Loki again; the recorder delivers the oldest first.",
)
RULES: Final = (FAILURES, P95, CLIENTS_LEFT, PROMPTS_CUT, UNREACHABLE, ONE_GONE, LOSES, DISK, PARKS, LAGS, LAGS_FAR)
