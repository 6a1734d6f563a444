"""The running recorder, asked over HTTP for what only it may do."""

import json
from collections.abc import Mapping
from typing import Any, NoReturn

from service.cli.environment import base_address, stop
from service.cli.http_client import HttpResponse, ask, why
from service.settings import Settings


class RunningRecorder:
    """The recorder at ``url``, or where LISTEN says. Each method stops the command when it cannot be asked."""

    def __init__(self, settings: Settings, url: str = "") -> None:
        self.base = base_address(settings, url)
        self.headers: Mapping[str, str] = (
            {"Authorization": f"Bearer {settings.inspector_token}"} if settings.inspector_token else {}
        )

    def ask(self, path: str, method: str = "GET", *, body: bytes | None = None, seconds: float = 10.0) -> HttpResponse:
        """The whole answer, whatever its status. ``body`` is JSON."""
        headers = self.headers if body is None else {**self.headers, "Content-Type": "application/json"}
        try:
            return ask(self.base + path, method, headers=headers, body=body, seconds=seconds)
        except OSError as error:
            self.stop_as_absent(error)

    def stop_as_absent(self, error: OSError) -> NoReturn:
        """Stop the command, as the recorder did not answer."""
        stop(
            f"The recorder cannot be reached at {self.base}: {why(error)}. Start it (ollama-recorder serve), or say"
            " --url where it is."
        )

    def document(self, path: str) -> dict[str, Any]:
        """The JSON object at ``path``. Stops the command, with the recorder's own words, when it refuses."""
        return read_document(self.ask(path))


def read_document(answer: HttpResponse) -> dict[str, Any]:
    """The JSON object of an answer. Stops the command when that is an error, or something else answered."""
    try:
        document = json.loads(answer.body)
    except (ValueError, RecursionError):
        document = None
    if not isinstance(document, dict):
        stop(f"What answers is no recorder, or an older one ({answer.status}).")
    if answer.status >= 400:
        stop(str(document.get("error", f"The recorder answers {answer.status}.")))
    return document
