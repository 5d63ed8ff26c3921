"""How big everything in a container is: encodings of matrices, the parts of a layer, the sections.

`docs/formats.md` has the layouts. Sizes are bytes.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from deployer.core.model.container import Encoding, SectionKind, SectionPlan
from deployer.core.model.shape import MATRICES, Shape

TABLE, CLASSIFIER, NORM = "token_embd.weight", "output.weight", "output_norm.weight"


def up(number: int, step: int) -> int:
    """The number, or the next multiple of `step`."""
    return -(-number // step) * step


SHARING = 64
"""So many rows of int4 have a scale together."""


def body_size(encoding: Encoding, rows: int, columns: int) -> int:
    """Bytes of a matrix without its scales."""
    padded = up(rows, 4)
    match encoding:
        case Encoding.INT8:
            return padded * up(columns, 16)
        case Encoding.INT4:
            return padded // 4 * (up(columns, 32) // 32) * 80
        case Encoding.TERNARY:
            return padded * up(columns, 20) // 5
        case Encoding.ONE_BIT:
            return padded * columns // 128 * 20
        case Encoding.INT8_GROUPS:
            return padded * up(columns, 32)


def scales_size(encoding: Encoding, rows: int, columns: int) -> int:
    """Bytes of a matrix before its body: scales, the factors of int4, the steps of groups."""
    padded = up(rows, 4)
    match encoding:
        case Encoding.INT4:
            return up(4 * (up(rows, SHARING) // SHARING) + 2 * padded, 16)
        case Encoding.INT8_GROUPS:
            return up((4 + up(columns, 32) // 32) * padded, 16)
        case Encoding.INT8 | Encoding.TERNARY | Encoding.ONE_BIT:
            return up(4 * padded, 16)


def size(encoding: Encoding, rows: int, columns: int) -> int:
    """Bytes of a matrix, padded to a multiple of 16."""
    before = scales_size(encoding, rows, columns)
    return up(before + body_size(encoding, rows, columns), 16)


_WIDE = 512
"""Rows of 8-bit numbers with fewer columns have one scale: they err little, and cost less."""


def eight_bits(columns: int) -> Encoding:
    """How 8-bit numbers of a classifier are written, which may be the embeddings as well."""
    return Encoding.INT8_GROUPS if columns >= _WIDE else Encoding.INT8


def table(shape: Shape) -> Encoding:
    """How the embeddings are written. Of their own, not a classifier too, they need no more."""
    return eight_bits(shape.dim) if shape.tied else Encoding.INT8


@dataclass(frozen=True, slots=True)
class MatrixForm:
    """How a matrix is written, and whether its numbers stay the same (to 15 bits of a scale)."""

    encoding: Encoding
    exact: bool


Choices = dict[str, MatrixForm]
"""By the matrix's name."""


def matrices(shape: Shape) -> Iterator[str]:
    """Every matrix, in the order of the container, without the table."""
    if not shape.tied:
        yield CLASSIFIER
    for number in range(shape.layers):
        yield from (f"blk.{number}.{name}.weight" for name in MATRICES)


def wanted(
    shape: Shape, choices: Choices, tokenizer: int, chat: int, prefix: int
) -> list[SectionPlan]:
    """The sections of a container, in order; 0 bytes of chat or prefix: without it."""
    found = [SectionPlan(SectionKind.TOKENIZER, tokenizer)]
    if chat:
        found.append(SectionPlan(SectionKind.CHAT, chat))
    found.append(SectionPlan(SectionKind.ROPE, _vector(shape.head_size // 2)))
    if prefix:
        found.append(SectionPlan(SectionKind.PREFIX, prefix))
    code = table(shape)
    whole = size(code, shape.vocabulary, shape.dim)
    found.append(SectionPlan(SectionKind.FINAL, _vector(shape.dim)))
    found.append(SectionPlan(SectionKind.TABLE, whole, encodings=(code,)))
    if not shape.tied:
        code = choices[CLASSIFIER].encoding
        apart = size(code, shape.vocabulary, shape.dim)
        found.append(SectionPlan(SectionKind.CLASSIFIER, apart, encodings=(code,)))
    for number in range(shape.layers):
        codes = tuple(choices[f"blk.{number}.{name}.weight"].encoding for name in MATRICES)
        whole = sum(length for _name, length in layer(shape, codes))
        found.append(SectionPlan(SectionKind.LAYER, whole, number, codes))
    return found


def _vector(count: int) -> int:
    return -(-4 * count // 16) * 16


def layer(shape: Shape, codes: Sequence[int]) -> Iterator[tuple[str, int]]:
    """The parts of a layer in order, and their bytes. A name without a matrix's is a vector."""
    code = dict(zip(MATRICES, map(Encoding, codes), strict=True))

    def matrix(name: str) -> tuple[str, int]:
        return f"{name}.weight", size(code[name], *shape.matrix(name))

    yield "attn_norm.weight", _vector(shape.dim)
    if shape.biases:
        yield "attn_k.bias", _vector(shape.kv_dim)
        yield "attn_v.bias", _vector(shape.kv_dim)
        yield "attn_q.bias", _vector(shape.q_dim)
    if shape.head_norms:
        yield "attn_k_norm.weight", _vector(shape.head_size)
        yield "attn_q_norm.weight", _vector(shape.head_size)
    yield from map(matrix, ("attn_k", "attn_v", "attn_q"))
    if shape.sub_norms:
        yield "attn_sub_norm.weight", _vector(shape.q_dim)
    yield matrix("attn_output")
    yield "ffn_norm.weight", _vector(shape.dim)
    yield from map(matrix, ("ffn_gate", "ffn_up"))
    if shape.sub_norms:
        yield "ffn_sub_norm.weight", _vector(shape.hidden)
    yield matrix("ffn_down")
