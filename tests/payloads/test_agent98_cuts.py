"""AGENT98.EXE while power and lines fail; `python -m benchmarks.agent.cuts` does much more."""

from __future__ import annotations

from pathlib import Path

import pytest

pytest.importorskip("unicorn")

from tests.agentcuts import lives

ORDERS, MOST = 9, 11


@pytest.mark.parametrize("seed", range(2))
def test_nothing_is_done_twice_lost_in_silence_or_half_written(tmp_path: Path, seed: int) -> None:
    tally = lives(tmp_path, range(seed, seed + 1), ORDERS)
    assert 3 <= tally.harmed <= MOST
    assert any(how.endswith("done") for how in tally.ends)
