"""Which conversation a chat goes on with, where its client names none."""

import time
from typing import Any

import orjson
import pytest

from service.record.chat_messages import ChatMessage, ToolCall, calls_of, turns_of
from service.record.known_conversations import KnownConversations, named_conversation
from service.record.record import record_of

WHO = ("curl", None, None)
LONG = "It is blue because short waves are scattered more than long ones are. " * 2


def user(text: str) -> dict[str, Any]:
    return {"role": "user", "content": text}


def assistant(text: str, **more: Any) -> dict[str, Any]:
    return {"role": "assistant", "content": text, **more}


class Talk:
    """Puts chats into one memory; each has the next letter as its id."""

    def __init__(self) -> None:
        self.known = KnownConversations()
        self._ids = iter("abcdefghijklmnopqrstuvwxyz")

    def chat(
        self, *messages: dict[str, Any], answer: str | None = "", who: tuple[str | None, ...] = WHO, **more: Any
    ) -> str:
        said = None if answer is None else ChatMessage("assistant", answer, "", more.pop("calls", ()))
        return self.known.place(who, turns_of({"messages": list(messages), **more}), said, next(self._ids))


@pytest.fixture
def talk() -> Talk:
    return Talk()


def test_a_chat_that_holds_an_answer_that_was_given_goes_on_with_its_conversation(talk: Talk) -> None:
    assert talk.chat(user("Hi"), answer="Hello!") == "a"
    assert talk.chat(user("Hi"), assistant("Hello!"), user("And now?"), answer="Good.") == "a"
    turns = (user("Hi"), assistant("Hello!"), user("And now?"), assistant("Good."), user("Bye"))
    assert talk.chat(*turns, answer="Bye!") == "a"
    # Answered once more, and asked otherwise from there on.
    assert talk.chat(*turns, answer="See you!") == "a"
    assert talk.chat(user("Hi"), assistant("Hello!"), user("Something else"), answer="Yes?") == "a"


def test_conversations_that_begin_with_the_same_words_are_two(talk: Talk) -> None:
    assert talk.chat(user("Hi"), answer="Hello!") == "a"
    assert talk.chat(user("Hi"), answer="Good day!") == "b"
    assert talk.chat(user("Hi"), assistant("Hello!"), user("1"), answer="x") == "a"
    assert talk.chat(user("Hi"), assistant("Good day!"), user("1"), answer="x") == "b"


def test_what_may_go_on_with_either_of_two_equal_conversations_goes_on_with_neither(talk: Talk) -> None:
    # Two people behind one program, greeted alike.
    begun = user("Hi"), assistant("Hello!")
    assert talk.chat(user("Hi"), answer="Hello!") == "a"
    assert talk.chat(user("Hi"), answer="Hello!") == "b"
    assert talk.chat(*begun, user("Mine"), answer="x") == "c"
    assert talk.chat(*begun, user("Yours"), answer="y") == "d"
    assert talk.chat(*begun, user("Mine"), assistant("x"), user("more"), answer="z") == "c"
    assert talk.chat(*begun, user("Yours"), assistant("y"), user("more"), answer="z") == "d"
    # A third greeting changes nothing of those that are told apart by now.
    assert talk.chat(user("Hi"), answer="Hello!") == "g"
    turns = (*begun, user("Yours"), assistant("y"), user("more"), assistant("z"))
    assert talk.chat(*turns, user("bye"), answer="!") == "d"


def test_the_same_long_question_and_answer_in_two_conversations_tells_neither(talk: Talk) -> None:
    assert talk.chat(user("1"), answer="a") == "a"
    assert talk.chat(user("1"), assistant("a"), user(LONG), answer=LONG) == "a"
    assert talk.chat(user("2"), answer="b") == "c"
    assert talk.chat(user("2"), assistant("b"), user(LONG), answer=LONG) == "c"
    assert talk.chat(user(LONG), assistant(LONG), user("x"), answer="y") == "e"
    # With all that came before, there is no doubt.
    assert talk.chat(user("1"), assistant("a"), user(LONG), assistant(LONG), user("x"), answer="y") == "a"


def test_the_same_answer_once_more_in_its_own_conversation_is_no_doubt(talk: Talk) -> None:
    assert talk.chat(user("Hi"), answer="Hello!") == "a"
    for _ in range(2):
        assert talk.chat(user("Hi"), assistant("Hello!"), user("1"), answer="x") == "a"
    assert talk.chat(user("Hi"), assistant("Hello!"), user("1"), assistant("x"), user("2"), answer="y") == "a"


def test_one_question_again_and_again_is_no_conversation(talk: Talk) -> None:
    assert [talk.chat(user(LONG), answer=LONG) for _ in range(3)] == ["a", "b", "c"]


def test_who_sends_only_the_last_turns_goes_on_too(talk: Talk) -> None:
    assert talk.chat(user("Why is the sky blue?"), answer=LONG) == "a"
    assert talk.chat(user("Why is the sky blue?"), assistant(LONG), user("And red?"), answer=LONG + "Red.") == "a"
    assert talk.chat(assistant(LONG), user("And red?"), assistant(LONG + "Red."), user("Green?"), answer="No.") == "a"


def test_a_short_answer_alone_joins_nothing(talk: Talk) -> None:
    assert talk.chat(user("Old"), assistant("Yes."), user("Hi"), answer="Hello!") == "a"
    assert talk.chat(user("Other"), assistant("No."), user("Hi"), assistant("Hello!"), user("x"), answer="y") == "b"


def test_examples_that_a_prompt_shows_join_nothing(talk: Talk) -> None:
    shown = (user("An example. " * 20), assistant(LONG))
    assert talk.chat(*shown, user("First mail"), answer="spam") == "a"
    assert talk.chat(*shown, user("Second mail"), answer="no spam") == "b"


def test_others_with_the_same_words_have_conversations_of_their_own(talk: Talk) -> None:
    assert talk.chat(user("Hi"), answer="Hello!", who=("curl", "ann", None)) == "a"
    assert talk.chat(user("Hi"), assistant("Hello!"), user("x"), answer="y", who=("curl", "bob", None)) == "b"


def test_system_prompts_white_space_and_thinking_do_not_count(talk: Talk) -> None:
    system = {"role": "system", "content": "It is Monday."}
    assert talk.chat(system, user("Hi"), answer="Hello!\n") == "a"
    later = {"role": "system", "content": "It is Tuesday."}
    assert talk.chat(later, user("Hi "), assistant("<think>A greeting.</think>\nHello!"), user("x"), answer="y") == "a"


def test_calls_of_tools_are_turns(talk: Talk) -> None:
    calls = (ToolCall("weather", '{"day": 1, "city": "Rome"}', "call_1"),)
    assert talk.chat(user("Weather?"), answer="", calls=calls) == "a"
    called = assistant("", tool_calls=[{"function": {"name": "weather", "arguments": {"city": "Rome", "day": 1}}}])
    result = {"role": "tool", "content": "sunny"}
    assert talk.chat(user("Weather?"), called, result, answer="Sunny.") == "a"
    assert talk.chat(user("Weather?"), called, result, assistant("Sunny."), user("Thanks"), answer="!") == "a"


class Agents:
    """Agents of one program that all begin with the same words and the same call of a tool."""

    def __init__(self) -> None:
        self.seconds = 0.0
        self._known = KnownConversations(lambda: self.seconds)
        self._calls = (ToolCall("mails", "{}", "call_1"),)

    def asks(self, exchange: str) -> str:
        turns = turns_of({"messages": [user("Read the mails")]})
        return self._known.place(WHO, turns, ChatMessage("assistant", "", "", self._calls), exchange)

    def goes_on(self, exchange: str, result: str) -> str:
        called = assistant("", tool_calls=[{"function": {"name": "mails", "arguments": {}}}])
        turns = turns_of({"messages": [user("Read the mails"), called, {"role": "tool", "content": result}]})
        return self._known.place(WHO, turns, ChatMessage("assistant", f"{result}: read"), exchange)


def test_an_agent_that_begins_each_hour_with_the_same_call_has_a_conversation_each_hour() -> None:
    agents = Agents()
    for one in "abc":
        assert agents.asks(one) == one
        assert agents.goes_on("x", result=one) == one


def test_agents_that_wait_for_the_same_tool_at_once_are_not_mixed_up() -> None:
    agents = Agents()
    assert (agents.asks("a"), agents.asks("b")) == ("a", "b")
    assert (agents.goes_on("c", "1"), agents.goes_on("d", "2")) == ("c", "d")
    assert agents.asks("e") == "e"
    assert agents.goes_on("f", "3") == "e"


def test_an_agent_that_never_went_on_is_forgotten_after_a_while() -> None:
    agents = Agents()
    assert (agents.asks("a"), agents.asks("b")) == ("a", "b")
    assert agents.goes_on("c", "1") == "c"
    agents.seconds = 3_600.0
    assert agents.asks("d") == "d"
    assert agents.goes_on("e", "2") == "d"


def test_an_answer_that_was_begun_in_the_request_is_one_turn_with_its_end(talk: Talk) -> None:
    assert talk.chat(user("Hi"), assistant("Good "), answer="day!") == "a"
    assert talk.chat(user("Hi"), assistant("Good day!"), user("x"), answer="y") == "a"


def test_a_chat_without_an_answer_is_no_beginning(talk: Talk) -> None:
    assert talk.chat(user("Hi"), answer=None) == "a"
    assert talk.chat(user("Hi"), answer="Hello!") == "b"


def test_items_of_responses_are_turns(talk: Talk) -> None:
    given = [{"role": "user", "content": "Weather?"}]
    calls = tuple(calls_of([{"function": {"name": "weather", "arguments": {}}}]))
    known = talk.known
    answer = ChatMessage("assistant", "Let me look.", "", calls)
    assert known.place(WHO, turns_of({"input": given}), answer, "a") == "a"
    items = [
        *given,
        {"type": "message", "role": "assistant", "content": [{"type": "output_text", "text": "Let me look."}]},
        {"type": "function_call", "call_id": "1", "name": "weather", "arguments": "{}"},
        {"type": "function_call_output", "call_id": "1", "output": "sunny"},
    ]
    assert known.place(WHO, turns_of({"input": items}), ChatMessage("assistant", "Sunny."), "b") == "a"


@pytest.mark.parametrize("odd", [[], [{}], [{"role": 7, "content": 1}], [user("\ud800")], [assistant("x")] * 5000])
def test_odd_messages_are_a_conversation_of_their_own(odd: list[dict[str, Any]], talk: Talk) -> None:
    assert talk.chat(*odd, answer="\udc00") == "a"


def test_what_is_remembered_is_bounded(monkeypatch: pytest.MonkeyPatch, talk: Talk) -> None:
    monkeypatch.setattr("service.record.known_conversations._MOST_ANSWERS", 4)
    for number in range(5):
        talk.chat(user(f"{number}"), answer=f"{number}")
    assert talk.chat(user("4"), assistant("4"), user("x")) == "e"
    assert talk.chat(user("0"), assistant("0"), user("x")) == "g"


def kept(exchange: str, question: str, answer: str, conversation: str, *earlier: dict[str, Any]) -> Any:
    body = orjson.dumps({"messages": [*earlier, user(question)]}).decode()
    line = {"operation": "chat", "caller": "curl", "exchange": exchange, "request_body": body, "response_text": answer}
    return record_of(line | {"conversation_id": conversation})


def test_a_conversation_of_an_earlier_run_is_gone_on_with(talk: Talk) -> None:
    talk.known.learn(kept("n", "And now?", "Good.", "m", user("Hi"), assistant("Hello!")))
    talk.known.learn(kept("m", "Hi", "Hello!", "m"))
    assert (
        talk.chat(user("Hi"), assistant("Hello!"), user("And now?"), assistant("Good."), user("x"), answer="y") == "m"
    )


def test_what_is_known_of_this_run_stays(talk: Talk) -> None:
    assert talk.chat(user("Hi"), answer="Hello!") == "a"
    talk.known.learn(kept("a", "Hi", "Hello!", "a"))
    assert talk.chat(user("Hi"), assistant("Hello!"), user("x"), answer="y") == "a"


def test_equal_conversations_of_two_runs_are_two(talk: Talk) -> None:
    assert talk.chat(user("Hi"), answer="Hello!") == "a"
    talk.known.learn(kept("m", "Hi", "Hello!", "m"))
    assert talk.chat(user("Hi"), assistant("Hello!"), user("x"), answer="y") == "b"
    for exchange in ("o", "n"):
        talk.known.learn(kept(exchange, "Hey", "Ho!", exchange))
    assert talk.chat(user("Hey"), assistant("Ho!"), user("x"), answer="y") == "c"


@pytest.mark.parametrize("depth", [300, 990, 1020, 20_000])
def test_arguments_of_any_depth_are_told_apart(depth: int, talk: Talk) -> None:
    def called(inner: str) -> dict[str, Any]:
        arguments = "[" * depth + inner + "]" * depth
        return assistant("", tool_calls=[{"function": {"name": "f", "arguments": arguments}}])

    turns = user("Go"), called("1"), {"role": "tool", "content": "done"}
    assert talk.chat(*turns, answer="Well.") == "a"
    assert talk.chat(*turns, assistant("Well."), user("x"), answer="y") == "a"
    assert talk.chat(user("Go"), called("2"), turns[2], assistant("Well."), user("x"), answer="y") == "c"


@pytest.mark.parametrize(
    "odd",
    [
        assistant("x"),
        assistant("", tool_calls=[{"function": {"name": "a"}}]),
    ],
)
def test_ten_times_as_many_turns_take_about_ten_times_as_long(odd: dict[str, Any]) -> None:
    def seconds(count: int) -> float:
        turns = [*turns_of({"messages": [odd] * count})]
        began = time.process_time()
        KnownConversations().place(WHO, turns, ChatMessage("assistant", "y"), "a")
        return time.process_time() - began

    few = min(seconds(1_000) for _ in range(3))
    assert min(seconds(10_000) for _ in range(2)) < 30 * few + 0.02


@pytest.mark.parametrize(
    ("request_", "api", "caller", "has_workflow", "named"),
    [
        ({"conversation": "conv_1"}, "openai", "OpenAI", True, "conv_1"),
        ({"conversation": {"id": "conv_1"}}, "openai", "OpenAI", False, "conv_1"),
        ({"conversation": "x" * 999}, "openai", None, False, "x" * 200),
        ({"conversation": 7}, "openai", "OpenAI", False, None),
        ({"conversation": "  "}, "openai", "OpenAI", False, None),
        ({"conversation": {"id": "\t"}}, "openai", "OpenAI", False, None),
        ({"conversation": "conv_1"}, "ollama", "curl", False, None),
        ({}, "ollama", "Open WebUI", False, "231"),
        ({}, "ollama", "n8n", True, None),
        ({}, "ollama", "n8n", False, None),
    ],
)
def test_a_client_may_name_it(
    request_: dict[str, Any], api: str, caller: str | None, has_workflow: bool, named: str | None
) -> None:
    assert named_conversation(request_, api, caller, "231", has_workflow=has_workflow) == named
