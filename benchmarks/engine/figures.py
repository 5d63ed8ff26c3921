"""What --large and --losses measure, and what they may not exceed: `large.json`, `losses.json`.

The figures come from counts and from arithmetic that is the same everywhere, so a rise is a change
of the program.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

RISE = 1.02


@dataclass(frozen=True, slots=True)
class Measured:
    """A figure, the less the better: the most that is promised, and the line that tells it.

    `slack` is what it may rise by besides a fiftieth.
    """

    name: str
    value: float
    most: float
    line: str
    slack: float = 0.0


def path_of(name: str) -> Path:
    """Where the baseline of --large or --losses is."""
    return Path(__file__).with_name(f"{name}.json")


def write(name: str, found: Iterable[Measured]) -> None:
    """Makes what was found the baseline."""
    values = {one.name: round(one.value, 4) for one in found}
    path_of(name).write_text(json.dumps(values, indent=2) + "\n")


def complaints(name: str, found: Sequence[Measured]) -> list[str]:
    """What is over its promise, or has risen by more than a fiftieth; and what is not measured."""
    before = json.loads(path_of(name).read_text())
    wrong = []
    for one in found:
        if one.value > one.most:
            wrong.append(f"{one.name}: {one.value:.4f}, at most {one.most} is promised")
        elif one.name in before and one.value > before[one.name] * RISE + one.slack:
            wrong.append(f"{one.name}: {one.value:.4f}, {before[one.name]} before")
    missing = before.keys() - {one.name for one in found}
    return [*wrong, *(f"{one}: it was not measured" for one in sorted(missing))]
