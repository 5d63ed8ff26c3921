"""So many targets fetch at a time; the next part of the others is held back until one has ended."""

from __future__ import annotations

import asyncio
import contextlib

from deployer.bench.follow import Follower
from deployer.errors import DeployerError
from deployer.host.requests import Host


class Slots:
    """Lets so many targets fetch at a time; the next part of the others is held back."""

    def __init__(self, host: Host, count: int) -> None:
        self.held: list[str] = []
        self._host = host
        self._count = count
        self._active: set[str] = set()
        self._changed = asyncio.Event()

    async def serve(self, follower: Follower) -> None:
        """Give slots in the order in which targets call, until cancelled."""
        while True:
            await self._resume()
            getting = asyncio.create_task(follower.called.get())
            freed = asyncio.create_task(self._changed.wait())
            done, waiting = await asyncio.wait(
                (getting, freed), return_when=asyncio.FIRST_COMPLETED
            )
            for task in waiting:
                task.cancel()
            self._changed.clear()
            if getting in done:
                await self._called(getting.result())

    async def _called(self, deployment: str) -> None:
        if deployment in self._active or deployment in self.held:
            return
        if len(self._active) < self._count:
            self._active.add(deployment)
            return
        self.held.append(deployment)
        with contextlib.suppress(DeployerError):
            await self._host.pause(deployment)

    async def _resume(self) -> None:
        while self.held and len(self._active) < self._count:
            deployment = self.held.pop(0)
            self._active.add(deployment)
            with contextlib.suppress(DeployerError):
                await self._host.resume(deployment)

    def free(self, deployment: str) -> None:
        """A deployment has ended."""
        self._active.discard(deployment)
        if deployment in self.held:
            self.held.remove(deployment)
        self._changed.set()
