"""The map of the parts says what every block is, in any room."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from deployer.core.partmap import LETTERS, BlockState, Cell, counts, field_of, state_of
from deployer.core.view import PartRow, PartState

KIB = 1024


def part(number: int, state: PartState, length: int = 16 * KIB, **more: int) -> PartRow:
    return PartRow(f"A.{number:03d}", "A.BIN", length, state, **more)


@pytest.mark.parametrize(
    ("state", "fetches", "block"),
    [
        (PartState.WAITING, 0, BlockState.WAITING),
        (PartState.WAITING, 1, BlockState.WAITING),
        (PartState.MOVING, 1, BlockState.MOVING),
        (PartState.FETCHED, 1, BlockState.ARRIVED),
        (PartState.FETCHED, 2, BlockState.AGAIN),
        (PartState.BAD, 1, BlockState.DAMAGED),
        (PartState.PROVED, 2, BlockState.VERIFIED),
    ],
)
def test_a_part_is_one_of_six(state: PartState, fetches: int, block: BlockState) -> None:
    assert state_of(part(1, state, fetches=fetches)) == block


def test_of_a_part_that_moves_some_blocks_are_there_one_moves_and_the_rest_wait() -> None:
    moving = part(1, PartState.MOVING, moved=9 * KIB, fetches=1)
    assert drawn([moving, part(2, PartState.PROVED)], 8) == "oo>.####"


def test_what_moves_for_the_second_time_is_fetched_again() -> None:
    moving = part(1, PartState.MOVING, moved=9 * KIB, fetches=2)
    assert drawn([moving], 8) == "++>."
    assert counts([moving]) == {BlockState.MOVING: 1, BlockState.AGAIN: 1}


def test_a_block_stands_for_more_bytes_where_there_is_less_room() -> None:
    parts = [part(1, PartState.PROVED), part(2, PartState.BAD)]
    assert [(field_of(parts, room).each, drawn(parts, room)) for room in (8, 7, 3)] == [
        (4 * KIB, "####!!!!"), (6 * KIB, "###!!!"), (16 * KIB, "#!"),
    ]  # fmt: skip


def test_of_many_parts_in_one_block_the_one_to_worry_about_is_shown() -> None:
    states = [PartState.PROVED] * 3 + [PartState.BAD] + [PartState.WAITING, PartState.MOVING]
    found = field_of([part(n, state) for n, state in enumerate(states)], 3)
    assert found.together == 2
    assert found.cells == (
        Cell(BlockState.VERIFIED, 0),
        Cell(BlockState.DAMAGED, 2),
        Cell(BlockState.MOVING, 4),
    )


def test_an_empty_part_has_a_block_too_and_no_part_is_no_block() -> None:
    assert drawn([part(1, PartState.PROVED, 0)], 5) == "#"
    assert field_of([], 5).cells == ()


def test_the_letters_differ() -> None:
    assert len(set(LETTERS.values())) == len(BlockState)


PARTS = st.lists(
    st.builds(
        PartRow,
        st.just("A.001"), st.just("A.BIN"), st.integers(0, 64 << 20), st.sampled_from(PartState),
        st.integers(0, 64 << 20), st.integers(0, 3),
    ),
    max_size=60,
)  # fmt: skip


@given(PARTS, st.integers(-1, 200))
def test_the_field_fits_its_room_and_has_every_part_in_order(
    parts: list[PartRow], room: int
) -> None:
    found = field_of(parts, room)
    assert len(found.cells) <= max(room, 1)
    assert [cell.part for cell in found.cells] == sorted(cell.part for cell in found.cells)
    if found.together == 1:
        assert {cell.part for cell in found.cells} == set(range(len(parts)))
    assert sum(n for block, n in counts(parts).items() if block != BlockState.AGAIN) <= len(parts)


def drawn(parts: list[PartRow], room: int) -> str:
    return "".join(LETTERS[cell.block] for cell in field_of(parts, room).cells)
