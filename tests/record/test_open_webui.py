"""Open WebUI's own tasks, and the questions that it puts a document before."""

from typing import Any

import orjson
import pytest

from service.record.chat_messages import ChatMessage
from service.record.exchange import Caller
from service.record.open_webui import OPEN_WEBUI, task_in, task_of, typed_words
from tests.record.wire import body, exchange, line_of

HISTORY = "\n### Chat History:\n<chat_history>\nUSER: Why is the sky blue?\nASSISTANT: Rayleigh.\n</chat_history>"
TASK = "### Task:\n"
# How the defaults of several versions begin, and a mark of each.
TEMPLATES = [
    ("title", f"{TASK}Generate a concise title summarizing the chat history.\n### Guidelines:\n- Short.{HISTORY}"),
    ("title", f"{TASK}Generate a concise, 3-5 word title with an emoji summarizing the chat history.{HISTORY}"),
    ("title", f"{TASK}Generate a concise, 3-5 word title without emojis summarizing the chat history.{HISTORY}"),
    ("title", "Create a concise, 3-5 word title with an emoji as a title for the chat history, in the given language."),
    ("title", "Create a concise, 3-5 word title with an emoji as a title for the prompt in the given language."),
    ("tags", f"{TASK}Generate 1-3 broad tags categorizing the main themes of the chat history, along with{HISTORY}"),
    ("follow_ups", f"{TASK}Predict 3-5 useful messages this user might naturally send next to advance{HISTORY}"),
    ("follow_ups", f"{TASK}Suggest 3-5 relevant follow-up questions or prompts that the user might ask{HISTORY}"),
    ("query", f"{TASK}Analyze the chat history to determine the necessity of generating search queries, in{HISTORY}"),
    ("query", f"{TASK}Based on the chat history, determine whether a search is necessary, and if so, {HISTORY}"),
    ("image_prompt", f"{TASK}Generate a detailed prompt for am image generation task based on the given{HISTORY}"),
    ("image_prompt", f"{TASK}Generate a detailed prompt for an image generation task based on the given{HISTORY}"),
    ("autocomplete", f"{TASK}You are an autocompletion system. Continue the text in `<text>`\n<type>General</type>"),
    (
        "context_compaction",
        f"{TASK}Summarize the conversation history that will be compacted out of the active chat context.\n\n"
        "### Messages Being Compacted:\nUSER: a",
    ),
    ("emoji", "Your task is to reflect the speaker's likely facial expression through a fitting emoji. Interpret …"),
    (
        "moa_response",
        'You have been provided with a set of responses from various models to the latest user query: "Why?"\n\n…',
    ),
    ("memory_review", "Review the completed conversation turn and decide whether long-term memory should change.\n\n…"),
]
CHOOSING = (
    "Available Tools: []\n\nYour task is to choose and return the correct tool(s) from the list of available tools "
)
CHOOSING += "based on the query. Follow these guidelines:"


def chat(*turns: tuple[str, Any]) -> dict[str, Any]:
    return {"model": "m", "messages": [{"role": role, "content": content} for role, content in turns]}


def found(asked: dict[str, Any] | None, operation: str = "chat", **caller: str) -> str | None:
    return task_of(Caller(**caller), operation, asked)


@pytest.mark.parametrize(("task", "prompt"), TEMPLATES)
def test_a_task_is_known_by_how_its_default_template_begins(task: str, prompt: str) -> None:
    parts = [{"type": "text", "text": prompt}]
    assert found(chat(("user", prompt))) == task
    assert found(chat(("user", parts))) == task
    assert found({"model": "m", "prompt": prompt}, "generate") == task
    # A model of the workspace has a system prompt of its own.
    assert found(chat(("system", "You are a pirate."), ("user", prompt))) == task
    assert found(chat(("user", prompt)), caller="our desk") == task


@pytest.mark.parametrize(("task", "prompt"), TEMPLATES)
def test_a_chat_that_goes_on_after_a_template_is_a_persons(task: str, prompt: str) -> None:
    assert found(chat(("user", prompt), ("assistant", "{}"), ("user", "Why did you say that?"))) is None
    assert found(chat(("user", "Look at this prompt:"), ("user", prompt))) is None
    assert found(chat(("user", f"What does this do? {prompt}"))) is None
    assert found({"input": prompt}, "embed") is None


def test_choosing_a_tool_is_known_by_its_system_prompt() -> None:
    assert found(chat(("system", CHOOSING), ("user", "Query: Is it raining?"))) == "function_calling"
    history = 'History:\nUSER: """a"""\nQuery: Is it raining?'
    assert found(chat(("system", f"You are a pirate.\n{CHOOSING}"), ("user", history))) == "function_calling"
    assert found(chat(("system", CHOOSING), ("user", "Is it raining?"))) is None
    assert found(chat(("system", "You are a pirate."), ("user", "Query: Is it raining?"))) is None


@pytest.mark.parametrize(
    "prompt",
    [
        f"{TASK}Generate a concise title for my essay about owls.",
        f"{TASK}Résumez cette conversation en un titre court.{HISTORY}",
        f"{TASK}Respond to the user query using the provided context, incorporating inline citations.",
        f"{TASK}Write a poem.{HISTORY}",
        "Generate 1-3 broad tags for my blog.",
        "",
    ],
)
def test_what_only_looks_like_a_task_is_none(prompt: str) -> None:
    assert found(chat(("user", prompt))) is None


@pytest.mark.parametrize("asked", [None, {}, {"messages": None}, {"messages": [None, 3]}, {"messages": "a"}])
def test_a_request_of_any_form_is_no_task(asked: dict[str, Any] | None) -> None:
    assert found(asked) is None
    assert found(asked, node="title_generation") == "title"


@pytest.mark.parametrize(
    ("value", "task"),
    [
        ("title_generation", "title"),
        ("tags_generation", "tags"),
        ("follow_up_generation", "follow_ups"),
        ("query_generation", "query"),
        ("image_prompt_generation", "image_prompt"),
        ("autocomplete_generation", "autocomplete"),
        ("emoji_generation", "emoji"),
        ("moa_response_generation", "moa_response"),
        ("function_calling", "function_calling"),
        ("memory_review", "memory_review"),
        ("context_compaction", "context_compaction"),
        ("ask title_generation", "title"),
        ("ask ", None),
        ("ask", None),
        ("_generation", None),
        ("AI Agent", None),
    ],
)
def test_the_header_says_which_task_it_is(value: str, task: str | None) -> None:
    # An administrator's template, in any language.
    asked = chat(("user", "Donnez un titre à cette conversation."))
    assert found(asked, node=value) == task
    assert found(asked, node=value, caller=OPEN_WEBUI) == task
    assert found(None, "embed", node=value) is None


def test_a_task_that_nobody_knows_yet_is_named_by_open_webui_alone() -> None:
    assert found(chat(("user", "a")), node="haiku_generation", caller=OPEN_WEBUI) == "haiku"
    assert found(chat(("user", "a")), node="haiku_generation", caller="n8n") is None


def test_a_node_of_a_workflow_is_no_task_whatever_it_is_called() -> None:
    assert found(chat(("user", "a")), node="title_generation", workflow="Blog") is None
    assert found(chat(("user", "a")), node="title_generation", workflow_id="7") is None


RAG = f"{TASK}Respond to the user query using the provided context, incorporating inline citations.\n\n### Guidelines:"
SOURCE = '<source id="1" name="a.pdf">The sky is blue.</source>'


@pytest.mark.parametrize(
    ("text", "typed"),
    [
        (f"{RAG}\n<context>\n{SOURCE}\n</context>\n\nWhy is it so?", "Why is it so?"),
        (f"{RAG}\n<context>\n{SOURCE}\n</context>\n\nTwo\nlines, \n\nand more", "Two\nlines, \n\nand more"),
        # What a document holds ends nothing, and neither does what a person types.
        (f"{RAG}\n<context>\n<source>a</context>\nDo as I say</source>\n</context>\n\nWhy?", "Why?"),
        (f"{RAG}\n<context>\n{SOURCE}\n</context>\n\nWhat is </context> in XML?", "What is </context> in XML?"),
        (f"{RAG}\n<context>\nplain\n</context>\n\nWhy?", "Why?"),
        (f"{RAG}\n<context>\n{SOURCE}\n</context>\n", ""),
        # Versions before 0.6.
        (f"{RAG}\n<context>\n{SOURCE}\n</context>\n\n<user_query>\nWhy?\n</user_query>\n", "Why?"),
        (f"{RAG}\n<context>\n{SOURCE}\n</context>\n\n<user_query>\nWhy?\n</user_query>\n\nWhy?", "Why?"),
        (f"{RAG}\nno context at all", None),
        ("Why is the sky blue?", None),
        (f"What is this? {RAG}\n<context>\n</context>\nWhy?", None),
        (TEMPLATES[0][1], None),
        ("", None),
    ],
)
def test_of_a_question_about_a_document_the_words_that_were_typed_are_known(text: str, typed: str | None) -> None:
    assert typed_words(text) == typed
    assert task_in([ChatMessage("user", text)]) in (None, "title")


def test_a_record_holds_the_task_and_a_question_about_a_document_holds_none() -> None:
    def record(content: str, **caller: str) -> dict[str, Any]:
        asked = body(b'{"model":"m","messages":[{"role":"user","content":%b}]}' % orjson.dumps(content))
        return line_of(exchange(asked, body(b'{"message":{"content":"{}"},"done":true}'), caller=Caller(**caller)))

    title = record(TEMPLATES[0][1], user="Ada", caller=OPEN_WEBUI)
    assert title["task"] == "title"
    assert list(title)[list(title).index("user") + 1] == "task"
    assert "task" not in record(f"{RAG}\n<context>\n{SOURCE}\n</context>\n\nWhy?", caller=OPEN_WEBUI)
    assert "task" not in record("Why is the sky blue?", caller=OPEN_WEBUI)
