"""What each pack finds, and what it leaves."""

import time

import pytest

from service.record.mask_packs import PACKS
from service.record.mask_rules import ALL
from service.settings import TABLE

FOUND = {
    "email": [
        ("write to joe@example.org.", "joe@example.org"),
        ("<joe.o-brien+news@mail.example.co.uk>", "joe.o-brien+news@mail.example.co.uk"),
        ("jürgen@müller.example, please", "jürgen@müller.example"),
        ("mailto:joe%40example.org?subject=x", "joe%40example.org"),
        (r"first\njoe@example.org\nlast", "joe@example.org"),
        (r"CORP\joe@example.org", "joe@example.org"),
        ("joe@[192.0.2.1]", "joe@[192.0.2.1]"),
        ("my mail is joe@exam", "joe@exam"),
        ("my mail is joe@", "joe@"),
        ("JOE@EXAMPLE.ORG", "JOE@EXAMPLE.ORG"),
    ],
    "iban": [
        ("IBAN: DE89 3704 0044 0532 0130 00 and then", "DE89 3704 0044 0532 0130 00"),
        ("DE89370400440532013000", "DE89370400440532013000"),
        ("pay to gb29nwbk60161331926819!", "gb29nwbk60161331926819"),
        ("FR14-2004-1010-0505-0001-3M02-606", "FR14-2004-1010-0505-0001-3M02-606"),
        (r"\nNO9386011117947", "NO9386011117947"),
        ("MT84MALT011000012345MTLCAST001S", "MT84MALT011000012345MTLCAST001S"),
    ],
    "card": [
        ("card 4111 1111 1111 1111, exp 12/29", "4111 1111 1111 1111"),
        ("4111111111111111", "4111111111111111"),
        ("in 2024 5500-0000-0000-0004", "5500-0000-0000-0004"),
        ("2024 4111 1111 1111 1111", "4111 1111 1111 1111"),
        ("3782 822463 10005", "3782 822463 10005"),
        (r"\n6011000990139424", "6011000990139424"),
        ("2223003122003222", "2223003122003222"),
    ],
    "phone": [
        ("call +49 151 23456789 now", "+49 151 23456789"),
        ("0049 (0)30 / 1234567", "0049 (0)30 / 1234567"),
        ("+1-212-555-0123", "+1-212-555-0123"),
        ("+33 1 23 45 67 89.", "+33 1 23 45 67 89"),
        ("Tel. 030 1234567", "030 1234567"),
        ("(0151) 234 567 89", "(0151) 234 567 89"),
        ("01 23 45 67 89", "01 23 45 67 89"),
        ("(212) 555-0123", "(212) 555-0123"),
        ("212-555-0123", "212-555-0123"),
        (r"\n0151 23456789", "0151 23456789"),
    ],
}
LEFT = {
    "email": ["@joe", "a @ b", "5 @ 3 Euro", "@", "x @home now", "@media (min-width: 1px)", "50%40 off"],
    "iban": ["DE89 3704 0044 0532 0130 01", "XX89 3704 0044 0532 0130 00", "DE89", "route66 and AB12", "DE8937040044"],
    "card": [
        "4111 1111 1111 1112",
        "1764419512000",
        "1764419512000000000",
        "0.4111111111111111",
        "a4111111111111111f",
        "12 15 18 22 31 40 41 42",
        "order 4111111111111112",
        "4.111111111111111",
    ],
    "phone": [
        "2026-11-29T08:00:00.123456789Z",
        "01.02.2024 10:30",
        "01-02-2024 03-04-2024",
        "0.123456789",
        "version 0.17.4",
        "192.168.178.100",
        "550e8400-e29b-41d4-a716-446655440000",
        "978-3-16-148410-0",
        "5191566416",
        "3.14159265358979",
    ],
}


@pytest.mark.parametrize(("pack", "text", "part"), [(pack, *case) for pack, cases in FOUND.items() for case in cases])
def test_a_pack_finds(pack: str, text: str, part: str) -> None:
    assert [text[start:stop] for start, stop in PACKS[pack](text)] == [part]


@pytest.mark.parametrize(("pack", "text"), [(pack, text) for pack, texts in LEFT.items() for text in texts])
def test_a_pack_leaves(pack: str, text: str) -> None:
    assert list(PACKS[pack](text)) == []


@pytest.mark.parametrize("pack", PACKS)
@pytest.mark.parametrize(
    "piece",
    [*("a", "a.", "@", "a@", "a@b.", "%40", "1", "1 ", "4111 ", "+1", "00", "0(", "DE89", "DE89 3", "\\n", "\\n1")],
)
def test_much_of_anything_takes_linear_time(pack: str, piece: str) -> None:
    def seconds(size: int) -> float:
        text = piece * (size // len(piece))
        started = time.thread_time()
        list(PACKS[pack](text))
        return time.thread_time() - started

    small = min(seconds(5_000) for _ in range(3))
    assert seconds(50_000) < 40 * small + 0.05


def test_the_setting_knows_every_pack() -> None:
    assert TABLE["mask_pack"].read(",".join((*PACKS, ALL))) == (*PACKS, ALL)
    with pytest.raises(ValueError, match="some of email, iban, phone, card, all"):
        TABLE["mask_pack"].read("emails")
