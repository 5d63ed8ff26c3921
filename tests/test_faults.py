"""Seeded random faults; `python -m benchmarks.faults` plays more of them."""

from __future__ import annotations

import multiprocessing
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor

import pytest

from benchmarks.faults import place
from benchmarks.faults.judge import run
from deployer.model import State

SEEDS = range(60)


@pytest.fixture(scope="module")
def apart() -> Iterator[ProcessPoolExecutor]:
    """A process in a network and with a disk of its own: what happens there happens nowhere else.

    Where the system does not let this user have them, the faults that need them do not happen.
    """
    context = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(1, mp_context=context, initializer=place.enter) as pool:
        yield pool


@pytest.mark.timeout(150)
@pytest.mark.parametrize("seed", SEEDS)
def test_it_ends_proved_or_with_the_true_reason_and_the_next_push_is_proved(
    apart: ProcessPoolExecutor, seed: int
) -> None:
    outcome = apart.submit(run, seed).result()
    assert not outcome.broken, f"{outcome.case}: {outcome.broken}"
    assert outcome.state in (State.PROVED, State.FAILED)
