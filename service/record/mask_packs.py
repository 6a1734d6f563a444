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

# Digits, signs and spaces of other scripts and of typography, one for one. Where no spaces are written between words,
# any letter but those of ASCII may stand beside a number.
_PLAIN: Final = str.maketrans(
    {
        **{chr(0xFF01 + place): chr(0x21 + place) for place in range(94)},
        **{chr(zero + digit): str(digit) for zero in (0x660, 0x6F0, 0x966) for digit in range(10)},
        **dict.fromkeys("\u2010\u2011\u2012\u2013\u2014\u2015\u2212", "-"),
        **dict.fromkeys("\t\u00a0\u2002\u2003\u2007\u2009\u200a\u202f\u3000", " "),
    }
)
_NO_WORD: Final = "A-Za-z0-9_"
# What is looked for may follow an escape that stands in a text, such as \n, whose letter is no part of it.
_AFTER_ESCAPE: Final = r"(?<=\\[nrt])"
_EMAIL: Final = re.compile(
    rf"(?:(?<![\w.+%-])(?!(?<=\\)[nrt])|{_AFTER_ESCAPE})[\w.+%-]{{1,128}}(?:@|%40)"
    # An address that is still being written, or was cut, lacks its end.
    r"(?:(?:[\w-]{1,63}\.){1,8}[^\W\d_]{2,24}|\[[0-9a-fA-F:.]{3,45}\]|(?![0-9.]+\Z)[\w.-]{0,255}(?:\Z| … \[))"
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
_GAP: Final = "[ \n.-]"
_GAPS: Final = rf"{_GAP}{{0,2}}"
_IBAN_START: Final = re.compile(rf"(?:(?<![A-Za-z0-9])|{_AFTER_ESCAPE})([A-Za-z]{{2}}){_GAPS}[0-9]{_GAPS}[0-9]")
_IBAN_REST: Final = {
    length: re.compile(rf"(?:{_GAPS}[A-Za-z0-9]){{{length - 4}}}(?![A-Za-z0-9])")
    for length in set(_IBAN_LENGTHS.values())
}

# Alone or in the groups that are printed on cards: 4-4-4-4, with 3 more, or 4-6-5. Other numbers in a row are no card.
# Tables write whole numbers with .0 behind them.
_CARD_GAP: Final = rf"({_GAP}{{1,2}})"
_NO_NUMBER_BEFORE: Final = rf"(?:(?<![{_NO_WORD}])(?<![0-9]\.)|{_AFTER_ESCAPE})"
_CARDS: Final = tuple(
    re.compile(rf"{_NO_NUMBER_BEFORE}(?P<digits>{shape})(?:\.0)?(?![{_NO_WORD}])(?!\.[0-9])")
    for shape in (
        r"[0-9]{13,19}",
        rf"[0-9]{{4}}{_CARD_GAP}[0-9]{{4}}\2[0-9]{{4}}\2[0-9]{{4}}\2[0-9]{{3}}",
        rf"[0-9]{{4}}{_CARD_GAP}[0-9]{{4}}\2[0-9]{{4}}\2[0-9]{{4}}",
        rf"3[0-9]{{3}}{_CARD_GAP}[0-9]{{6}}\2[0-9]{{4,5}}",
    )
)
# Visa, Mastercard, American Express, Diners, JCB, Discover, UnionPay and Maestro, each with the lengths that it has.
# Seeds and durations are numbers of that size as well.
_ISSUER: Final = re.compile(
    r"(?:4(?:[0-9]{12}|[0-9]{15}|[0-9]{18})|(?:5[1-5]|2[2-7])[0-9]{14}|3[47][0-9]{13}|3[0689][0-9]{12,17}"
    r"|35[0-9]{14,17}|62[0-9]{14,17}|(?:5[0-9]|6[0-9])[0-9]{14,17})\Z"
)

_PHONE_GAP: Final = "[ /().-]{0,3}"
# A number goes on in letters of ASCII, or it is the first part of an id.
_NO_PHONE_BEHIND: Final = rf"(?![{_NO_WORD}]|[.:][0-9]|-[0-9a-fA-F]{{4}}(?![{_NO_WORD}]))"
_NO_DATE: Final = r"(?![0-9]{2}([/. -])[0-9]{2}\1[0-9]{4}(?![0-9]))(?![0-9]{2}([/.-])[0-9]{2}\2[0-9]{2}(?!\2?[0-9]))"
_NO_MONTH: Final = r"(?!0[1-9]/(?:19|20)[0-9]{2}(?![0-9]))"
_PHONES: Final = (
    # +49 151 23456789, 0049 (0)151/23456789
    re.compile(
        rf"(?:(?<![{_NO_WORD}+])(?<![0-9]\.)|{_AFTER_ESCAPE})(?:\+|00)[1-9](?:{_PHONE_GAP}[0-9]){{6,14}}(?![{_NO_WORD}])"
    ),
    # 030 1234567, (0151) 234 567 89, 01 23 45 67 89; no date and no fraction
    re.compile(
        rf"(?:(?<![{_NO_WORD}+/-])(?<![0-9][.:])|{_AFTER_ESCAPE}){_NO_DATE}{_NO_MONTH}"
        rf"\(?0[1-9](?:{_PHONE_GAP}[0-9]){{7,11}}{_NO_PHONE_BEHIND}"
    ),
    # (212) 555-0123, 212-555-0123, 1-212-555-0123
    re.compile(
        rf"(?:(?<![{_NO_WORD}+/-])(?<![0-9]\.)|{_AFTER_ESCAPE})(?:1[ .-])?"
        rf"(?:\([2-9][0-9]{{2}}\) ?|[2-9][0-9]{{2}}[ .-])[2-9][0-9]{{2}}[ .-][0-9]{{4}}(?![{_NO_WORD}]|[.-][0-9])"
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
            digits = re.sub(_GAP, "", match["digits"])
            is_card = _ISSUER.match(digits) is not None and _passes_luhn(digits)
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


def _in_plain(find: Find) -> Find:
    return lambda text: find(text if text.isascii() and "\t" not in text else text.translate(_PLAIN))


PACKS: Final[dict[str, Find]] = {
    "email": _in_plain(_find_emails),
    "iban": _in_plain(_find_ibans),
    "phone": _in_plain(_find_phones),
    "card": _in_plain(_find_cards),
}
"""What may be switched on by name."""
