"""Tokens are counted as a real Ollama counts them, with two real vocabularies fetched from it."""

import random
from collections.abc import Callable
from pathlib import Path
from typing import Any

import gguf
import numpy as np
import pytest

from service.record.vocabulary import read_vocabulary
from tests.servers.ollama import Ollama
from tests.simulation.sentences import SENTENCES
from tests.simulation.vocabularies import gemma2, llama3
from tests.simulation.week import text

WIDTH, HEADS = 16, 2
ODD = " aA1\n\t.,'’\"é中あ한😀_-{}[]()$€\r\u3000ßİΣж१<|eot_id|>"


def is_plain(token: str) -> bool:
    """Only letters of ASCII. Others may be half a character, at which newer versions of Ollama break off."""
    return token.isascii() and token.isalpha()


def write_model(path: Path, info: dict[str, Any], says: Callable[[str], bool] = is_plain) -> None:
    """One layer of random weights with the vocabulary of ``info``: counts right, answers only what it ``says``."""
    tokens, chance = info["tokenizer.ggml.tokens"], np.random.default_rng(1)
    model = gguf.GGUFWriter(path, "llama")
    model.add_context_length(8192)
    model.add_embedding_length(WIDTH)
    model.add_block_count(1)
    model.add_feed_forward_length(2 * WIDTH)
    model.add_head_count(HEADS)
    model.add_head_count_kv(HEADS)
    model.add_layer_norm_rms_eps(1e-5)
    model.add_rope_dimension_count(WIDTH // HEADS)
    model.add_file_type(gguf.LlamaFileType.ALL_F32)
    model.add_vocab_size(len(tokens))
    model.add_tokenizer_model(info["tokenizer.ggml.model"])
    model.add_tokenizer_pre(info["tokenizer.ggml.pre"])
    model.add_token_list(tokens)
    model.add_token_types(info["tokenizer.ggml.token_type"])
    if merges := info.get("tokenizer.ggml.merges"):
        model.add_token_merges(merges)
        model.add_bos_token_id(tokens.index("<|begin_of_text|>"))
    else:
        model.add_token_scores(info["tokenizer.ggml.scores"])
        model.add_bos_token_id(tokens.index("<bos>"))
        model.add_add_space_prefix(False)
    model.add_eos_token_id(1)

    def weights(name: str, *shape: int) -> None:
        model.add_tensor(name, (chance.standard_normal(shape) * 0.1).astype(np.float32))

    # The same of all, so that after any token those are likeliest that are said.
    model.add_tensor("token_embd.weight", np.ones((len(tokens), WIDTH), np.float32))
    output = np.array([says(token) for token in tokens], np.float32).reshape(-1, 1) * np.ones(WIDTH, np.float32)
    model.add_tensor("output.weight", output)
    for name in ("output_norm", "blk.0.attn_norm", "blk.0.ffn_norm"):
        model.add_tensor(f"{name}.weight", np.ones(WIDTH, np.float32))
    for part in ("attn_q", "attn_k", "attn_v", "attn_output"):
        weights(f"blk.0.{part}.weight", WIDTH, WIDTH)
    for part, shape in (("gate", (2 * WIDTH, WIDTH)), ("up", (2 * WIDTH, WIDTH)), ("down", (WIDTH, 2 * WIDTH))):
        weights(f"blk.0.ffn_{part}.weight", *shape)
    model.write_header_to_file()
    model.write_kv_data_to_file()
    model.write_tensors_to_file()
    model.close()


def texts() -> list[str]:
    """Nine languages, code, JSON, and characters at random."""
    chance = random.Random(5)
    found = [text(language, chance, 100, 2000) for language in (*SENTENCES, "code", "JSON") for _ in range(4)]
    return found + ["".join(chance.choices(ODD, k=chance.randrange(1, 200))) for _ in range(30)]


@pytest.mark.long
@pytest.mark.parametrize("make", [llama3, gemma2])
def test_every_text_has_as_many_tokens_as_ollama_counts(make: Any, ollama: Ollama, tmp_path: Path) -> None:
    write_model(tmp_path / "model.gguf", make())
    name = make.__name__
    ollama.create(name, tmp_path / "model.gguf", template="{{ .Prompt }}")
    try:
        vocabulary = read_vocabulary(ollama.ask("/api/show", {"model": name, "verbose": True}))
        assert vocabulary is not None
        options = {"num_predict": 1, "num_ctx": 8192}
        for one in filter(str.strip, texts()):
            asked = {"model": name, "prompt": one, "raw": True, "stream": False, "options": options}
            counted = ollama.ask("/api/generate", asked)["prompt_eval_count"]
            # One is for the beginning.
            assert vocabulary.count(one) == counted - 1, one
    finally:
        ollama.remove(name)
