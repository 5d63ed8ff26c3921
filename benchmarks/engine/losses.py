"""What LLAMA98 loses of a real model: `python -m benchmarks.engine --losses SMOLLM2.gguf`.

The model is converted, and the engine's own kernels say every logit of the goldens' eight texts and
eleven conversations, which are compared with a float32 reference: cross-entropy within 0.010 nats
on each text, the reference's greedy pick at 58 of 64 steps of each conversation at least, and no
pick missed whose lead is over 0.75. The token of the shortlist is compared with that of all logits
at every position. A quarter of an hour.
"""

from __future__ import annotations

import json
import subprocess
import tempfile
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import numpy as np

from benchmarks.engine.figures import Measured
from deployer.host.models import conversion
from deployer.host.models.conversion import ConversionOptions
from tests import gold
from tests.payloads.l98 import Array

NATS = 0.010
PICKS = 58
SHARE = 980 / 1024
LEAD = 0.75


def measure(model: Path, build: Callable[[Path, str, str], Path]) -> Iterator[Measured]:
    """Each text and conversation; AssertionError when a shortlist finds another token."""
    with tempfile.TemporaryDirectory(prefix="engine-") as name:
        folder = Path(name)
        probe = build(folder / "build", "hosted", "llama98-probe")
        container = folder / "MODEL.L98"
        conversion.convert(model, container, ConversionOptions())
        listed = positions = 0
        for text in json.loads(gold.path_of("loss.json").read_text())["texts"]:
            logits = _logits(probe, container, text["tokens"])
            loss, wanted = _loss(logits, text["tokens"]), text["numpy_f32"]["mean"]
            rows = _same_by_shortlist(probe, container, text["tokens"], logits)
            listed, positions = listed + rows, positions + len(text["tokens"])
            title = f"text {text['id']}"
            line = f"{title}: {loss:.4f} nats, {loss - wanted:+.4f} to the reference"
            yield Measured(f"{title}: nats", abs(loss - wanted), NATS, line, 0.0005)
        yield from _conversations(probe, container)
        line = (
            f"shortlist: the token of all logits at {positions} positions; "
            f"{listed / positions:.0f} rows of the classifier on the average"
        )
        yield Measured("shortlist: rows", listed / positions, 1024, line)


def _conversations(probe: Path, container: Path) -> Iterator[Measured]:
    total = picked = 0
    worst = 0.0
    for line in gold.lines("chat.jsonl"):
        prompt, answer = line["tokens"], line["greedy_f32"]
        logits = _logits(probe, container, [*prompt, *answer])
        picks = logits.argmax(axis=1)[len(prompt) - 1 : -1].tolist()
        same = sum(a == b for a, b in zip(picks, answer, strict=True))
        missed = [
            lead
            for a, b, lead in zip(picks, answer, line["greedy_f32_margin"], strict=True)
            if a != b
        ]
        worst = max([worst, *missed])
        total, picked = total + len(answer), picked + same
        name, other = f"conversation {line['id']}", len(answer) - same
        said = f"{name}: {same} of {len(answer)} picks"
        yield Measured(f"{name}: other picks", other, len(answer) - PICKS, said)
    said = f"all: {picked} of {total} picks, the largest lead missed {worst:.3f}"
    yield Measured("all: other picks", total - picked, (1 - SHARE) * total, said)
    yield Measured("all: largest lead missed", worst, LEAD, said, 0.001)


def _logits(probe: Path, container: Path, tokens: Sequence[int]) -> Array:
    command = [str(probe), "logits", str(container), "mmx", "0", "1", *map(str, tokens)]
    done = subprocess.run(command, capture_output=True, check=True, timeout=1800)
    return np.frombuffer(done.stdout, "<f4").reshape(len(tokens), -1)


def _loss(logits: Array, tokens: Sequence[int]) -> float:
    rows = logits[:-1].astype(np.float64)
    top = rows.max(axis=1)
    whole = np.log(np.exp(rows - top[:, None]).sum(axis=1)) + top
    return float((whole - rows[np.arange(len(rows)), list(tokens[1:])]).mean())


def _same_by_shortlist(probe: Path, container: Path, tokens: Sequence[int], logits: Array) -> int:
    """Rows of the shortlists. The token is the first of the largest."""
    command = [str(probe), "best", str(container), "mmx", "0", *map(str, tokens)]
    done = subprocess.run(command, capture_output=True, check=True, timeout=1800)
    found = [int(word) for word in done.stdout.split(b"\n")[0].split()]
    assert found == logits.argmax(axis=1).tolist()
    return int(done.stderr.split()[-1])
