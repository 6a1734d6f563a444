"""The newest question of a request, in the words of whoever asked it."""

import pytest

from service.record.chat_messages import ChatMessage
from service.record.question import images_in_words, newest_question, payload_in_words, question_in, with_typed

PICTURE = "<image 20480 bytes sha256:ab>"


def around(typed: str) -> str:
    """What Open WebUI sends of a question about a document."""
    template = "### Task:\nRespond to the user query using the provided context, incorporating inline citations.\n"
    return f'{template}<context>\n<source id="1">The sky is blue.</source>\n</context>\n\n{typed}'


def user(text: str, *images: str) -> ChatMessage:
    return ChatMessage("user", text, images=images)


@pytest.mark.parametrize(
    ("turns", "question"),
    [
        ([], ""),
        ([user("")], ""),
        ([user("Why?")], "Why?"),
        ([user("Why?"), ChatMessage("assistant", "Because."), user("And then?")], "And then?"),
        # A tool's result and the answer before it are later, and nobody's question.
        (
            [user("Is it raining?"), ChatMessage("assistant", "Let me look."), ChatMessage("tool", "rain")],
            "Is it raining?",
        ),
        ([ChatMessage("system", "Be brief."), user("Why?"), ChatMessage("suffix", "the end")], "Why?"),
        # Without a user, what came last is what there is.
        ([ChatMessage("system", "Be brief.")], "Be brief."),
        ([ChatMessage("system", "Be brief."), ChatMessage("tool", "rain")], "rain"),
        # A picture is asked about in an earlier turn, or alone.
        ([user("What is this?"), user("", PICTURE)], "image of 20 kB"),
        ([user("What is this?", PICTURE)], "What is this?"),
        ([user("Why?"), user("")], "Why?"),
        # Of a question about a document, what was typed; a turn of which nothing was typed asks nothing.
        ([user(around("Why is it so?"))], "Why is it so?"),
        ([user("Why?"), user(around(""))], "Why?"),
        ([user(around(""))], ""),
        ([user(around(""), PICTURE)], "image of 20 kB"),
    ],
)
def test_the_newest_question_is_what_a_user_asked_last(turns: list[ChatMessage], question: str) -> None:
    assert newest_question(turns) == question


@pytest.mark.parametrize("text", ["", "Why?", "  Why?\n", "What does </context> mean?", "### Task:\nSort these."])
def test_a_text_that_no_program_wrapped_is_the_question_as_it_is(text: str) -> None:
    assert question_in(text) == text
    assert with_typed(user(text)) == user(text)


def test_a_wrapped_question_keeps_its_text_and_gets_the_words_that_were_typed() -> None:
    turn = user(around("Why is it so?"), PICTURE)
    assert question_in(turn.text) == "Why is it so?"
    assert with_typed(turn) == ChatMessage("user", turn.text, images=(PICTURE,), typed="Why is it so?")
    assert with_typed(user(around(""))).typed == ""


@pytest.mark.parametrize("role", ["system", "assistant", "tool", "template"])
def test_only_a_user_types(role: str) -> None:
    turn = ChatMessage(role, around("Why is it so?"))
    assert with_typed(turn) is turn


@pytest.mark.parametrize(
    ("payload", "words"),
    [
        ("<image 9 bytes sha256:ab>", "image of 1 kB"),
        ("<image 1999 bytes sha256:ab>", "image of 1 kB"),
        (PICTURE, "image of 20 kB"),
        ("<image 999999 bytes sha256:ab>", "image of 999 kB"),
        ("<image 1000000 bytes sha256:ab>", "image of 1.0 MB"),
        ("<audio 1234567890 bytes sha256:ab>", "audio of 1,234.6 MB"),
        # What has another form is shown as it is.
        ("<image of 4 characters>", "image of 4 characters"),
        ("https://example.com/cat.png", "https://example.com/cat.png"),
        ("<image 1 bytes", "image of 1 kB"),
        ("<IMAGE 1 bytes>", "IMAGE 1 bytes"),
        ("<image 1234567890123456 bytes>", "image 1234567890123456 bytes"),
        ("", ""),
    ],
)
def test_a_payload_is_its_kind_and_size(payload: str, words: str) -> None:
    assert payload_in_words(payload) == words


def test_of_many_images_the_first_four_are_named() -> None:
    turn = user("", *(f"<image {size}000 bytes sha256:ab>" for size in range(2, 9)))
    assert images_in_words(turn) == "image of 2 kB, image of 3 kB, image of 4 kB, image of 5 kB"
    assert images_in_words(user("Why?")) == ""
