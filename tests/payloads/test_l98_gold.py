"""LLAMA98 with what llama.cpp said of small models: numbers that are not ours."""

from __future__ import annotations

import subprocess
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from deployer.host.models import conversion
from deployer.host.models.conversion import ConversionOptions
from tests import gold

Make = Callable[[str, str], Path]
HERE = sorted(path.stem for path in (gold.HERE / "small").glob("*.gguf"))


def logits(probe: Path, model: Path, tokens: Sequence[int], cpu: str, vocab: int) -> Any:
    command = [probe, "logits", model, cpu, "0", "1", *map(str, tokens)]
    done = subprocess.run(command, capture_output=True, timeout=120, check=True)
    return np.frombuffer(done.stdout, "<f4").reshape(-1, vocab)


@pytest.mark.parametrize("name", HERE)
def test_the_engine_says_what_llama_cpp_says(make: Make, tmp_path: Path, name: str) -> None:
    """By the tolerances of the goldens' README: rms 0.25, 14 of 16 greedy picks."""
    case = gold.cases()[name]
    done = conversion.convert(gold.model(name), tmp_path / "M.L98", ConversionOptions())
    (model,) = done.paths
    probe = make("hosted", "llama98-probe")
    vocab = case["shape"]["V"]
    wanted = np.load(gold.path_of(f"small/{name}.f32.npy"))
    got = logits(probe, model, case["tokens"], "mmx", vocab)
    assert np.sqrt(((got - wanted[:16]) ** 2).mean()) <= 0.25
    far = logits(probe, model, case["long_tokens"], "mmx", vocab)
    assert np.sqrt(((far[[49, 99]] - wanted[16:]) ** 2).mean()) <= 0.25
    greedy = case["greedy_f32"]
    greedy = greedy["tokens"] if isinstance(greedy, dict) else greedy
    forced = logits(probe, model, [*case["tokens"], *greedy[:-1]], "mmx", vocab)[15:]
    assert (forced.argmax(1) == greedy).sum() >= 14
    assert (got == logits(probe, model, case["tokens"], "c", vocab)).all()
