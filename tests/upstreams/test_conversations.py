"""Which calls are of one conversation, and who served it last."""

from dataclasses import replace
from typing import Any

from service.record.request_facts import Asked
from service.upstreams.conversations import Conversations, conversation_of


def asked(**document: Any) -> Asked:
    return Asked(document={"model": "tiny", **document}, model="tiny")


def turns(*texts: str) -> list[dict[str, str]]:
    return [{"role": "user" if number % 2 == 0 else "assistant", "content": text} for number, text in enumerate(texts)]


def test_what_begins_alike_is_one_conversation() -> None:
    first = conversation_of(asked(messages=turns("bees?")))
    assert first is not None
    assert conversation_of(asked(messages=turns("bees?", "yes", "and wasps?"))) == first
    assert conversation_of(asked(messages=turns("wasps?"))) != first
    assert conversation_of(replace(asked(messages=turns("bees?")), model="other")) != first
    system = [{"role": "system", "content": "be brief"}]
    assert conversation_of(asked(messages=system + turns("bees?"))) != first
    assert conversation_of(asked(messages=system + turns("a"))) != conversation_of(asked(messages=system + turns("b")))
    assert conversation_of(asked(input="bees?", instructions="be brief")) is not None
    long = "x" * 3000
    assert conversation_of(asked(prompt=long + "a")) == conversation_of(asked(prompt=long + "b"))


def test_what_cannot_be_read_is_no_conversation() -> None:
    documents: tuple[dict[str, Any], ...] = (
        {},
        {"messages": 5},
        {"messages": []},
        {"prompt": None},
        {"input": {"a": 1}},
    )
    for document in documents:
        assert conversation_of(asked(**document)) is None
    assert conversation_of(Asked()) is None
    assert conversation_of(asked(messages=[5, None, "x"])) is not None
    assert conversation_of(asked(messages=[{"role": "user", "content": "\ud800"}])) is None
    assert conversation_of(asked(messages=[{"role": "user", "content": 2**70}])) is None


def test_only_the_newest_are_remembered() -> None:
    known = Conversations()
    for number in range(9000):
        known.note(b"%d" % number, "gpu1")
    known.note(None, "gpu1")
    assert known.last(b"8999") == "gpu1"
    assert known.last(b"1") is None
    assert known.last(None) is None
