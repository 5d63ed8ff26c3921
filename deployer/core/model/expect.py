"""What a model will be like on an old PC, before a byte is sent: memory by item, speed, disk.

Bytes throughout. Speed is `modelled`: cycles for each weight of each encoding, counted for a
Pentium II by `benchmarks/engine`; what does not stay in memory is read from disk for every token.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from deployer.core.model.container import PlacedSection, SectionKind, SectionPlan
from deployer.core.model.layout import Encoding
from deployer.core.model.shape import MATRICES, Shape
from deployer.core.payload.fit import WINDOWS

STEPS = 256
DISK = 12_000_000.0
"""Bytes per second of a disk with UDMA; old ones without it read 3 to 5 million."""
MHZ = 350
_CYCLES: Mapping[Encoding, float] = {
    Encoding.INT8: 1.82, Encoding.INT4: 1.57, Encoding.TERNARY: 0.67, Encoding.ONE_BIT: 0.50,
}  # fmt: skip
_PROGRAM = 1 << 20
_ATTENTION = 47 * 0.75
"""Cycles of attention for each position and head."""


@dataclass(frozen=True, slots=True)
class Expectation:
    """What to expect. `items` is memory by name; `streamed` is read from disk for each token."""

    file: int
    items: tuple[tuple[str, int], ...]
    memory: int
    resident: int
    streamed: int
    tokens: float
    fits: bool

    @property
    def wanted(self) -> int:
        """Memory in which all of it stays."""
        return sum(size for _name, size in self.items)


def expect(
    shape: Shape,
    sections: Sequence[SectionPlan | PlacedSection],
    memory: int,
    *,
    steps: int = STEPS,
    mhz: int = MHZ,
    disk: float = DISK,
) -> Expectation:
    """What to expect of a container on a PC with that much memory."""
    layers = [one.size for one in sections if one.kind is SectionKind.LAYER]
    tables = [one.size for one in sections if one.kind is SectionKind.TABLE]
    classifier = [one.size for one in sections if one.kind is SectionKind.CLASSIFIER]
    others = sum(one.size for one in sections) - sum(layers) - sum(tables) - sum(classifier)
    steps = min(steps, shape.context)
    cache = shape.layers * steps * shape.kv_heads * 2 * (shape.head_size + 4)
    state = 4 * (8 * shape.dim + 4 * shape.hidden + 4 * shape.q_dim + 2 * shape.vocabulary)
    items = [
        ("tokenizer, chat", others),
        ("keys and values", cache),
        ("work space", state + _PROGRAM),
        ("classifier", sum(classifier) or sum(tables)),
        ("layers", sum(layers)),
    ]
    # An untied table is read a row at a time, so it need not be in memory.
    room = memory - WINDOWS - sum(size for _name, size in items[:3])
    buffers = 2 * max(layers, default=0)
    whole = sum(layers) + items[3][1]
    streamed = 0 if room >= whole else whole - max(0, room - buffers)
    cycles = _cycles(shape, sections, steps)
    seconds = cycles / (mhz * 1e6)
    read = streamed / disk
    return Expectation(
        file=sum(one.size for one in sections),
        items=tuple(items),
        memory=memory,
        resident=whole - streamed,
        streamed=streamed,
        tokens=1 / (max(seconds, read) + (0.1 * min(seconds, read) if streamed else 0)),
        fits=room >= buffers,
    )


def _cycles(shape: Shape, sections: Sequence[SectionPlan | PlacedSection], steps: int) -> float:
    """Cycles of a token in the middle of a text of `steps` positions."""
    total = 0.0
    for one in sections:
        if one.kind is SectionKind.LAYER:
            for name, code in zip(MATRICES, one.encodings, strict=True):
                rows, columns = shape.matrix(name)
                total += rows * columns * _CYCLES[Encoding(code)]
        elif one.kind is SectionKind.CLASSIFIER or (one.kind is SectionKind.TABLE and shape.tied):
            total += shape.vocabulary * shape.dim * _CYCLES[Encoding(one.encodings[0])]
    return total + shape.layers * shape.heads * steps / 2 * _ATTENTION
