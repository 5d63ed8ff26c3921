"""Where a run stands, written down before it goes on, so that an interrupted one can be resumed."""

from __future__ import annotations

import asyncio
import zlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path

import msgspec

from deployer.bench.inventory import Bench
from deployer.bench.results import Outcome
from deployer.errors import StoreFull


@dataclass(frozen=True, slots=True)
class Journal:
    """A run: what was chosen, and who has ended in it and how. `ended` when all of it has.

    `steps` are those that a target is done with, in order; `given` is the order of its next one,
    which an agent may have by now.
    """

    only: tuple[str, ...] = ()
    groups: tuple[str, ...] = ()
    force: bool = False
    done: Mapping[str, Outcome] = field(default_factory=dict)
    ended: bool = False
    steps: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    given: Mapping[str, str] = field(default_factory=dict)

    @property
    def proved(self) -> frozenset[str]:
        """Targets that are done with in this run."""
        return frozenset(name for name, outcome in self.done.items() if outcome.good)

    def with_target(self, name: str, outcome: Outcome) -> Journal:
        """The same with one more target that has ended."""
        return replace(self, done={**self.done, name: outcome})

    def with_step(self, name: str, step: str) -> Journal:
        """The same with one more step of a target done."""
        done = (*self.steps.get(name, ()), step)
        given = {target: order for target, order in self.given.items() if target != name}
        return replace(self, steps={**self.steps, name: done}, given=given)

    def with_order(self, name: str, order: str) -> Journal:
        """The same with the order of a target's next step."""
        return replace(self, given={**self.given, name: order})


@dataclass
class Keeper:
    """The journal of a run that goes on, as it is written down."""

    path: Path
    journal: Journal
    _writing: asyncio.Lock = field(default_factory=asyncio.Lock)

    async def keep(self, change: Callable[[Journal], Journal] = lambda same: same) -> None:
        """Change it, and write it down. Raises StoreFull."""
        async with self._writing:
            self.journal = change(self.journal)
            await asyncio.to_thread(write, self.path, self.journal)


def place(state_dir: Path, bench: Bench) -> Path:
    """Where the journal of a bench lies."""
    name = Path(bench.source or "bench")
    mark = zlib.crc32(str(name.resolve()).encode("utf-8"))
    return state_dir / "bench" / f"{name.stem}-{mark:08x}.json"


def read(path: Path) -> Journal | None:
    """The journal of the last run; None when there is none that can be read."""
    try:
        return msgspec.json.decode(path.read_bytes(), type=Journal)
    except (OSError, msgspec.MsgspecError):
        return None


def write(path: Path, journal: Journal) -> None:
    """Write it whole or not at all. Raises StoreFull."""
    fresh = path.with_suffix(".new")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        fresh.write_bytes(msgspec.json.encode(journal))
        fresh.replace(path)
    except OSError as error:
        raise StoreFull(path=path.parent, why=error.strerror or str(error)) from error
