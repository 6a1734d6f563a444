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
        ("Miller,joe@example.org,Berlin", "joe@example.org"),
        ("\uff2a\uff2f\uff25\uff20example.org", "\uff2a\uff2f\uff25\uff20example.org"),
    ],
    "iban": [
        ("IBAN: DE89 3704 0044 0532 0130 00 and then", "DE89 3704 0044 0532 0130 00"),
        ("DE89370400440532013000", "DE89370400440532013000"),
        ("pay to gb29nwbk60161331926819!", "gb29nwbk60161331926819"),
        ("FR14-2004-1010-0505-0001-3M02-606", "FR14-2004-1010-0505-0001-3M02-606"),
        (r"\nNO9386011117947", "NO9386011117947"),
        ("17,DE89370400440532013000,x", "DE89370400440532013000"),
        ("DE89\t3704\t0044\t0532\t0130\t00", "DE89\t3704\t0044\t0532\t0130\t00"),
        ("DE89 3704 0044\n0532 0130 00", "DE89 3704 0044\n0532 0130 00"),
        ("IBAN\u306fDE89370400440532013000\u3067\u3059", "DE89370400440532013000"),
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
        # Columns of tables, the second as a library of tables writes numbers.
        ("17,4111111111111111,12/26", "4111111111111111"),
        ("4111111111111111.0", "4111111111111111.0"),
        ("4111  1111  1111  1111", "4111  1111  1111  1111"),
        ("4111\t1111\t1111\t1111", "4111\t1111\t1111\t1111"),
        ("\u5361\u53f74111111111111111\u8bf7", "4111111111111111"),
        ("\uff14111\u30001111\u30001111\u30001111", "\uff14111\u30001111\u30001111\u30001111"),
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
        ("Miller,+4915123456789,Berlin", "+4915123456789"),
        ("17,0301234567,Berlin", "0301234567"),
        ("Tel:0301234567", "0301234567"),
        ("Tel.0301234567", "0301234567"),
        ("030 1234567,17", "030 1234567"),
        ("x,212-555-0123,y", "212-555-0123"),
        ("01.42.68.53.00", "01.42.68.53.00"),
        ("\u7535\u8bdd+8613800138000\u8bf7\u62e8\u6253", "+8613800138000"),
        ("+49\u2013151\u201323456789", "+49\u2013151\u201323456789"),
    ],
}
LEFT = {
    "email": [
        "@joe",
        "a @ b",
        "5 @ 3 Euro",
        "@",
        "x @home now",
        "@media (min-width: 1px)",
        "50%40 off",
        "npm i bar@2.0.0",
    ],
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
        "-0.0123,0.4111111111111111",
        # Nanoseconds, a seed: no card has so many digits.
        "5191566416000",
        "43543543543543543",
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
        "0123456789abcdef0123456789abcdef",
        "04512345-6789-4012-8345-678901234567",
        "01/02/24 - 05/06/24",
        "05/2024 06/2024",
        "12:0301234567",
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
