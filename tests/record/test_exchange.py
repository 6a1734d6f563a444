from service.record.exchange import Body, OpenExchange, Outcome, cut_labels


def test_a_body_is_shortened_when_more_passed_than_was_kept() -> None:
    assert not Body().is_shortened
    assert not Body(5, b"abc", b"de").is_shortened
    assert Body(6, b"abc", b"de").is_shortened


def test_an_outcome_is_the_word_that_the_record_says() -> None:
    assert f"{Outcome.CLIENT_LEFT}" == str(Outcome.CLIENT_LEFT) == "client_left"


def test_what_newer_versions_added_to_an_open_exchange_may_be_left_out() -> None:
    # Journals written before hold rows without these.
    assert OpenExchange._fields[-4:] == ("replay_of", "key_name", "item", "attempt")
    assert not any(OpenExchange._field_defaults[name] for name in OpenExchange._fields[-4:])


def test_labels_are_cut_off_as_they_were_written() -> None:
    assert cut_labels("/api/chat") == (None, "/api/chat")
    assert cut_labels("") == (None, "")
    assert cut_labels("/~me") == ("me", "/")
    for mark in ("~", "%7E", "%7e"):
        assert cut_labels(f"/{mark}workflow=A%2FB;node=c/api/chat") == ("workflow=A%2FB;node=c", "/api/chat")
