"""The container `.L98`: a head with a table of sections, and the sections, in volumes.

`plan` fixes every place and size before a byte is written, so weights can be written as they come.
`docs/formats.md` describes the file; `read` is the host's reader of the head.
"""

from __future__ import annotations

import struct
import zlib
from collections.abc import Sequence
from dataclasses import dataclass
from enum import IntEnum

from deployer.core.model.shape import Shape
from deployer.errors import ModelDamaged, ModelUnsupported

MAGIC = b"LLAMA98\x1a"
_PART_MAGIC = b"L98PART\x1a"
VERSION = 1
LARGEST_VOLUME = 512 << 20
MOST_VOLUMES = 99
LONGEST_HEAD = 65536
"""Bytes that are enough to read any head."""
_PAGE = 4096
_HEAD = struct.Struct("<8s5I16s9I3fI64s")
_ENTRY = struct.Struct("<2H4I8sI")
_PART = struct.Struct("<8s4I16s")


class SectionKind(IntEnum):
    """What a section holds."""

    TOKENIZER = 1
    CHAT = 2
    ROPE = 3
    PREFIX = 4
    FINAL = 16
    TABLE = 17
    CLASSIFIER = 18
    LAYER = 32

    @property
    def summed(self) -> bool:
        """Whether its check is sum98, which a Pentium II takes at the speed of its memory."""
        return self >= SectionKind.FINAL


class Encoding(IntEnum):
    """How the numbers of a matrix are written, by the container's number."""

    INT8 = 1
    TERNARY = 3
    ONE_BIT = 4
    INT8_GROUPS = 6
    INT4 = 7


@dataclass(frozen=True, slots=True)
class SectionPlan:
    """A section that is to be: its kind, the layer's number, its bytes, its encodings."""

    kind: SectionKind
    size: int
    index: int = 0
    encodings: tuple[int, ...] = ()


@dataclass(frozen=True, slots=True)
class PlacedSection:
    """A section at its place: the volume from 1, the offset there."""

    kind: SectionKind
    index: int
    volume: int
    offset: int
    size: int
    encodings: tuple[int, ...]
    check: int = 0


def _pages(count: int) -> int:
    return -(-count // _PAGE) * _PAGE


def head_size(sections: int) -> int:
    """Bytes before the first section."""
    return _pages(256 + 32 * sections)


def plan(wanted: Sequence[SectionPlan], largest: int = LARGEST_VOLUME) -> list[PlacedSection]:
    """Where each section goes: in order, none across two volumes. Raises ValueError."""
    volume, at = 1, head_size(len(wanted))
    placed = []
    for one in wanted:
        if _pages(one.size) > largest - _PAGE:
            raise ValueError(f"a section of {one.size:,} bytes fits no volume")
        if at + _pages(one.size) > largest:
            volume, at = volume + 1, _PAGE
        placed.append(PlacedSection(one.kind, one.index, volume, at, one.size, one.encodings))
        at += _pages(one.size)
    if volume > MOST_VOLUMES:
        raise ValueError(f"it would be {volume} volumes")
    return placed


def lengths(sections: Sequence[PlacedSection]) -> list[int]:
    """Bytes of each volume."""
    ends = {section.volume: section.offset + _pages(section.size) for section in sections}
    return [ends[volume] for volume in sorted(ends)]


def flags_of(shape: Shape) -> int:
    """The head's flags."""
    return (
        (1 if shape.tied else 0)
        | (2 if shape.biases else 0)
        | (4 if shape.head_norms else 0)
        | (8 if shape.sub_norms else 0)
        | (16 if shape.squared_relu else 0)
    )


def head(
    shape: Shape, identity: bytes, sections: Sequence[PlacedSection], prefix: int = 0
) -> bytes:
    """The head of volume 1. `sections` have their checks."""
    size = head_size(len(sections))
    fixed = _HEAD.pack(
        MAGIC, VERSION, 0, size, len(sections), sections[-1].volume, identity, shape.dim,
        shape.hidden, shape.layers, shape.heads, shape.kv_heads, shape.head_size, shape.vocabulary,
        shape.context, flags_of(shape), shape.eps, shape.attention_scale, shape.rope_factor,
        prefix, shape.name.encode("ascii")[:63],
    )  # fmt: skip
    data = bytearray(size)
    data[: len(fixed)] = fixed
    for number, one in enumerate(sections):
        _ENTRY.pack_into(
            data, 256 + 32 * number, one.kind, one.index, one.volume, one.offset, one.size,
            one.check, bytes(one.encodings), 0,
        )  # fmt: skip
    struct.pack_into("<I", data, 12, zlib.crc32(data[16:]))
    return bytes(data)


def part_head(identity: bytes, volume: int, volumes: int) -> bytes:
    """The head of a volume after the first."""
    data = bytearray(_PAGE)
    _PART.pack_into(data, 0, _PART_MAGIC, VERSION, 0, volume, volumes, identity)
    struct.pack_into("<I", data, 12, zlib.crc32(data[16:]))
    return bytes(data)


@dataclass(frozen=True, slots=True)
class Head:
    """What a container's head says."""

    name: str
    identity: bytes
    dim: int
    hidden: int
    layers: int
    heads: int
    kv_heads: int
    head_size: int
    vocabulary: int
    context: int
    flags: int
    eps: float
    attention_scale: float
    rope_factor: float
    prefix: int
    sections: tuple[PlacedSection, ...]

    @property
    def tied(self) -> bool:
        """Whether the embeddings are the classifier too."""
        return bool(self.flags & 1)

    @property
    def shape(self) -> Shape:
        """The model's shape, without its frequencies, which stand in a section."""
        return Shape(
            name=self.name, architecture="", dim=self.dim, hidden=self.hidden, layers=self.layers,
            heads=self.heads, kv_heads=self.kv_heads, head_size=self.head_size,
            vocabulary=self.vocabulary, context=self.context, eps=self.eps,
            attention_scale=self.attention_scale, rope_factor=self.rope_factor, frequencies=(),
            tied=self.tied, biases=bool(self.flags & 2), head_norms=bool(self.flags & 4),
            sub_norms=bool(self.flags & 8), squared_relu=bool(self.flags & 16), halves=False,
        )  # fmt: skip

    @property
    def volumes(self) -> int:
        """In how many files it lies."""
        return self.sections[-1].volume


def is_container(data: bytes) -> bool:
    """Whether a file that begins so is a container's first volume."""
    return data[:8] == MAGIC


def is_later_volume(data: bytes) -> bool:
    """Whether a file that begins so is a container's second volume or a later one."""
    return data[:8] == _PART_MAGIC


def read(data: bytes, path: str) -> Head:
    """A container's head from its first 65,536 bytes. Raises ModelDamaged, ModelUnsupported."""

    def damaged(why: str) -> ModelDamaged:
        return ModelDamaged(path=path, why=why)

    if data[:8] == _PART_MAGIC:
        raise damaged("it is a later volume of a model; name the first one")
    if len(data) < _HEAD.size or not is_container(data):
        raise damaged("it does not begin as a container does")
    fields = _HEAD.unpack_from(data)
    version, crc, size, count = fields[1:5]
    if version != VERSION:
        raise ModelUnsupported(
            path=path, why=f"it is a container of version {version}, and version 1 is read",
            remedy="Convert the model again.",
        )  # fmt: skip
    if not 4 <= count <= 1040 or size != head_size(count) or len(data) < size:
        raise damaged("its head is cut off or contradicts itself")
    if zlib.crc32(data[16:size]) != crc:
        raise damaged("its head is damaged (its checksum differs)")
    sections = []
    for number in range(count):
        kind, index, volume, offset, length, check, codes, _zero = _ENTRY.unpack_from(
            data, 256 + 32 * number
        )
        if kind not in SectionKind._value2member_map_:
            raise damaged(f"it has a section of kind {kind}, which is not known")
        used = {SectionKind.LAYER: 7, SectionKind.TABLE: 1, SectionKind.CLASSIFIER: 1}.get(
            SectionKind(kind), 0
        )
        for code in codes[:used]:
            if code not in Encoding._value2member_map_:
                raise ModelUnsupported(
                    path=path, why=f"it holds weights of encoding {code}, which is not read",
                    remedy="Convert the model again: earlier versions wrote 2 and 5.",
                )  # fmt: skip
        sections.append(
            PlacedSection(
                SectionKind(kind), index, volume, offset, length, tuple(codes[:used]), check
            )
        )
    dim, hidden, layers, heads, kv_heads, head_size_, vocabulary, context, flags = fields[7:16]
    return Head(
        name=fields[20].rstrip(b"\0").decode("ascii", "replace"), identity=fields[6], dim=dim,
        hidden=hidden, layers=layers, heads=heads, kv_heads=kv_heads, head_size=head_size_,
        vocabulary=vocabulary, context=context, flags=flags, eps=fields[16],
        attention_scale=fields[17], rope_factor=fields[18], prefix=fields[19],
        sections=tuple(sections),
    )  # fmt: skip
