"""The agents' worker: the program that does one order and ends, as agents get it from this host.

An agent is told its length and sum when it calls, and fetches it when its own is another one.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from functools import cache

from deployer.core.agents.overlay import WORKER_EXE
from deployer.edge import resources
from deployer.edge.files import stamp_of
from deployer.errors import ProgramDamaged
from deployer.model import Entry, Slice


@dataclass(frozen=True, slots=True)
class WorkerProgram:
    """What agents may fetch, and what they are told of it: "length sum". Nothing when damaged."""

    entries: tuple[Entry, ...] = ()
    told: str = ""


@cache
def worker() -> WorkerProgram:
    """The one that comes with this host."""
    try:
        image = resources.program(WORKER_EXE)
        path = resources.program_path(WORKER_EXE)
    except ProgramDamaged:
        return WorkerProgram()
    cut = Slice(str(path), 0, len(image), stamp_of(path.stat()))
    return WorkerProgram(
        (Entry(WORKER_EXE, cut),), f"{len(image)} {hashlib.sha256(image).hexdigest()}"
    )
