"""A simulated PC that nobody has touched before, on which an agent stays while it is needed.

Its user types one address into its browser and follows two links; from then on nobody is there.
"""

from __future__ import annotations

import asyncio
import contextlib
import tempfile
import time
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path

from deployer.edge import rehearsal
from deployer.errors import StepFailed
from deployer.events import ServerListening
from deployer.host.local import InProcess
from deployer.host.past import recorded
from deployer.host.requests import Order, nothing_typed
from deployer.host.service import Service

URL = "http://169.254.1.1/"
LINKS = ("start, and stay ready", "Yes: start AGENT98.EXE")
LOOPBACK = "127.0.0.1"
"""Whom a push is for."""
ITS_HOST = "192.168.1.1"
"""What the simulated PC calls the host."""
_LOOK = 0.2


class HostWithPc(InProcess):
    """A host that switches the simulated PC on for the first push: the page has a link then."""

    pc: SimulatedPc

    async def push(self, order: Order) -> str:
        """See `Host.push`."""
        deployment = await super().push(order)
        self.pc.switch_on()
        return deployment


@dataclass(slots=True)
class SimulatedPc:
    """The PC, its host, and the folder for all that both keep."""

    service: Service
    host: HostWithPc
    folder: Path
    task: asyncio.Task[int] | None = None
    last: str = ""

    @property
    def state(self) -> Path:
        """The host's state directory."""
        return self.folder / "state"

    def switch_on(self) -> None:
        """Unless it is on."""
        if self.task is not None:
            return
        (page,) = [
            event.port
            for _seq, event in recorded(self.state)
            if isinstance(event, ServerListening) and event.protocol == "http"
        ]
        arguments = rehearsal.command(
            host=ITS_HOST, port=self.service.ftp_port, disk=self.folder / "c", lines=(),
            arguments=[
                f"--route=169.254.1.1:80={LOOPBACK}:{page}", f"--untouched={URL}",
                *(f"--follow={words}" for words in LINKS),
            ],
        )  # fmt: skip
        self.task = asyncio.create_task(rehearsal.run(arguments, b"", self._shown))

    def _shown(self, line: str) -> None:
        """A line of its screen."""
        self.last = line or self.last

    async def until_ended(self) -> None:
        """Wait for an end of it that nobody wanted, and raise StepFailed."""
        while self.task is None:
            await asyncio.sleep(_LOOK)
        await self.task
        raise StepFailed(step="the simulated PC", why=f"it ended by itself: {self.last}")

    async def switch_off(self) -> None:
        """Pull the plug."""
        if self.task is not None:
            self.task.cancel()
            await asyncio.gather(self.task, return_exceptions=True)


@contextlib.asynccontextmanager
async def simulated_pc() -> AsyncIterator[SimulatedPc]:
    """A host of its own on loopback ports of this computer, and its PC, which is off as yet.

    Raises SimulatorMissing.
    """
    rehearsal.check_installed()
    with tempfile.TemporaryDirectory(prefix="deployer-sim-") as name:
        folder = Path(name)
        async with (
            Service(
                folder / "state", clock=time.time, address=LOOPBACK, ftp_port=0, http_port=0
            ) as service,
            HostWithPc(service, nothing_typed) as host,
        ):
            await service.open_for_agents(simulated=False)
            host.pc = SimulatedPc(service, host, folder)
            watching = _watched(host.pc)
            try:
                yield host.pc
            except asyncio.CancelledError:
                if watching.done() and not watching.cancelled():
                    watching.result()
                raise
            finally:
                watching.cancel()
                await host.pc.switch_off()


def _watched(pc: SimulatedPc) -> asyncio.Task[None]:
    """Ends what the present task waits for when the PC ends by itself, for nothing comes then."""
    waits = asyncio.current_task()
    watching = asyncio.create_task(pc.until_ended())

    def ended(task: asyncio.Task[None]) -> None:
        if not task.cancelled() and waits is not None:
            waits.cancel()

    watching.add_done_callback(ended)
    return watching
