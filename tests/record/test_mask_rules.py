"""The rules of MASK_FILE: what is understood, and what is told."""

import sys

import pytest

from service.record.mask_rules import masks_of_packs, read_masks
from service.record.own_masks import MaskedPart, MaskRun

pytest.importorskip("re2")


def masked(rules: str, text: str, part: MaskedPart = MaskedPart.PROMPTS) -> str:
    """``text`` as these rules leave it."""
    return MaskRun(read_masks(rules)).text(text, part)[0]


def test_a_pattern_masks_what_it_matches() -> None:
    rules = "[[mask]]\nname = \"customer\"\nregex = 'KD-\\d{6}'"
    assert masked(rules, "KD-123456 and KD-12345, KD-654321") == "*** and KD-12345, ***"
    assert masked(rules, "KD-123456", MaskedPart.ANSWERS) == "***"
    assert masked(rules, "KD-123456", MaskedPart.NAMES) == "KD-123456"


def test_with_a_group_only_what_it_holds_is_masked() -> None:
    rules = "[[mask]]\nname = \"name\"\nregex = '(?i)patient: (\\w+)|born'"
    assert masked(rules, "Patient: Miller, born 1970") == "Patient: ***, *** 1970"


def test_packs_stand_beside_patterns_each_in_its_parts() -> None:
    rules = '[[pack]]\nname = "email"\nwhere = ["names"]\n[[pack]]\nname = "card"'
    text = "joe@example.org 4111111111111111"
    assert masked(rules, text) == "joe@example.org ***"
    assert masked(rules, text, MaskedPart.NAMES) == "*** 4111111111111111"
    assert [mask.name for mask in masks_of_packs(["all"])] == ["email", "iban", "phone", "card"]
    assert MaskRun(masks_of_packs(["iban", "email"])).text(text, MaskedPart.PROMPTS)[0] == "*** 4111111111111111"


@pytest.mark.parametrize(
    ("rules", "told"),
    [
        ("[[mask]", "no TOML"),
        ("a = 1", "a: expected tables"),
        ("[mask]\nname = 'x'", "mask: expected tables"),
        ("[[mask]]\nname = 'x'", r"\[\[mask\]\] 1: regex: expected a text"),
        ("[[mask]]\nname = 'x'\nregex = 3", "regex: expected a text"),
        ("[[mask]]\nname = 'x'\nregex = 'a'\nwhat = 1", "'what' is not known: expected are name, regex, where"),
        ("[[mask]]\nname = 'x'\nregex = 'a'\nwhere = []", 'where: expected a list of "prompts", "answers", "names"'),
        ("[[mask]]\nname = 'x'\nregex = 'a'\nwhere = ['body']", "where: expected a list"),
        ("[[mask]]\nname = 'x'\nregex = '(?<=a)b'", "RE2 does not take it"),
        ("[[mask]]\nname = 'x'\nregex = '(a'", "RE2 does not take it"),
        ("[[mask]]\nname = 'x'\nregex = 'a*'", "matches an empty text"),
        ("[[mask]]\nname = 'x'\nregex = '(a)(b)'", "one group at most"),
        ("[[mask]]\nname = 'x'\nregex = '(?:[\\pL]{1,40} ){1,3}'", "too large"),
        ("[[mask]]\nname = 'x'\nregex = '" + "a" * 1001 + "'", "1000 of a regex at most"),
        ("[[pack]]\nname = 'passports'", "expected one of email, iban, phone, card, all"),
        ("[[pack]]\nname = 'all'\n" * 26, "104 masks: expected are 100 at most"),
    ],
)
def test_what_is_wrong_is_told(rules: str, told: str) -> None:
    with pytest.raises(ValueError, match=told):
        read_masks(rules)


def test_all_mistakes_are_told_at_once() -> None:
    with pytest.raises(ValueError, match=r"\[\[mask\]\] 2: .*; \[\[pack\]\] 1: "):
        read_masks("[[mask]]\nname='a'\nregex='a'\n[[mask]]\nname='b'\nregex='('\n[[pack]]\nname='c'")


def test_without_re2_a_pattern_says_what_to_install_and_packs_work(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "re2", None)
    with pytest.raises(ValueError, match=r"ollama-recorder\[mask\]"):
        read_masks("[[mask]]\nname='a'\nregex='a'")
    assert len(read_masks("[[pack]]\nname = 'all'")) == 4
