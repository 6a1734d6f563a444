"""Write a complete 146K-parameter llama model of random weights as a GGUF file (about 600 kB).

A real Ollama loads it and generates nonsense with it in milliseconds, on a CPU, so everything
about the wire (streams, token counts, load and evaluation times, truncation) is real.

    python tiny_model.py tiny.gguf
"""

import sys

import gguf
import numpy as np

EMBEDDING, BLOCKS, HEADS, FEED_FORWARD, CONTEXT = 64, 2, 4, 128, 2048
WORDS = (
    "the of and to in a is that for it as was with be by on not he his but at are this have from or had an they "
    "which one you were all her she there would their we him been has when who will no more if out so up said what "
    "its about than into them can only other time new some could these two may first then do any like my now over "
    "such our man me even most made after also did many off before must well back through years much where your way"
).split()
SPECIAL = 3  # <unk>, <s>, </s>
BYTES = 256
LETTERS = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789.,!?:;'\"()-{}[]\n▁"


def vocabulary() -> tuple[list[bytes], list[float], list[gguf.TokenType]]:
    """Tokens, scores and types: three special tokens, every byte, some words, some letters."""
    tokens: list[bytes] = [b"<unk>", b"<s>", b"</s>"]
    types = [gguf.TokenType.UNKNOWN, gguf.TokenType.CONTROL, gguf.TokenType.CONTROL]
    scores = [0.0] * 3
    for byte in range(BYTES):
        tokens.append(f"<0x{byte:02X}>".encode())
        types.append(gguf.TokenType.BYTE)
        scores.append(0.0)
    for rank, word in enumerate(WORDS):
        tokens.append(("▁" + word).encode())
        types.append(gguf.TokenType.NORMAL)
        scores.append(-float(rank + 1))
    for letter in LETTERS:
        tokens.append(letter.encode())
        types.append(gguf.TokenType.NORMAL)
        scores.append(-1000.0)
    return tokens, scores, types


def write(path: str, seed: int = 7) -> None:
    random = np.random.default_rng(seed)
    tokens, scores, types = vocabulary()
    model = gguf.GGUFWriter(path, "llama")
    model.add_name("tiny")
    model.add_context_length(CONTEXT)
    model.add_embedding_length(EMBEDDING)
    model.add_block_count(BLOCKS)
    model.add_feed_forward_length(FEED_FORWARD)
    model.add_head_count(HEADS)
    model.add_head_count_kv(HEADS)
    model.add_layer_norm_rms_eps(1e-5)
    model.add_rope_dimension_count(EMBEDDING // HEADS)
    model.add_file_type(gguf.LlamaFileType.ALL_F32)
    model.add_vocab_size(len(tokens))
    model.add_tokenizer_model("llama")
    model.add_token_list(tokens)
    model.add_token_scores(scores)
    model.add_token_types(types)
    model.add_bos_token_id(1)
    model.add_eos_token_id(2)
    model.add_unk_token_id(0)

    def weights(name: str, *shape: int, scale: float, silent: int = 0) -> None:
        values = (random.standard_normal(shape) * scale).astype(np.float32)
        # The first ``silent`` rows are zero: such tokens are never among the 40 likeliest that Ollama chooses from.
        values[:silent] = 0
        model.add_tensor(name, values)

    def ones(name: str) -> None:
        model.add_tensor(name, np.ones(EMBEDDING, np.float32))

    weights("token_embd.weight", len(tokens), EMBEDDING, scale=0.3)
    # So that no answer ends by chance, and none has a byte that is no UTF-8: newer versions of Ollama break off there.
    weights("output.weight", len(tokens), EMBEDDING, scale=0.3, silent=SPECIAL + BYTES)
    ones("output_norm.weight")
    for block in range(BLOCKS):
        prefix = f"blk.{block}."
        ones(prefix + "attn_norm.weight")
        ones(prefix + "ffn_norm.weight")
        for part in ("attn_q", "attn_k", "attn_v", "attn_output"):
            weights(f"{prefix}{part}.weight", EMBEDDING, EMBEDDING, scale=0.1)
        weights(prefix + "ffn_gate.weight", FEED_FORWARD, EMBEDDING, scale=0.1)
        weights(prefix + "ffn_up.weight", FEED_FORWARD, EMBEDDING, scale=0.1)
        weights(prefix + "ffn_down.weight", EMBEDDING, FEED_FORWARD, scale=0.1)
    model.write_header_to_file()
    model.write_kv_data_to_file()
    model.write_tensors_to_file()
    model.close()


if __name__ == "__main__":
    write(sys.argv[1])
