"""What one seed came to, and whether that is right."""

from __future__ import annotations

import asyncio
import tempfile
import time
import traceback
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from benchmarks.faults.world import Case, Visit, World, case
from deployer.model import State

#: While one of these lasts the host answers nobody, and a PC may give up in the meantime.
AWAY = frozenset({"host-full", "store-locked", "unplugged"})
#: Words of a failure's reason -> kinds of faults that make it true.
TRUE_REASONS: Mapping[str, frozenset[str]] = {
    "disk": frozenset({"full"}),
    "helper did not arrive": frozenset({"cable", "hang", "cut", "flip", "crlf", "full"}) | AWAY,
    "left no report": frozenset({"flip", "crlf", "cut", "full"}),
    "came damaged": frozenset({"flip", "crlf", "cut", "cable", "hang"}),
    "nothing arrived": frozenset({"cable", "hang", "cut", "flip", "full"}) | AWAY,
    "nothing more": frozenset({"host-restart", "power", "off", "cable", "hang", "cut", "full"})
    | AWAY,
    "could not be started": frozenset({"full"}),
    "changed": frozenset({"source-changed"}),
}


@dataclass(frozen=True, slots=True)
class Outcome:
    """One case: how its first push ended, what was sent twice, and every broken promise."""

    case: Case
    state: State
    reason: str
    happened: tuple[str, ...]
    pushes: int
    parts: int
    again: int
    causes: int
    broken: tuple[str, ...]
    seconds: float


def run(seed: int) -> Outcome:
    """Play one seed: a push with its faults, and, unless that was proved, the next one without."""
    return play(case(seed))


def play(the_case: Case) -> Outcome:
    """Play one case."""
    began = time.monotonic()
    with tempfile.TemporaryDirectory(prefix="faults-") as folder:
        try:
            return asyncio.run(_play(the_case, Path(folder), began))
        except Exception as error:  # one broken seed must not hide the others
            broken = (f"{type(error).__name__}: {error}", traceback.format_exc())
            return Outcome(
                the_case, State.STAGED, "", (), 0, 0, 0, 0, broken, time.monotonic() - began
            )


async def _play(the_case: Case, folder: Path, began: float) -> Outcome:
    async with World(the_case, folder) as world:
        return await _played(world, began)


async def _played(world: World, began: float) -> Outcome:
    broken: list[str] = []
    first = await world.push(harm=True)
    broken += _look(world, first, "the push with faults")
    if not first.state.final:
        broken.append(f"it did not end: {first.state}")
    started, causes, pushes = list(first.started), _causes(world, first), 1
    if first.state == State.FAILED and not _true(first, world.case):
        broken.append(f"it failed for no true reason: {first.reason}")
    if first.state != State.PROVED or world.changed():
        if world.case.rot and world.rot():
            causes += 1
        second = await world.push(harm=False)
        pushes += 1
        started += second.started
        broken += _look(world, second, "the next push")
        if second.state != State.PROVED:
            broken.append(f"the next push ended {second.state}: {second.reason}{second.stuck}")
    broken += world.broken
    if missing := world.missing_files():
        broken.append(f"proved, but not there: {', '.join(missing)}")
    names = {part.name for file in world.manifest.payload.files for part in file.parts}
    counted = Counter(name for name in started if name in names)
    again = sum(count - 1 for count in counted.values())
    if again > causes:
        broken.append(f"{again} parts were sent again, {causes} were damaged or in flight")
    if never := names - set(counted):
        broken.append(f"never asked for: {', '.join(sorted(never))}")
    return Outcome(
        world.case, first.state, first.reason, tuple(first.happened), pushes, len(names), again,
        causes, tuple(broken), time.monotonic() - began,
    )  # fmt: skip


def _look(world: World, seen: Visit, which: str) -> list[str]:
    """Promises that hold at any time: nothing wrong under a final name, nothing stuck."""
    broken = [f"{which}: wrong bytes in {name}" for name in world.wrong_files()]
    if seen.stuck:
        broken.append(f"{which}: {seen.stuck}")
    return broken


def _causes(world: World, seen: Visit) -> int:
    """How many parts may have been damaged, in flight or out of date: one for each that happened.

    Of a file that was changed on the host all of them go again.
    """
    stale = world.parts_changed() if seen.struck else 0
    return len(seen.happened) + (1 if world.case.restart else 0) + stale


def _true(seen: Visit, the_case: Case) -> bool:
    kinds = {fault.partition("@")[0] for fault in str(the_case).split(",")}
    return any(words in seen.reason and kinds & why for words, why in TRUE_REASONS.items())
