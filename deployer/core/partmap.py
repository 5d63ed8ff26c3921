"""The map of the parts: a field of blocks that says what has become of every byte of a payload.

A pure function of the row that `view` folds from the events, so it needs no memory of its own.
Every block stands for the same number of bytes, or for several whole parts where there are many.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum

from deployer.core.view import PartRow, PartState


class BlockState(StrEnum):
    """What a block is. `arrived` has left this computer, `verified` is right on the PC's disk."""

    WAITING = "waiting"
    MOVING = "moving"
    ARRIVED = "arrived"
    VERIFIED = "verified"
    DAMAGED = "damaged"
    AGAIN = "fetched again"


LETTERS: Mapping[BlockState, str] = {
    BlockState.WAITING: ".",
    BlockState.MOVING: ">",
    BlockState.ARRIVED: "o",
    BlockState.VERIFIED: "#",
    BlockState.DAMAGED: "!",
    BlockState.AGAIN: "+",
}
"""What stands in a block, so that nobody needs its colour."""

_FIRST = (
    BlockState.MOVING, BlockState.DAMAGED, BlockState.AGAIN,
    BlockState.WAITING, BlockState.ARRIVED, BlockState.VERIFIED,
)  # fmt: skip
"""Which of several parts in one block is shown: what the user has to know comes first."""

_LEAST = 4096
"""Bytes; no block stands for less, but for the end of a part."""


@dataclass(frozen=True, slots=True)
class Cell:
    """One block of the field. `part` is the index of the first part that it stands for."""

    block: BlockState
    part: int


@dataclass(frozen=True, slots=True)
class PartField:
    """All blocks in the order of the parts.

    `each` is how many bytes a block stands for, 0 where a block stands for `together` parts.
    """

    cells: tuple[Cell, ...]
    each: int = 0
    together: int = 1


def state_of(part: PartRow) -> BlockState:
    """What a whole part is."""
    match part.state:
        case PartState.WAITING:
            return BlockState.WAITING
        case PartState.MOVING:
            return BlockState.MOVING
        case PartState.FETCHED:
            return BlockState.AGAIN if part.fetches > 1 else BlockState.ARRIVED
        case PartState.BAD:
            return BlockState.DAMAGED
        case PartState.PROVED:
            return BlockState.VERIFIED


def counts(parts: Sequence[PartRow]) -> Mapping[BlockState, int]:
    """How many parts are in which state, for the states that there are.

    A part that moves for the second time counts twice: it moves, and it is fetched again.
    """
    found = dict.fromkeys(BlockState, 0)
    for part in parts:
        state = state_of(part)
        found[state] += 1
        found[BlockState.AGAIN] += state == BlockState.MOVING and part.fetches > 1
    return {block: number for block, number in found.items() if number}


def field_of(parts: Sequence[PartRow], room: int) -> PartField:
    """The field with at most `room` blocks (at least one)."""
    room = max(room, 1)
    if len(parts) > room:
        together = -(-len(parts) // room)
        cells = tuple(
            Cell(min(map(state_of, parts[at : at + together]), key=_FIRST.index), at)
            for at in range(0, len(parts), together)
        )
        return PartField(cells, together=together)
    each = next(each for each in _lengths() if sum(_blocks(p, each) for p in parts) <= room)
    cells = tuple(
        Cell(block, index) for index, part in enumerate(parts) for block in _slices(part, each)
    )
    return PartField(cells, each=each)


def _lengths() -> Iterator[int]:
    """Lengths that read well, four to each doubling: 4, 5, 6, 7, 8, 10, 12 KiB and on."""
    for power in itertools.count():
        for quarters in range(4, 8):
            yield _LEAST * quarters // 4 << power


def _blocks(part: PartRow, each: int) -> int:
    return max(-(-part.length // each), 1)


def _slices(part: PartRow, each: int) -> Sequence[BlockState]:
    """The blocks of one part; of one that moves, what is there, what moves, what waits."""
    number, state = _blocks(part, each), state_of(part)
    if state != BlockState.MOVING:
        return [state] * number
    there = min(part.moved // each, number - 1)
    arrived, rest = BlockState.ARRIVED, BlockState.WAITING
    if part.fetches > 1:
        arrived = BlockState.AGAIN
    return [arrived] * there + [BlockState.MOVING] + [rest] * (number - there - 1)
