"""Damaged GGUF files: a container or an error of two lines, never anything else."""

from __future__ import annotations

import pytest

pytest.importorskip("numpy", reason="needs the extra models")
pytest.importorskip("gguf", reason="needs the extra models")

from benchmarks.convert import mutate
from benchmarks.convert.__main__ import GOLD, SMALL


@pytest.mark.parametrize("seed", range(4))
def test_a_damaged_model_is_converted_or_refused(seed: int) -> None:
    """A part of `python -m benchmarks.convert --mutate 20000`, always with the same files."""
    tally = mutate.run([GOLD / f"{name}.gguf" for name in SMALL], 200, 1000 + seed)
    assert tally.total == 200
    assert tally.converted > 0
    assert tally.refused["ModelDamaged"] > 0
