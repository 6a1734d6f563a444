from service.exports.dataset import TRAIN, VALIDATION, side_of
from tests.exports.test_train_split import conversation, places


def test_the_share_of_conversations_is_about_what_was_asked_for() -> None:
    drawn = places(*(conversation(f"question {number}") for number in range(4000)))
    for share in (0.0, 0.05, 0.1, 0.5):
        aside = sum(side_of(place, share) == VALIDATION for place in drawn)
        assert abs(aside / 4000 - share) < 0.03


def test_what_is_for_validation_stays_so_when_more_is_set_aside() -> None:
    for place in places(*(conversation(f"question {number}") for number in range(500))):
        assert side_of(place, 0.3) == VALIDATION or side_of(place, 0.1) == TRAIN
