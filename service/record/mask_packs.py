"""Packs of masks that come along: where e-mail addresses, IBANs, phone numbers and card numbers stand in a text.

Numbers with check digits are checked, so that the number of an order stays. Every pattern is bounded, and none begins
inside a word: a long text takes time in proportion to its length.
"""

import re
from collections.abc import Callable, Iterator
from typing import Final

Span = tuple[int, int]
"""Where a match starts and stops in its text."""

Find = Callable[[str], Iterator[Span]]

# What is looked for may follow an escape that stands in a text, such as \n, whose letter is no part of it.
_AFTER_ESCAPE: Final = r"(?<=\\[nrt])"
_EMAIL: Final = re.compile(
    rf"(?:(?<![\w.+%-])(?!(?<=\\)[nrt])|{_AFTER_ESCAPE})[\w.+%-]{{1,128}}(?:@|%40)"
    # An address that is still being written, or was cut, lacks its end.
    r"(?:(?:[\w-]{1,63}\.){1,8}[^\W\d_]{2,24}|\[[0-9a-fA-F:.]{3,45}\]|[\w.-]{0,255}(?:\Z| … \[))"
)

# Letters and digits of an IBAN, by country: the registry of SWIFT.
_IBAN_LENGTHS: Final = {
    word[:2]: int(word[2:])
    for word in (
        "AD24 AE23 AL28 AT20 AZ28 BA20 BE16 BG22 BH22 BI27 BR29 BY28 CH21 CR22 CY28 CZ24 DE22 DJ27 DK18 DO28 EE20 EG29"
        " ES24 FI18 FK18 FO18 FR27 GB22 GE22 GI23 GL18 GR27 GT28 HN28 HR21 HU28 IE22 IL23 IQ23 IS26 IT27 JO30 KW30 KZ20"
        " LB28 LC32 LI21 LT20 LU20 LV21 LY25 MC27 MD24 ME22 MK19 MN20 MR27 MT31 MU30 NI28 NL18 NO15 OM23 PK24 PL28 PS29"
        " PT25 QA29 RO24 RS22 RU33 SA24 SC31 SD18 SE24 SI19 SK24 SM27 SO23 ST25 SV28 TL23 TN24 TR26 UA29 VA22 VG24 XK20"
        " YE30"
    ).split()
}
_GAP: Final = "[ \u00a0\u2009\u202f.-]"
_IBAN_START: Final = re.compile(rf"(?:(?<![A-Za-z0-9])|{_AFTER_ESCAPE})([A-Za-z]{{2}}){_GAP}?[0-9]{_GAP}?[0-9]")
_IBAN_REST: Final = {
    length: re.compile(rf"(?:{_GAP}?[A-Za-z0-9]){{{length - 4}}}(?![A-Za-z0-9])")
    for length in set(_IBAN_LENGTHS.values())
}

# Alone or in the groups that are printed on cards: 4-4-4-4, with 3 more, or 4-6-5. Other numbers in a row are no card.
_NO_NUMBER_BEFORE: Final = rf"(?:(?<![\w])(?<![0-9][.,])|{_AFTER_ESCAPE})"
_CARDS: Final = tuple(
    re.compile(_NO_NUMBER_BEFORE + shape + r"(?!\w)(?![.,][0-9])")
    for shape in (
        r"[0-9]{13,19}",
        rf"[0-9]{{4}}({_GAP})[0-9]{{4}}\1[0-9]{{4}}\1[0-9]{{4}}\1[0-9]{{3}}",
        rf"[0-9]{{4}}({_GAP})[0-9]{{4}}\1[0-9]{{4}}\1[0-9]{{4}}",
        rf"3[0-9]{{3}}({_GAP})[0-9]{{6}}\1[0-9]{{4,5}}",
    )
)
# Visa, Mastercard, American Express, Diners, Discover, JCB, UnionPay, Maestro. Times in milliseconds begin with 1.
_ISSUER: Final = re.compile(r"2[2-7]|3[0-9]|4|5[0-9]|6[0-9]")

_PHONE_GAP: Final = "[ \u00a0\u2009\u202f./()-]{0,3}"
_PHONES: Final = (
    # +49 151 23456789, 0049 (0)151/23456789
    re.compile(rf"(?:(?<![\w+.,])|{_AFTER_ESCAPE})(?:\+|00)[1-9](?:{_PHONE_GAP}[0-9]){{6,14}}(?![0-9])"),
    # 030 1234567, (0151) 234 567 89, 01 23 45 67 89; no date and no fraction
    re.compile(
        rf"(?:(?<![\w.,:+/-])|{_AFTER_ESCAPE})(?![0-9]{{2}}[/. -][0-9]{{2}}[/. -][0-9]{{4}}(?![0-9]))"
        rf"\(?0[1-9](?:{_PHONE_GAP}[0-9]){{7,11}}(?![0-9]|[.,:][0-9])"
    ),
    # (212) 555-0123, 212-555-0123, 1-212-555-0123
    re.compile(
        rf"(?:(?<![\w.,+/-])|{_AFTER_ESCAPE})(?:1[ .-])?(?:\([2-9][0-9]{{2}}\) ?|[2-9][0-9]{{2}}[ .-])"
        r"[2-9][0-9]{2}[ .-][0-9]{4}(?![\w]|[.-][0-9])"
    ),
)


def _find_emails(text: str) -> Iterator[Span]:
    if "@" in text or "%40" in text:
        for match in _EMAIL.finditer(text):
            yield match.span()


def _find_ibans(text: str) -> Iterator[Span]:
    for match in _IBAN_START.finditer(text):
        length = _IBAN_LENGTHS.get(match[1].upper())
        rest = _IBAN_REST[length].match(text, match.end()) if length else None
        if rest and _is_iban(text[match.start() : rest.end()]):
            yield match.start(), rest.end()


def _is_iban(text: str) -> bool:
    letters = re.sub(_GAP, "", text).upper()
    return int("".join(str(int(letter, 36)) for letter in letters[4:] + letters[:4])) % 97 == 1


def _find_cards(text: str) -> Iterator[Span]:
    for shape in _CARDS:
        match = shape.search(text)
        while match:
            is_card = _ISSUER.match(match[0]) is not None and _passes_luhn(re.sub(_GAP, "", match[0]))
            if is_card:
                yield match.span()
            # A year before a number may look like its first group.
            match = shape.search(text, match.end() if is_card else match.start() + 1)


def _passes_luhn(digits: str) -> bool:
    doubled = sum(sum(divmod(2 * int(digit), 10)) for digit in digits[-2::-2])
    return (doubled + sum(map(int, digits[-1::-2]))) % 10 == 0


def _find_phones(text: str) -> Iterator[Span]:
    for shape in _PHONES:
        for match in shape.finditer(text):
            yield match.span()


PACKS: Final[dict[str, Find]] = {
    "email": _find_emails,
    "iban": _find_ibans,
    "phone": _find_phones,
    "card": _find_cards,
}
"""What may be switched on by name."""
