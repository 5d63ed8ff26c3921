"""Sixty seeded random faults; `python -m benchmarks.faults --count 1000` plays more of them."""

from __future__ import annotations

import pytest

from benchmarks.faults.judge import run
from deployer.model import State

SEEDS = range(60)


@pytest.mark.timeout(90)
@pytest.mark.parametrize("seed", SEEDS)
def test_it_ends_proved_or_with_the_true_reason_and_the_next_push_is_proved(seed: int) -> None:
    outcome = run(seed)
    assert not outcome.broken, f"{outcome.case}: {outcome.broken}"
    assert outcome.state in (State.PROVED, State.FAILED)
