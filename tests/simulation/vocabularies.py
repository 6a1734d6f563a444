"""Two real vocabularies, as Ollama would show them: they lie in its own source, among the data of its tests.

Nothing of them is kept here. ``make servers`` has fetched that source, at the version in tests/servers/ollama/go.mod.
"""

import json
import shutil
import struct
import subprocess
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any

import pytest

from service.record.vocabulary import Vocabulary, read_vocabulary

_GO_MODULE = Path(__file__).parents[1] / "servers" / "ollama"
_RESERVED = "<|reserved_special_token_{}|>"
LLAMA3_SPECIAL = (
    *("<|begin_of_text|>", "<|end_of_text|>", *map(_RESERVED.format, range(4))),
    *("<|start_header_id|>", "<|end_header_id|>", _RESERVED.format(4), "<|eot_id|>"),
    *map(_RESERVED.format, range(5, 251)),
)


@cache
def testdata() -> Path:
    """The folder of the vocabularies; skips the test where Go, or Ollama's source, is not here."""
    go = shutil.which("go") or shutil.which("go", path="/usr/local/go/bin")
    if go is None:
        pytest.skip("Go is not here")
    command = [go, "list", "-mod=readonly", "-m", "-f", "{{.Dir}}", "github.com/ollama/ollama"]
    environment = {"GOFLAGS": "", "GOPROXY": "off", "HOME": str(Path.home()), "PATH": str(Path(go).parent)}
    done = subprocess.run(command, cwd=_GO_MODULE, env=environment, capture_output=True, text=True, check=False)
    folder = Path(done.stdout.strip() or "none") / "tokenizer" / "testdata"
    if not folder.is_dir():
        pytest.skip("Ollama's source is not here: make servers")
    return folder


def llama3() -> dict[str, Any]:
    """``model_info`` of Llama 3: 128,256 tokens of byte-level BPE."""
    folder = testdata() / "llama3.2"
    numbers: dict[str, int] = json.loads((folder / "encoder.json").read_text())
    tokens = sorted(numbers, key=lambda token: numbers[token])
    lines = (folder / "vocab.bpe").read_text().split("\n")
    return {
        "tokenizer.ggml.model": "gpt2",
        "tokenizer.ggml.pre": "llama-bpe",
        "tokenizer.ggml.tokens": [*tokens, *LLAMA3_SPECIAL],
        "tokenizer.ggml.token_type": [1] * len(tokens) + [3] * len(LLAMA3_SPECIAL),
        "tokenizer.ggml.merges": [line for line in lines if line and not line.startswith("#version")],
    }


def gemma2() -> dict[str, Any]:
    """``model_info`` of Gemma 2: 256,000 tokens of SentencePiece."""
    pieces = [*_pieces((testdata() / "gemma2" / "tokenizer.model").read_bytes())]
    texts, scores, kinds = zip(*pieces, strict=True)
    return {
        "tokenizer.ggml.model": "llama",
        "tokenizer.ggml.pre": "default",
        "tokenizer.ggml.tokens": [*texts],
        "tokenizer.ggml.scores": [*scores],
        "tokenizer.ggml.token_type": [*kinds],
    }


def vocabulary(info: dict[str, Any]) -> Vocabulary:
    found = read_vocabulary({"model_info": info})
    assert found is not None
    return found


def _pieces(model: bytes) -> Iterator[tuple[str, float, int]]:
    """Text, score and kind of every piece of a SentencePiece model, which is a message of protocol buffers."""
    for field, piece in _fields(model):
        if field == 1 and isinstance(piece, bytes):
            found = dict(_fields(piece))
            text, score = found.get(1, b""), found.get(2, b"\0\0\0\0")
            assert isinstance(text, bytes)
            assert isinstance(score, bytes)
            kind = found.get(3, 1)
            assert isinstance(kind, int)
            yield text.decode(), struct.unpack("<f", score)[0], kind


def _fields(message: bytes) -> Iterator[tuple[int, bytes | int]]:
    at = 0
    while at < len(message):
        tag, at = _number(message, at)
        kind = tag & 7
        if kind == 0:
            value, at = _number(message, at)
            yield tag >> 3, value
            continue
        size = {1: 8, 5: 4}.get(kind)
        if size is None:
            size, at = _number(message, at)
        yield tag >> 3, message[at : at + size]
        at += size


def _number(message: bytes, at: int) -> tuple[int, int]:
    value = shift = 0
    while True:
        byte = message[at]
        at += 1
        value |= (byte & 127) << shift
        shift += 7
        if byte < 128:
            return value, at
