import base64
import hashlib

import pytest

from service.record.bodies import whole
from service.record.body_text import copy_of
from service.record.exchange import Body
from tests.record.wire import body, shortened

FORM = (
    b'--XX\r\nContent-Disposition: form-data; name="model"\r\n\r\nwhisper\r\n'
    b'--XX\r\nContent-Disposition: form-data; name="file"; filename="a.wav"\r\nContent-Type: audio/wav\r\n\r\n'
    b"%s\r\n--XX--\r\n"
)


def _copy(sent: Body) -> tuple[str, bool]:
    return copy_of(sent, whole(sent))


def test_a_text_stays_exactly_as_it_was_sent() -> None:
    sent = ' {"b": 1.0,\r\n"a" : "\\u00e9é\x00\u202e"} '
    assert _copy(body(sent.encode())) == (sent, False)


def test_a_short_binary_body_is_shown_in_base64() -> None:
    assert _copy(body(b"\xff\x00\x01", "application/octet-stream")) == ("base64:/wAB", False)


def test_of_a_long_binary_body_only_the_beginning_is_shown() -> None:
    text, is_cut = _copy(Body(5_000_000_000, b"GGUF\xff" * 10_000, b"\xff" * 1000, "application/octet-stream"))
    assert is_cut
    assert text.startswith("base64:" + base64.b64encode(b"GGUF\xff" * 10).decode()[:60])
    assert "bytes left out" in text
    assert len(text) < 600


@pytest.mark.parametrize("encoding", ["latin-1", "windows-1252"])
@pytest.mark.parametrize("kind", ["application/json", "text/plain", "", "application/x-www-form-urlencoded"])
def test_a_text_in_another_character_set_is_text_as_ollama_reads_it(encoding: str, kind: str) -> None:
    sent = '{"prompt":"Müller – wie heißt er?"}'.replace("–", "é")
    text, is_cut = _copy(body(sent.encode(encoding), kind))
    assert text == '{"prompt":"M\ufffdller \ufffd wie hei\ufffdt er?"}'
    assert not is_cut


@pytest.mark.parametrize("encoding", ["utf-16", "utf-16-le", "utf-16-be"])
def test_json_in_utf_16_is_text(encoding: str) -> None:
    picture = base64.b64encode(b"\x89PNG" + bytes(3000)).decode()
    text, _ = _copy(body(f'{{"prompt":"Müller","images":["{picture}"]}}'.encode(encoding)))
    assert text.startswith('{"prompt":"Müller","images":["<image 3004 bytes sha256:')


def test_halves_of_characters_as_bytes_are_read_as_ollama_reads_them() -> None:
    assert _copy(body(b'{"a":"\xed\xa0\x80"}'))[0] == '{"a":"\ufffd\ufffd\ufffd"}'


def test_a_character_that_was_cut_does_not_make_a_text_opaque() -> None:
    text, _ = _copy(body("One long note, and at its end an é".encode()[:-1], "text/plain"))
    assert text == "One long note, and at its end an \ufffd"


def test_what_is_compressed_and_cannot_be_read_is_shown_in_base64() -> None:
    assert _copy(body(b"(\xb5/\xfd nearly a text of words", encoding="zstd"))[0].startswith("base64:")


def test_what_is_hardly_text_is_shown_in_base64() -> None:
    japanese = "日本語のテキスト".encode("shift-jis")
    assert _copy(body(japanese, "text/plain"))[0].startswith("base64:")
    assert _copy(body(b"Rar!\x1a\x07\x00\xcf" + b"text " * 100, "application/octet-stream"))[0].startswith("base64:")


def test_the_audio_of_a_form_is_replaced_and_its_fields_stay() -> None:
    sound = b"RIFF\xff\x00\r\n\r\n--X" * 500
    text, is_cut = _copy(body(FORM % sound, 'multipart/form-data; boundary="XX"'))
    said = f"<audio {len(sound)} bytes sha256:{hashlib.sha256(sound).hexdigest()}>"
    assert text == (FORM % said.encode()).decode()
    assert not is_cut


def test_an_audio_with_a_gap_of_ours_is_told_with_its_whole_length() -> None:
    sound = b"\xff\x80\x00\x01" * 5000
    text, _ = _copy(shortened(FORM % sound, 3000, 2000, "multipart/form-data; boundary=XX"))
    assert f"<audio {len(sound)} bytes, not whole>" in text


def test_a_broken_form_is_shown_somehow() -> None:
    for content_type in ("multipart/form-data", "multipart/form-data; boundary=", "multipart/x; boundary=--"):
        assert _copy(body(b"--\xff\r\n\r\nfilename", content_type))[0] == "--\ufffd\r\n\r\nfilename"
