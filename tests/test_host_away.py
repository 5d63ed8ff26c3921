"""The host goes away in the middle of a round: GO.BAT waits for it, and nobody types anything."""

from __future__ import annotations

import asyncio
import threading
import time
from pathlib import Path

import pytest

from deployer.core.target.gobat import AWAY_PAUSES
from deployer.events import Event, TransferStarted
from deployer.face.card import typed_lines
from deployer.host import staging
from deployer.host.offers.offer import Offer
from deployer.host.requests import Request
from deployer.host.service import Service
from deployer.model import DEFAULT_TARGET_DIRECTORY, Manifest, State
from deployer.sim.cable import Cable, Link
from deployer.sim.console import QueuedConsole
from deployer.sim.disk import Disk
from deployer.sim.machine import Machine
from deployer.sim.typist import visit
from deployer.sim.win32 import StepClock

NOBODY = ("127.0.0.1", 9)
PART = 64 << 10


class UntilAway(Cable):
    """Lets the third part begin, and the rest only when the host is away."""

    def __init__(self, away: threading.Event) -> None:
        self.away = away
        self.received_bytes = 0

    def received(self, data: bytes) -> bytes:
        self.received_bytes += len(data)
        if self.received_bytes > 3 * PART:
            assert self.away.wait(30)
        return data


class Room:
    """An old PC whose pauses take no time, and a host that comes and goes."""

    def __init__(self, folder: Path, back_after: int | None) -> None:
        """`back_after` pauses of 15 s the host is there again; None: never."""
        self.folder = folder
        self.back_after = back_after
        self.pauses: list[float] = []
        self.screen: list[str] = []
        self.routes: dict[str, tuple[str, int]] = {}
        self.wanted, self.there = threading.Event(), threading.Event()
        self.away = threading.Event()
        self.state: State | None = None
        (folder / "c").mkdir()
        (folder / "big.bin").write_bytes(bytes(range(256)) * 1536)

    def wait(self, seconds: float) -> None:
        """A pause of the batch file."""
        self.pauses.append(seconds)
        if self.back_after is not None and self.pauses.count(15) == self.back_after:
            self.wanted.set()
            assert self.there.wait(30)

    def sit(self, manifest: Manifest) -> bool:
        """Type the card once."""
        machine = Machine(
            Disk(self.folder / "c"),
            console=QueuedConsole(self.screen.append),
            link=Link(routes=self.routes, cable=UntilAway(self.away), patience=10.0),
            clock=StepClock(time.time(), step=0.02),
            wait=self.wait,
        )
        return visit(machine, typed_lines(manifest.host), tries=1)

    async def serve(self, manifest: Manifest, until: str = "") -> None:
        """Offer the payload: until the part `until` is being fetched, or to the end."""
        async with Service(
            self.folder / "state", clock=time.time, address="127.0.0.1", ftp_port=0
        ) as service:
            stream = service.subscribe()
            taken = service.take_up(manifest, "127.0.0.1", "C:\\DEPLOY")
            await service.deploy(Offer(taken, "127.0.0.1", DEFAULT_TARGET_DIRECTORY))
            self.routes[manifest.host] = ("127.0.0.1", service.ftp_port)
            self.there.set()
            if not until:
                self.state = (await service.finished(taken.deployment, silence=60)).state
                await service.until_logged_out(taken.deployment)
                return
            async for _seq, event in stream:
                if _began(event, until):
                    break
            self.routes[manifest.host] = NOBODY
            self.there.clear()
        self.away.set()

    async def play(self) -> bool:
        """Whether the PC came to the end of its work."""
        request = Request((self.folder / "big.bin",), no_run=True, part_size=PART)
        manifest = staging.stage(request)
        serving = asyncio.create_task(self.serve(manifest, until="BIG.003"))
        await asyncio.to_thread(self.there.wait, 30)
        pc = asyncio.create_task(asyncio.to_thread(self.sit, manifest))
        await serving
        if self.back_after is not None:
            assert await asyncio.to_thread(self.wanted.wait, 60)
            await self.serve(manifest)
        return await pc


def _began(event: Event, name: str) -> bool:
    return isinstance(event, TransferStarted) and event.name == name


@pytest.mark.parametrize("pauses", [1, len(AWAY_PAUSES)])
def test_a_host_that_is_back_in_time_needs_nobody_at_the_pc(tmp_path: Path, pauses: int) -> None:
    room = Room(tmp_path, pauses)
    assert asyncio.run(asyncio.wait_for(room.play(), 120))
    assert room.state == State.PROVED
    assert room.pauses == [15] * pauses
    assert "Nothing comes from the host. Trying again in 15 seconds." in room.screen


def test_a_host_that_stays_away_is_said_to_be_after_a_bounded_time(tmp_path: Path) -> None:
    room = Room(tmp_path, None)
    assert not asyncio.run(asyncio.wait_for(room.play(), 120))
    assert room.pauses == list(AWAY_PAUSES)
    assert sum(room.pauses) == 75
    end = room.screen.index(
        "Nothing comes from 192.168.1.1 any more. Look at the host and at the cable,"
    )
    assert room.screen[end + 1] == "then start GO again: only what is missing is done."
