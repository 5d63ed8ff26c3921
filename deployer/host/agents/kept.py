"""Simulated PCs on which an agent stays: switched on when one is asked for, as long as a host is.

Its drive C: stays in the state directory, and Windows starts the agent from there, as it does on an
old PC that is switched on in the morning.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator
from typing import Any

from deployer.core.agents.overlay import AGENT_EXE, AGENT_INI
from deployer.edge import rehearsal
from deployer.host.service import Service
from deployer.model import DEFAULT_HOST_ADDRESS, Manifest

LIVE = "--live"
"""The simulated PC's option that lets its programs run after what is typed."""

_CALLS_WITHIN = 60.0
_LOOK = 0.05


def stays(manifest: Manifest) -> bool:
    """Whether an agent goes with a payload."""
    return {AGENT_EXE, AGENT_INI} <= {file.name for file in manifest.payload.files}


class KeptPCs:
    """The simulated PCs of a host that are on, by the names of their targets."""

    def __init__(self, service: Service) -> None:
        self._service = service
        self._on: dict[str, asyncio.Future[Any]] = {}
        self._visited: dict[str, bool] = {}

    def has_agent(self, target: str) -> bool:
        """Whether an agent of this host is on its disk."""
        known = any(row.target == target for row in self._service.agents.rows())
        return known and (self._service.simulated_disk(target) / "DEPLOY" / AGENT_EXE).is_file()

    def _called(self, target: str) -> bool:
        return any(row.target == target and row.here for row in self._service.agents.rows())

    def switch_on(self, target: str) -> None:
        """Nothing is typed there; its agent calls as soon as Windows has started it.

        While somebody types there it is on already: then this is for when they have left.
        """
        if target in self._visited:
            self._visited[target] = True
            return
        task = self._on.get(target)
        if task is None or task.done():
            host = DEFAULT_HOST_ADDRESS
            arguments, secret = self._service.simulated(target, host, ("",), (LIVE,))
            work = rehearsal.run(arguments, secret, lambda _line: None)
            self._on[target] = asyncio.ensure_future(work)

    @contextlib.asynccontextmanager
    async def visit(self, target: str) -> AsyncIterator[None]:
        """Somebody switches it on and types there: two on one disk delete each other's files."""
        await self.switch_off(target)
        self._visited[target] = False
        try:
            yield
        finally:
            if self._visited.pop(target):
                self.switch_on(target)

    async def take(self, target: str, visit: asyncio.Future[Any]) -> bool:
        """It stays on after somebody has typed there, if its agent calls; whether it does."""
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(_CALLS_WITHIN):
                while not self._called(target) and not visit.done():
                    await asyncio.sleep(_LOOK)
        if not self._called(target):
            return False
        self._on[target] = visit
        return True

    async def switch_off(self, target: str) -> None:
        """Pull its plug."""
        task = self._on.pop(target, None)
        if task is not None:
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)

    async def close(self) -> None:
        """Pull the plug of all."""
        for target in tuple(self._on):
            await self.switch_off(target)
