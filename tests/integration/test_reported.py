"""What the record says of inputs that people reported of other programs, asked of a whole recorder.

Each case is posted to the recorder; a scripted Ollama answers with its bytes. Another case is another entry of
``EXPECTED``: a sentence, and what has to be true of what the recorder then tells.
"""

import asyncio
import json
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from tests.fakes.ollama import CHUNKED, FakeOllama, Script, answer, chunk, head, json_answer, whole
from tests.fakes.otlp import FakeOtlp
from tests.gateway.harness import request_bytes, talk
from tests.running_app import found, get, running, said, until

REPORTED = Path(__file__).parents[1] / "recordings" / "reported"
CASES: dict[str, dict[str, Any]] = json.loads((REPORTED / "cases.json").read_text())


@dataclass(frozen=True)
class Told:
    """What the recorder tells of the one exchange: its record, its entry of the list, everything beside that."""

    record: dict[str, Any]
    summary: dict[str, Any]
    one: dict[str, Any]
    training: list[dict[str, Any]]
    line: str
    searched: dict[str, int]

    @property
    def findings(self) -> str:
        """All findings and their advice, in one text."""
        return " ".join(f"{each['text']} {each['advice']}" for each in self.one["explanation"]["findings"])

    @property
    def turns(self) -> list[dict[str, Any]]:
        turns: list[dict[str, Any]] = self.one["conversation"]["turns"]
        return turns

    @property
    def calls(self) -> list[tuple[str, Any]]:
        """The calls of tools in the answer: name and arguments."""
        calls = json.loads(self.record.get("tool_calls", "[]"))
        return [(each["function"]["name"], each["function"]["arguments"]) for each in calls]

    def says(self, **facts: Any) -> bool:
        return {key: self.record.get(key) for key in facts} == facts


Checks = dict[str, Callable[[Told], Any]]
_IMAGE = "<image 2056 bytes sha256:"


def _stays(text: str) -> Checks:
    return {
        "the words of the request are not masked": lambda told: told.turns[-1]["text"] == text,
        "the words of the answer are not masked": lambda told: told.says(response_text=text),
    }


EXPECTED: dict[str, Checks] = {
    "error-beside-choices": {
        "an error beside choices fails it": lambda told: told.says(failed=True, error="Provider went away"),
        "the text so far is there": lambda told: told.says(response_text="par"),
    },
    "error-in-a-choice": {
        "an error in a choice fails it": lambda told: told.says(failed=True, error="Upstream idle"),
    },
    "event-named-error": {
        "an event that is named error fails it": lambda told: told.says(failed=True, error="boom", response_text="a"),
    },
    "error-line-without-data": {
        "an error without `data:` fails it": lambda told: told.says(failed=True, error="runner gone"),
    },
    "page-instead-of-answer": {
        "a page is no answer": lambda told: told.record["failed"] and "Sign in" in told.record["error"],
        "the finding says so": lambda told: "web page" in told.findings and "Nothing held it up" not in told.findings,
    },
    "detail-instead-of-answer": {
        "its words are the error": lambda told: told.says(failed=True, error="Not authenticated"),
        "the finding has them": lambda told: "Not authenticated" in told.findings,
    },
    "finish-reason-abort": {
        "the finding says that it was broken off": lambda told: "broken off" in told.findings,
        "it is no success": lambda told: told.says(failed=True, response_text="a"),
    },
    "crash-in-openai-stream": {
        "it is no success": lambda told: told.says(failed=True, response_text="par"),
        "the finding names the crash": lambda told: "crash" in told.findings and "Ollama's log" in told.findings,
        "the model did not repeat itself": lambda told: "repeat" not in told.findings,
    },
    "error-under-another-key": {
        "the words are the error": lambda told: "invalid character 'c' looking for" in told.record["error"],
        "it failed": lambda told: told.says(failed=True, thinking="hm"),
    },
    "crash-advice": {
        "it sends to the log and to memory": lambda told: "log" in told.findings and "memory" in told.findings,
        "the caller's JSON is not blamed": lambda told: "JSON" not in told.findings,
    },
    "tool-call-advice": {
        "another try or model may help": lambda told: "another model" in told.findings,
        "the caller's JSON is not blamed": lambda told: "the JSON that Ollama expects" not in told.findings,
    },
    "two-calls-one-index": {
        "two calls": lambda told: told.calls == [("read", {"path": "a.txt"}), ("read", {"path": "b.txt"})],
        "each with its id": lambda told: '"id":"call_b"' in told.record["tool_calls"],
    },
    "two-calls-no-ids": {
        "two calls": lambda told: told.calls == [("read", {"path": "a"}), ("list", {"dir": "b"})],
    },
    "name-comes-later": {"one call": lambda told: told.calls == [("read", {"path": "a"})]},
    "arguments-encoded-twice": {
        "the export has the conversation": lambda told: (
            json.loads(told.training[0]["messages"][1]["tool_calls"][0]["function"]["arguments"]) == {"x": 1}
        ),
    },
    "pieces-without-role": {
        "nothing is lost": lambda told: told.says(thinking="Let me see.", response_text="Yes"),
        "the call is there": lambda told: told.calls == [("f", {"a": 1})],
    },
    "one-broken-line": {
        "a mark stands where something is missing": lambda told: told.record["response_text"] == "A … B",
        "the bytes are there": lambda told: "lost wor" in told.record["response_body"],
    },
    "raw-control-character": {"it is read": lambda told: told.says(response_text="a\tb.")},
    "server-tool-and-redacted-thinking": {
        "calls have names": lambda told: told.calls == [("web_search", {"query": "weather"}), ("now", {})],
        "thinking was hidden": lambda told: "redacted" in told.record["thinking"],
    },
    "custom-tool-call": {
        "the text is its argument": lambda told: told.calls == [("apply_patch", "*** Begin Patch\n*** Add File: a")],
    },
    "content-in-parts": {
        "parts are put together": lambda told: told.says(thinking="I should greet", response_text="Hello there"),
    },
    "content-as-text": {"it is read": lambda told: told.says(response_text="plain")},
    "generated-image": {
        "the image is a word": lambda told: _IMAGE in told.line,
        "the list shows an answer": lambda told: "image" in told.summary["answer"],
    },
    "cloud-model": {
        "whose model it was": lambda told: told.says(
            remote_host="https://ollama.example:443", remote_model="gpt-oss:120b"
        ),
    },
    "subtitles": {
        "the words are there": lambda told: "Guten Tag" in told.record["response_text"],
        "nothing failed": lambda told: told.says(failed=False),
    },
    "event-over-two-data-lines": {"it is read": lambda told: told.says(response_text="one two")},
    "events-under-another-type": {"it is read": lambda told: told.says(response_text="one two", stream=True)},
    "usage-beside-null": {"it is read": lambda told: told.says(prompt_tokens=11, completion_tokens=5)},
    "done-reason-without-done": {
        "the end is seen": lambda told: told.says(done_reason="stop", prompt_tokens=7, completion_tokens=3),
        "the durations too": lambda told: told.says(prompt_time=0.001, generation_time=0.002, load_time=0.001),
        "nobody repeated itself": lambda told: "repeat" not in told.findings,
    },
    "client-leaves-after-finish-reason": {
        "it had the whole answer": lambda told: told.says(outcome="completed", failed=False, response_text="a"),
    },
    "cached-prompt": {
        "most came from the cache": lambda told: told.says(prompt_tokens=100, cached_tokens=90),
    },
    "embedding-cut": {
        "it was cut to what is loaded": lambda told: told.says(prompt_truncated=True, context_length=64),
        "the finding says so": lambda told: "silently cut" in told.findings,
    },
    "embedding-cut-num-ctx": {
        "it was cut to what the request asked for": lambda told: told.says(prompt_truncated=True, context_length=64),
        "the finding says so": lambda told: "silently cut" in told.findings,
    },
    "cut-to-half-chinese": {
        "it was cut to half": lambda told: told.says(prompt_truncated=True, context_length=4096),
    },
    "latin-1-request": {
        "it is text": lambda told: told.record["request_body"].startswith('{"model":"lat"'),
        "what it asked for is read": lambda told: told.says(stream=False, model="lat"),
        "the list shows the question": lambda told: "aus K\ufffdln" in told.summary["prompt"],
        "one turn of the user": lambda told: [turn["role"] for turn in told.turns] == ["user"],
        "a search finds it": lambda told: told.searched["Fluss"] == 1,
    },
    "surrogates-in-two-pieces": {"the halves are one": lambda told: told.says(response_text="a 😀 b")},
    "think-tags": {
        "thinking is told apart": lambda told: told.says(thinking="plan", response_text="The answer is 4."),
        "in the list too": lambda told: told.summary["answer"] == "The answer is 4.",
        "and for training": lambda told: told.training[0]["messages"][-1]["content"] == "The answer is 4.",
    },
    "mask-npm": _stays("Why is npm_config_user_agent empty in npm_lifecycle_script?"),
    "mask-pypi": _stays("Run pypi-publish-with-attestations after pypi-attestations-verify"),
    "mask-sk": _stays("a class sk-circle-spinner-animation-1-of-12"),
    "mask-glsa": _stays("call glsa_dashboards_and_folders_export"),
    "mask-r8": _stays("see r8_optimization_rules_file_path"),
    "many-tools": {
        "the list shows the prompt": lambda told: told.summary["prompt"] == "needleprompt",
        "the line's request is still JSON": lambda told: (
            json.loads(told.record["request_body"])["messages"][0]["content"] == "needleprompt"
        ),
    },
    "fill-in-the-middle": {
        "a search finds what comes after": lambda told: told.searched["zebrasum"] == 1,
        "the conversation shows it": lambda told: any("zebrasum" in turn["text"] for turn in told.turns),
        "the list shows what comes before": lambda told: told.summary["prompt"] == "def add(",
    },
    "image-route": {
        "it passes": lambda told: told.says(status=200, failed=False, operation="image", model="flux"),
        "the list shows both": lambda told: (
            (told.summary["prompt"], told.summary["answer"]) == ("a cat", "image of 2 kB")
        ),
        "the image is a word": lambda told: _IMAGE in told.line,
    },
}
# What a client has read when it hangs up, while the upstream goes on for so many seconds.
LEAVES_AFTER = {"client-leaves-after-finish-reason": (b'"finish_reason": "stop"', 3.0)}
SEARCHED = ("Fluss", "zebrasum")


def _request(name: str) -> bytes:
    if name != "many-tools":
        return (REPORTED / str(CASES[name]["request"])).read_bytes()
    parameters = {"type": "object", "properties": {f"p{number}": {"type": "string"} for number in range(20)}}
    functions = [{"name": f"tool_{n}", "description": "d" * 300, "parameters": parameters} for n in range(400)]
    tools = [{"type": "function", "function": function} for function in functions]
    messages = [{"role": "user", "content": "needleprompt"}]
    return json.dumps({"model": "m", "stream": False, "messages": messages, "tools": tools}).encode()


def _script(name: str) -> Script:
    case = CASES[name]
    body = (REPORTED / case["response"]).read_bytes()
    if name in LEAVES_AFTER:
        comments: list[bytes | float] = [chunk(b": still here\n\n"), 0.1]
        seconds = LEAVES_AFTER[name][1]
        return answer(head(200, CHUNKED, case["answered_as"]), chunk(body), *comments * round(seconds / 0.1))
    return answer(whole(body, case["answered"], case["answered_as"]))


async def _post(port: int, name: str) -> str:
    """Post the case; the id of its exchange. The client gets the upstream's bytes as they are."""
    case = CASES[name]
    named = {key.replace("-", "_"): value for key, value in case.get("headers", {}).items()}
    headers = {"Content_Type": case["asked_as"]} | named
    sent = request_bytes("POST", "/api/ollama" + case["post"], _request(name), **headers)
    if name not in LEAVES_AFTER:
        got = await talk(port, sent)
        assert (got.status, got.body) == (case["answered"], (REPORTED / case["response"]).read_bytes())
        return got.header("X-Exchange-Id") or ""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    writer.write(sent)
    async with asyncio.timeout(20):
        received = await reader.readuntil(LEAVES_AFTER[name][0])
    writer.close()
    return received.partition(b"X-Exchange-Id: ")[2][:32].decode()


@pytest.mark.parametrize("name", EXPECTED)
async def test_what_the_recorder_tells_of_a_reported_input(
    name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    # On a busy machine a first look at what is loaded takes longer, and the record then tells nothing of it.
    monkeypatch.setattr("service.gateway.context_lengths._MOMENT", 20.0)
    async with FakeOllama() as ollama, running(tmp_path, OLLAMA_URL=ollama.url) as app:
        ollama.answers(CASES[name]["post"], _script(name))
        ollama.answers("/api/ps", json_answer(CASES[name].get("api_ps", {"models": []})))
        identifier = await _post(app.port, name)

        async def ended() -> bool:
            return (await get(app, f"/exchanges/{identifier}.json")).status == 200

        await until(ended)
        (summary,) = await found(app, "outcome=completed", 1)
        one = await said(app, f"/exchanges/{identifier}.json")
        # Of a chat of several turns nobody knows here whether all were read.
        lines = (await get(app, "/exchanges.chat.jsonl?all=true")).body.splitlines()
        words = {word: len((await said(app, f"/exchanges.json?q={word}"))["exchanges"]) for word in SEARCHED}
        line = (await get(app, "/exchanges.jsonl")).body.decode()
    told = Told(one["record"], summary, one, [json.loads(each) for each in lines], line, words)
    wrong = [sentence for sentence, holds in EXPECTED[name].items() if not holds(told)]
    assert not wrong, told.record


Attributes = dict[str, Any]


def _parts_asked(attributes: Attributes) -> list[dict[str, Any]]:
    return [part for message in json.loads(attributes["gen_ai.input.messages"]) for part in message["parts"]]


_ZOOM = {"type": "tool_call", "name": "zoom", "arguments": {"x": 1}}
_ZOOMED = {"type": "tool_call_response", "response": "zoomed"}
ON_SPANS: dict[str, dict[str, Callable[[Attributes], Any]]] = {
    "span-tool-result": {
        "the call's arguments are an object": lambda it: _ZOOM | {"id": "c1"} in _parts_asked(it),
        "the result has its call's id": lambda it: _ZOOMED | {"id": "c1"} in _parts_asked(it),
    },
    "span-anthropic": {
        "it thought": lambda it: {"type": "reasoning", "content": "hm"} in _parts_asked(it),
        "it called": lambda it: _ZOOM | {"id": "t1"} in _parts_asked(it),
        "it was answered": lambda it: _ZOOMED | {"id": "t1"} in _parts_asked(it),
    },
    "span-image": {
        "the image is a part": lambda it: any(_IMAGE in part["content"] for part in _parts_asked(it)),
        "it is no blob": lambda it: "blob" not in [part["type"] for part in _parts_asked(it)],
    },
    "span-conversation": {
        "the chat is the conversation": lambda it: it["gen_ai.conversation.id"] == "chat-1",
        "its client made it": lambda it: it["session.id"] == "chat-1" and it["user.id"] == "Ada",
    },
    "many-tools": {
        "the prompt is there": lambda it: _parts_asked(it) == [{"type": "text", "content": "needleprompt"}],
        "tools are there": lambda it: json.loads(it["gen_ai.tool.definitions"])[0]["name"] == "tool_0",
    },
    "error-beside-choices": {
        "the call has an error": lambda it: it["error.type"] == "error_in_answer",
        "what came is an answer that broke off": lambda it: (
            json.loads(it["gen_ai.output.messages"])[0]["finish_reason"] == "error"
        ),
    },
}


@pytest.mark.parametrize("name", ON_SPANS)
async def test_what_spans_tell_of_a_reported_input(name: str, tmp_path: Path) -> None:
    variables: dict[str, Any] = {"OTEL_INSTRUMENTATION_GENAI_CAPTURE_MESSAGE_CONTENT": "true"}
    async with FakeOllama() as ollama, FakeOtlp() as otlp:
        variables |= {"OLLAMA_URL": ollama.url, "OTEL_EXPORTER_OTLP_ENDPOINT": otlp.url}
        async with running(tmp_path, **variables) as app:
            ollama.answers(CASES[name]["post"], _script(name))
            await _post(app.port, name)
            await otlp.wait_until(lambda: len(otlp.spans) >= 2)
    told = {each.key: each.value.string_value for span in otlp.spans for each in span.attributes}
    wrong = [sentence for sentence, holds in ON_SPANS[name].items() if not holds(told)]
    assert not wrong, told


def test_every_case_is_a_reported_one_and_all_are_asked() -> None:
    assert EXPECTED.keys() | ON_SPANS.keys() == CASES.keys()
