"""Seeded lives of a folder on an old PC, with faults; `python -m benchmarks.faults --changes`."""

from __future__ import annotations

import multiprocessing
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor

import pytest

from benchmarks.faults import changes

TENS = [list(range(first, first + 10)) for first in range(0, 100, 10)]


@pytest.fixture(scope="module")
def two() -> Iterator[ProcessPoolExecutor]:
    """Two processes: a life waits for the wire as long as it computes."""
    with ProcessPoolExecutor(2, mp_context=multiprocessing.get_context("spawn")) as pool:
        yield pool


@pytest.mark.timeout(600)
@pytest.mark.parametrize("seeds", [*TENS, [431, 563]], ids=lambda seeds: f"from {seeds[0]}")
def test_over_a_folders_life_nothing_of_the_pcs_is_lost_without_being_named(
    two: ProcessPoolExecutor, seeds: list[int]
) -> None:
    """A tenth of what `--count 1000` plays.

    In 431 and 563 a GO.BAT comes in which one letter is another: it asks what nobody answers, and
    jumps in a circle.
    """
    for life in two.map(changes.run, seeds):
        assert not life.broken, f"{life.seed}: {life.steps}, {life.happened}: {life.broken}"
