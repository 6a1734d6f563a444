"""Write a complete 80K-parameter BERT model of random weights as a GGUF file (about 330 kB).

Every version of a real Ollama makes vectors of it in milliseconds, and does nothing else with it.

    python tiny_embedding_model.py tiny-embedding.gguf
"""

import sys

import gguf
import numpy as np

from tests.servers.tiny_model import LETTERS, WORDS

EMBEDDING, BLOCKS, HEADS, FEED_FORWARD, CONTEXT = 64, 1, 4, 128, 512
SPECIAL = ("[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]")
PAD, UNKNOWN, BEGIN, END, MASK = range(len(SPECIAL))
KINDS_OF_TOKENS = 2
MEAN = 1  # of all tokens: how one vector is made of theirs


def vocabulary() -> tuple[list[str], list[gguf.TokenType]]:
    """Tokens and types. ``▁`` stands before what a word can begin with; the others go on with one."""
    letters = sorted({letter.lower() for letter in LETTERS} - {"▁", "\n"})
    words = dict.fromkeys(["▁" + text for text in (*WORDS, *letters)] + letters)
    tokens = [*SPECIAL, *words]
    return tokens, [gguf.TokenType.CONTROL] * len(SPECIAL) + [gguf.TokenType.NORMAL] * len(words)


def write(path: str, seed: int = 7) -> None:
    random = np.random.default_rng(seed)
    tokens, types = vocabulary()
    model = gguf.GGUFWriter(path, "bert")
    model.add_name("tiny-embedding")
    model.add_context_length(CONTEXT)
    model.add_embedding_length(EMBEDDING)
    model.add_block_count(BLOCKS)
    model.add_feed_forward_length(FEED_FORWARD)
    model.add_head_count(HEADS)
    model.add_layer_norm_eps(1e-12)
    model.add_causal_attention(False)
    model.add_pooling_type(gguf.PoolingType(MEAN))
    model.add_file_type(gguf.LlamaFileType.ALL_F32)
    model.add_vocab_size(len(tokens))
    model.add_token_type_count(KINDS_OF_TOKENS)
    model.add_tokenizer_model("bert")
    model.add_token_list(tokens)
    model.add_token_types(types)
    model.add_bos_token_id(BEGIN)
    model.add_eos_token_id(END)
    model.add_unk_token_id(UNKNOWN)
    model.add_sep_token_id(END)
    model.add_pad_token_id(PAD)
    model.add_mask_token_id(MASK)

    def weights(name: str, *shape: int) -> None:
        model.add_tensor(name + ".weight", (random.standard_normal(shape) * 0.1).astype(np.float32))

    def layer(name: str, rows: int, columns: int) -> None:
        weights(name, rows, columns)
        model.add_tensor(name + ".bias", np.zeros(rows, np.float32))

    def norm(name: str) -> None:
        model.add_tensor(name + ".weight", np.ones(EMBEDDING, np.float32))
        model.add_tensor(name + ".bias", np.zeros(EMBEDDING, np.float32))

    weights("token_embd", len(tokens), EMBEDDING)
    weights("token_types", KINDS_OF_TOKENS, EMBEDDING)
    weights("position_embd", CONTEXT, EMBEDDING)
    norm("token_embd_norm")
    for block in range(BLOCKS):
        prefix = f"blk.{block}."
        for part in ("attn_q", "attn_k", "attn_v", "attn_output"):
            layer(prefix + part, EMBEDDING, EMBEDDING)
        norm(prefix + "attn_output_norm")
        layer(prefix + "ffn_up", FEED_FORWARD, EMBEDDING)
        layer(prefix + "ffn_down", EMBEDDING, FEED_FORWARD)
        norm(prefix + "layer_output_norm")
    model.write_header_to_file()
    model.write_kv_data_to_file()
    model.write_tensors_to_file()
    model.close()


if __name__ == "__main__":
    write(sys.argv[1])
