"""What callers met, which doctor finds in the journal."""

from dataclasses import dataclass
from typing import Any

from service.cli.doctor.chapters import Chapter
from service.cli.doctor.check_result import CheckResult, Severity
from service.cli.doctor.traffic import look_at_traffic
from service.record.answer_errors import NO_ANSWER, NO_END
from service.record.exchange import EncodedRecord, Outcome
from tests.cli.doctor.given_traffic import call, failed, happened, refused, went_wrong
from tests.cli.doctor.place import Place, Situation

DAY = 86_400.0


@dataclass(frozen=True, slots=True)
class Traffic:
    """Exchanges that happened, and a look at them."""

    records: tuple[EncodedRecord, ...]

    def __call__(self, place: Place) -> list[CheckResult]:
        happened(place.folder, self.records)
        return look_at_traffic(place.settings(), DAY)


def traffic(*records: EncodedRecord) -> Traffic:
    return Traffic(records)


_PULL = "/api/pull changes or fetches models, which is off. Set ALLOW_MANAGEMENT=true to allow it."
_HOST = (
    "The host name 'llm.example.org' is not known here."
    " If the recorder is really reached by it, add it to ALLOWED_HOSTS."
)
_ORIGIN = "Web pages of the origin 'https://app.example.org' may not call. If this one should, add it to CORS_ORIGINS."
_KEY = "This recorder asks for an API key, as bearer token (Authorization) or in x-api-key. API_KEYS_FILE has them."
_PATH = (
    "'/chat' is no address of Ollama that passes here. Ollama's own paths follow the prefix:"
    " /api/ollama/api/chat, /api/ollama/v1/chat/completions."
)
_METHOD = "/api/chat is asked with POST, not with GET."
_LARGE = "/generate takes prompts up to 1 MiB; /api/ollama/api/generate takes longer ones."
_SLOW_START = {"request_time": 32.0, "wait_time": 30.0, "load_time": 30.0}
_QUEUED = {"request_time": 22.0, "wait_time": 20.0, "load_time": 0.1, "time_to_first_byte": 22.0}
_N8N: dict[str, Any] = {"caller": "n8n", "user_agent": "n8n", "remote_addr": "172.18.0.5"}
_AI_NODE: dict[str, Any] = {"caller": "ollama-js", "user_agent": "ollama-js/0.6.4", "remote_addr": "172.18.0.5"}


def _swapped() -> list[EncodedRecord]:
    """A model that is loaded anew a minute after its last call, as the next call wants another context."""
    return [
        call(
            number,
            ago=600 - 60 * number,
            asked={"options": {"num_ctx": 2048 * (1 + number % 2)}},
            request_time=12.0,
            wait_time=9.5,
            load_time=9.5,
        )
        for number in range(1, 6)
    ]


TRAFFIC_SITUATIONS = (
    Situation(
        "a cut prompt",
        Chapter.CUT_PROMPT,
        Severity.PROBLEM,
        traffic(call(1, prompt_truncated=True, prompt_tokens=4096)),
    ),
    Situation(
        "three calls that waited for an unloaded model",
        Chapter.FIRST_ANSWER,
        Severity.ADVICE,
        traffic(*(call(number, ago=7200 * number, **_SLOW_START) for number in range(1, 4))),
    ),
    Situation("a model that is loaded again and again", Chapter.LOADS_AGAIN, Severity.ADVICE, traffic(*_swapped())),
    Situation(
        "calls that wait for each other",
        Chapter.WAITING,
        Severity.ADVICE,
        traffic(call(1, ago=25, request_time=30.0), *(call(number, ago=2, **_QUEUED) for number in range(2, 6))),
    ),
    Situation(
        "slow answers",
        Chapter.SLOW,
        Severity.ADVICE,
        traffic(*(call(number, ago=number, tokens_per_second=2.1) for number in range(1, 4))),
    ),
    Situation(
        "n8n's time limit",
        Chapter.CLIENT_LIMIT,
        Severity.PROBLEM,
        traffic(failed(1, Outcome.CLIENT_LEFT, status=499, request_time=300.012, **_N8N)),
    ),
    Situation(
        "a proxy's time limit",
        Chapter.CLIENT_LIMIT,
        Severity.PROBLEM,
        traffic(*(failed(number, Outcome.CLIENT_LEFT, status=499, request_time=60.01) for number in (1, 2))),
    ),
    Situation(
        "an Ollama that was silent",
        Chapter.SILENT,
        Severity.PROBLEM,
        traffic(
            failed(1, Outcome.UPSTREAM_TIMED_OUT, "Ollama sent nothing for 300 s.", status=504, request_time=300.0)
        ),
    ),
    Situation(
        "an Ollama that was away",
        Chapter.UNREACHABLE,
        Severity.ADVICE,
        traffic(failed(1, Outcome.UPSTREAM_UNREACHABLE, "Ollama cannot be reached.", status=502)),
    ),
    Situation(
        "a recorder that was killed",
        Chapter.ENDED,
        Severity.PROBLEM,
        # One among ten.
        traffic(failed(1, Outcome.GATEWAY_DIED), *(call(number, ago=number) for number in range(2, 11))),
    ),
    Situation(
        "a stop that could not wait",
        Chapter.ENDED,
        Severity.ADVICE,
        traffic(*(failed(number, Outcome.GATEWAY_STOPPED, status=200) for number in (1, 2))),
    ),
    Situation(
        "a model that is not there",
        Chapter.NO_MODEL,
        Severity.ADVICE,
        traffic(failed(1, Outcome.COMPLETED, "model 'llama3.3' not found", status=404, model="llama3.3")),
    ),
    Situation("a path that Ollama has not", Chapter.WRONG_ADDRESS, Severity.ADVICE, traffic(refused(1, 404, _PATH))),
    Situation(
        "a method that is not the path's", Chapter.WRONG_ADDRESS, Severity.ADVICE, traffic(refused(1, 405, _METHOD))
    ),
    Situation("a pull", Chapter.MANAGEMENT, Severity.ADVICE, traffic(refused(1, 403, _PULL, operation="pull"))),
    Situation("a foreign name", Chapter.HOST_NAME, Severity.ADVICE, traffic(refused(1, 403, _HOST))),
    Situation("a foreign page", Chapter.ORIGIN, Severity.ADVICE, traffic(refused(1, 403, _ORIGIN))),
    Situation("a missing key", Chapter.KEY, Severity.ADVICE, traffic(refused(1, 401, _KEY))),
    Situation("a prompt too long for /generate", Chapter.TOO_LARGE, Severity.ADVICE, traffic(refused(1, 413, _LARGE))),
    Situation(
        "a proxy before Ollama that refuses a size",
        Chapter.TOO_LARGE,
        Severity.ADVICE,
        traffic(failed(1, Outcome.COMPLETED, status=413)),
    ),
    Situation(
        "a full queue",
        Chapter.BUSY,
        Severity.PROBLEM,
        traffic(
            failed(1, Outcome.COMPLETED, "server busy, please try again. maximum pending requests exceeded", status=503)
        ),
    ),
    Situation(
        "too little memory",
        Chapter.CRASHED,
        Severity.PROBLEM,
        traffic(
            failed(
                1,
                Outcome.COMPLETED,
                "model requires more system memory (48.3 GiB) than is available (21.1 GiB)",
                status=500,
            )
        ),
    ),
    Situation(
        "an answer that broke off",
        Chapter.CRASHED,
        Severity.PROBLEM,
        traffic(failed(1, Outcome.UPSTREAM_BROKE_OFF, "Ollama broke off: the connection was reset")),
    ),
    Situation(
        "an answer without its end marker",
        Chapter.CRASHED,
        Severity.PROBLEM,
        traffic(went_wrong(1, NO_END, stream=True)),
    ),
    Situation(
        "a login page", Chapter.NOT_OLLAMA, Severity.PROBLEM, traffic(went_wrong(1, f"{NO_ANSWER}a web page: Sign in"))
    ),
    Situation(
        "a call of a tool that the model wrote wrongly",
        Chapter.ERROR_INSIDE,
        Severity.PROBLEM,
        traffic(went_wrong(1, "error parsing tool call: raw='ls -R', err=invalid character 'l'", stream=True)),
    ),
    Situation(
        "thinking without an answer",
        Chapter.EMPTY_ANSWER,
        Severity.ADVICE,
        traffic(call(1, thinking="Well …", response_text="", done_reason="length", model="qwen3:8b")),
    ),
    Situation(
        "JSON that is cut",
        Chapter.CUT_ANSWER,
        Severity.ADVICE,
        traffic(
            call(
                1, asked={"format": "json", "options": {"num_predict": 40}}, done_reason="length", response_text='{"a"'
            )
        ),
    ),
    Situation(
        "an answer that is cut though nobody set a limit",
        Chapter.CUT_ANSWER,
        Severity.ADVICE,
        traffic(call(1, done_reason="length")),
    ),
    Situation(
        "an answer that Ollama aborted", Chapter.CUT_ANSWER, Severity.ADVICE, traffic(call(1, done_reason="unfinished"))
    ),
    Situation("n8n and a stream", Chapter.MANY_OBJECTS, Severity.ADVICE, traffic(call(1, stream=True, **_N8N))),
    Situation(
        "n8n without names",
        Chapter.NAMELESS,
        Severity.NOTE,
        traffic(*(call(number, ago=number, **_N8N) for number in range(1, 4))),
    ),
    Situation(
        "AI nodes of n8n without names",
        Chapter.NAMELESS,
        Severity.NOTE,
        traffic(
            call(4, ago=4, workflow="Invoices", **_N8N),
            *(call(number, ago=number, stream=True, **_AI_NODE) for number in range(1, 4)),
        ),
    ),
    Situation(
        "OpenAI's streams without usage",
        Chapter.UNCOUNTED,
        Severity.NOTE,
        traffic(
            *(call(number, ago=number, api="openai", stream=True, completion_tokens=None) for number in range(1, 4))
        ),
    ),
)
