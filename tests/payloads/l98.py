"""Containers for the tests, written by the words of docs/formats.md and by nothing of the product.

`write` makes one of a model's numbers; `random_model` makes such numbers; `graph` says in float64
what a model of these numbers says.
"""

from __future__ import annotations

import hashlib
import struct
import unicodedata
import zlib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

Array = NDArray[Any]
NONE = 0xFFFFFFFF
TIED, BIASES, HEAD_NORMS, SUB_NORMS, RELU_SQUARED = 1, 2, 4, 8, 16
INT8, TERNARY, BIT, GROUPS, INT4 = 1, 3, 4, 6, 7
MATRICES = ("k", "v", "q", "o", "gate", "up", "down")


@dataclass(frozen=True)
class Shape:
    """The numbers of a container's head."""

    dim: int
    hidden: int
    layers: int
    heads: int
    kv_heads: int
    head_size: int
    vocab: int
    context: int = 128
    flags: int = TIED
    eps: float = 1e-5
    attention_scale: float = 0.0
    rope_factor: float = 1.0
    theta: float = 10000.0

    def rows(self, name: str) -> tuple[int, int]:
        """Rows and columns of a matrix of a layer."""
        q, kv = self.heads * self.head_size, self.kv_heads * self.head_size
        return {
            "k": (kv, self.dim), "v": (kv, self.dim), "q": (q, self.dim), "o": (self.dim, q),
            "gate": (self.hidden, self.dim), "up": (self.hidden, self.dim),
            "down": (self.dim, self.hidden),
        }[name]  # fmt: skip


@dataclass
class Model:
    """A shape, its arrays by name (`N.k`, `N.attn_norm`, `table`, `final`, ...), its tokenizer."""

    shape: Shape
    arrays: dict[str, Array]
    frequencies: Array
    tokenizer: bytes
    chat: bytes = b""
    prefix: bytes = b""
    prefix_count: int = 0
    name: str = "test"
    encodings: dict[str, int] = field(default_factory=dict)


# ---- matrices ----


def pad(data: bytes, unit: int) -> bytes:
    return data + bytes(-len(data) % unit)


def up(n: int, unit: int) -> int:
    return -(-n // unit) * unit


def widen(w: Array, columns: int, fill: float = 0) -> Array:
    out = np.full((up(w.shape[0], 4), columns), fill, w.dtype)
    out[: w.shape[0], : w.shape[1]] = w
    return out


def scales(values: Array) -> bytes:
    return widen(values.reshape(-1, 1).astype("<f4"), 1).tobytes()


def int8(w: Array) -> tuple[bytes, Array]:
    """The body with its scales, and the numbers that it stands for."""
    scale = np.abs(w).max(axis=1) / 127
    q = np.rint(w / np.where(scale > 0, scale, 1)[:, None]).astype(np.int64)
    wide = widen(q, up(w.shape[1], 16))
    words = ((256 * wide[0::2] + wide[1::2] + 128) % 65536).astype("<u2")
    return pad(scales(scale) + words.tobytes(), 16), q * scale.astype("f4")[:, None]


def int4(w: Array) -> tuple[bytes, Array]:
    rows, cols = w.shape
    wide = np.zeros((up(rows, 4), up(cols, 32)))
    wide[:rows, :cols] = w
    g = wide.reshape(wide.shape[0], -1, 32)
    low, high = g.min(axis=2), g.max(axis=2)
    d = (high - low) / 15
    middle = (low + 8 * d) / 8
    peak = np.maximum(np.abs(d).max(axis=1), np.abs(middle).max(axis=1)) / 32767
    unit = np.pad(peak, (0, -len(peak) % 64)).reshape(-1, 64).max(axis=1) / 32766
    unit = unit.astype("<f4")
    each = np.repeat(np.where(unit > 0, unit, 1).astype(np.float64), 64)[: len(peak)]
    factor = np.ceil(peak / each)
    row = factor * each
    safe = np.where(row > 0, row, 1).astype(np.float64)
    s = np.rint(d / safe[:, None]).astype(np.int64)
    m = np.rint(middle / safe[:, None]).astype(np.int64)
    real_d = s * safe[:, None]
    real_m = m * safe[:, None]
    q = np.rint((g - 8 * real_m[..., None]) / np.where(real_d > 0, real_d, 1)[..., None]) + 8
    q = np.clip(q, 0, 15).astype(np.int64)
    real = (real_d[..., None] * (q - 8) + 8 * real_m[..., None]).reshape(wide.shape)[:rows, :cols]
    n = q.reshape(-1, 4, q.shape[1], 32)
    words = n[:, 0] | n[:, 1] << 4 | n[:, 2] << 8 | (n[:, 3] ^ 8) << 12
    sm = np.stack([s, m], axis=2).reshape(-1, 4, q.shape[1], 2).transpose(0, 2, 1, 3)
    body = np.concatenate(
        [words.astype("<u2"), sm.reshape(*sm.shape[:2], 8).astype("<i2").view("<u2")], axis=2
    )
    return pad(unit.tobytes() + factor.astype("<i2").tobytes(), 16) + body.tobytes(), real


def ternary(w: Array) -> tuple[bytes, Array]:
    scale = np.abs(w).max(axis=1)
    t = np.rint(w / np.where(scale > 0, scale, 1)[:, None]).astype(np.int64)
    wide = widen(t + 1, up(w.shape[1], 20), 1)
    codes = (wide.reshape(wide.shape[0], -1, 5) @ [1, 3, 9, 27, 81]).astype(np.uint8)
    tiles = [codes[:, i : i + 8].tobytes() for i in range(0, codes.shape[1], 8)]
    return pad(scales(scale) + b"".join(tiles), 16), t * scale.astype("f4")[:, None]


def bit(w: Array) -> tuple[bytes, Array]:
    rows = w.shape[0]
    wide = widen(w, w.shape[1]).reshape(up(rows, 4), -1, 128)
    scale = np.abs(wide).max(axis=2).astype("f4")
    signs = np.packbits(wide > 0, axis=2, bitorder="little")
    out = b""
    for g in range(wide.shape[1]):
        second = [scale[:, g : g + 1].view(np.uint8), signs[:, g, 8:]]
        out += signs[:, g, :8].tobytes() + np.concatenate(second, axis=1).tobytes()
    real = (np.where(wide > 0, 1, -1) * scale[..., None]).reshape(up(rows, 4), -1)[:rows]
    return pad(scales(np.ones(rows)) + out, 16), real


def groups(w: Array) -> tuple[bytes, Array]:
    rows, cols = w.shape
    wide = widen(w, up(cols, 32)).reshape(up(rows, 4), -1, 32)
    step = np.abs(wide).max(axis=2) / 127
    scale = (step.max(axis=1) / 255).astype("<f4")
    safe = np.where(scale > 0, scale, 1).astype(np.float64)[:, None]
    s = np.ceil(step / safe).clip(0, 255).astype(np.uint8)
    real = safe * s
    q = np.rint(wide / np.where(real > 0, real, 1)[..., None]).clip(-127, 127).astype(np.int64)
    flat = q.reshape(up(rows, 4), -1)
    words = ((256 * flat[0::2] + flat[1::2] + 128) % 65536).astype("<u2")
    numbers = (q * real[..., None]).reshape(up(rows, 4), -1)[:rows, :cols]
    return pad(scale.tobytes() + s.tobytes(), 16) + words.tobytes(), numbers


ENCODERS = {INT8: int8, INT4: int4, TERNARY: ternary, BIT: bit, GROUPS: groups}


# ---- the file ----


def sum98(data: bytes) -> int:
    words = np.frombuffer(data, "<u4").astype(np.uint64).reshape(-1, 2)
    weights = np.arange(len(words), 0, -1, dtype=np.uint64)[:, None]
    a = words.sum(axis=0) & 0xFFFFFFFF
    b = (words * weights).sum(axis=0, dtype=np.uint64) & 0xFFFFFFFF
    return zlib.crc32(struct.pack("<4I", *(int(x) for x in (*a, *b))))


def vector(x: Array) -> bytes:
    return pad(np.asarray(x, "<f4").tobytes(), 16)


def layer(model: Model, index: int, real: dict[str, Array]) -> tuple[bytes, bytes]:
    """The stream of a layer, and its encodings; `real` takes the numbers of its matrices."""
    s, a = model.shape, model.arrays
    encodings = [
        model.encodings.get(f"{index}.{n}", model.encodings.get(n, INT8)) for n in MATRICES
    ]
    chosen = dict(zip(MATRICES, encodings, strict=True))

    def vectors(flag: int, *names: str) -> bytes:
        return (
            b"".join(vector(a[f"{index}.{n}"]) for n in names)
            if s.flags & flag or not flag
            else b""
        )

    def matrices(*names: str) -> bytes:
        out = b""
        for name in names:
            body, real[f"{index}.{name}"] = ENCODERS[chosen[name]](a[f"{index}.{name}"])
            out += body
        return out

    stream = vectors(0, "attn_norm") + vectors(BIASES, "bk", "bv", "bq")
    stream += vectors(HEAD_NORMS, "k_norm", "q_norm") + matrices("k", "v", "q")
    stream += vectors(SUB_NORMS, "attn_sub_norm") + matrices("o")
    stream += vectors(0, "ffn_norm") + matrices("gate", "up")
    stream += vectors(SUB_NORMS, "ffn_sub_norm") + matrices("down")
    return stream, bytes(encodings) + b"\0"


def write(model: Model, path: Path, *, most: int = 512 << 20) -> dict[str, Array]:
    """Writes the container; returns the numbers that its weights stand for.

    `path` is the first file; volumes of at most `most` bytes follow beside it where needed.
    """
    s, real = model.shape, dict(model.arrays)
    code = model.encodings.get("table", INT8)
    table, real["table"] = ENCODERS[code](model.arrays["table"])
    sections = [(1, 0, model.tokenizer, b"")]
    if model.chat:
        sections.append((2, 0, model.chat, b""))
    sections.append((3, 0, vector(model.frequencies), b""))
    if model.prefix_count:
        sections.append((4, 0, pad(model.prefix, 16), b""))
    sections += [(16, 0, vector(model.arrays["final"]), b""), (17, 0, table, bytes([code]))]
    if not s.flags & TIED:
        encoding = model.encodings.get("classifier", INT8)
        body, real["classifier"] = ENCODERS[encoding](model.arrays["classifier"])
        sections.append((18, 0, body, bytes([encoding])))
    for i in range(s.layers):
        stream, encodings = layer(model, i, real)
        sections.append((32, i, stream, encodings))
    identity = hashlib.sha256(b"".join(b for _, _, b, _ in sections)).digest()[:16]
    assemble(model, path, sections, identity, most)
    return real


def assemble(
    model: Model,
    path: Path,
    sections: Sequence[tuple[int, int, bytes, bytes]],
    identity: bytes,
    most: int,
) -> None:
    head_bytes = up(256 + 32 * len(sections), 4096)
    volumes = [bytearray(head_bytes)]
    entries = b""
    for kind, index, body, encodings in sections:
        if len(volumes[-1]) + len(body) > most:
            volumes.append(bytearray(4096))
        check = sum98(body) if kind >= 16 else zlib.crc32(body)
        entries += struct.pack(
            "<HHIIII", kind, index, len(volumes), len(volumes[-1]), len(body), check
        )
        entries += encodings.ljust(8, b"\0") + bytes(4)
        volumes[-1] += pad(body, 4096)
    volumes[0][:head_bytes] = head(model, entries, len(volumes), identity)
    path.write_bytes(volumes[0])
    for number, data in enumerate(volumes[1:], 2):
        data[:4096] = part_head(number, len(volumes), identity)
        path.with_name(path.name[:-2] + f"{number:02}").write_bytes(data)


def head(model: Model, entries: bytes, volumes: int, identity: bytes) -> bytes:
    """The beginning of the first volume; `entries` is the table of the sections."""
    s = model.shape
    head_bytes = up(256 + len(entries), 4096)
    scale = s.attention_scale or 1 / s.head_size**0.5
    out = struct.pack("<III", head_bytes, len(entries) // 32, volumes) + identity
    out += struct.pack(
        "<9I",
        s.dim,
        s.hidden,
        s.layers,
        s.heads,
        s.kv_heads,
        s.head_size,
        s.vocab,
        s.context,
        s.flags,
    )
    out += struct.pack("<3fI", s.eps, scale, s.rope_factor, model.prefix_count)
    out = (out + model.name.encode().ljust(64, b"\0")).ljust(240, b"\0") + entries
    out = out.ljust(head_bytes - 16, b"\0")
    return b"LLAMA98\x1a" + struct.pack("<II", 1, zlib.crc32(out)) + out


def part_head(number: int, volumes: int, identity: bytes) -> bytes:
    """The beginning of a later volume."""
    inner = struct.pack("<II", number, volumes) + identity
    inner = inner.ljust(4080, b"\0")
    return b"L98PART\x1a" + struct.pack("<II", 1, zlib.crc32(inner)) + inner


# ---- tokenizers ----


def byte_letters() -> dict[str, int]:
    """The letters that stand for bytes in GPT-2's tokens."""
    shown = [*range(33, 127), *range(161, 173), *range(174, 256)]
    others = [b for b in range(256) if b not in shown]
    return {chr(b): b for b in shown} | {chr(256 + i): b for i, b in enumerate(others)}


@cache
def classes() -> list[int]:
    """The ranges of code points of one class."""

    def of(point: int) -> int:
        char = chr(point)
        kind = unicodedata.category(char)
        space = char.isspace() and point not in range(0x1C, 0x20)
        return (kind[0] == "L") | (kind[0] == "N") << 1 | space << 2 | (kind[0] == "P") << 3

    out, last = [], -1
    for point in range(0x110000):
        now = of(point)
        if now != last:
            out.append(point | now << 24)
            last = now
    return out


def tokenizer(
    kind: int,
    texts: Sequence[bytes],
    types: Sequence[int],
    *,
    pairs: Iterable[tuple[int, int, int]] = (),
    rule: int = 0,
    flags: int = 0,
    special: Mapping[str, int] | None = None,
    scores: Sequence[float] = (),
    ranges: Sequence[int] = (0,),
) -> bytes:
    """A TOKENIZER section. `pairs` stand in the order of their ranks."""
    n = len(texts)
    special = special or {}
    listed = list(pairs)
    ordered = sorted(range(len(listed)), key=lambda i: listed[i][:2])
    ranked = any(a[2] >= b[2] for a, b in pairwise(listed))
    flags |= 8 * ranked
    width = "H" if n <= 65536 else "I"
    typed = [ord(bytes([b]).decode("cp437")) for b in range(256)]
    shown = sorted(
        (p | b << 24 for b, p in enumerate(typed) if p >= 128), key=lambda x: x & 0xFFFFFF
    )
    byte_of = {t: i for i, t in enumerate(texts)}
    single = [byte_of.get(b"<0x%02X>" % b if kind == 2 else bytes([b]), NONE) for b in range(256)]
    cut = [i for i, t in enumerate(types) if t in (2, 3, 4) and texts[i]]
    cut.sort(key=lambda i: -len(texts[i]))
    offsets = np.concatenate([[0], np.cumsum([len(t) for t in texts])]).astype("<u4")
    bos, eos, unk = (special.get(name, NONE) for name in ("bos", "eos", "unk"))
    head = [
        kind, rule, flags, bos, eos, unk, len(listed), len(cut), len(ranges), len(shown),
        int(offsets[-1]), 2 if width == "H" else 4, max(map(len, texts)), 437, 0, 0,
    ]  # fmt: skip

    def words(values: Iterable[int]) -> bytes:
        return np.array(list(values), "<u4").tobytes()

    out = (
        words(head)
        + offsets.tobytes()
        + words(single)
        + words(typed)
        + words(shown)
        + words(ranges)
    )
    out += words(cut) + words(sorted(range(n), key=lambda i: (texts[i], i)))
    if kind == 2:
        out += np.array(scores, "<f4").tobytes()
    if ranked:
        out += words(ordered)
    out += np.array([listed[i] for i in ordered], f"<u{2 if width == 'H' else 4}").tobytes()
    return pad(out + bytes(types) + b"".join(texts), 16)


def small_tokenizer(vocab: int) -> bytes:
    """Bytes as in SentencePiece, then made-up words."""
    texts = [b"<unk>", b"<s>", b"</s>", *(b"<0x%02X>" % b for b in range(256))]
    texts = texts[:vocab] + [b" w%d" % i for i in range(vocab - len(texts))]
    types = [2, 3, 3, *[6] * 256][:vocab] + [1] * (vocab - 259)
    scores = [-float(i) for i in range(vocab)]
    return tokenizer(
        2, texts, types, scores=scores, flags=3, special={"bos": 1, "eos": 2, "unk": 0}
    )


def chat(
    first: str, ask: str, after: str, stops: Sequence[int], before: str = "", end: str = ""
) -> bytes:
    """A CHAT section."""
    texts = [t.encode() for t in (first, ask, after, before, end)]
    out = struct.pack("<17I", len(stops), *stops, *[0] * (16 - len(stops)))
    out += struct.pack("<5I", *map(len, texts)) + b"".join(texts)
    return pad(out, 16)


# ---- numbers ----


def random_model(shape: Shape, seed: int, kind: int = INT8, **more: int) -> Model:
    """Random weights that suit the encoding `kind`."""
    rng = np.random.default_rng(seed)
    a: dict[str, Array] = {}

    def matrix(rows: int, cols: int, encoding: int) -> Array:
        if encoding == TERNARY:
            return rng.integers(-1, 2, (rows, cols)) * rng.uniform(0.5, 1.5, (rows, 1)) / cols**0.5
        if encoding == BIT:
            signs = rng.integers(0, 2, (rows, cols)) * 2 - 1
            return signs * np.repeat(rng.uniform(0.5, 1.5, (rows, cols // 128)), 128, 1) / cols**0.5
        return rng.normal(0, 1.2 / cols**0.5, (rows, cols))

    q, kv = shape.heads * shape.head_size, shape.kv_heads * shape.head_size
    for i in range(shape.layers):
        for name in MATRICES:
            a[f"{i}.{name}"] = matrix(*shape.rows(name), more.get(name, kind))
        sizes = {
            "attn_norm": shape.dim, "ffn_norm": shape.dim, "attn_sub_norm": q,
            "ffn_sub_norm": shape.hidden, "k_norm": shape.head_size, "q_norm": shape.head_size,
        }  # fmt: skip
        a |= {f"{i}.{n}": rng.uniform(0.6, 1.4, size) for n, size in sizes.items()}
        a |= {
            f"{i}.{n}": rng.normal(0, 0.3, size) for n, size in (("bq", q), ("bk", kv), ("bv", kv))
        }
    a["table"] = rng.normal(0, 1, (shape.vocab, shape.dim))
    a["classifier"] = rng.normal(0, 2 / shape.dim**0.5, (shape.vocab, shape.dim))
    a["final"] = rng.uniform(0.6, 1.4, shape.dim)
    half = shape.head_size // 2
    frequencies = shape.theta ** (-np.arange(half) / half)
    encodings = dict.fromkeys(MATRICES, kind) | more
    return Model(shape, a, frequencies, small_tokenizer(shape.vocab), encodings=encodings)


def graph(
    model: Model,
    arrays: Mapping[str, Array],
    tokens: Sequence[int],
    *,
    keys: list[Array] | None = None,
    values: list[Array] | None = None,
) -> Array:
    """The logits at each of the positions, in float64; `keys` and `values` take those of layers."""
    s = model.shape

    def norm(x: Array, w: Array) -> Array:
        return x / np.sqrt((x * x).mean(axis=-1, keepdims=True) + s.eps) * w

    angles = np.outer(np.arange(len(tokens)), model.frequencies)
    cos, sin = np.cos(angles)[:, None] * s.rope_factor, np.sin(angles)[:, None] * s.rope_factor

    def turn(x: Array) -> Array:
        out = np.empty_like(x)
        out[..., 0::2] = x[..., 0::2] * cos - x[..., 1::2] * sin
        out[..., 1::2] = x[..., 0::2] * sin + x[..., 1::2] * cos
        return out

    n, scale = len(tokens), s.attention_scale or 1 / s.head_size**0.5
    x = np.asarray(arrays["table"], float)[list(tokens)]
    for i in range(s.layers):
        w = {
            name.split(".")[1]: np.asarray(v, float)
            for name, v in arrays.items()
            if name.startswith(f"{i}.")
        }
        h = norm(x, w["attn_norm"])
        q, k, v = (h @ w[m].T + (w["b" + m] if s.flags & BIASES else 0) for m in "qkv")
        q, k, v = (t.reshape(n, -1, s.head_size) for t in (q, k, v))
        if s.flags & HEAD_NORMS:
            q, k = norm(q, w["q_norm"]), norm(k, w["k_norm"])
        q, k = turn(q), turn(k)
        if keys is not None and values is not None:
            keys.append(k)
            values.append(v)
        k, v = (np.repeat(t, s.heads // s.kv_heads, axis=1) for t in (k, v))
        scores = np.einsum("qhd,khd->hqk", q, k) * scale
        scores = np.where(np.tril(np.ones((n, n), bool)), scores, -np.inf)
        weights = np.exp(scores - scores.max(axis=-1, keepdims=True))
        weights /= weights.sum(axis=-1, keepdims=True)
        out = np.einsum("hqk,khd->qhd", weights, v).reshape(n, -1)
        if s.flags & SUB_NORMS:
            out = norm(out, w["attn_sub_norm"])
        x = x + out @ w["o"].T
        h = norm(x, w["ffn_norm"])
        gate = h @ w["gate"].T
        act = np.maximum(gate, 0) ** 2 if s.flags & RELU_SQUARED else gate / (1 + np.exp(-gate))
        g = act * (h @ w["up"].T)
        if s.flags & SUB_NORMS:
            g = norm(g, w["ffn_sub_norm"])
        x = x + g @ w["down"].T
    last = arrays["table"] if s.flags & TIED else arrays["classifier"]
    return norm(x, arrays["final"]) @ np.asarray(last, float).T


def prefix(model: Model, arrays: Mapping[str, Array], tokens: Sequence[int]) -> bytes:
    """A PREFIX section: the keys and values of these tokens, 8 bits each."""
    s, keys, values = model.shape, [], []
    graph(model, arrays, tokens, keys=keys, values=values)

    def records(x: Array) -> bytes:
        out = b""
        for vector in x.reshape(-1, s.head_size):
            scale = np.float32(np.abs(vector).max() / 127)
            whole = np.rint(vector / scale).astype("i1").tobytes()
            out += scale.tobytes() + pad(whole, 4)
        return out

    body = b"".join(records(k) + records(v) for k, v in zip(keys, values, strict=True))
    return np.array(tokens, "<u4").tobytes() + body
