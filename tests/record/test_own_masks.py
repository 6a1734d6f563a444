"""Masks of one's own are bounded: a text, a pattern or a clock cannot hold up the recording, and nothing slips past."""

import logging
import random
import threading
import time
from itertools import pairwise

import pytest

from service.record.mask_rules import masks_of_packs, read_masks
from service.record.own_masks import MASK, MOST_SECONDS, MaskedPart, MaskRun, OwnMask

EMAIL = masks_of_packs(["email"])


def test_without_masks_and_without_a_match_the_very_same_object_comes_back() -> None:
    text = "nothing here" * 10
    for masks in ((), EMAIL):
        run = MaskRun(masks)
        for masked, count in (
            run.text(text, MaskedPart.PROMPTS),
            run.json(text, MaskedPart.PROMPTS),
            run.address(text, MaskedPart.PROMPTS),
        ):
            assert masked is text
            assert count == 0


@pytest.mark.parametrize("before", [0, 1, 15_355, 15_360, 16_370, 16_384, 40_000])
def test_what_stands_across_two_stretches_is_found(before: int) -> None:
    text = "." * before + " joe@example.org " + "." * 40_000
    assert MaskRun(EMAIL).text(text, MaskedPart.PROMPTS) == ("." * before + " *** " + "." * 40_000, 1)


def test_addresses_are_masked_as_they_are_meant() -> None:
    run = MaskRun(EMAIL)
    target = "/api/ollama/~user=joe%40example.org;node=A/api/chat?mail=joe@example.org&a=1"
    expected = "/api/ollama/~user=***;node=A/api/chat?mail=***&a=1"
    assert run.address(target, MaskedPart.PROMPTS) == (expected, 2)


def test_payloads_are_not_looked_into() -> None:
    digits = OwnMask("digits", lambda text: iter([(0, 1)] if "1" in text else []))
    assert MaskRun((digits,)).text("A1" * 600, MaskedPart.PROMPTS) == ("A1" * 600, 0)
    assert MaskRun((digits,)).text("A1 " * 600, MaskedPart.PROMPTS)[1] == 1


@pytest.mark.parametrize(
    "number", ["4111111111111111", "DE89370400440532013000", "+4915123456789", "4111-1111-1111-1111"]
)
@pytest.mark.parametrize("between", ["\n", "\r\n", "/", "="])
def test_a_long_column_of_numbers_is_no_payload(number: str, between: str) -> None:
    masked, _ = MaskRun(masks_of_packs(["all"])).text(between.join([number] * 100), MaskedPart.PROMPTS)
    assert not any(digit in masked for digit in "0123456789")


def test_what_a_query_says_with_pluses_is_masked() -> None:
    target = "/x?a=DE89+3704+0044+0532+0130+00&b=+49+151+23456789&c=a+b"
    assert MaskRun(masks_of_packs(["all"])).address(target, MaskedPart.PROMPTS) == ("/x?a=***&b=***&c=a+b", 2)


def test_lone_surrogates_hide_nothing() -> None:
    assert MaskRun(EMAIL).text("\ud800 joe@example.org \udc80", MaskedPart.PROMPTS) == ("\ud800 *** \udc80", 1)


def test_when_time_is_up_all_that_is_left_is_masked_as_a_whole(caplog: pytest.LogCaptureFixture) -> None:
    clock = iter([0.0, 0.1, *[0.2] * 3, *[MOST_SECONDS + 1] * 100])
    run = MaskRun(EMAIL, lambda: next(clock))
    assert run.text("joe@example.org a", MaskedPart.PROMPTS) == ("*** a", 1)
    with caplog.at_level(logging.WARNING):
        told = [run.text(f"some text {number}", MaskedPart.PROMPTS)[0] for number in range(5)]
        assert told[-1] == MASK
        assert run.json('{"a":"b"}', MaskedPart.ANSWERS) == (MASK, 1)
    assert "took too long" in caplog.text


@pytest.mark.parametrize(
    ("regex", "piece"),
    [
        ("(a+)+b", "a"),
        pytest.param("[ab]*a[ab]{200}c", "ab", marks=pytest.mark.long),
        ("(?:a?){400}a{400}b", "a"),
        ("a+b|a", "a"),
        (r"(?:\w+\s?)+$", "word "),
        (".*.*.*x", "y"),
    ],
)
def test_a_hostile_pattern_ends_soon_and_lets_others_run(regex: str, piece: str) -> None:
    pytest.importorskip("re2")
    masks = read_masks(f"[[mask]]\nname = 'hostile'\nregex = '''{regex}'''")
    # The end makes it a text that is looked into, and no payload.
    text = "".join(random.Random(3).choices(piece, k=1 << 20)) + "!"
    ticks, is_done = [time.monotonic()], threading.Event()

    def tick() -> None:
        while not is_done.wait(0.001):
            ticks.append(time.monotonic())
        # On a busy machine it may begin when all is done.
        ticks.append(time.monotonic())

    others = threading.Thread(target=tick)
    others.start()
    begun, computed = time.monotonic(), time.thread_time()
    try:
        MaskRun(masks).text(text, MaskedPart.PROMPTS)
    finally:
        took, computed = time.monotonic() - begun, time.thread_time() - computed
        is_done.set()
        others.join()
    # A search that has begun is not interrupted. What others have of the machine meanwhile is not counted.
    assert computed < MOST_SECONDS + 10
    assert max(after - before for before, after in pairwise(ticks)) < took / 2 + 0.5
