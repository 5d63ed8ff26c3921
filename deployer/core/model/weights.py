"""The numbers of tensors as float32, exactly as ggml reads them.

The gguf package's code does it, but for the two types that it does not have (Q1_0, Q2_0).
"""

from __future__ import annotations

import gguf
import numpy as np
from numpy.typing import NDArray

from deployer.core.model.gguf import Gguf, Read, Tensor

Floats = NDArray[np.float32]
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
