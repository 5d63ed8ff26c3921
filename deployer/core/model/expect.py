"""What a model will be like on an old PC, before a byte is sent: memory by item, speed, disk.

Bytes throughout. Speed is `modelled`: instructions and bytes of memory for each weight, number and
position, as `benchmarks/engine` counts them for a Pentium II, with 0.75 cycles an instruction and
35 for 32 bytes that come from memory. What does not stay in memory is read from disk for every
token, and nothing is computed meanwhile. The survey of a PC corrects each: see `EnginePace`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from deployer.core.model.container import Encoding, PlacedSection, SectionKind, SectionPlan
from deployer.core.model.shape import MATRICES, Shape
from deployer.core.payload.fit import MODELLED, WINDOWS, EnginePace

STEPS = 256
CYCLES = 0.75
"""Of an instruction."""
_SECOND_LEVEL = 512 << 10
_WEIGHT: Mapping[Encoding, tuple[float, float]] = {
    Encoding.INT8: (0.98, 1.01), Encoding.INT4: (1.18, 0.63),
    Encoding.TERNARY: (0.56, 0.20), Encoding.ONE_BIT: (0.41, 0.16),
    Encoding.INT8_GROUPS: (1.3, 1.04),
}  # fmt: skip
"""Instructions and bytes."""
_TABLE: Mapping[Encoding, float] = {Encoding.TERNARY: 340 / 5, Encoding.ONE_BIT: 380 / 8}
"""Instructions for each number that a table of sums is made of."""
_NUMBER = 30
"""Instructions for each number that goes into a matrix or comes out of one: norms, rounding."""
_ACTIVATION = 50
"""The same for each number of the hidden layer: exp, a division and a product."""
_PROGRAM = 1 << 20
_BUFFER = 1 << 20
"""For what is read from disk: 64 rows of a matrix, and its scales."""
_POSITION = (20, 2.6)
"""Instructions of attention for each position and head, and for each number of a head."""


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
    pace: EnginePace = MODELLED,
) -> Expectation:
    """What to expect of a container on a PC with that much memory, which is so fast."""
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
    whole = sum(layers) + items[3][1]
    streamed = 0 if room >= whole else whole - max(0, room - _BUFFER)
    seconds = _computed(shape, sections, steps, pace) + streamed / pace.disk
    return Expectation(
        file=sum(one.size for one in sections),
        items=tuple(items),
        memory=memory,
        resident=whole - streamed,
        streamed=streamed,
        tokens=1 / seconds,
        fits=room >= min(_BUFFER, whole),
    )


def _computed(
    shape: Shape, sections: Sequence[SectionPlan | PlacedSection], steps: int, pace: EnginePace
) -> float:
    """Seconds of a token in the middle of a text of `steps` positions, all of it in memory."""
    touched = 0.0
    spent = dict.fromkeys(Encoding, 0.0)
    for one in sections:
        if one.kind is SectionKind.LAYER:
            for name, code in zip(MATRICES, one.encodings, strict=True):
                encoding = Encoding(code)
                more = _matrix(*shape.matrix(name), encoding)
                spent[encoding], touched = spent[encoding] + more[0], touched + more[1]
                # Keys, values and queries share the tables of their input; so do gate and up.
                if name in ("attn_q", "attn_output", "ffn_up", "ffn_down"):
                    spent[encoding] += shape.matrix(name)[1] * _TABLE.get(encoding, 0)
        elif one.kind is SectionKind.CLASSIFIER or (one.kind is SectionKind.TABLE and shape.tied):
            encoding = Encoding(one.encodings[0])
            more = _matrix(shape.vocabulary, shape.dim, encoding)
            spent[encoding], touched = spent[encoding] + more[0], touched + more[1]
    numbers = 2 * shape.dim + 2 * shape.kv_dim + 2 * shape.q_dim
    rest: float = shape.layers * (numbers * _NUMBER + shape.hidden * (_NUMBER + _ACTIVATION))
    each, by_size = _POSITION
    positions = shape.layers * steps / 2
    rest += positions * shape.heads * (each + by_size * shape.head_size)
    touched += positions * shape.kv_heads * (3 * shape.head_size + 8)
    # What a token touches comes round again with the next one: of what is a little larger than the
    # second-level cache, a part is still in it.
    missed = min(1.0, max(0.0, touched / _SECOND_LEVEL - 0.4))
    instructions = rest / pace.int8 + sum(
        count / _pace_of(encoding, pace) for encoding, count in spent.items()
    )
    return instructions * CYCLES / (pace.mhz * 1e6) + touched * missed / pace.memory


def _pace_of(encoding: Encoding, pace: EnginePace) -> float:
    """The pace of the kernel that multiplies such weights."""
    match encoding:
        case Encoding.INT4:
            return pace.int4
        case Encoding.TERNARY | Encoding.ONE_BIT:
            return pace.ternary
        case _:
            return pace.int8


def _matrix(rows: int, columns: int, encoding: Encoding) -> tuple[float, float]:
    """Instructions and bytes of a matrix."""
    instructions, size = _WEIGHT[encoding]
    return rows * columns * instructions, rows * (columns * size + 4)
