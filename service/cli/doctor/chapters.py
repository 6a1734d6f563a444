"""The pages of the book: each entry of docs/troubleshooting.md that doctor finds by itself, by its heading's anchor."""

from enum import StrEnum

PAGE = "troubleshooting"


class Chapter(StrEnum):
    """A heading of the page as an anchor: lower case, blanks as hyphens, nothing else but letters and digits."""

    CUT_PROMPT = "the-prompt-is-cut-the-model-forgets-the-beginning"
    FIRST_ANSWER = "the-first-answer-takes-a-minute"
    LOADS_AGAIN = "the-model-loads-again-and-again"
    WAITING = "requests-wait-although-the-gpu-is-idle"
    CLIENT_LIMIT = "the-client-gives-up-after-60-100-or-300-seconds"
    SILENT = "504-ollama-sent-nothing-for-300-s"
    UNREACHABLE = "502-ollama-cannot-be-reached"
    CONTAINERS = "containers-do-not-reach-the-hosts-ollama"
    NOT_REACHED = "n8n-says-econnrefused"
    NO_MODEL = "404-model-not-found"
    WRONG_ADDRESS = "404-or-405-for-an-address-of-ollama"
    MANAGEMENT = "403-for-pull-create-or-delete"
    HOST_NAME = "403-the-host-name-is-not-known"
    ORIGIN = "cors-a-web-page-may-not-call"
    KEY = "401-this-recorder-asks-for-an-api-key"
    TOO_LARGE = "413-request-entity-too-large"
    BUSY = "503-server-busy-maximum-pending-requests-exceeded"
    CRASHED = "500-out-of-memory-or-the-answer-breaks-off"
    ENDED = "the-answer-ended-with-the-recorder"
    ERROR_INSIDE = "the-answer-holds-an-error"
    EMPTY_ANSWER = "a-thinking-model-gives-an-empty-answer"
    CUT_ANSWER = "the-json-is-cut-the-answer-stops-in-the-middle"
    MANY_OBJECTS = "n8n-gets-many-json-objects-instead-of-one-answer"
    SLOW = "answers-are-slow-the-gpu-is-not-used"
    NAMELESS = "records-do-not-say-which-workflow-asked"
    UNCOUNTED = "an-openai-stream-has-no-token-counts"
    NOT_OLLAMA = "ollama_url-is-not-the-address-of-ollama"
    NOT_RUNNING = "the-recorder-does-not-start"
    NO_DATA = "no-data-in-grafana"
    TOO_LATE = "loki-entry-too-far-behind"
    TOO_LONG = "loki-max-entry-size-exceeded"
    TOO_MANY = "loki-429-too-many-outstanding-requests"
    DISK = "the-disk-is-full"
    NOT_WRITABLE = "the-journal-belongs-to-another-user"
    DAMAGED = "the-journal-is-damaged"
    NOT_FOUND = "a-search-does-not-find-the-newest-exchanges"
    CLOCK = "the-clocks-differ"
    OPEN = "who-may-reach-it-0000-and-the-network"

    @property
    def address(self) -> str:
        """The command that prints it."""
        return f"ollama-recorder docs {PAGE}#{self.value}"
