"""The numbers of tensors as ggml reads them: as float32, or taken apart without loss.

The gguf package's code makes float32, but for the two types that it does not have (Q1_0, Q2_0).
`grouped` and `signs` take apart what int4 and 1 bit hold with the same numbers.
"""

from __future__ import annotations

import gguf
import numpy as np
from numpy.typing import NDArray

from deployer.core.model.gguf import Gguf, Read, Tensor

Floats = NDArray[np.float32]
Bytes = NDArray[np.uint8]
_STEP = 1 << 22
"""Numbers that are turned at a time: temporary arrays stay small."""


def rows_of(file: Gguf, tensor: Tensor, read: Read, first: int = 0, count: int = -1) -> Floats:
    """Rows of a tensor as float32, all of them by default.

    Raises ModelDamaged for numbers that are not finite, and where the file became shorter.
    """
    count = tensor.rows - first if count < 0 else count
    found = np.empty((count, tensor.columns), np.float32)
    step = max(1, _STEP // tensor.columns)
    for start in range(0, count, step):
        some = min(step, count - start)
        data = raw(file, tensor, read, first + start, some)
        found[start : start + some] = dequantised(tensor.kind.name, data)
    if not np.isfinite(found).all():
        raise file.refuse(f"{tensor.name} has numbers that are none (NaN or infinite)")
    return found


def raw(file: Gguf, tensor: Tensor, read: Read, first: int, count: int) -> NDArray[np.uint8]:
    """Rows of a tensor as they stand in the file, a row of bytes each."""
    size = tensor.kind.size(tensor.columns)
    data = read(tensor.offset + first * size, count * size)
    if len(data) != count * size:
        raise file.refuse("it became shorter while it was read")
    return np.frombuffer(data, np.uint8).reshape(count, size)


def dequantised(kind: str, data: NDArray[np.uint8]) -> Floats:
    """Rows of bytes of a type, as float32."""
    with np.errstate(all="ignore"):
        match kind:
            case "Q1_0":
                return _q1_0(data)
            case "Q2_0":
                return _q2_0(data)
            case _:
                known = gguf.GGMLQuantizationType[kind]
                found: Floats = gguf.quants.dequantize(data, known)
                return found


def _q1_0(data: NDArray[np.uint8]) -> Floats:
    """128 numbers: a float16 scale, and a bit each: its sign."""
    blocks = data.reshape(-1, 18)
    scale = blocks[:, :2].copy().view(np.float16).astype(np.float32)
    bits = np.unpackbits(blocks[:, 2:], axis=1, bitorder="little")
    signs = bits.astype(np.float32) * np.float32(2) - np.float32(1)
    return (signs * scale).reshape(len(data), -1)


def _q2_0(data: NDArray[np.uint8]) -> Floats:
    """64 numbers: a float16 scale, and two bits each, four to a byte: -1, 0, 1 or 2 times it."""
    blocks = data.reshape(-1, 18)
    scale = blocks[:, :2].copy().view(np.float16).astype(np.float32)
    shifts = np.array([0, 2, 4, 6], np.uint8)
    two = (blocks[:, 2:, None] >> shifts) & np.uint8(3)
    return ((two.reshape(len(blocks), 64).astype(np.float32) - 1) * scale).reshape(len(data), -1)


# --- taken apart

GROUPED = frozenset({"Q4_0", "Q4_1", "Q4_K", "Q2_0", "TQ1_0", "TQ2_0"})
"""Types that int4 in groups of 32 holds with the same numbers."""


def _halves(blocks: Bytes, at: int) -> Floats:
    return blocks[:, at : at + 2].copy().view(np.float16).astype(np.float32)[:, 0]


def _nibbles(data: Bytes) -> Bytes:
    """The low halves of bytes, then the high ones, along the last axis."""
    return np.concatenate([data & np.uint8(15), data >> np.uint8(4)], axis=-1)


def grouped(kind: str, data: Bytes) -> tuple[Bytes, Floats, Floats]:
    """Rows of bytes of a type of `GROUPED` as q (0 to 15), step and middle of each 32 numbers.

    A number is step * (q - 8) + 8 * middle.
    """
    rows = len(data)
    match kind:
        case "Q4_0":
            blocks = data.reshape(-1, 18)
            q = _nibbles(blocks[:, 2:])
            step = _halves(blocks, 0)
            middle = np.zeros_like(step)
        case "Q4_1":
            blocks = data.reshape(-1, 20)
            q = _nibbles(blocks[:, 4:])
            step = _halves(blocks, 0)
            middle = step + _halves(blocks, 2) / np.float32(8)
        case "Q4_K":
            blocks = data.reshape(-1, 144)
            scale, least = _six_bits(blocks[:, 4:16])
            q = _nibbles(blocks[:, 16:].reshape(-1, 4, 32))
            step = (_halves(blocks, 0)[:, None] * scale).reshape(-1)
            middle = step - (_halves(blocks, 2)[:, None] * least).reshape(-1) / np.float32(8)
        case _:
            return _few(kind, data)
    return q.reshape(rows, -1), step.reshape(rows, -1), middle.reshape(rows, -1)


def _six_bits(packed: Bytes) -> tuple[Floats, Floats]:
    """Q4_K's scales and minima of eight groups, six bits each, out of twelve bytes."""
    scale = np.empty((len(packed), 8), np.float32)
    least = np.empty((len(packed), 8), np.float32)
    low, mid, high = packed[:, :4], packed[:, 4:8], packed[:, 8:]
    scale[:, :4], least[:, :4] = low & 63, mid & 63
    scale[:, 4:] = (high & 15) | (low >> 6 << 4)
    least[:, 4:] = (high >> 4) | (mid >> 6 << 4)
    return scale, least


def _few(kind: str, data: Bytes) -> tuple[Bytes, Floats, Floats]:
    """Types of three or four numbers: the picks are steps away from 8, without a middle."""
    rows = len(data)
    if kind == "Q2_0":
        blocks = data.reshape(-1, 18)
        two = (blocks[:, 2:, None] >> np.array([0, 2, 4, 6], np.uint8)) & np.uint8(3)
        q, per = two.reshape(rows, -1) + np.uint8(7), 2
    elif kind == "TQ2_0":
        blocks = data.reshape(-1, 66)
        two = blocks[:, :64].reshape(-1, 2, 1, 32) >> np.array([0, 2, 4, 6], np.uint8)[:, None]
        q, per = (two & np.uint8(3)).reshape(rows, -1) + np.uint8(7), 8
    else:
        blocks = data.reshape(-1, 54)
        powers = np.array([1, 3, 9, 27, 81], np.uint8)
        parts = [
            blocks[:, :32].reshape(-1, 1, 32) * powers[:, None],
            blocks[:, 32:48].reshape(-1, 1, 16) * powers[:, None],
            blocks[:, 48:52].reshape(-1, 1, 4) * powers[:4, None],
        ]
        flat = np.concatenate([part.reshape(len(blocks), -1) for part in parts], axis=1)
        three = (flat.astype(np.uint16) * 3 >> 8).astype(np.uint8)
        q, per = three.reshape(rows, -1) + np.uint8(7), 8
    step = _halves(blocks, 0 if kind == "Q2_0" else blocks.shape[1] - 2)
    step = np.repeat(step, per).reshape(rows, -1)
    return q, step, np.zeros_like(step)


def signs(data: Bytes) -> tuple[Bytes, Floats]:
    """Rows of Q1_0: 16 bytes of signs for each 128 numbers, and their scales."""
    blocks = data.reshape(-1, 18)
    return blocks[:, 2:].reshape(len(data), -1), _halves(blocks, 0).reshape(len(data), -1)
