"""Model files of a given shape with random weights: for counting instructions, not for reading."""

from __future__ import annotations

import random
import struct
from array import array
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True, slots=True)
class Shape:
    """The seven numbers of a llama2.c header; the classifier is shared."""

    dim: int
    hidden: int
    layers: int
    heads: int
    kv_heads: int
    vocab: int
    context: int

    def floats(self) -> int:
        """How many weights follow the header."""
        kv = self.dim // self.heads * self.kv_heads
        layer = 2 * self.dim + 2 * self.dim * (self.dim + kv) + 3 * self.dim * self.hidden
        rope = 2 * (self.context * (self.dim // self.heads) // 2)
        return self.vocab * self.dim + self.layers * layer + self.dim + rope


#: The shape of stories15M, 60 MB of weights.
STORIES_15M = Shape(288, 768, 6, 6, 6, 32000, 256)


def write_model(path: Path, shape: Shape) -> None:
    """Writes a checkpoint whose weights are one block of 65,521 random numbers over and over.

    A prime number of them, so that no two rows of a matrix are alike.
    """
    rng = random.Random(98)
    block = array("f", (rng.uniform(-0.1, 0.1) for _ in range(65521))).tobytes()
    left = 4 * shape.floats()
    header = (shape.dim, shape.hidden, shape.layers, shape.heads, shape.kv_heads)
    with path.open("wb") as file:
        file.write(struct.pack("<7i", *header, shape.vocab, shape.context))
        while left:
            left -= file.write(block[:left])


def write_tokenizer(path: Path, vocab: int) -> None:
    """Writes a tokenizer of `vocab` tokens: the usual three, the bytes, and made-up words."""
    pieces = [b"<unk>", b"\n<s>\n", b"\n</s>\n", *(b"<0x%02X>" % n for n in range(256)), b" "]
    pieces += [b" w%d" % n for n in range(len(pieces), vocab)]
    records = (struct.pack("<fi", -float(n), len(p)) + p for n, p in enumerate(pieces))
    path.write_bytes(struct.pack("<i", max(map(len, pieces))) + b"".join(records))
