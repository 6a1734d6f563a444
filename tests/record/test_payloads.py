import base64
import hashlib
import json
import random
import time

import pytest

from service.record.bodies import whole
from service.record.payloads import without_payloads
from tests.record.wire import shortened

PNG = b"\x89PNG\r\n\x1a\n" + random.Random(3).randbytes(3000)
TINY_PNG = PNG[:70]


def _b64(data: bytes) -> str:
    return base64.b64encode(data).decode()


def _said(kind: str, data: bytes) -> str:
    return f"<{kind} {len(data)} bytes sha256:{hashlib.sha256(data).hexdigest()}>"


def _without(sent: object) -> object:
    found: object = json.loads(without_payloads(json.dumps(sent).encode()))
    return found


@pytest.mark.parametrize("image", [PNG, TINY_PNG])
def test_images_of_the_native_api_are_replaced(image: bytes) -> None:
    sent = {"images": [_b64(image), _b64(image)], "prompt": "What?", "messages": [{"images": [_b64(image)]}]}
    said = _said("image", image)
    assert _without(sent) == {"images": [said, said], "prompt": "What?", "messages": [{"images": [said]}]}


@pytest.mark.parametrize("image", [PNG, TINY_PNG])
def test_an_openai_image_address_is_replaced(image: bytes) -> None:
    def message(url: str) -> dict[str, object]:
        return {"content": [{"type": "image_url", "image_url": {"url": url, "detail": "low"}}, {"text": "What?"}]}

    assert _without(message("data:image/png;base64," + _b64(image))) == message(_said("image", image))


@pytest.mark.parametrize("image", [PNG, TINY_PNG])
def test_an_anthropic_image_source_is_replaced(image: bytes) -> None:
    def block(data: str) -> dict[str, object]:
        return {"type": "image", "source": {"type": "base64", "media_type": "image/png", "data": data}}

    assert _without(block(_b64(image))) == block(_said("image", image))


def test_an_audio_input_is_replaced() -> None:
    sound = b"RIFF\x00\x00\x00\x00WAVE" + bytes(200)
    sent = {"type": "input_audio", "input_audio": {"data": _b64(sound), "format": "wav"}}
    assert _without(sent) == {"type": "input_audio", "input_audio": {"data": _said("audio", sound), "format": "wav"}}


def test_a_long_payload_under_any_name_is_replaced_and_named_by_its_kind() -> None:
    noise = random.Random(4).randbytes(3000)
    sent = {"a": _b64(noise), "b": [_b64(PNG)], "c": base64.urlsafe_b64encode(noise).decode().rstrip("=")}
    assert _without(sent) == {"a": _said("data", noise), "b": [_said("image", PNG)], "c": _said("data", noise)}


def test_a_data_address_inside_a_text_is_replaced_and_the_text_stays() -> None:
    sent = {"prompt": f"Look: ![it](data:image/png;base64,{_b64(PNG)}) – nice?"}
    assert _without(sent) == {"prompt": f"Look: ![it]({_said('image', PNG)}) – nice?"}


def test_json_inside_a_json_text_stays_json() -> None:
    inner = {"images": [_b64(PNG)], "embedding": [0.5] * 40}
    found = _without({"prompt": json.dumps(inner)})
    assert isinstance(found, dict)
    assert json.loads(found["prompt"]) == {"images": [_said("image", PNG)], "embedding": [0.5] * 40}


def test_escapes_within_a_payload_do_not_change_its_digest() -> None:
    lines = "\n".join(_b64(PNG)[at : at + 76] for at in range(0, len(_b64(PNG)), 76))
    for text in (json.dumps(lines), json.dumps(_b64(PNG)).replace("/", "\\/").replace("+", "\\u002B")):
        found = without_payloads(b'{"images":[' + text.encode() + b"]}")
        assert json.loads(found) == {"images": [_said("image", PNG)]}


def test_embedding_vectors_become_their_count() -> None:
    vector = [0.25, -1e-7, 3] * 8
    sent = {
        "embeddings": [vector, vector],
        "embedding": vector,
        "data": [{"embedding": vector, "index": 0}],
        "few": [1],
    }
    assert _without(sent) == {
        "embeddings": ["<24 numbers>", "<24 numbers>"],
        "embedding": "<24 numbers>",
        "data": [{"embedding": "<24 numbers>", "index": 0}],
        "few": [1],
    }


def test_an_embedding_in_base64_becomes_its_count() -> None:
    assert _without({"data": [{"embedding": _b64(bytes(4 * 768))}]}) == {"data": [{"embedding": "<768 numbers>"}]}


def test_a_long_list_of_numbers_under_any_name_becomes_its_count() -> None:
    sent = {"context": list(range(5000)), "prompt": "again " * 300, "input": [[1, 2, 3]] * 3}
    assert _without(sent) == {**sent, "context": "<5000 numbers>"}


def test_an_image_with_a_gap_of_ours_is_told_with_its_whole_length() -> None:
    sent = json.dumps({"model": "m", "images": [_b64(PNG)], "prompt": "What?"}).encode()
    found = json.loads(without_payloads(whole(shortened(sent, 1500, 800))))
    assert found == {"model": "m", "images": [found["images"][0]], "prompt": "What?"}
    kind, count, rest = found["images"][0].split(" ", 2)
    assert (kind, rest) == ("<image", "bytes, not whole>")
    assert abs(int(count) - len(PNG)) <= 3


@pytest.mark.parametrize(
    "sent",
    [
        b"",
        b'{"prompt":"the world"}',
        b'{"images":[]}',
        b'{"images":["","no base64!"],"embedding":[1,2,3],"data":"abcd"}',
        b'{"prompt":"' + b"the world " * 1000 + b'"}',
        b'{"prompt":"' + b"a" * 5000 + b'","x":"' + b"0123456789abcdef" * 200 + b'"}',
        b'{"prompt":"[' + b"1, 2, " * 2000 + b'3]"}',
        b'{"prompt":"\\"embedding\\": [' + b"1, 2, " * 2000 + b'3]"}',
        b'{"embedding":[' + b"1," * 5000,
        b'{"source":{"type":"base64","data":"short"}}',
        b'{ "a" :  1.0,"a":1, "deep":' + b"[" * 3000 + b"]" * 3000 + b"}",
    ],
)
def test_without_a_payload_the_bytes_are_the_very_same_object(sent: bytes) -> None:
    assert without_payloads(sent) is sent


def test_everything_beside_a_payload_stays_exactly_as_it_was_sent() -> None:
    before, after = b'{ "n" : 1.0e0,\t"n":2, "k":"\\u00e9\\/",\r\n "images" : [ "', b'" ] , "z":1e400}'
    found = without_payloads(before + _b64(PNG).encode() + after)
    assert found == before + _said("image", PNG).encode() + after


@pytest.mark.parametrize(
    "piece",
    [
        *(
            b'"images":[',
            b'"images":["',
            b'"embedding":[1,',
            b'"embedding":[[',
            b'"embedding":"',
            b"data:image/png;base64,",
        ),
        *(b"A", b"1,", b"[", b"[1,", b'"a":[', b"\\", b'\\"', b'A\\"', b'base64"data":"', b"Aa1" * 400 + b" ", b"\xff"),
        *(" … [5 bytes left out] … ".encode(), "Aa1 … [5 bytes left out] … ".encode()),
    ],
)
def test_much_of_anything_takes_linear_time(piece: bytes) -> None:
    def seconds(size: int) -> float:
        data = piece * (size // len(piece))
        started = time.thread_time()
        without_payloads(data)
        return time.thread_time() - started

    small = min(seconds(30_000) for _ in range(2))
    assert seconds(300_000) < 40 * small + 0.1
