"""Containers of a given shape with random weights: for counting instructions, not for reading."""

from __future__ import annotations

import struct
import zlib
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np

from tests.payloads import l98

SMOLLM2_135M = l98.Shape(576, 1536, 30, 9, 3, 64, 49152, 512, theta=100000.0)
STORIES_15M = l98.Shape(288, 768, 6, 6, 6, 48, 32000, 256)
#: Its classifier is int4 as well: what that would cost. No conversion makes one: it loses too much.
STORIES_15M_UNTIED = l98.Shape(288, 768, 6, 6, 6, 48, 32000, 256, 0)
CAMPFIRE_158 = l98.Shape(128, 352, 6, 4, 2, 32, 512, 512, l98.TIED | l98.SUB_NORMS)
#: Shapes whose files are larger than the memory of an old PC.
LLAMA_1B = l98.Shape(2048, 8192, 16, 32, 8, 64, 128256, 8192, theta=500000.0)
QWEN3_1_7B = l98.Shape(2048, 6144, 28, 16, 8, 128, 151936, 8192, 0, theta=1000000.0)
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
            units = np.full(l98.up(padded, 64) // 64, 0.02 / 73000 / 20000, "<f4").tobytes()
            factors = rng.integers(15000, 25000, padded, dtype="<i2").tobytes()
            return l98.pad(l98.pad(units + factors, 16) + words.tobytes(), 16)
        case l98.GROUPS:
            count = padded * (l98.up(cols, 32) // 32)
            steps = rng.integers(128, 256, count, dtype=np.uint8).tobytes()
            scales /= 73 * 190
            return l98.pad(scales.tobytes() + steps, 16) + rng.bytes(32 * count)
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


def table_of(shape: l98.Shape) -> int:
    """How the embeddings are written, as the converter decides it."""
    return l98.GROUPS if shape.flags & l98.TIED and shape.dim >= 512 else l98.INT8


def write(path: Path, shape: l98.Shape, kind: int) -> None:
    """Writes it; its layers hold `kind`, and so does its own classifier; a tied one 8 bits."""
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
        (17, 0, body(rng, shape.vocab, shape.dim, table_of(shape)), bytes([table_of(shape)])),
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


# ---- larger than a PC's memory ----

VOLUME = 512 << 20
Pieces = Callable[[], Iterator[bytes]]


def _table(shape: l98.Shape) -> Iterator[bytes]:
    """The token embeddings in pieces: what is before their rows, then 4,096 rows over and over."""
    kind = table_of(shape)
    some = body(np.random.default_rng(98), 4096, shape.dim, kind)
    rows = l98.up(shape.vocab, 4)
    yield some[:4] * rows
    before = 4 * 4096
    if kind == l98.GROUPS:
        steps = some[before:][: 4096 * shape.dim // 32]
        yield (steps * -(-rows // 4096))[: rows * shape.dim // 32]
        before += len(steps)
    for at in range(0, rows, 4096):
        yield some[before:][: min(4096, rows - at) * shape.dim]


def _check(pieces: Iterator[bytes]) -> tuple[int, int]:
    """The check of a section of weights, and its size."""
    a, b, size = np.zeros(2, np.uint64), np.zeros(2, np.uint64), 0
    low = np.uint64(0xFFFFFFFF)
    for piece in pieces:
        for at in range(0, len(piece), 1 << 22):
            words = np.frombuffer(piece[at : at + (1 << 22)], "<u4").reshape(-1, 2)
            words = words.astype(np.uint64)
            order = np.arange(len(words), 0, -1, dtype=np.uint64)[:, None]
            b = (b + np.uint64(len(words)) * a + (words * order).sum(axis=0, dtype=np.uint64)) & low
            a = (a + words.sum(axis=0, dtype=np.uint64)) & low
        size += len(piece)
    return zlib.crc32(struct.pack("<4I", *(int(x) for x in (*a, *b)))), size


def write_large(first: Path, shape: l98.Shape, kind: int) -> int:
    """Writes it in volumes, piece by piece; returns the bytes of what a token is multiplied by.

    Its layers are alike, so that it is soon made. A classifier of its own holds 1 bit.
    """
    rng = np.random.default_rng(98)
    texts = [b" w%d" % i for i in range(shape.vocab)]
    scores = [-float(i) for i in range(shape.vocab)]
    tokenizer = l98.tokenizer(2, texts, [4, *[1] * (shape.vocab - 1)], scores=scores)
    half = shape.head_size // 2
    frequencies = shape.theta ** (-np.arange(half) / half)
    norm = l98.vector(np.ones(shape.dim))
    k, v, q, o, gate, up, down = (body(rng, *shape.rows(n), kind) for n in l98.MATRICES)
    stream = norm + k + v + q + o + norm + gate + up + down
    tied = shape.flags & l98.TIED
    last = b"" if tied else body(rng, shape.vocab, shape.dim, l98.BIT)

    def layer() -> Iterator[bytes]:
        return iter([stream])

    sections: list[tuple[int, int, bytes, Pieces]] = [
        (1, 0, b"", lambda: iter([tokenizer])),
        (3, 0, b"", lambda: iter([l98.vector(frequencies)])),
        (16, 0, b"", lambda: iter([norm])),
        (17, 0, bytes([table_of(shape)]), lambda: _table(shape)),
        *([] if tied else [(18, 0, bytes([l98.BIT]), lambda: iter([last]))]),
        *((32, i, bytes([kind] * 7), layer) for i in range(shape.layers)),
    ]
    checks = {pieces: _check(pieces()) for _, _, _, pieces in sections}
    volume, at, entries = 1, l98.up(256 + 32 * len(sections), 4096), b""
    places = []
    for section, index, encodings, pieces in sections:
        check, size = checks[pieces]
        if section < 16:
            check = zlib.crc32(b"".join(pieces()))
        if at + size > VOLUME:
            volume, at = volume + 1, 4096
        places.append((volume, at, pieces))
        entries += struct.pack("<HHIIII", section, index, volume, at, size, check)
        entries += encodings.ljust(8, b"\0") + bytes(4)
        at += l98.up(size, 4096)
    model = l98.Model(shape, {}, frequencies, tokenizer)
    for number in range(1, volume + 1):
        with first.with_name(first.name[:-2] + f"{number:02}").open("wb") as file:
            many = l98.head(model, entries, volume, bytes(16))
            file.write(many if number == 1 else l98.part_head(number, volume, bytes(16)))
            for _, begin, pieces in (place for place in places if place[0] == number):
                file.seek(begin)
                file.writelines(pieces())
            file.truncate(l98.up(file.tell(), 4096))
    return sum(
        checks[pieces][1] for section, _, _, pieces in sections if section >= 17 + (not tied)
    )
