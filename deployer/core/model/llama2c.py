"""llama2.c's own checkpoints, versions 0, 1 and 2, as if they were GGUF files.

Their weights stand in one block for each kind, so every matrix of a layer is a slice of the file.
Version 2 has int8 numbers with a scale for each group; they are read through a window that shows
them as float32. The tokenizer is a file of its own.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from deployer.core.model import types
from deployer.core.model.gguf import Gguf, Read, Scalar, Tensor, Value
from deployer.core.model.vocabulary import BYTE, CONTROL, NORMAL, UNKNOWN
from deployer.core.payload import modelfile
from deployer.core.payload.modelfile import Checkpoint
from deployer.errors import ModelDamaged

_F32 = types.KINDS[0]
_NEW_HEADER = 256
_NEW = struct.Struct("<Ii7iBi")


@dataclass(frozen=True, slots=True)
class _Block:
    """Numbers of one kind, layer after layer: what each is called, its shape, where it begins.

    `scales`: 0 for float32, else where the scales of version 2 begin.
    """

    names: tuple[str, ...]
    shape: tuple[int, ...]
    start: int
    scales: int = 0


def version_of(head: bytes, length: int) -> int | None:
    """0, 1 or 2 for a checkpoint of llama2.c that is whole; None for any other file."""
    if modelfile.recognise(head, length):
        return 0
    return modelfile.export_version(head)


def shape_of(head: bytes, version: int, path: str) -> tuple[Checkpoint, int]:
    """A checkpoint's shape and its group size, 0 for float32. Raises ModelDamaged."""
    if version == 0:
        found = modelfile.read_header(head)
        group = 0
    elif version in (1, 2) and len(head) >= _NEW.size:
        fields = _NEW.unpack_from(head)
        vocabulary = fields[7] if fields[9] else -fields[7]
        found = modelfile.read_header(struct.pack("<7i", *fields[2:7], vocabulary, fields[8]))
        group = fields[10] if version == 2 else 0
    else:
        found, group = None, 0
    if found is None or (version == 2 and not 1 <= group <= 65536):
        raise ModelDamaged(path=path, why="its header makes no sense")
    return found, group


def read_as_gguf(
    read: Read, length: int, path: str, version: int, tokenizer: bytes
) -> tuple[Gguf, Read]:
    """The checkpoint as a GGUF file, and what reads its numbers. Raises ModelDamaged."""
    shape, group = shape_of(read(0, _NEW.size), version, path)
    blocks = list(_blocks(shape, version, group))
    last = blocks[-1]
    count = _count(last.shape) * len(last.names)
    end = last.scales + 4 * (count // group) if last.scales else last.start + 4 * count
    if end > length:
        raise ModelDamaged(
            path=path,
            why=f"its header says {end:,} bytes, but the file has {length:,}: it was cut off",
        )
    window = _Window(read, blocks, group)
    file = Gguf(path, version, window.end, _values(shape, tokenizer, path), window.tensors)
    return file, window.read


def _count(shape: tuple[int, ...]) -> int:
    count = 1
    for one in shape:
        count *= one
    return count


def _blocks(shape: Checkpoint, version: int, group: int) -> Iterator[_Block]:
    """The blocks of a file in its order."""
    dim, hidden, kv = shape.dim, shape.hidden_dim, shape.head_size * shape.kv_heads
    table = (("token_embd.weight",), (dim, shape.vocabulary))
    output = (("output.weight",), (dim, shape.vocabulary))
    final = (("output_norm.weight",), (dim,))

    def layers(name: str, *numbers: int) -> tuple[tuple[str, ...], tuple[int, ...]]:
        return tuple(f"blk.{n}.{name}.weight" for n in range(shape.layers)), numbers

    norms = [layers("attn_norm", dim), layers("ffn_norm", dim)]
    attention = [
        layers("attn_q", dim, dim), layers("attn_k", dim, kv), layers("attn_v", dim, kv),
        layers("attn_output", dim, dim),
    ]  # fmt: skip
    forward = [
        layers("ffn_gate", dim, hidden), layers("ffn_down", hidden, dim),
        layers("ffn_up", dim, hidden),
    ]  # fmt: skip
    own = [] if shape.shared_classifier else [output]
    rope = (("",), (shape.longest, shape.head_size))
    if version == 0:
        order = [table, norms[0], *attention, norms[1], *forward, final, rope, *own]
    else:
        order = [*norms, final, table, *attention, *forward, *own]
    at = modelfile.HEADER.size if version == 0 else _NEW_HEADER
    for names, numbers in order:
        count = _count(numbers)
        if group and len(numbers) > 1:
            # Each tensor has its numbers and then its scales; `start` and `scales` are the first's.
            for name in names:
                yield _Block((name,), numbers, at, at + count)
                at += count + 4 * (count // group)
        else:
            yield _Block(names, numbers, at)
            at += 4 * count * len(names)


class _Window:
    """The file with every number as float32: offsets are of what is seen through it."""

    def __init__(self, read: Read, blocks: list[_Block], group: int) -> None:
        self._read, self._group = read, group
        self._at: list[tuple[int, int, int, int]] = []
        self.tensors: dict[str, Tensor] = {}
        self.end = 0
        for block in blocks:
            size = 4 * _count(block.shape)
            for number, name in enumerate(block.names):
                start = block.start + number * size
                if name:
                    self.tensors[name] = Tensor(name, block.shape, _F32, self.end)
                    self._at.append((self.end, size, start, block.scales))
                    self.end += size

    def read(self, offset: int, count: int) -> bytes:
        """Bytes of one tensor."""
        first, size, start, scales = next(
            one for one in self._at if one[0] <= offset < one[0] + one[1]
        )
        count = min(count, first + size - offset)
        within = offset - first
        if not scales:
            return self._read(start + within, count)
        low, many = within // 4, count // 4
        q = np.frombuffer(self._read(start + low, many), np.int8).astype(np.float32)
        groups = (low + np.arange(len(q))) // self._group
        base = int(groups[0]) if len(groups) else 0
        held = self._read(scales + 4 * base, 4 * (int(groups[-1]) - base + 1) if len(q) else 0)
        scale = np.frombuffer(held, "<f4")
        found: bytes = (q * scale[groups - base]).astype("<f4").tobytes()
        return found


def _values(shape: Checkpoint, tokenizer: bytes, path: str) -> dict[str, Value]:
    texts: list[Scalar] = []
    scores: list[Scalar] = []
    at = 4
    while at + 8 <= len(tokenizer):
        score, size = struct.unpack_from("<fi", tokenizer, at)
        scores.append(float(score))
        texts.append(tokenizer[at + 8 : at + 8 + max(size, 0)])
        at += 8 + max(size, 0)
    if len(texts) != shape.vocabulary or len(texts) < 260:
        raise ModelDamaged(
            path=path, why=f"its tokenizer has {len(texts)} tokens, the model {shape.vocabulary}"
        )
    texts[:3] = [b"<unk>", b"<s>", b"</s>"]
    texts[3:259] = [f"<0x{byte:02X}>".encode() for byte in range(256)]
    kinds = [UNKNOWN, CONTROL, CONTROL, *[BYTE] * 256, *[NORMAL] * (len(texts) - 259)]
    return {
        "general.architecture": b"llama",
        "general.name": path.rpartition("/")[2].encode("ascii", "replace"),
        "llama.embedding_length": shape.dim,
        "llama.feed_forward_length": shape.hidden_dim,
        "llama.block_count": shape.layers,
        "llama.attention.head_count": shape.heads,
        "llama.attention.head_count_kv": shape.kv_heads,
        "llama.attention.layer_norm_rms_epsilon": 1e-5,
        "llama.context_length": shape.longest,
        "tokenizer.ggml.model": b"llama",
        "tokenizer.ggml.tokens": tuple(texts),
        "tokenizer.ggml.scores": tuple(scores),
        "tokenizer.ggml.token_type": tuple(kinds),
        "tokenizer.ggml.bos_token_id": 1,
        "tokenizer.ggml.eos_token_id": 1,
        "tokenizer.ggml.eot_token_id": 2,
        "tokenizer.ggml.unknown_token_id": 0,
    }
