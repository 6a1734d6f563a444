"""The ways in which an exchange can end, in words: for documents, for the page, and for a terminal's narrow line."""

from dataclasses import dataclass

from service.record.exchange import Outcome


@dataclass(frozen=True, slots=True)
class OutcomeWords:
    """``meaning`` explains it; ``label`` names it on the page; ``brief`` fits into nine cells of a terminal."""

    outcome: Outcome
    meaning: str
    label: str
    brief: str


OUTCOMES: tuple[OutcomeWords, ...] = (
    OutcomeWords(Outcome.COMPLETED, "The answer was delivered whole, an error included.", "answered in full", ""),
    OutcomeWords(Outcome.REFUSED, "The recorder refused the request. Ollama never got it.", "refused", "refused"),
    OutcomeWords(Outcome.CLIENT_LEFT, "The client hung up before the answer was whole.", "client left", "left"),
    OutcomeWords(
        Outcome.UPSTREAM_UNREACHABLE, "Nothing listened where Ollama should be.", "Ollama not reached", "no Ollama"
    ),
    OutcomeWords(
        Outcome.UPSTREAM_TIMED_OUT, "Ollama sent nothing for OLLAMA_TIMEOUT seconds.", "Ollama went silent", "silent"
    ),
    OutcomeWords(
        Outcome.UPSTREAM_BROKE_OFF, "Ollama closed the connection in the middle.", "Ollama broke off", "broke off"
    ),
    OutcomeWords(
        Outcome.GATEWAY_STOPPED, "The recorder was stopped while it was going on.", "recorder stopped", "stopped"
    ),
    OutcomeWords(
        Outcome.GATEWAY_DIED, "The recorder was killed while it was going on.", "recorder was killed", "killed"
    ),
)
