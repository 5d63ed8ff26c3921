"""A tenth of `python -m benchmarks.fuzz`, which does 100,000 steps of each kind."""

from __future__ import annotations

from pathlib import Path

import pytest

from benchmarks.fuzz.__main__ import KINDS, fuzz
from tests import needs

STEPS = 10_000


@pytest.mark.parametrize("kind", KINDS)
def test_whatever_is_done_to_the_servers_a_good_client_is_served(kind: str, tmp_path: Path) -> None:
    needs.require("Linux")
    outcome = fuzz(kind, STEPS, tmp_path)
    assert outcome.steps >= STEPS
    assert outcome.rounds > 0
