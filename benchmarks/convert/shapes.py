"""A GGUF file of a public shape with random weights: no file has to be fetched for it."""

from __future__ import annotations

from itertools import product
from pathlib import Path

import gguf
import numpy as np

LAYERS, DIM, HIDDEN, HEADS, KV_HEADS, VOCABULARY = 16, 2048, 8192, 32, 8, 128_256
"""Llama 3.2's with 1,235,814,400 parameters; embeddings and classifier are one matrix."""
_KIND, _TABLE = gguf.GGMLQuantizationType.Q4_0, gguf.GGMLQuantizationType.Q6_K
_BLOCK = {_KIND: (32, 18), _TABLE: (256, 210)}
_SCALE_AT = {_KIND: 0, _TABLE: 208}
_TEMPLATE = (
    "{{ bos_token }}{% for message in messages %}<|start_header_id|>{{ message['role'] }}"
    "<|end_header_id|>\n\n{{ message['content'] }}<|eot_id|>{% endfor %}"
    "<|start_header_id|>assistant<|end_header_id|>\n\n"
)
_SPECIALS = ("<|begin_of_text|>", "<|eot_id|>", "<|start_header_id|>", "<|end_header_id|>")


def _shapes() -> dict[str, tuple[int, int]]:
    """Rows and columns of each matrix."""
    keys = DIM // HEADS * KV_HEADS
    layer = {
        "attn_q": (DIM, DIM), "attn_k": (keys, DIM), "attn_v": (keys, DIM),
        "attn_output": (DIM, DIM), "ffn_gate": (HIDDEN, DIM), "ffn_up": (HIDDEN, DIM),
        "ffn_down": (DIM, HIDDEN),
    }  # fmt: skip
    found = {"token_embd.weight": (VOCABULARY, DIM)}
    for number in range(LAYERS):
        found |= {f"blk.{number}.{name}.weight": shape for name, shape in layer.items()}
    return found


def _random(rows: int, columns: int, kind: gguf.GGMLQuantizationType, seed: int) -> np.ndarray:
    """Blocks of a type: random picks, scales between 0.001 and 0.002."""
    numbers, size = _BLOCK[kind]
    chance = np.random.default_rng(seed)
    data = chance.integers(0, 256, (rows * columns // numbers, size), np.uint8)
    scale = chance.uniform(0.001, 0.002, len(data)).astype(np.float16)
    data[:, _SCALE_AT[kind] : _SCALE_AT[kind] + 2] = scale.view(np.uint8).reshape(-1, 2)
    return data.reshape(rows, -1)


def _tokens() -> tuple[list[str], list[str]]:
    """Letters, pairs and threes of them, and how they are merged."""
    plain = [*range(0x21, 0x7F), *range(0xA1, 0xAD), *range(0xAE, 0x100)]
    others = [byte for byte in range(256) if byte not in plain]
    letters = [*map(chr, plain), *(chr(256 + number) for number in range(len(others)))]
    tokens, merges = list(letters), []
    for left, right in product(letters, letters):
        tokens.append(left + right)
        merges.append(f"{left} {right}")
    for left, right in product(tokens[256 : 256 + 65536], letters):
        if len(tokens) == VOCABULARY - len(_SPECIALS):
            break
        tokens.append(left + right)
        merges.append(f"{left} {right}")
    return [*tokens, *_SPECIALS], merges


def write(path: Path) -> None:
    """Write the model, a tensor at a time."""
    writer = gguf.GGUFWriter(path, "llama")
    writer.add_name("random-1b")
    writer.add_context_length(2048)
    writer.add_embedding_length(DIM)
    writer.add_block_count(LAYERS)
    writer.add_feed_forward_length(HIDDEN)
    writer.add_head_count(HEADS)
    writer.add_head_count_kv(KV_HEADS)
    writer.add_layer_norm_rms_eps(1e-5)
    writer.add_rope_freq_base(500_000.0)
    tokens, merges = _tokens()
    writer.add_tokenizer_model("gpt2")
    writer.add_tokenizer_pre("llama-bpe")
    writer.add_token_list(tokens)
    writer.add_token_types([1] * (VOCABULARY - len(_SPECIALS)) + [3] * len(_SPECIALS))
    writer.add_token_merges(merges)
    writer.add_bos_token_id(VOCABULARY - 4)
    writer.add_eos_token_id(VOCABULARY - 3)
    writer.add_chat_template(_TEMPLATE)
    vectors = ["output_norm.weight"]
    for number in range(LAYERS):
        vectors += [f"blk.{number}.attn_norm.weight", f"blk.{number}.ffn_norm.weight"]
    matrices = _shapes()
    for name, (rows, columns) in matrices.items():
        kind = _TABLE if name.startswith("token") else _KIND
        numbers, size = _BLOCK[kind]
        writer.add_tensor_info(
            name, (rows, columns // numbers * size), np.dtype(np.uint8),
            rows * columns // numbers * size, raw_dtype=kind,
        )  # fmt: skip
    for name in vectors:
        writer.add_tensor_info(name, (DIM,), np.dtype(np.float32), 4 * DIM)
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_ti_data_to_file()
    for seed, (name, (rows, columns)) in enumerate(matrices.items()):
        kind = _TABLE if name.startswith("token") else _KIND
        writer.write_tensor_data(_random(rows, columns, kind, seed))
    for _name in vectors:
        writer.write_tensor_data(np.ones(DIM, np.float32))
    writer.close()
