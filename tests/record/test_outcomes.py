from service.record.exchange import Outcome
from service.record.outcomes import OUTCOMES


def test_every_outcome_has_its_words_once() -> None:
    assert [words.outcome for words in OUTCOMES] == list(Outcome)
    assert all(words.meaning.endswith(".") and words.label and len(words.brief) <= 9 for words in OUTCOMES)
