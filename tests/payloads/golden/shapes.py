"""Random checkpoints of odd shapes, with their tokenizers; the same bytes on every machine."""

from __future__ import annotations

import random
import struct
from array import array
from pathlib import Path

#: dim, hidden, layers, heads, kv heads, vocabulary (negative: a classifier of its own), context
SHAPES = {
    "own-classifier": (24, 50, 2, 3, 3, -301, 40),
    "one-kv-head": (32, 37, 3, 4, 1, 290, 33),
    "one-head": (6, 5, 1, 1, 1, -273, 64),
    "wide-heads": (96, 101, 2, 2, 2, 333, 30),
    "odd-everything": (70, 91, 2, 7, 7, -1021, 25),
    "many-layers": (16, 24, 9, 8, 2, 280, 50),
    "wide-hidden": (12, 2100, 2, 3, 3, 300, 40),
}


def write_shape(name: str, folder: Path) -> tuple[Path, Path]:
    """Writes model and tokenizer of the shape `name` into `folder` and returns their paths."""
    dim, hidden, layers, heads, kv_heads, vocab, context = SHAPES[name]
    rng = random.Random(name)
    size = dim // heads
    table = abs(vocab) * dim
    matrices = 2 * dim * dim + 2 * dim * size * kv_heads + 3 * dim * hidden

    def weights(count: int, spread: float, middle: float = 0.0) -> bytes:
        return array("f", (middle + spread * (rng.random() - 0.5) for _ in range(count))).tobytes()

    norms = weights(layers * dim, 0.5, 1.0)
    per_layer = (dim * dim, dim * size * kv_heads, dim * size * kv_heads, dim * dim)
    body = [weights(table, 4.0), norms]
    body += [weights(layers * n, 0.8) for n in per_layer]
    body += [norms, *(weights(layers * dim * hidden, 0.8) for _ in range(3))]
    body += [weights(dim, 0.5, 1.0), bytes(4 * (context * size // 2) * 2)]
    if vocab < 0:
        body.append(weights(table, 1.5))
    assert matrices == sum(per_layer) + 3 * dim * hidden
    model = folder / f"{name}.bin"
    header = struct.pack("<7i", dim, hidden, layers, heads, kv_heads, vocab, context)
    model.write_bytes(header + b"".join(body))
    tokenizer = folder / f"{name}.tok"
    tokenizer.write_bytes(tokens(abs(vocab)))
    return model, tokenizer


def tokens(vocab: int) -> bytes:
    """A tokenizer: three special tokens, the bytes, and pieces of a and b, some of them twice."""
    pieces = [b"<unk>", b"\n<s>\n", b"\n</s>\n", *(b"<0x%02X>" % n for n in range(256)), b" "]
    rng = random.Random(vocab)
    while len(pieces) < vocab:
        pieces.append(bytes(rng.choice(b"ab ") for _ in range(rng.randint(1, 5))))
    records = (struct.pack("<fi", rng.random() - n, len(p)) + p for n, p in enumerate(pieces))
    return struct.pack("<i", max(map(len, pieces))) + b"".join(records)
