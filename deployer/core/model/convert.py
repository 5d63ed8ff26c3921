"""From a GGUF file to the container, a piece of a tensor at a time.

`survey` decides how each matrix is written, `convert` writes. Memory is that of the largest layer's
matrix, not of the model. The same source and options give the same bytes.
"""

from __future__ import annotations

import zlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from enum import StrEnum

import numpy as np
from numpy.typing import NDArray

from deployer.core.model import container, layout, pack, weights
from deployer.core.model.container import Encoding, PlacedSection, SectionKind
from deployer.core.model.layout import CLASSIFIER, NORM, TABLE, Choices, MatrixForm
from deployer.core.model.shape import Shape
from deployer.core.model.source import Source

Write = Callable[[int, int, bytes], None]
"""Writes bytes at an offset of a volume (from 1)."""


class Quant(StrEnum):
    """What the user wants of the layers' matrices."""

    AUTO = "auto"
    INT8 = "int8"
    INT4 = "int4"
    EXACT = "exact"


def survey(source: Source, quant: Quant, *, small: bool = False) -> Choices:
    """How each matrix is written. `small`: the PC has no room for int8 rows.

    Numbers that are all -s, 0 or s are found by looking, whatever their type is. Raises
    ModelUnsupported where `exact` is asked for and cannot be had.
    """
    choices: Choices = {}
    for name in layout.matrices(source.shape):
        choice = _without_loss(source, name)
        # 4 bits cost 0.07 nats in a classifier.
        few = name == CLASSIFIER and (choice is None or choice.encoding is Encoding.INT4)
        if quant is Quant.INT8 or few:
            columns = source.shape.dim
            eight = layout.eight_bits(columns) if name == CLASSIFIER else Encoding.INT8
            choice = MatrixForm(eight, exact=False)
        elif choice is None or (quant is Quant.INT4 and choice.encoding is Encoding.INT8):
            if quant is Quant.EXACT:
                kind = source.tensor(name).kind.name
                raise source.file.unsupported(
                    f"{name} is {kind}, and no encoding of the engine holds that exactly",
                    "Leave --quant out: then int8 or int4 is chosen, and its cost is shown.",
                )
            rounded = Encoding.INT4 if small or quant is Quant.INT4 else Encoding.INT8
            choice = MatrixForm(rounded, exact=False)
        choices[name] = choice
    return choices


def _without_loss(source: Source, name: str) -> MatrixForm | None:
    kind = source.tensor(name).kind.name
    if kind == "Q1_0":
        return MatrixForm(Encoding.ONE_BIT, exact=True)
    if kind not in ("Q4_0", "Q4_1", "Q4_K") and _is_ternary(source, name):
        return MatrixForm(Encoding.TERNARY, exact=True)
    return MatrixForm(Encoding.INT4, exact=True) if kind in weights.GROUPED else None


def _is_ternary(source: Source, name: str) -> bool:
    rows, step = source.tensor(name).rows, source.step(name)
    if pack.signs_of(source.rows(name, 0, min(4, rows))) is None:
        return False
    return all(
        pack.signs_of(source.rows(name, first, min(step, rows - first))) is not None
        for first in range(0, rows, step)
    )


# --- writing


class Sum98:
    """The check of a section whose pieces come in any order: see docs/formats.md."""

    def __init__(self, size: int) -> None:
        self._lane = size // 8
        self._sums = np.zeros((2, 2), np.uint32)

    def add(self, offset: int, data: bytes) -> None:
        """Count a piece that begins at a multiple of 8 within the section."""
        words = np.frombuffer(data + bytes(-len(data) % 8), "<u4").reshape(-1, 2)
        first = self._lane - offset // 8
        factors = np.arange(first, first - len(words), -1, dtype=np.int64).astype(np.uint32)
        self._sums[0] += words.sum(axis=0, dtype=np.uint32)
        self._sums[1] += (words * factors[:, None]).sum(axis=0, dtype=np.uint32)

    @property
    def check(self) -> int:
        """The CRC-32 of the four sums."""
        return zlib.crc32(self._sums.astype("<u4").tobytes())


@dataclass(frozen=True, slots=True)
class Extras:
    """What goes with the weights: sections that are made elsewhere."""

    tokenizer: bytes
    chat: bytes = b""
    prefix: bytes = b""
    prefix_length: int = 0


def convert(
    source: Source,
    choices: Choices,
    extras: Extras,
    identity: bytes,
    write: Write,
    *,
    largest: int = container.LARGEST_VOLUME,
    progress: Callable[[int], None] = lambda _bytes: None,
) -> list[int]:
    """Write the container; the lengths of its volumes.

    `progress` is told the bytes of each piece. Raises ModelDamaged, ModelUnsupported.
    """
    shape = source.shape
    sizes = layout.wanted(
        shape, choices, len(extras.tokenizer), len(extras.chat), len(extras.prefix)
    )
    try:
        placed = container.plan(sizes, largest)
    except ValueError as error:
        raise source.file.unsupported(f"as a container {error}", "Use a smaller model.") from error
    done = []
    for section in placed:
        counted = Sum98(section.size)
        crc = 0
        for offset, data in _pieces(source, choices, extras, section):
            write(section.volume, section.offset + offset, data)
            progress(len(data))
            if section.kind.summed:
                counted.add(offset, data)
            else:
                crc = zlib.crc32(data, crc)
        done.append(replace(section, check=counted.check if section.kind.summed else crc))
    found = container.lengths(done)
    for volume, length in enumerate(found, start=1):
        last = [one for one in done if one.volume == volume][-1]
        end = last.offset + last.size
        write(volume, end, bytes(length - end))
        if volume > 1:
            write(volume, 0, container.part_head(identity, volume, len(found)))
    write(1, 0, container.head(shape, identity, done, extras.prefix_length))
    return found


_Piece = tuple[int, bytes]


def _pieces(
    source: Source, choices: Choices, extras: Extras, section: PlacedSection
) -> Iterator[_Piece]:
    """A section's bytes with their offsets; those with a CRC-32 in order."""
    shape = source.shape
    match section.kind:
        case SectionKind.TOKENIZER:
            yield 0, extras.tokenizer
        case SectionKind.CHAT:
            yield 0, extras.chat
        case SectionKind.PREFIX:
            yield 0, extras.prefix
        case SectionKind.ROPE:
            yield 0, _padded(np.array(shape.frequencies, np.float32))
        case SectionKind.FINAL:
            yield 0, _padded(source.vector(NORM, shape.dim))
        case SectionKind.TABLE:
            yield from _matrix(source, TABLE, layout.table(shape))
        case SectionKind.CLASSIFIER:
            yield from _matrix(source, CLASSIFIER, choices[CLASSIFIER].encoding)
        case SectionKind.LAYER:
            at = 0
            for part, size in layout.layer(shape, section.encodings):
                name = f"blk.{section.index}.{part}"
                if name in choices:
                    for offset, data in _matrix(source, name, choices[name].encoding):
                        yield at + offset, data
                else:
                    yield at, _padded(source.vector(name, _length(shape, part)))
                at += size


def _length(shape: Shape, part: str) -> int:
    return {
        "attn_k.bias": shape.kv_dim,
        "attn_v.bias": shape.kv_dim,
        "attn_q.bias": shape.q_dim,
    }.get(part, 0)


def _padded(vector: NDArray[np.float32]) -> bytes:
    data = vector.astype("<f4").tobytes()
    return data + bytes(-len(data) % 16)


def _matrix(source: Source, name: str, encoding: Encoding) -> Iterator[_Piece]:
    """A matrix's bytes with their offsets: its body in pieces, its scales, what pads it."""
    tensor = source.tensor(name)
    at, scales, steps = layout.scales_size(encoding, tensor.rows, tensor.columns), [], []
    start = at
    for packed in _packed(source, name, encoding):
        yield at, packed.body
        at += len(packed.body)
        scales.append(packed.scales)
        steps.append(packed.steps)
    before = np.concatenate(scales).astype("<f4").tobytes() + b"".join(steps)
    yield 0, before + bytes(start - len(before))
    if padding := layout.size(encoding, tensor.rows, tensor.columns) - at:
        yield at, bytes(padding)


def _packed(source: Source, name: str, encoding: Encoding) -> Iterator[pack.Packed]:
    tensor = source.tensor(name)
    kind, step, scale = tensor.kind.name, source.step(name), np.float32(source.scale(name))
    pieces = [(first, min(step, tensor.rows - first)) for first in range(0, tensor.rows, step)]
    match encoding:
        case Encoding.INT8:
            for first, count in pieces:
                yield pack.int8(source.rows(name, first, count))
        case Encoding.INT8_GROUPS:
            for first, count in pieces:
                yield pack.int8_groups(source.rows(name, first, count))
        case Encoding.INT4:
            for first, count in pieces:
                if kind in weights.GROUPED:
                    q, by, middle = weights.grouped(kind, source.raw(name, first, count))
                    with np.errstate(all="ignore"):
                        by, middle = by * scale, middle * scale
                    source.refuse_strange(name, by)
                    source.refuse_strange(name, middle)
                    yield pack.int4(q, by, middle)
                else:
                    yield pack.int4(*pack.grouped(source.rows(name, first, count)))
        case Encoding.TERNARY:
            signs = np.empty((tensor.rows, tensor.columns), np.int8)
            scales = np.empty(tensor.rows, np.float32)
            for first, count in pieces:
                found = pack.signs_of(source.rows(name, first, count))
                if found is None:
                    raise source.file.refuse("it changed while it was read")
                signs[first : first + count], scales[first : first + count] = found
            yield pack.ternary(signs, scales)
        case Encoding.ONE_BIT:
            bits, scales = weights.signs(source.raw(name, 0, tensor.rows))
            with np.errstate(all="ignore"):
                scales = scales * scale
            source.refuse_strange(name, scales)
            yield pack.one_bit(bits, scales)
