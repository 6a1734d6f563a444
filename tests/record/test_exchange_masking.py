"""What of an exchange is masked by masks of one's own, and how its parts agree."""

import json

import pytest

from service.record.exchange import Body
from service.record.exchange_masking import ExchangeMasking
from service.record.in_flight import progress
from service.record.line import make_record, summary_of_open
from service.record.mask_rules import masks_of_packs
from service.record.own_masks import MaskedPart, OwnMask
from tests.journal.given import ended
from tests.record.wire import always, exchange

MAIL = "joe@example.org"
PACKS = masks_of_packs(["all"])


def ask(text: str) -> bytes:
    """A chat."""
    return json.dumps({"model": "m", "messages": [{"role": "user", "content": text}]}).encode()


def answered(message: object) -> bytes:
    """Its answer."""
    return json.dumps({"model": "m", "message": message, "done": True, "done_reason": "stop"}).encode()


def test_without_masks_the_same_bytes_come_back() -> None:
    data = ask(MAIL)
    masking = ExchangeMasking(secrets=True)
    assert masking.body(data, MaskedPart.PROMPTS)[0] is data
    body = Body(10_000, data, data)
    assert masking.shorten(body, MaskedPart.PROMPTS) is body


def test_arguments_of_tools_are_masked_in_the_text_and_in_the_bytes_alike() -> None:
    calls = [{"function": {"name": "mail", "arguments": {"to": MAIL, "card": 4111111111111111, "n": 7}}}]
    found = exchange(ask("x"), answered({"role": "assistant", "content": "", "tool_calls": calls}))
    record = make_record(found, context_length_of=always(None), mask=True, own_masks=PACKS)
    line = json.loads(record.line)
    assert json.loads(line["tool_calls"])[0]["function"]["arguments"] == {"to": "***", "card": "***", "n": 7}
    assert json.loads(record.response)["message"]["tool_calls"][0]["function"]["arguments"]["to"] == "***"


@pytest.mark.parametrize("cut", range(90, 150))
def test_half_an_address_beside_a_gap_is_not_kept(cut: int) -> None:
    data = ask("a" * 60 + " " + MAIL + " " + "b " * 500 + MAIL + " " + "c" * 60)
    body = Body(len(data), data[:cut], data[-cut:])
    found = exchange(b"{}", answered({"content": "yes"}))
    opened = found.opened._replace(request=body)
    record = make_record(found._replace(opened=opened), context_length_of=always(None), mask=True, own_masks=PACKS)
    stored = summary_of_open(opened, mask=True, own_masks=PACKS)
    for kept in (record.request, record.line, stored.request.head, stored.request.tail):
        assert b"joe@" not in kept
        assert b"example.org" not in kept
    assert json.loads(record.line)["request_truncated"] is True


def test_utf_16_hides_nothing() -> None:
    data = ask(MAIL).decode().encode("utf-16")
    masked, count = ExchangeMasking(True, PACKS).body(data, MaskedPart.PROMPTS)
    assert count == 1
    assert json.loads(masked)["messages"][0]["content"] == "***"


@pytest.mark.parametrize("encoding", ["utf-16", "utf-16-le", "utf-16-be"])
def test_utf_16_hides_no_secret_either(encoding: str) -> None:
    key = "sk-proj-Ab12Cd34Ef56Gh78Ij90Kl12Mn34Op56"
    found = exchange(ask(key).decode().encode(encoding), json.dumps({"odd": key}).encode(encoding))
    record = make_record(found, context_length_of=always(None), mask=True)
    stored = summary_of_open(found.opened, mask=True).request.head
    for kept in (record.request, record.response, record.line, stored):
        assert key.encode() not in kept
        assert key.encode("utf-16-le") not in kept
        assert key.encode("utf-16-be") not in kept


@pytest.mark.parametrize("field", ["content", "thinking"])
def test_json_that_an_answer_or_an_error_quotes_hides_nothing(field: str) -> None:
    quoted = 'so: {"to": "joe\\u0040example.org", "tel": "030\\/1234567"}'
    for found in (
        exchange(ask(quoted), answered({field: quoted})),
        exchange(ask("x"), b'{"error":"no %s"}', status=400),
    ):
        found = found._replace(
            response=found.response._replace(head=found.response.head.replace(b"%s", json.dumps(quoted)[1:-1].encode()))
        )
        record = make_record(found, context_length_of=always(None), mask=True, own_masks=PACKS)
        for kept in (record.request, record.response, record.line, record.summary):
            assert b"example.org" not in kept
            assert b"1234567" not in kept


def test_bytes_that_are_no_text_stay_beside_what_is_masked() -> None:
    data = b'{"a":"\xff\xfe joe@example.org \xc3"}'
    assert ExchangeMasking(False, PACKS).body(data, MaskedPart.PROMPTS) == (b'{"a":"\xff\xfe *** \xc3"}', 1)


def test_an_answer_so_far_shows_no_half_of_what_may_go_on() -> None:
    for text in ("call +49 151 234", "to DE89 3704 0044", "mail joe@exam"):
        going_on = ended(1, ask("x"))._replace(response=Body(1, answered({"content": "well. " * 20 + text})))
        assert text[-8:] not in progress(going_on, True, PACKS)["text"]


def test_errors_belong_to_answers_and_user_agents_to_names() -> None:
    names = tuple(OwnMask(mask.name, mask.find, frozenset({MaskedPart.NAMES})) for mask in PACKS)
    found = exchange(ask("x"), b'{"error":"no such user joe@example.org"}', status=400)
    labelled = "/api/ollama/~user=joe%40example.org/api/chat"
    found = found._replace(opened=found.opened._replace(user_agent=MAIL, request_uri=labelled))
    for masks, error, agent in ((PACKS, "no such user ***", MAIL), (names, f"no such user {MAIL}", "***")):
        line = json.loads(make_record(found, context_length_of=always(None), mask=True, own_masks=masks).line)
        assert (line["error"], line["user_agent"]) == (error, agent)
        assert line["request_uri"] == "/api/ollama/~user=***/api/chat"
        assert summary_of_open(found.opened, mask=True, own_masks=masks).user_agent == agent


def test_a_secret_is_masked_in_the_name_of_a_conversation_and_an_id_of_ours_stays() -> None:
    masking = ExchangeMasking(secrets=True)
    named = {"request_uri": "/v1/responses", "conversation_id": "chat of sk-proj-Ab12Cd34Ef56Gh78Ij90Kl12Mn34Op56"}
    masking.facts(named)
    assert named["conversation_id"] == "chat of sk-proj-***"
    ours = {"request_uri": "/api/chat", "conversation_id": "01a2289ab8eb7d98beea29bbc57295c3", "user": "Ann"}
    before = dict(ours)
    assert not masking.facts(ours)
    assert ours == before
