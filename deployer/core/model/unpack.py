"""A container read back as numbers: for the loss of a conversion, and to check one.

The reader of the host. The old PC's own is payloads/llama98; both follow docs/formats.md.
"""

from __future__ import annotations

import math
import zlib
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from deployer.core.model import container, convert, layout
from deployer.core.model.container import Encoding, Head, PlacedSection, SectionKind
from deployer.core.model.shape import MATRICES, Shape
from deployer.errors import ModelDamaged

Floats = NDArray[np.float32]
Read = Callable[[int, int, int], bytes]
"""Gives bytes of a volume (from 1): volume, offset, count."""
_CLASSIFIER_STEP = 4096


def matrix_of(data: bytes, encoding: Encoding, rows: int, columns: int) -> Floats:
    """A whole matrix of its bytes, scales first."""
    padded = -(-rows // 4) * 4
    scale = _scales(data, encoding, padded)[:rows]
    before = layout.scales_size(encoding, rows, columns)
    body = np.frombuffer(data, np.uint8, layout.body_size(encoding, rows, columns), before)
    match encoding:
        case Encoding.INT8:
            return _eight(body.reshape(padded // 2, -1))[:rows, :columns] * scale[:, None]
        case Encoding.INT8_GROUPS:
            width = layout.up(columns, 32) // 32
            steps = np.frombuffer(data, np.uint8, padded * width, 4 * padded).reshape(padded, -1)
            return _grouped(_eight(body.reshape(padded // 2, -1)), scale, steps, columns)
        case Encoding.INT4:
            blocks = body.view("<u2").reshape(padded // 4, -1, 40)
            words, signed = blocks[:, :, :32], blocks[:, :, 32:].copy().view(np.int16)
            four = np.stack([words & 15, words >> 4 & 15, words >> 8 & 15, words >> 12 ^ 8], axis=1)
            pair = signed.reshape(padded // 4, -1, 4, 2).transpose(0, 2, 1, 3).astype(np.float32)
            whole = pair[..., :1] * (four.astype(np.float32) - 8) + 8 * pair[..., 1:]
            found: Floats = whole.reshape(padded, -1)[:rows, :columns] * scale[:, None]
            return found
        case Encoding.TERNARY:
            width = -(-columns // 20) * 4
            whole_tiles = width // 8 * 8
            tiles = body[: padded * whole_tiles].reshape(-1, padded, 8).transpose(1, 0, 2)
            rest = body[padded * whole_tiles :].reshape(padded, -1)
            fives = np.concatenate([tiles.reshape(padded, -1), rest], axis=1)
            digits = fives[:, :, None] // np.array([1, 3, 9, 27, 81], np.uint8) % 3
            signs = digits.reshape(padded, -1)[:rows, :columns].astype(np.float32) - 1
            return signs * scale[:, None]
        case Encoding.ONE_BIT:
            halves = body.reshape(columns // 128, -1)
            first = halves[:, : 8 * padded].reshape(-1, padded, 8)
            second = halves[:, 8 * padded :].reshape(-1, padded, 12)
            bits = np.unpackbits(
                np.concatenate([first, second[:, :, 4:]], axis=2), axis=2, bitorder="little"
            )
            by = np.ascontiguousarray(second[:, :, :4]).view("<f4")
            each = ((bits.astype(np.float32) * 2 - 1) * by).transpose(1, 0, 2)
            return np.asarray(each.reshape(padded, -1)[:rows] * scale[:, None], np.float32)


def _scales(data: bytes, encoding: Encoding, rows: int) -> Floats:
    """What stands before a row's numbers."""
    if encoding is not Encoding.INT4:
        return np.frombuffer(data, "<f4", rows).astype(np.float32)
    units = np.frombuffer(data, "<f4", -(-rows // layout.SHARING)).astype(np.float32)
    factors = np.frombuffer(data, "<i2", rows, 4 * len(units)).astype(np.float32)
    found: Floats = np.repeat(units, layout.SHARING)[:rows] * factors
    return found


def _eight(body: NDArray[np.uint8]) -> Floats:
    """8-bit numbers of rows that stand in pairs. `body` has as many columns as its last axis."""
    words = body.view("<u2")
    low = (words & 0xFF).astype(np.int16) - 128
    high = (words >> 8).astype(np.int8).astype(np.int16)
    both = np.stack([high, low], axis=1)
    return both.reshape(-1, both.shape[-1]).astype(np.float32)


def _grouped(q: Floats, scale: Floats, steps: NDArray[np.uint8], columns: int) -> Floats:
    """Rows of groups as numbers, as many as there are scales."""
    count = len(scale)
    each = scale[:, None] * steps[:count].astype(np.float32)
    whole = (q[:count].reshape(count, -1, 32) * each[:, :, None]).reshape(count, -1)
    found: Floats = whole[:, :columns]
    return found


@dataclass(frozen=True, slots=True)
class Container:
    """A container's numbers by the names of GGUF, as the graph asks for them."""

    head: Head
    shape: Shape
    read: Read

    def _section(self, kind: SectionKind, index: int = 0) -> PlacedSection:
        return next(s for s in self.head.sections if (s.kind, s.index) == (kind, index))

    def _bytes(self, section: PlacedSection, offset: int, count: int) -> bytes:
        return self.read(section.volume, section.offset + offset, count)

    def _part(self, name: str) -> bytes:
        """The bytes of a part of a layer, b"" where there is none."""
        _blk, layer, part = name.split(".", 2)
        section = self._section(SectionKind.LAYER, int(layer))
        at = 0
        for found, size in layout.layer(self.shape, section.encodings):
            if found == part:
                return self._bytes(section, at, size)
            at += size
        return b""

    def vector(self, name: str, length: int) -> Floats:
        """A vector, zeros where it is missing."""
        if name == layout.NORM:
            section = self._section(SectionKind.FINAL)
            return np.frombuffer(self._bytes(section, 0, section.size), "<f4", length)
        data = self._part(name)
        return np.frombuffer(data, "<f4", length) if data else np.zeros(length, np.float32)

    def matrix(self, name: str) -> Floats:
        """A matrix of a layer."""
        _blk, layer, part = name.split(".", 2)
        section = self._section(SectionKind.LAYER, int(layer))
        part = part.removesuffix(".weight")
        code = section.encodings[MATRICES.index(part)]
        return matrix_of(self._part(name), Encoding(code), *self.shape.matrix(part))

    def _rows(self, section: PlacedSection, first: int, count: int) -> Floats:
        """Rows of 8-bit numbers: from an even one, an even number of them or up to the end."""
        code, rows, columns = Encoding(section.encodings[0]), self.shape.vocabulary, self.shape.dim
        padded, before = layout.up(rows, 4), layout.scales_size(code, rows, columns)
        width = layout.body_size(code, rows, columns) // padded
        scales = self._bytes(section, 4 * first, 4 * count)
        scale = np.frombuffer(scales, "<f4", count)
        body = self._bytes(section, before + first * width, (count + count % 2) * width)
        q = _eight(np.frombuffer(body, np.uint8).reshape(-1, 2 * width))
        if code is Encoding.INT8:
            found: Floats = q[:count, :columns] * scale[:, None]
            return found
        groups = width // 32
        steps = self._bytes(section, 4 * padded + groups * first, groups * count)
        return _grouped(q, scale, np.frombuffer(steps, np.uint8).reshape(count, groups), columns)

    def embeddings(self, tokens: Sequence[int]) -> Floats:
        """Rows of the table."""
        section = self._section(SectionKind.TABLE)
        return np.stack([self._rows(section, t // 2 * 2, 2)[t % 2] for t in tokens])

    def classifier(self) -> Iterator[Floats]:
        """The rows of the classifier, in pieces."""
        section = self._section(SectionKind.TABLE if self.shape.tied else SectionKind.CLASSIFIER)
        count = self.shape.vocabulary
        if section.encodings[0] not in (Encoding.INT8, Encoding.INT8_GROUPS):
            data = self._bytes(section, 0, section.size)
            yield matrix_of(data, Encoding(section.encodings[0]), count, self.shape.dim)
            return
        for first in range(0, count, _CLASSIFIER_STEP):
            yield self._rows(section, first, min(_CLASSIFIER_STEP, count - first))


def open_container(read: Read, path: str) -> Container:
    """A container by its head. Raises ModelDamaged, ModelUnsupported."""
    head = container.read(read(1, 0, 65536), path)
    rope = next(s for s in head.sections if s.kind is SectionKind.ROPE)
    frequencies = np.frombuffer(read(1, rope.offset, rope.size), "<f4", head.head_size // 2)
    shape = replace(head.shape, frequencies=tuple(frequencies.tolist()))
    return Container(head, shape, read)


def check(found: Container, path: str) -> None:
    """Read every section and compare its check. Raises ModelDamaged."""
    for section in found.head.sections:
        step = 1 << 20
        counted, crc = convert.Sum98(section.size), 0
        for at in range(0, section.size, step):
            data = found.read(section.volume, section.offset + at, min(step, section.size - at))
            if len(data) != min(step, section.size - at):
                raise ModelDamaged(path=path, why=f"volume {section.volume} was cut off")
            if section.kind.summed:
                counted.add(at, data)
            else:
                crc = zlib.crc32(data, crc)
        if (counted.check if section.kind.summed else crc) != section.check:
            where = (
                f"layer {section.index}" if section.kind is SectionKind.LAYER else section.kind.name
            )
            raise ModelDamaged(path=path, why=f"{where.lower()} is damaged (its check differs)")


def middle_loss(losses: Floats) -> float:
    """The mean of losses, in nats."""
    return math.fsum(losses.tolist()) / len(losses)
