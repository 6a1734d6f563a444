"""Bodies that nobody should send, by what is wrong with them: as requests, and as answers of Ollama."""

import gzip
import sys
import zlib

if sys.version_info >= (3, 14):
    from compression import zstd
else:
    from backports import zstd

_FORGED = b'{"time":"2026-01-01T00:00:00Z","exchange":"forged","status":200}'

PLAIN: dict[str, bytes] = {
    "one byte": b"\x00",
    "no JSON": b"<prompt>how are you</prompt>",
    "JSON that was cut": b'{"model":"tiny","prompt":"how are',
    "an array": b'["model","tiny"]',
    "a text": b'"tiny"',
    "a null": b"null",
    "wrong types everywhere": b'{"model":{"a":1},"prompt":[],"messages":"x","options":[1],"stream":"yes","images":7}',
    "wrong types within": b'{"messages":[null,7,"x",{"content":{"a":[]}},{"content":[null,{"type":9}]}]}',
    "one key twice": b'{"model":"tiny","model":"other","stream":true,"stream":false}',
    "keys of the record itself": b'{"time":1,"exchange":"x","__proto__":{"a":1},"job":"evil","":"","service":"evil"}',
    "deep arrays": b'{"model":"tiny","prompt":' + b"[" * 100_000 + b"]" * 100_000 + b"}",
    "deep objects": b'{"a":' * 30_000 + b"1" + b"}" * 30_000,
    "deep and never closed": b"[" * 200_000,
    "an integer of 6,000 digits": b'{"model":"tiny","options":{"num_ctx":' + b"9" * 6_000 + b"}}",
    "numbers beyond all bounds": b'{"model":"tiny","options":{"num_ctx":1e999999,"seed":-1e-999999},"prompt":"x"}',
    "an integer beyond 64 bits": b'{"model":"tiny","options":{"num_ctx":18446744073709551616}}',
    "no numbers at all": b'{"model":"tiny","options":{"temperature":NaN,"top_p":Infinity,"seed":-Infinity}}',
    "lone surrogates": rb'{"model":"ti\ud800ny","prompt":"\udfff and \ud83d","messages":[{"content":"\udc00"}]}',
    "surrogates as bytes": b'{"model":"tiny","prompt":"\xed\xa0\x80"}',
    "no UTF-8": b'{"model":"ti\xff\xfeny","prompt":"\x80\xc0\xaf"}',
    "no UTF-8 at its end": b'{"model":"tiny","prompt":"caf\xc3',
    "UTF-16": '{"model":"tiny","prompt":"é"}'.encode("utf-16"),
    "a byte order mark": b'\xef\xbb\xbf{"model":"tiny","prompt":"x"}',
    "NUL, raw and escaped": b'{"model":"ti\\u0000ny","prompt":"a\x00b\\u0000c"}',
    "ANSI sequences, raw and escaped": b'{"model":"\\u001b[31mtiny","prompt":"\x1b[2J\x1b]0;title\x07\\u001b[0m"}',
    "C1 controls in UTF-8": '{"model":"tiny\u009b31m","prompt":"\u0085\u0090\u007f"}'.encode(),
    "bidirectional overrides": '{"model":"ti\u202eynt","prompt":"\u2066\u2067\u2068\u2069\u202a\u200f\u061c"}'.encode(),
    "separators of lines": '{"model":"tiny","prompt":"a\u2028b\u2029c"}'.encode(),
    "a forged record on its own line": b'{"model":"tiny","prompt":"x"}\r\n' + _FORGED + b"\n",
    "a forged record within": b'{"model":"tiny","prompt":"x\\n' + _FORGED.replace(b'"', b'\\"') + b'\\n"}',
    "noncharacters and private ones": '{"model":"tiny","prompt":"\ufffe\uffff\ue000\U0010ffff"}'.encode(),
    "300 kB of four-byte characters": b'{"model":"tiny","prompt":"' + "😀".encode() * 75_000 + b'"}',
    "300 kB of one escape": b'{"model":"tiny","prompt":"' + b"\\u0000" * 50_000 + b'"}',
    "300 kB of quotes": b'{"model":"tiny","prompt":"' + b'\\"' * 150_000 + b'"}',
    "an endless model name": b'{"model":"' + b"m" * 300_000 + b'"}',
    "binary": bytes(range(256)) * 200,
}

_GOOD = b'{"model":"tiny","messages":[{"role":"user","content":"how are you"}],"prompt":"how are you"}'
_BOMB = zlib.compressobj(9, zlib.DEFLATED, 31)
_THOUSANDFOLD = b"".join([_BOMB.compress(bytes(1 << 20)) for _ in range(64)]) + _BOMB.flush()

# (Content-Encoding, body)
PACKED: dict[str, tuple[str, bytes]] = {
    "gzip": ("gzip", gzip.compress(_GOOD, mtime=0)),
    "gzip in two members": ("gzip", gzip.compress(_GOOD[:20], mtime=0) + gzip.compress(_GOOD[20:], mtime=0)),
    "gzip that was cut": ("gzip", gzip.compress(_GOOD * 50, mtime=0)[:-20]),
    "gzip with a wrong sum": ("gzip", gzip.compress(_GOOD, mtime=0)[:-8] + b"\0" * 8),
    "gzip with a tail": ("gzip", gzip.compress(_GOOD, mtime=0) + b"tail"),
    "gzip that is none": ("gzip", _GOOD),
    "gzip a thousandfold": ("gzip", _THOUSANDFOLD),
    "gzip a thousandfold, twice": ("gzip, gzip", gzip.compress(_THOUSANDFOLD, mtime=0)),
    "zstd": ("zstd", zstd.compress(_GOOD)),
    "zstd that was cut": ("zstd", zstd.compress(_GOOD * 50)[:-10]),
    "zstd that is none": ("zstd", b"\x28\xb5\x2f\xfd" + b"\xff" * 50),
    "zstd a thousandfold": ("zstd", zstd.compress(bytes(64 << 20))),
    "deflate": ("deflate", zlib.compress(_GOOD)),
    "brotli, which nobody here reads": ("br", b"\x0b\x02\x80hello\x03"),
    "an encoding nobody knows": ("x-evil[31m", _GOOD),
    "a hundred encodings": (", ".join(["gzip"] * 100), _GOOD),
    "gzip of no UTF-8": ("gzip", gzip.compress(b"\xff\xfe\x00\x80" * 100, mtime=0)),
}
