"""A disk that is full when anything has to be written: the host hears of it all the same."""

from __future__ import annotations

import asyncio
import time
from pathlib import Path

import pytest

from deployer.face.card import typed_lines
from deployer.host import staging
from deployer.host.offers.offer import Offer
from deployer.host.requests import Request
from deployer.host.service import Service
from deployer.model import DEFAULT_TARGET_DIRECTORY, Manifest, State
from deployer.sim.cable import Link
from deployer.sim.console import QueuedConsole
from deployer.sim.disk import Disk
from deployer.sim.machine import FTP, Machine
from deployer.sim.typist import visit
from deployer.sim.win32 import StepClock

CLUSTER = 4096


class Filling(Machine):
    """A PC on whose disk only so much is free from the first line on that begins so."""

    moment: tuple[str, int] = ("", 0)

    def _before_line(self, line: str) -> None:
        if line.startswith(self.moment[0]):
            self.disk.leave_free(self.moment[1])
        super()._before_line(line)


class Room:
    """An old PC whose disk is full from a moment on."""

    def __init__(self, folder: Path, command: str, free: int) -> None:
        """`free` bytes are left when GO.BAT says `command` for the first time."""
        self.folder, self.command, self.free = folder, command, free
        self.screen: list[str] = []
        (folder / "c").mkdir()
        (folder / "big.bin").write_bytes(bytes(range(256)) * 1536)

    def sit(self, manifest: Manifest, port: int) -> None:
        """Type the card once."""
        disk = Disk(self.folder / "c", cluster=CLUSTER)
        machine = Filling(
            disk,
            console=QueuedConsole(self.screen.append),
            link=Link(routes={manifest.host: ("127.0.0.1", port)}, patience=10.0),
            clock=StepClock(time.time(), step=0.02),
            wait=lambda _seconds: None,
        )
        machine.moment = (self.command, self.free)
        visit(machine, typed_lines(manifest.host), tries=1)

    async def play(self) -> tuple[State, str]:
        """How the deployment ended, and why."""
        request = Request((self.folder / "big.bin",), no_run=True, part_size=64 << 10)
        manifest = staging.stage(request)
        async with Service(
            self.folder / "state", clock=time.time, address="127.0.0.1", ftp_port=0
        ) as service:
            await service.deploy(Offer(manifest, "127.0.0.1", DEFAULT_TARGET_DIRECTORY))
            pc = asyncio.create_task(asyncio.to_thread(self.sit, manifest, service.ftp_port))
            ended = await service.finished(manifest.deployment, silence=40)
            await service.until_logged_out(manifest.deployment)
            await pc
            return ended.state, ended.reason


@pytest.mark.parametrize("clusters", range(4))
@pytest.mark.parametrize(
    "command",
    [
        "ECHO open 192.168.1.1>FIRST.FTP",
        "IF EXIST RESULT.TXT",
        f"{FTP} -n -i -s:FIRST",
        "DEPLOY98 CHECK",
        f"{FTP} -n -i -s:NEXT",
        "DEPLOY98 JOIN",
    ],
)
def test_the_host_hears_that_there_is_no_room(tmp_path: Path, command: str, clusters: int) -> None:
    room = Room(tmp_path, command, clusters * CLUSTER)
    state, reason = asyncio.run(asyncio.wait_for(room.play(), 60))
    assert state == State.FAILED
    assert "disk" in reason, "\n".join(room.screen)
