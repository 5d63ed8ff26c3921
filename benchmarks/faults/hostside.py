"""What goes wrong on the host while a push goes on, for a while, each as it really is.

`host-full` fills the disk of the state directory; `store-locked` holds a write lock on its database
as another program would; `source-changed` gives a file of the payload other bytes of the same
length and its old time back; `unplugged` deletes the network interface and makes it anew.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import random
import sqlite3
import time
from dataclasses import dataclass
from pathlib import Path

from benchmarks.faults import place

ANYWHERE = ("store-locked", "source-changed")
IN_A_PLACE = ("host-full", "unplugged")
"""These need a disk and a network of one's own; see `place`."""


@dataclass(frozen=True, slots=True)
class HostFault:
    """It begins after `at` events and lasts `seconds`."""

    kind: str
    at: int
    seconds: float

    def __str__(self) -> str:
        return f"{self.kind}@{self.at}"


def draw(seed: int) -> HostFault | None:
    """One in two cases has one; one that cannot happen where this runs does not."""
    rng = random.Random(f"host {seed}")
    if rng.random() < 0.5:
        return None
    kind = rng.choice([*ANYWHERE, *IN_A_PLACE])
    if kind in IN_A_PLACE and not place.entered():
        return None
    # The store waits 5 s for another's lock; the servers give up a connection after less.
    longest = 7.0 if kind == "store-locked" and rng.random() < 0.25 else 1.0
    return HostFault(kind, rng.randint(1, 60), rng.uniform(0.1, longest))


async def strike(fault: HostFault, seed: int, source: Path, state: Path) -> None:
    """Let it happen, from its beginning to its end."""
    match fault.kind:
        case "source-changed":
            change(source, seed)
        case "store-locked":
            await asyncio.to_thread(_lock, state, fault.seconds)
        case "host-full":
            await asyncio.to_thread(_fill, state, fault.seconds)
        case "unplugged":
            await asyncio.to_thread(place.unplug)
            await asyncio.sleep(fault.seconds)
            await asyncio.to_thread(place.plug_in)


def change(source: Path, seed: int) -> None:
    """One file of the payload gets other bytes: written over, or another file put in its place."""
    rng = random.Random(f"change {seed}")
    path = rng.choice(sorted(p for p in source.rglob("*") if p.is_file() and p.stat().st_size))
    before = path.stat()
    data = bytes(byte ^ 0x55 for byte in path.read_bytes())
    if rng.random() < 0.5:
        path.write_bytes(data)
    else:
        fresh = path.with_name("fresh.tmp")
        fresh.write_bytes(data)
        fresh.replace(path)
    os.utime(path, ns=(before.st_atime_ns, before.st_mtime_ns))


def _lock(state: Path, seconds: float) -> None:
    db = sqlite3.connect(next(state.glob("*.sqlite3")), isolation_level=None, timeout=5.0)
    try:
        db.execute("BEGIN IMMEDIATE")
        time.sleep(seconds)
        db.execute("ROLLBACK")
    finally:
        db.close()


def _fill(state: Path, seconds: float) -> None:
    """Not a byte is free, whoever makes room meanwhile."""
    until = time.monotonic() + seconds
    filler = state / "filler"
    with filler.open("wb", buffering=0) as file:
        while time.monotonic() < until:
            for size in (1 << 20, 4096, 1):
                with contextlib.suppress(OSError):
                    while True:
                        file.write(bytes(size))
            time.sleep(0.02)
    filler.unlink()
