"""A `Host` in this process: it answers what faces ask with a `Service` of its own."""

from __future__ import annotations

import asyncio
import contextlib
import getpass
import ipaddress
from collections.abc import AsyncIterator, Awaitable, Callable, Coroutine, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from types import TracebackType
from typing import Self

from deployer.core.target import gobat
from deployer.core.view import Row
from deployer.errors import (
    DeployerError,
    DeploymentEnded,
    SerialPortForbidden,
    SerialPortNotDaemons,
    WrongUse,
)
from deployer.events import DeploymentStaged, Event
from deployer.host import carry, past, staging
from deployer.host.carry import Carriage
from deployer.host.recognise import recognise, refuse_strange
from deployer.host.requests import Before, Check, Order, Patience, Recognised, Request, TypedLines
from deployer.host.service import Service
from deployer.model import (
    DEFAULT_HOST_ADDRESS,
    LineSettings,
    Manifest,
    State,
)

_LEAVE = 20.0
"""Seconds that an ended deployment has to say so to its old PC, before its target is free."""
_LOOK = 0.02
_SWITCH_OFF = 5.0
"""Seconds that a simulated PC has to come back to its prompt after the end."""

Rehearse = Callable[[Service, str, Sequence[str]], Awaitable[int]]


async def _rehearse(service: Service, deployment: str, lines: Sequence[str]) -> int:
    return await service.rehearse(deployment, lines)


@dataclass(slots=True)
class InProcess:
    """A host in this process. Use it as an async context manager around the service's.

    `typed_lines` are what a user types for a host and a directory; `rehearse` runs a simulated PC.
    A `lasting` host is a daemon's: what has not ended when it stops is taken over by the next.
    """

    service: Service
    typed_lines: TypedLines
    patience: Patience = field(default_factory=Patience)
    rehearse: Rehearse = _rehearse
    lasting: bool = False
    once: staging.Once = field(default_factory=staging.Once)
    _open: dict[str, str] = field(default_factory=dict)
    _tasks: set[asyncio.Task[None]] = field(default_factory=set)

    @property
    def name(self) -> str:
        """Where this host runs, in words."""
        return "the daemon" if self.lasting else "served by this window"

    @property
    def ends_with_face(self) -> bool:
        """See `Host.ends_with_face`."""
        return not self.lasting

    @property
    def busy(self) -> bool:
        """Whether anything is open."""
        return bool(self._open)

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Simulated PCs are switched off; what has not ended is cancelled, for nobody serves it."""
        for deployment in [] if self.lasting else list(self._open):
            self.service.cancel(deployment, "the window that served it was closed")
        for task in tuple(self._tasks):
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    async def take_over(self) -> tuple[str, ...]:
        """Offer again what an earlier daemon left open; a line for people about each."""
        lines = []
        for deployment in self.service.left_open():
            try:
                found = self.service.staged(deployment)
                if found is not None:  # it may be another process' business
                    self.service.take_up(found[0], found[1].target)
                if found is None or not await asyncio.to_thread(staging.unchanged, found[0]):
                    self.service.abandon(deployment, "its files are gone or have changed")
                    lines.append(f"{deployment} cannot go on: its files are gone or have changed")
                    continue
                await self.retry(deployment)
                lines.append(f"{deployment} goes on")
            except DeployerError as error:
                lines.append(f"{deployment} cannot go on: {error.what}")
        return tuple(lines)

    def subscribe(self, since: int | None = None) -> AsyncIterator[tuple[int, Event]]:
        """See `Host.subscribe`."""
        return self.service.subscribe(since)

    async def before(self, most: int) -> Before:
        """See `Host.before`."""
        return self.service.before(most)

    async def row(self, deployment: str) -> Row | None:
        """See `Host.row`."""
        return self.service.row(deployment)

    async def last_seq(self) -> int:
        """See `Host.last_seq`."""
        return self.service.last_seq()

    async def recognise(self, request: Request) -> Recognised:
        """See `Host.recognise`."""
        return await asyncio.to_thread(recognise, request)

    async def push(self, order: Order) -> str:
        """See `Host.push`. A target that is busy here is refused."""
        if carry.is_serial(order.target):
            order = replace(order, host=DEFAULT_HOST_ADDRESS)  # nobody calls it; ids stay the same
        order = order if order.host else replace(order, host=self.service.address)
        _refuse_strange(order)
        await self._until_left(order.target)
        self._refuse_busy(order.target)
        manifest = await asyncio.to_thread(
            staging.stage, order.request, host=order.host, once=self.once
        )
        self._refuse_busy(order.target)
        manifest = self.service.take_up(manifest, order.target)
        return await self._offer(manifest, order.target, order.directory, order.line)

    async def retry(self, deployment: str) -> str:
        """See `Host.retry`. With unchanged files the id stays, so `GO` alone is enough there."""
        found = self.service.staged(deployment)
        if found is None:
            raise WrongUse(
                what=f"There is no deployment {deployment}.",
                remedy="Look at what there is with: deployer status",
            )
        manifest, before = found
        await self._until_left(before.target)
        self._refuse_busy(before.target)
        self.service.take_up(manifest, before.target)  # reserves the target for this process
        if not await asyncio.to_thread(staging.unchanged, manifest):
            manifest = await asyncio.to_thread(staging.again, manifest)
        line = before.line or LineSettings()
        return await self._offer(manifest, before.target, before.directory, line)

    async def sources(self, deployment: str) -> tuple[str, ...]:
        """See `Host.sources`."""
        found = self.service.staged(deployment)
        return tuple(file.source for file in found[0].payload.files) if found else ()

    async def recheck(self, deployment: str) -> tuple[Check, ...]:
        """See `Host.recheck`."""
        return await asyncio.to_thread(past.recheck, self.service.state_dir, deployment)

    async def cancel(self, deployment: str) -> None:
        """See `Host.cancel`. What another process delivers, or none any more, is ended too."""
        if deployment in self._open:
            self.service.cancel(deployment)
        else:
            with contextlib.suppress(DeploymentEnded):
                await asyncio.to_thread(past.cancel, self.service.state_dir, deployment)

    async def pause(self, deployment: str) -> None:
        """See `Host.pause`. Over a serial line nothing can wait: its receiver would give up."""
        if carry.is_serial(self._open.get(deployment, "")):
            raise WrongUse(
                what="What goes over a serial line cannot pause: the receiver there would give up.",
                remedy=f"End it with: deployer cancel {deployment} - and go on later with: "
                f"deployer retry {deployment}",
            )
        if deployment not in self._open:
            raise WrongUse(
                what=f"{deployment} is not delivered from here, so it cannot be paused here.",
                remedy="It can be cancelled, and retried from here.",
            )
        self.service.pause(deployment, paused=True)

    async def resume(self, deployment: str) -> None:
        """See `Host.resume`."""
        self.service.pause(deployment, paused=False)

    async def _until_left(self, target: str) -> None:
        """Wait, but not long, while what has ended there is still saying so to the old PC."""
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(_LEAVE):
                while any(
                    busy == target and self.service.has_ended(deployment)
                    for deployment, busy in self._open.items()
                ):
                    await asyncio.sleep(_LOOK)

    def _refuse_busy(self, target: str) -> None:
        for deployment, busy in self._open.items():
            if busy == target:
                raise WrongUse(
                    what=f"{target} is busy with {deployment}.",
                    remedy="Wait until it has ended, or cancel it first.",
                )

    async def _offer(
        self, manifest: Manifest, target: str, directory: str, line: LineSettings
    ) -> str:
        """Offer a staged payload, and look after it until it has ended."""
        if carry.is_serial(target):
            return await self._offer_over_line(manifest, target, directory, line)
        deployment, simulated = manifest.deployment, target == "sim"
        self._open[deployment] = target
        try:
            await self.service.deploy(
                manifest,
                target,
                "127.0.0.1" if simulated else target,
                directory,
                emulated=simulated,
            )
        except DeployerError as error:
            self._open.pop(deployment, None)
            self.service.release(target)
            self.service.cancel(deployment, f"it could not be offered: {error.what}")
            raise
        self._soon(self._look_after(deployment, manifest, target, directory))
        return deployment

    async def _offer_over_line(
        self, manifest: Manifest, target: str, directory: str, settings: LineSettings
    ) -> str:
        """The same where a cable takes the place of the network; nothing is served."""
        deployment = manifest.deployment
        self._open[deployment] = target
        try:
            line = await carry.open_line(target, settings)
        except DeployerError as error:
            self._open.pop(deployment, None)
            self.service.release(target)
            if self.lasting and isinstance(error, SerialPortForbidden):
                port = carry.port_of(target)
                raise SerialPortNotDaemons(port=port, user=getpass.getuser()) from error
            raise
        how = Carriage(settings, directory, silence=self.patience.silence)
        carry.offer(self.service, manifest, target, how)

        async def carried() -> None:
            try:
                with contextlib.suppress(DeployerError):  # its end is written down
                    await carry.carry(self.service, manifest, how, line)
            finally:
                self._open.pop(deployment, None)
                self.service.release(target)

        self._soon(carried())
        return deployment

    async def _look_after(
        self, deployment: str, manifest: Manifest, target: str, directory: str
    ) -> None:
        pc: asyncio.Task[int] | None = None
        if target == "sim":
            lines = self.typed_lines(manifest.host, directory)
            pc = asyncio.ensure_future(self.rehearse(self.service, deployment, lines))
        try:
            ended = await self.service.finished(
                deployment,
                silence=self.patience.silence,
                while_running=self.patience.while_running,
            )
            if ended.state != State.CANCELLED:
                await self.service.last_words(deployment)
                if pc is not None:
                    await asyncio.wait([pc], timeout=_SWITCH_OFF)
        finally:
            if pc is not None:
                pc.cancel()
                await asyncio.gather(pc, return_exceptions=True)
            self._open.pop(deployment, None)
            self.service.release(target)

    def _soon(self, work: Coroutine[object, object, None]) -> None:
        task = asyncio.get_running_loop().create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)


def _refuse_strange(order: Order) -> None:
    """Raises WrongUse for what no face of ours would ask: an order may come over a socket."""
    gobat.parse_directory(order.directory)
    refuse_strange(order.request)
    if carry.is_serial(order.target):
        carry.check(order.target, order.line)
        return
    for address in (order.host,) if order.target == "sim" else (order.host, order.target):
        try:
            ipaddress.IPv4Address(address)
        except ValueError as error:
            raise WrongUse(
                what=f"{address!r}: not the address of a machine on the wire.",
                remedy="Write it as 192.168.1.2.",
            ) from error


def retried(state_dir: Path, deployment: str) -> tuple[Manifest, DeploymentStaged]:
    """A deployment's manifest and what was staged of it, to be offered again.

    With unchanged files it is the same; else its files are measured anew. Raises DeploymentUnknown
    and the errors of wrong input.
    """
    store = past.open_store(state_dir, deployment)
    try:
        manifest = store.manifest(deployment)
        last = past.newest_staged(store, deployment)
    finally:
        store.close()
    assert manifest is not None
    same = manifest if staging.unchanged(manifest) else staging.again(manifest)
    return same, last
