"""`deployer push`: ask a host, show what happens, and say what the target proved."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Protocol

from deployer.core.deployment import Deployment, watched
from deployer.errors import STORE_TROUBLES, DaemonMissing
from deployer.events import DeploymentStaged, Event
from deployer.host.endings import raise_for
from deployer.host.requests import Host, Order, Patience, Say
from deployer.model import Payload

_END_SHOWN = 5.0
"""Seconds that the end of a deployment may take to be shown after a Ctrl-C."""


class Face(Protocol):
    """Something that shows events."""

    def show(self, event: Event) -> None:
        """One event, in order."""

    def close(self) -> None:
        """No more will come."""


@dataclass(frozen=True, slots=True)
class Watching:
    """How a face watches what a host does.

    With `detach` watching ends as soon as a daemon has taken it, and that is shown. `say` takes a
    line about the host itself, which is no event.
    """

    face: Face
    detach: bool = False
    say: Say = lambda _line: None


async def push(host: Host, order: Order, watching: Watching) -> Deployment:
    """Let the host deliver; show the face what happens and return how it ended.

    Raises what the end means when it is not `proved`, and DaemonMissing for `detach` where the
    host ends with this process.
    """
    return await _ask(host, lambda: host.push(order), watching)


async def retry(
    host: Host, deployment: str, patience: Patience | None, watching: Watching
) -> Deployment:
    """The same for a deployment that is offered again."""
    return await _ask(host, lambda: host.retry(deployment, patience), watching)


async def _ask(host: Host, ask: Callable[[], Awaitable[str]], watching: Watching) -> Deployment:
    if watching.detach and host.ends_with_face:
        raise DaemonMissing
    try:
        identity = await ask()
        shown = _Shown(host, watching, identity, await host.begun(identity))
        try:
            await shown.until_over()
        except asyncio.CancelledError:
            if host.ends_with_face:
                with contextlib.suppress(TimeoutError, *STORE_TROUBLES):
                    await host.cancel(identity)
                    async with asyncio.timeout(_END_SHOWN):
                        await shown.until_over()
            raise
    finally:
        watching.face.close()
    raise_for(shown.deployment)
    return shown.deployment


class _Shown:
    """How far a deployment has been shown."""

    def __init__(self, host: Host, watching: Watching, deployment: str, since: int) -> None:
        self._host = host
        self._watching = watching
        self._since = since
        self._taken = False
        self.deployment = Deployment(deployment, "", Payload(()))

    @property
    def _over(self) -> bool:
        """True when nothing more is to be shown: the end is shown last."""
        return self.deployment.state.final or (self._watching.detach and self._taken)

    async def until_over(self) -> None:
        """Show what has not been shown yet, and what happens, to the end."""
        identity = self.deployment.deployment
        stream = self._host.follow(identity, self._since, self._watching.say)
        async with contextlib.aclosing(stream):
            while not self._over:
                seq, event = await anext(stream)
                self._since = seq or self._since
                self._watching.face.show(event)
                self.deployment = watched(self.deployment, event)
                self._taken = self._taken or isinstance(event, DeploymentStaged)
