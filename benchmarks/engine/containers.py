"""Containers of a given shape with random weights: for counting instructions, not for reading."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from tests.payloads import l98

SMOLLM2_135M = l98.Shape(576, 1536, 30, 9, 3, 64, 49152, 512, theta=100000.0)
STORIES_15M = l98.Shape(288, 768, 6, 6, 6, 48, 32000, 256)
#: Its classifier is int4 as well: what that would cost. No conversion makes one: it loses too much.
STORIES_15M_UNTIED = l98.Shape(288, 768, 6, 6, 6, 48, 32000, 256, 0)
CAMPFIRE_158 = l98.Shape(128, 352, 6, 4, 2, 32, 512, 512, l98.TIED | l98.SUB_NORMS)
#: Seven matrices of 2048 x 2048 and next to nothing else.
KERNEL = l98.Shape(2048, 2048, 1, 16, 16, 128, 16, 64)


def body(rng: np.random.Generator, rows: int, cols: int, kind: int) -> bytes:
    """A matrix that nobody has quantised."""
    padded = l98.up(rows, 4)
    scales = np.full(padded, 0.02, "<f4")
    match kind:
        case l98.INT8:
            rest = rng.bytes(padded * l98.up(cols, 16))
            scales /= 73
        case l98.INT4:
            groups = padded // 4 * (l98.up(cols, 32) // 32)
            words = np.frombuffer(rng.bytes(groups * 80), "<i2").reshape(groups, 40).copy()
            words[:, 32:] = rng.integers(8000, 20000, (groups, 8))
            words[:, 33::2] >>= 6
            rest = words.tobytes()
            scales /= 73000
        case l98.TERNARY:
            size = padded * (l98.up(cols, 20) // 5)
            rest = rng.integers(0, 243, size, dtype=np.uint8).tobytes()
        case _:
            groups = cols // 128
            halves = np.frombuffer(rng.bytes(groups * padded * 20), np.uint8).copy()
            halves = halves.reshape(groups, padded * 20)
            second = halves[:, padded * 8 :].reshape(groups, padded, 12)
            second[:, :, :4] = np.frombuffer(np.array(0.02, "<f4").tobytes(), np.uint8)
            rest = halves.tobytes()
    return l98.pad(scales.tobytes() + rest, 16)


def write(path: Path, shape: l98.Shape, kind: int) -> None:
    """Writes it; its layers hold `kind`, and so does its own classifier; a tied one is int8."""
    rng = np.random.default_rng(98)
    texts = [b" w%d" % i for i in range(shape.vocab)]
    types = [4, *[1] * (shape.vocab - 1)]  # the first is found as it is: it begins the text
    tokenizer = l98.tokenizer(2, texts, types, scores=[-float(i) for i in range(shape.vocab)])
    half = shape.head_size // 2
    frequencies = shape.theta ** (-np.arange(half) / half)
    norm = l98.vector(np.ones(shape.dim))
    sections = [
        (1, 0, tokenizer, b""),
        (3, 0, l98.vector(frequencies), b""),
        (16, 0, norm, b""),
        (17, 0, body(rng, shape.vocab, shape.dim, l98.INT8), b"\1"),
    ]
    if not shape.flags & l98.TIED:
        sections.append((18, 0, body(rng, shape.vocab, shape.dim, kind), bytes([kind])))
    for i in range(shape.layers):
        k, v, q, o, gate, up, down = (body(rng, *shape.rows(n), kind) for n in l98.MATRICES)
        sub = shape.flags & l98.SUB_NORMS
        wide, hidden = (l98.vector(np.ones(n)) if sub else b"" for n in (shape.dim, shape.hidden))
        stream = norm + k + v + q + wide + o + norm + gate + up + hidden + down
        sections.append((32, i, stream, bytes([kind] * 7)))
    model = l98.Model(shape, {}, frequencies, tokenizer)
    l98.assemble(model, path, sections, bytes(16), 512 << 20)
