"""Whether Loki is ready: ``GET /ready``, and what its answer means."""

from collections.abc import Mapping

from service.shipping.asking import Readiness, ReceiverAnswer, ask
from service.shipping.loki.settings import LokiSettings


def ask_readiness(loki: LokiSettings) -> Readiness:
    """Ask it. Blocks for seconds at most. Raises OSError when nothing answers."""
    return judge_readiness(loki.base, ask(f"{loki.base}/ready", headers=loki.headers))


def judge_readiness(base: str, answer: ReceiverAnswer) -> Readiness:
    """What the answer of the Loki at ``base`` means."""
    status, headers = answer.status, answer.headers
    if status == 200 and is_victoria(headers):
        text = f"Ready at {base}, which is VictoriaLogs: it keeps records and knows none of Loki's queries."
        advice = (
            "Dashboards and erasing need a Loki. Start it with -loki.disableMessageParsing; see `ollama-recorder docs"
            " receivers`."
        )
        return Readiness(True, text, advice, headers)
    if status == 200:
        return Readiness(True, f"Ready at {base}.", headers=headers)
    if status in (401, 403):
        text, advice = f"{base} refuses us ({status}).", "Check LOKI_TOKEN, or LOKI_USERNAME and LOKI_PASSWORD."
        return Readiness(False, text, advice, headers)
    if status == 404:
        # Some gateways in front of Loki pass its API and nothing else.
        return Readiness(None, f"{base} does not say whether it is ready (404 for /ready).", headers=headers)
    text, advice = f"{base} is not ready ({status}).", "It needs about 15 s after its start; then its log says more."
    return Readiness(False, text, advice, headers)


def is_victoria(headers: Mapping[str, str]) -> bool:
    """Whether VictoriaLogs answered, by ``headers`` with names in lower case: its servers name their host in each."""
    return "x-server-hostname" in headers
