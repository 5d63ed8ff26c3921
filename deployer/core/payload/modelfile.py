"""Headers of model files: llama2.c's legacy fp32 checkpoint and its tokenizer.

A checkpoint begins with seven little-endian int32: dim, hidden dim, layers, heads, key/value
heads, vocabulary size (negative: the classifier has weights of its own), longest sequence. The
file's length follows from them, which makes the recognition safe.
"""

from __future__ import annotations

import struct
from dataclasses import dataclass
from enum import StrEnum

HEADER = struct.Struct("<7i")


@dataclass(frozen=True, slots=True)
class Checkpoint:
    """The shape of a llama2.c model."""

    dim: int
    hidden_dim: int
    layers: int
    heads: int
    kv_heads: int
    vocabulary: int
    longest: int
    shared_classifier: bool

    @property
    def head_size(self) -> int:
        """Numbers per head."""
        return self.dim // self.heads

    @property
    def weights(self) -> int:
        """Number of floats in the file after the header, the old RoPE tables included."""
        kv_dim = self.head_size * self.kv_heads
        per_layer = (
            2 * self.dim  # the two norms
            + 2 * self.dim * self.dim  # query and output
            + 2 * self.dim * kv_dim
            + 3 * self.dim * self.hidden_dim
        )
        rope = self.longest * self.head_size  # real and imaginary halves
        tables = self.vocabulary * self.dim * (1 if self.shared_classifier else 2)
        return self.layers * per_layer + self.dim + rope + tables

    @property
    def parameters(self) -> int:
        """What people call the size of the model: the weights less the RoPE tables."""
        return self.weights - self.longest * self.head_size

    @property
    def file_length(self) -> int:
        """Bytes."""
        return HEADER.size + 4 * self.weights

    @property
    def memory_needed(self) -> int:
        """Bytes that the engine needs in int8: weights, scales, and the key/value cache."""
        cache = 2 * self.layers * self.longest * self.head_size * self.kv_heads * 4
        return self.parameters * 5 // 4 + cache + (1 << 20)


def read_header(head: bytes) -> Checkpoint | None:
    """The shape that a file's first 28 bytes describe, or None when they make no sense."""
    if len(head) < HEADER.size:
        return None
    dim, hidden, layers, heads, kv_heads, vocabulary, longest = HEADER.unpack(head[: HEADER.size])
    numbers = (dim, hidden, layers, heads, kv_heads, abs(vocabulary), longest)
    if any(not 0 < number < 1 << 24 for number in numbers):
        return None
    if dim % heads or heads % kv_heads or (dim // heads) % 2:
        return None
    return Checkpoint(
        dim, hidden, layers, heads, kv_heads, abs(vocabulary), longest, vocabulary > 0
    )


def recognise(head: bytes, length: int) -> Checkpoint | None:
    """The model that a file of that length and beginning is, or None for any other file."""
    shape = read_header(head)
    return shape if shape is not None and shape.file_length == length else None


_MAGIC = 0x616B3432
_EXPORT = struct.Struct("<Ii7i")


def export_version(head: bytes) -> int | None:
    """Which of llama2.c's newer exports begins so, 1 (fp32) or 2 (int8); None: neither.

    They begin with the magic number 0x616b3432 and their version (llama2.c, export.py), and no
    legacy checkpoint can: its first number would be a dimension of 1.6 thousand million.
    """
    if len(head) < 8:
        return None
    magic, version = struct.unpack_from("<Ii", head)
    return version if magic == _MAGIC else None


def looks_cut(head: bytes, length: int) -> Checkpoint | None:
    """The model that the file would be if it were whole: plausible header, but too short."""
    shape = read_header(head)
    if shape is None or not shape.file_length > length:
        return None
    plausible = shape.dim >= 8 and shape.layers <= 200 and shape.heads <= 256
    return shape if plausible and shape.vocabulary >= 256 and shape.file_length < 1 << 36 else None


class TokenizerForm(StrEnum):
    """Which of the three forms that llama2.c's tokenizer files had over time."""

    PRESENT = "present"
    """The longest token's length (int32), then for each token a float score, length and bytes."""
    WITHOUT_LONGEST = "without the longest length"
    """The same without the first number."""
    WITHOUT_SCORES = "without scores"
    """Only length and bytes of each token: the form of July 2023."""


@dataclass(frozen=True, slots=True)
class TokenizerFile:
    """What a tokenizer file holds: how many tokens, in which form."""

    tokens: int
    form: TokenizerForm


def read_tokenizer(data: bytes) -> TokenizerFile | None:
    """What a llama2.c tokenizer file holds, or None when it is not one in any form."""
    longest = struct.unpack_from("<i", data)[0] if len(data) >= 4 else 0
    for form, start, before, most, least in (
        (TokenizerForm.PRESENT, 4, 4, longest, 1),
        (TokenizerForm.WITHOUT_LONGEST, 0, 4, _MOST_TOKEN, _LEAST_TOKENS),
        (TokenizerForm.WITHOUT_SCORES, 0, 0, _MOST_TOKEN, _LEAST_TOKENS),
    ):
        tokens = _count_tokens(data, start, before, most)
        if tokens is not None and tokens >= least:
            return TokenizerFile(tokens, form)
    return None


_MOST_TOKEN = 1024
"""Bytes of a token, where the file does not say."""
_LEAST_TOKENS = 257
"""A tokenizer has a token for every byte. Nothing else shows that a file is of an older form."""


def _count_tokens(data: bytes, offset: int, before: int, most: int) -> int | None:
    """How many tokens follow each other from `offset` to the end; None when something else does.

    `before` bytes stand before the length of each; none is longer than `most` bytes, and not all
    are empty.
    """
    count = length = 0
    while offset + before + 4 <= len(data):
        (size,) = struct.unpack_from("<i", data, offset + before)
        if not 0 <= size <= max(most, 0):
            return None
        offset += before + 4 + size
        length += size
        count += 1
    return count if length and offset == len(data) else None


def tokenizer_names(model_name: str, vocabulary: int) -> tuple[str, ...]:
    """File names under which the tokenizer of a model is usually found, best first."""
    stem = model_name.rsplit(".", 1)[0]
    family = stem.rstrip("0123456789KMBkmb") or stem
    names = [f"{stem}.tok.bin", f"{stem}_tok.bin", f"{family}.tok.bin", f"tok{vocabulary}.bin"]
    return tuple(dict.fromkeys([*names, "tokenizer.bin"]))
