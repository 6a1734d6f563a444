"""What spans carry beside times and counts: prompts, answers, and what is known of the Ollama that was asked."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final
from urllib.parse import urlsplit

MESSAGES_VARIABLE: Final = "OTEL_INSTRUMENTATION_GENAI_CAPTURE_MESSAGE_CONTENT"


@dataclass(frozen=True, slots=True)
class SpanContent:
    """The choices for one receiver.

    ``bodies``: requests as they came, in ``http.request.body.content``. ``messages``: prompts and answers as GenAI
    messages. ``list_views``: the attributes that readers of spans fill their first page from. ``polls``: spans of
    lists and descriptions of models too. ``upstream`` is the address of the Ollama, empty where it is not told;
    ``upstreams`` are the addresses of several, by their names.
    """

    bodies: bool = True
    messages: bool = False
    list_views: bool = False
    polls: bool = True
    upstream: str = ""
    upstreams: tuple[tuple[str, str], ...] = ()

    def server_of(self, name: str | None) -> tuple[str, int] | None:
        """Host and port of the Ollama called ``name``, of the one where there are no names; None where nobody knows."""
        parts = urlsplit(next((url for known, url in self.upstreams if known == name), self.upstream))
        if not parts.hostname:
            return None
        return parts.hostname, parts.port or (443 if parts.scheme == "https" else 80)


NO_MESSAGES: Final = SpanContent()


def captures_messages(environment: Mapping[str, str]) -> bool:
    """Whether messages go into spans, by the variable that OpenTelemetry's GenAI instrumentations use."""
    wish = environment.get(MESSAGES_VARIABLE, "").strip().upper()
    return wish in ("SPAN_ONLY", "SPAN_AND_EVENT", "TRUE")
