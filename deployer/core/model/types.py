"""GGUF's types of numbers: their names, and how many bytes so many numbers take.

Upstream's numbers. Forks gave numbers of their own, or other blocks, to some of them; those are
refused by name or by the distance to the next tensor.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class NumberKind:
    """One type: `block` numbers lie in `bytes` bytes."""

    number: int
    name: str
    block: int
    bytes: int

    def size(self, count: int) -> int:
        """Bytes of so many numbers, which are a whole number of blocks."""
        return count // self.block * self.bytes


_KINDS = (
    NumberKind(0, "F32", 1, 4),
    NumberKind(1, "F16", 1, 2),
    NumberKind(2, "Q4_0", 32, 18),
    NumberKind(3, "Q4_1", 32, 20),
    NumberKind(6, "Q5_0", 32, 22),
    NumberKind(7, "Q5_1", 32, 24),
    NumberKind(8, "Q8_0", 32, 34),
    NumberKind(10, "Q2_K", 256, 84),
    NumberKind(11, "Q3_K", 256, 110),
    NumberKind(12, "Q4_K", 256, 144),
    NumberKind(13, "Q5_K", 256, 176),
    NumberKind(14, "Q6_K", 256, 210),
    NumberKind(20, "IQ4_NL", 32, 18),
    NumberKind(30, "BF16", 1, 2),
    NumberKind(34, "TQ1_0", 256, 54),
    NumberKind(35, "TQ2_0", 256, 66),
    NumberKind(41, "Q1_0", 128, 18),
    NumberKind(42, "Q2_0", 64, 18),
)

KINDS: Mapping[int, NumberKind] = {kind.number: kind for kind in _KINDS}
"""The types that are read, by GGUF's number."""
KNOWN = ", ".join(kind.name for kind in _KINDS)
"""Their names, for a message."""

OTHERS: Mapping[int, str] = {
    4: "Q4_2, removed from GGUF in 2023",
    5: "Q4_3, removed from GGUF in 2023",
    9: "Q8_1",
    15: "Q8_K",
    16: "IQ2_XXS",
    17: "IQ2_XS",
    18: "IQ3_XXS",
    19: "IQ1_S",
    21: "IQ3_S",
    22: "IQ2_S",
    23: "IQ4_XS",
    24: "I8",
    25: "I16",
    26: "I32",
    27: "I64",
    28: "F64",
    29: "IQ1_M",
    31: "Q4_0_4_4, removed from GGUF in 2024",
    32: "Q4_0_4_8, removed from GGUF in 2024",
    33: "Q4_0_8_8, removed from GGUF in 2024",
    36: "I2_S of bitnet.cpp, whose layout depends on how that program was built",
    37: "I8_S of bitnet.cpp",
    38: "TL1 of bitnet.cpp",
    39: "MXFP4",
    40: "NVFP4",
}
"""Types that are known by name and not read."""


def name_of(number: int) -> str:
    """What a message calls a type that is not read."""
    known = OTHERS.get(number)
    return f"{known} (type {number})" if known else f"type {number}, which is not known"
