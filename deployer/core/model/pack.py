"""Matrices in the container's encodings: int8 rows or groups, int4 in groups, ternary, 1 bit.

A matrix is `scale[R]`, with steps of groups after it (int4: a scale for each 64 rows, and factors
of rows), then a body in the order in which the engine's kernel reads it; R is the number of rows
rounded up to a multiple of four.
`docs/formats.md` has the layouts.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from deployer.core.model.layout import SHARING, up

Floats = NDArray[np.float32]
Bytes = NDArray[np.uint8]


_LEAST = 1e-35
"""A scale below it counts as 0: it has no inverse as a float32."""


@dataclass(frozen=True, slots=True)
class Packed:
    """Rows of a matrix as the container has them: their scales and their part of the body.

    `steps` are those of groups, or the factors of int4, for each row; none in most encodings.
    """

    scales: Floats
    body: bytes
    steps: bytes = b""

    @property
    def data(self) -> bytes:
        """All of it, when it is a whole matrix."""
        before = self.scales.astype("<f4").tobytes() + self.steps
        return before + bytes(-len(before) % 16) + self.body


def _pad_rows(values: NDArray[np.generic], columns: int, fill: int) -> NDArray[np.generic]:
    rows = up(len(values), 4)
    if values.shape == (rows, columns):
        return values
    padded = np.full((rows, columns), fill, values.dtype)
    padded[: len(values), : values.shape[1]] = values
    return padded


def int8(values: Floats) -> Packed:
    """Rows as int8: the largest magnitude of a row becomes 127."""
    peak = np.abs(values).max(axis=1)
    scale = (peak / np.float32(127)).astype(np.float32)
    inverse = np.divide(np.float32(1), scale, out=np.zeros_like(scale), where=scale > _LEAST)
    whole = np.rint(values * inverse[:, None])
    np.clip(whole, -127, 127, out=whole)
    return Packed(_padded(scale), _pairs(whole, 16))


def int8_groups(values: Floats) -> Packed:
    """Rows as int8, with a step of 8 bits for each 32 columns.

    A group's whole numbers are those by its own step, as Q8_0 has them, where the nearest step of 8
    bits errs least with them; else those by the next larger step.
    """
    rows, columns = values.shape
    wide = np.zeros((rows, up(columns, 32)), np.float32)
    wide[:, :columns] = values
    cut = wide.reshape(rows, -1, 32)
    step = np.abs(cut).max(axis=2) / np.float32(127)
    scale = (step.max(axis=1) / np.float32(255)).astype(np.float32)
    exact = _divided(step, scale[:, None])
    near, above = (np.clip(f(exact), 0, 255) for f in (np.rint, np.ceil))
    by_near, by_above = ((scale[:, None] * steps)[:, :, None] for steps in (near, above))
    own = np.rint(_divided(cut, step[:, :, None]))
    whole = np.rint(_divided(cut, by_above))
    better = ((own * by_near - cut) ** 2).sum(axis=2) < ((whole * by_above - cut) ** 2).sum(axis=2)
    whole = np.clip(np.where(better[:, :, None], own, whole), -127, 127)
    steps = _pad_rows(np.where(better, near, above).astype(np.uint8), step.shape[1], 0)
    return Packed(_padded(scale), _pairs(whole.reshape(rows, -1), 32), steps.tobytes())


def _divided(values: Floats, by: Floats) -> Floats:
    """0 where the divisor is."""
    found: Floats = np.divide(values, by, out=np.zeros_like(values), where=by > _LEAST)
    return found


def _pairs(whole: Floats, unit: int) -> bytes:
    """8-bit numbers, two rows in one of 16-bit words."""
    q = _pad_rows(whole.astype(np.int8), up(whole.shape[1], unit), 0).astype(np.int32)
    words = (256 * q[0::2] + q[1::2] + 128).astype("<u2")
    return words.tobytes()


def _padded(scale: Floats) -> Floats:
    return np.pad(scale, (0, -len(scale) % 4))


def int4(q: Bytes, step: Floats, middle: Floats) -> Packed:
    """Rows as int4. `q` is 0 to 15; number = step * (q - 8) + 8 * middle, a pair for each group.

    A row's factor is rounded up: its steps then have at least 15 bits. The rows of a matrix may
    come in pieces of a multiple of `SHARING`.
    """
    rows, columns = q.shape
    groups = up(columns, 32) // 32
    peak = np.maximum(np.abs(step), np.abs(middle)).max(axis=1).astype(np.float64) / 32767
    whole_peak = np.pad(peak, (0, -rows % SHARING)).reshape(-1, SHARING)
    scale = (whole_peak.max(axis=1) / 32766).astype(np.float32)
    scale[scale < _LEAST] = 0
    each = np.repeat(scale.astype(np.float64), SHARING)[:rows]
    factor = np.ceil(np.divide(peak, each, out=np.zeros(rows), where=each > 0))
    by = factor * each
    inverse = np.divide(1.0, by, out=np.zeros(rows), where=by > 0)[:, None]
    pairs = np.stack([step, middle], axis=2).astype(np.float64) * inverse[:, :, None]
    whole = np.clip(np.rint(pairs), -32767, 32767).astype(np.int16)
    whole = np.pad(whole, ((0, -rows % 4), (0, 0), (0, 0)))
    four = _pad_rows(q, groups * 32, 8).reshape(-1, 4, groups, 32).astype(np.uint16)
    words = four[:, 0] | four[:, 1] << 4 | four[:, 2] << 8 | (four[:, 3] ^ 8) << 12
    signed = whole.view(np.uint16).reshape(-1, 4, groups, 2).transpose(0, 2, 1, 3)
    body = np.concatenate([words, signed.reshape(-1, groups, 8)], axis=2)
    factors = np.pad(factor.astype("<i2"), (0, -rows % 4))
    return Packed(scale, np.ascontiguousarray(body).tobytes(), factors.tobytes())


def ternary(signs: NDArray[np.int8], scale: Floats) -> Packed:
    """A whole matrix of -1, 0 and 1 with a scale for each row, five numbers in a byte."""
    columns = up(signs.shape[1], 20)
    digits = (_pad_rows(signs, columns, 0).astype(np.int8) + 1).astype(np.uint8)
    powers = np.array([1, 3, 9, 27, 81], np.uint8)
    fives = (digits.reshape(len(digits), -1, 5) * powers).sum(axis=2, dtype=np.uint8)
    whole = columns // 40 * 8
    tiles = fives[:, :whole].reshape(len(digits), -1, 8).transpose(1, 0, 2)
    body = np.ascontiguousarray(tiles).tobytes() + np.ascontiguousarray(fives[:, whole:]).tobytes()
    return Packed(_padded(scale), body)


def one_bit(bits: Bytes, scales: Floats) -> Packed:
    """A whole matrix of signs: 16 bytes for each 128 columns of a row, and their scale."""
    rows, blocks = scales.shape
    signs = np.pad(bits.reshape(rows, blocks, 16), ((0, -rows % 4), (0, 0), (0, 0)))
    padded: Floats = np.pad(scales, ((0, -rows % 4), (0, 0))).astype(np.float32)
    first = signs[:, :, :8].transpose(1, 0, 2).reshape(blocks, -1)
    second = np.concatenate([padded[:, :, None].view(np.uint8), signs[:, :, 8:]], axis=2)
    body = np.concatenate([first, second.transpose(1, 0, 2).reshape(blocks, -1)], axis=1)
    ones = np.ones(rows, np.float32)
    return Packed(_padded(ones), np.ascontiguousarray(body).tobytes())


def signs_of(values: Floats) -> tuple[NDArray[np.int8], Floats] | None:
    """Rows as -1, 0, 1 and a scale each, or None where a row has other magnitudes."""
    magnitude = np.abs(values)
    scale = magnitude.max(axis=1)
    if not ((magnitude == scale[:, None]) | (magnitude == 0)).all():
        return None
    return np.sign(values).astype(np.int8), scale


def grouped(values: Floats) -> tuple[Bytes, Floats, Floats]:
    """The best int4 in groups of 32 for any numbers: of several ranges the one that errs least."""
    rows, columns = values.shape
    groups = up(columns, 32) // 32
    padded = np.zeros((rows, groups * 32), np.float32)
    padded[:, :columns] = values
    cut = padded.reshape(rows, groups, 32)
    least, most = cut.min(axis=2), cut.max(axis=2)
    best: tuple[Bytes, Floats, Floats] | None = None
    error = np.full((rows, groups), np.inf, np.float32)
    for shrink in (1.0, 0.95, 0.9, 0.84, 0.78):
        low, high = least * np.float32(shrink), most * np.float32(shrink)
        step = np.maximum((high - low) / np.float32(15), np.float32(1e-30))
        q = np.clip(np.rint((cut - low[:, :, None]) / step[:, :, None]), 0, 15)
        # With the picks held, the straight line through them that errs least.
        mean_q, mean_x = q.mean(axis=2), cut.mean(axis=2)
        away = q - mean_q[:, :, None]
        power = (away * away).sum(axis=2)
        fitted = np.divide((away * cut).sum(axis=2), power, out=step.copy(), where=power > 0)
        begin = mean_x - fitted * mean_q
        off = cut - (q * fitted[:, :, None] + begin[:, :, None])
        now = (off * off).sum(axis=2)
        found = (q.astype(np.uint8), fitted, ((begin + 8 * fitted) / 8).astype(np.float32))
        if best is None:
            best, error = found, now
            continue
        better = now < error
        error = np.where(better, now, error)
        best = (
            np.where(better[:, :, None], found[0], best[0]),
            np.where(better, found[1], best[1]),
            np.where(better, found[2], best[2]),
        )
    assert best is not None
    picks: Bytes = best[0].reshape(rows, -1)[:, :columns]
    return picks, best[1], best[2]
