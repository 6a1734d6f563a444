"""What stands together when conversations are divided."""

from service.exports.messages import Message
from service.exports.train_split import TrainSplit

LONG = " It was in the morning, at the gate behind the old mill, and nobody had seen it before that day, they said."


def user(text: str) -> Message:
    return {"role": "user", "content": text}


def assistant(text: str) -> Message:
    return {"role": "assistant", "content": text}


def conversation(question: str) -> list[Message]:
    return [user(question), assistant("Yes.")]


def places(*newest_first: list[Message]) -> list[float]:
    division = TrainSplit()
    try:
        for messages in newest_first:
            division.add(messages)
        return list(division.places())
    finally:
        division.close()


def windows(turns: int, window: int, about: str) -> list[list[Message]]:
    """What a client sends that remembers ``window`` turns, newest first, each with its answer."""
    said = [[user(f"{about}, question {turn}?"), assistant(f"{about}, answer {turn}." + LONG)] for turn in range(turns)]
    sent = [[message for turn in said[max(0, end - window) : end] for message in turn] for end in range(1, turns + 1)]
    return sent[::-1]


def test_a_conversation_that_goes_on_another_day_stays_on_its_side() -> None:
    for number in range(100):
        messages = conversation(f"question {number}")
        dated = [{"role": "system", "content": "Today is Monday."}, *messages, user("And?"), assistant("No.")]
        first, later = places(dated, messages)
        assert [first] == [later] == places(messages) == places(dated)


def test_the_requests_of_a_client_that_sends_only_the_last_turns_stand_together() -> None:
    for window in (2, 5):
        one, other = windows(30, window, "The mill"), windows(20, window, "The river")
        mixed = [request for pair in zip(one, other, strict=False) for request in pair] + one[20:]
        drawn = places(*mixed)
        assert set(drawn) == {*places(one[-1]), *places(other[-1])}
        assert len(set(drawn)) == 2


def test_what_is_recorded_later_does_not_move_a_conversation() -> None:
    sent = windows(30, 3, "The mill")
    assert set(places(*sent)) == set(places(*sent[12:]))


def test_a_greeting_in_common_joins_nothing() -> None:
    def greeted(about: str) -> list[Message]:
        return [user(f"{about}?"), assistant("Yes."), user("Thanks"), assistant("You are welcome!")]

    assert len(set(places(greeted("The mill"), greeted("The river")))) == 2


def test_conversations_that_a_later_one_joins_stand_together_in_the_place_of_the_oldest() -> None:
    older = [user("The mill?"), assistant("The mill." + LONG)]
    newer = [user("The river?"), assistant("The river." + LONG)]
    assert places([*newer, *older[:1], older[1]], newer, older) == places(older) * 3
    assert len(set(places(newer, older))) == 2


def test_turns_whose_records_name_one_conversation_stand_together() -> None:
    for number in range(20):
        division = TrainSplit()
        division.add([user(f"And {number}?"), assistant("No.")], "01a1fcd186c3")
        division.add(conversation(f"Who else {number}?"), "01a1fcd17b8d")
        division.add(conversation(f"What is {number}?"), "01a1fcd186c3")
        later, other, first = division.places()
        division.close()
        assert later == first != other
