"""Answers of ``/v1/responses``, and of streamed transcriptions, which have events of the same kind."""

from typing import Any, Final

from service.record.answer_errors import error_of, error_of_reason, error_of_stranger
from service.record.answer_parts import HIDDEN_THINKING, image_of, read_parts, type_of
from service.record.bodies import document
from service.record.json_text import as_text
from service.record.replies import Reply, text_of, tokens
from service.record.tool_calls import CallPieces, arguments_of, call

_ENDS = frozenset(f"response.{state}" for state in ("completed", "failed", "incomplete", "cancelled", "done"))
_TEXT_DELTAS = frozenset(
    {"response.output_text.delta", "transcript.text.delta", "response.refusal.delta", "response.audio.transcript.delta"}
)
_THOUGHT = "response.reasoning"
# What was told in pieces, or is told once: (how its events begin, the name of its text, what it is).
_TOLD_WHOLE = (
    *(("response.output_text.done", "text", "text"), ("response.refusal.done", "refusal", "text")),
    *(("response.audio.transcript.done", "transcript", "text"), ("transcript.text.done", "text", "text")),
    *(("response.reasoning_text.done", "text", "thought"), ("response.reasoning_summary_text.done", "text", "thought")),
)
_CALL_DELTAS = (
    *("response.function_call_arguments.delta", "response.custom_tool_call_input.delta"),
    *("response.mcp_call_arguments.delta", "response.code_interpreter_call_code.delta"),
)
# How far something is, or what was told in pieces told once more: they say nothing new.
_SAYS_NOTHING_NEW = (
    *(".done", ".created", ".queued", ".in_progress", ".searching", ".completed", ".added", ".generating"),
    *(".interpreting", ".partial_image"),
)
# What stands for the place in an output of what names none.
_NO_PLACE: Final = "null"
_KNOWN_BEGINNINGS: Final = ("response.", "transcript.")


def read_usage(usage: Any, reply: Reply) -> None:
    """Take the counts of a ``usage`` of OpenAI's; what it does not say stays as it was."""
    if not isinstance(usage, dict):
        return
    for key in ("prompt_tokens", "input_tokens"):
        if (count := tokens(usage.get(key))) is not None:
            reply.prompt_tokens = count
            break
    for key in ("completion_tokens", "output_tokens"):
        if (count := tokens(usage.get(key))) is not None:
            reply.completion_tokens = count
            break
    for key in ("prompt_tokens_details", "input_tokens_details"):
        details = usage.get(key)
        if isinstance(details, dict) and (count := tokens(details.get("cached_tokens"))) is not None:
            # Ollama's /v1/responses says 0 for what it does not know.
            reply.cached_tokens = count if count or key == "prompt_tokens_details" else reply.cached_tokens


def read_response(answer: dict[str, Any], reply: Reply) -> None:
    """The object of ``/v1/responses``."""
    output = answer.get("output")
    for item in output if isinstance(output, list) else ():
        read_item(item, reply)
    _read_state(answer, reply)
    reply.is_finished = answer.get("status") not in ("in_progress", "queued")
    reply.is_understood = True


def _read_state(answer: dict[str, Any], reply: Reply) -> None:
    """Why it ended."""
    incomplete = answer.get("incomplete_details")
    reason = incomplete.get("reason") if isinstance(incomplete, dict) else None
    status = text_of(answer.get("status"))
    reply.done_reason = text_of(reason) or status
    if error := error_of(answer.get("error") or None) or error_of_reason(status):
        reply.error = error


def read_item(item: Any, reply: Reply) -> None:
    """One item of an output that is whole."""
    if not isinstance(item, dict):
        reply.pass_over("an item that is no object")
        return
    kind = str(type_of(item))
    if kind == "reasoning":
        _read_reasoning(item, reply)
    elif kind == "image_generation_call" and (word := image_of(item)):
        reply.texts.append(word)
    elif kind.endswith("_call"):
        name = text_of(item.get("name")) or kind.removesuffix("_call")
        reply.tool_calls.append(call(item.get("call_id") or item.get("id"), name, arguments_of(item)))
        if item.get("output") or item.get("outputs") or item.get("results"):
            # What a server's own tool gave the model.
            reply.pass_over("the result of a call")
    elif kind == "compaction" and (summary := _summary_of(item)):
        reply.texts.append(summary)
    elif isinstance(content := item.get("content"), list) and kind in ("message", "None"):
        read_parts(content, reply)
    elif text := text_of(item.get("content")):
        reply.texts.append(text)
    elif kind not in ("message", "None"):
        reply.pass_over(f"an item of the type {kind[:50]!r}")


def _read_reasoning(item: dict[str, Any], reply: Reply) -> None:
    before = len(reply.thoughts)
    for key in ("summary", "content"):
        parts = item.get(key)
        if isinstance(parts, list):
            read_parts(parts, reply, are_thoughts=True)
        elif text := text_of(parts):
            reply.thoughts.append(text)
    if len(reply.thoughts) == before and item.get("encrypted_content"):
        reply.thoughts.append(HIDDEN_THINKING)


def _summary_of(item: dict[str, Any]) -> str | None:
    """What is left of a conversation that was made shorter: Ollama's own are JSON that is not encrypted."""
    content = text_of(item.get("encrypted_content"))
    found = document(content.encode("utf-8", "surrogatepass")) if content else None
    return text_of(found.get("summary")) if isinstance(found, dict) else None


class ResponseEvents:
    """The events of one stream, gathered into a reply."""

    def __init__(self, reply: Reply) -> None:
        self._reply = reply
        # Calls that go on, by their place in the output.
        self._calls = CallPieces()

    @staticmethod
    def knows(kind: str) -> bool:
        """Whether events of this type are taken here."""
        return kind.startswith(_KNOWN_BEGINNINGS)

    def take(self, kind: str, event: dict[str, Any]) -> bool:
        """Take an event. Tells whether it carried anything that was generated."""
        reply, delta = self._reply, event.get("delta")
        number = as_text(event.get("output_index"))
        if kind in _TEXT_DELTAS:
            return self._tell("text", number, delta)
        if kind.startswith(_THOUGHT) and kind.endswith(".delta"):
            return self._tell("thought", number, delta)
        if kind in _CALL_DELTAS:
            return self._tell("call", number, delta)
        if kind in ("response.output_item.added", "response.output_item.done"):
            return self._take_item(kind, event.get("item"), number)
        if kind == "transcript.text.done":
            reply.is_finished = True
            read_usage(event.get("usage"), reply)
        if kind.endswith(".done") and (found := self._told_once(kind, event, number)) is not None:
            return found
        response = event.get("response")
        if isinstance(response, dict):
            self._take_response(kind, response)
        elif not kind.endswith(_SAYS_NOTHING_NEW):
            if error := error_of_stranger(event):
                reply.error = error
            else:
                reply.pass_over(f"an event of the type {kind[:80]!r}")
        return False

    def _tell(self, what: str, number: str, text: Any) -> bool:
        """Take a piece of a text, a thought or a call. Tells whether it held anything."""
        if not text_of(text):
            return False
        self._reply.told.add((what, number))
        if what == "call":
            self._calls.add(number, None, None, text)
        else:
            (self._reply.texts if what == "text" else self._reply.thoughts).append(text)
        return True

    def _is_told(self, what: str, number: str) -> bool:
        """Whether pieces of it came. Those without a place may be of any."""
        if number == _NO_PLACE:
            return any(told == what for told, _ in self._reply.told)
        return (what, number) in self._reply.told or (what, _NO_PLACE) in self._reply.told

    def _told_once(self, kind: str, event: dict[str, Any], number: str) -> bool | None:
        """Take what is told whole, of which no pieces came. None: it is nothing of this kind."""
        for name, key, what in (*_TOLD_WHOLE, *((name[:-5] + "done", "arguments", "call") for name in _CALL_DELTAS)):
            if kind == name:
                whole = event.get(key) or event.get("input") or event.get("code")
                return not self._is_told(what, number) and self._tell(what, number, whole)
        return None

    def _take_item(self, kind: str, item: Any, number: str) -> bool:
        """An item of the output begins, or is whole."""
        if not isinstance(item, dict):
            return False
        type_of_item = str(type_of(item))
        if type_of_item == "message" and (kind != "response.output_item.done" or self._is_told("text", number)):
            # Its texts came as deltas; all else in it comes only with its end.
            self._pass_over_parts(item)
            return False
        if type_of_item == "reasoning" and self._is_told("thought", number):
            return False
        if kind == "response.output_item.added":
            if type_of_item.endswith("_call") and type_of_item != "image_generation_call":
                name = text_of(item.get("name")) or type_of_item.removesuffix("_call")
                self._calls.begin(number, item.get("call_id") or item.get("id"), name)
            return False
        self._calls.drop(number)
        self._reply.told |= {("text", number), ("thought", number), ("call", number)}
        before = len(self._reply.thoughts) + len(self._reply.texts) + len(self._reply.tool_calls)
        read_item(item, self._reply)
        return len(self._reply.thoughts) + len(self._reply.texts) + len(self._reply.tool_calls) > before

    def _pass_over_parts(self, item: dict[str, Any]) -> None:
        content = item.get("content")
        beside = Reply()
        read_parts(content if isinstance(content, list) else [], beside)
        self._reply.problem = self._reply.problem or beside.problem

    def _take_response(self, kind: str, response: dict[str, Any]) -> None:
        """``response.created`` … ``response.completed``: the whole object, as it is by then."""
        reply = self._reply
        reply.model = text_of(response.get("model")) or reply.model
        reply.id = text_of(response.get("id")) or reply.id
        if kind not in _ENDS:
            return
        whole = Reply()
        read_response(response, whole)
        reply.done_reason, reply.is_finished = whole.done_reason, True
        # The deltas tell the same; the last event alone does when they fell into a gap, or were not sent.
        reply.texts = reply.texts or whole.texts
        reply.thoughts = reply.thoughts or whole.thoughts
        if not reply.tool_calls and whole.tool_calls:
            reply.tool_calls = whole.tool_calls
            self._calls.clear()
        reply.problem = reply.problem or whole.problem
        reply.error = whole.error or reply.error or error_of_reason(kind.removeprefix("response."))
        read_usage(response.get("usage"), reply)

    def close(self) -> None:
        """The stream has ended: what broke off before it was told whole is told as far as it came."""
        self._reply.tool_calls += self._calls.whole()
