from service.inspector.exports.dataset import TRAIN, VALIDATION, side_of


def conversation(question: str) -> list[dict[str, str]]:
    return [{"role": "user", "content": question}, {"role": "assistant", "content": "Yes."}]


def test_the_share_of_conversations_is_about_what_was_asked_for() -> None:
    for share in (0.0, 0.05, 0.1, 0.5):
        aside = sum(side_of(conversation(f"question {number}"), share) == VALIDATION for number in range(4000))
        assert abs(aside / 4000 - share) < 0.03


def test_what_is_for_validation_stays_so_when_more_is_set_aside() -> None:
    for number in range(500):
        messages = conversation(f"question {number}")
        assert side_of(messages, 0.3) == VALIDATION or side_of(messages, 0.1) == TRAIN


def test_a_conversation_that_goes_on_another_day_stays_on_its_side() -> None:
    for number in range(100):
        messages = conversation(f"question {number}")
        dated = [{"role": "system", "content": "Today is Monday."}, *messages, {"role": "user", "content": "And?"}]
        assert side_of(dated, 0.5) == side_of(messages, 0.5)
