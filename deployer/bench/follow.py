"""Following a host's events: how open deployments stand, and who else has called."""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections.abc import AsyncGenerator, AsyncIterator, Callable
from dataclasses import dataclass, field

from deployer.bench.results import UnknownCaller
from deployer.core import deployment as life
from deployer.core.deployment import Deployment
from deployer.errors import DaemonGone, DeployerError
from deployer.events import (
    ClientConnected,
    DeploymentStaged,
    Event,
    LoginRefused,
    PullAdvanced,
    TargetFound,
    TransferCut,
    TransferDone,
)
from deployer.host.requests import Host
from deployer.model import State

OnEvent = Callable[[Event], object]


@dataclass
class Followed:
    """A deployment since it was last staged: how it stands, and what has moved.

    `seq` is the number of the event that staged it. `heard_at` is of the monotonic clock: a clock
    that is set meanwhile is no silence. `sent` are bytes of parts, `moving` the seconds in which
    they moved. `folder` is where the files of a pull lie, "" before they have been read back.
    """

    staged: DeploymentStaged
    stands: Deployment
    seq: int
    heard_at: float = field(default_factory=time.monotonic)
    sent: int = 0
    moving: float = 0.0
    changed: asyncio.Event = field(default_factory=asyncio.Event)
    parts: frozenset[str] = frozenset()
    folder: str = ""

    @classmethod
    def of(cls, seq: int, event: DeploymentStaged) -> Followed:
        """One that has just been staged."""
        return cls(event, life.begun(event), seq, parts=_parts(event))

    @property
    def called(self) -> bool:
        """Whether its GO.BAT has logged in; who is anonymous merely fetches that."""
        return self.stands.state not in (State.STAGED, State.WAITING)

    def fold(self, event: Event) -> None:
        """One more event of this deployment."""
        before, self.stands = self.stands, life.watched(self.stands, event)
        match event:
            case TransferDone(name=name, length=length, seconds=seconds):
                self._moved(name, length, seconds)
            case TransferCut(name=name, moved=moved):
                self._moved(name, moved, 0.0)
            case PullAdvanced(folder=folder) if folder:
                self.folder = folder
            case _:
                pass
        if self.stands is not before:
            self.heard_at = time.monotonic()
            self.changed.set()

    def _moved(self, name: str, length: int, seconds: float) -> None:
        if name in self.parts:
            self.sent += length
            self.moving += seconds


def _parts(staged: DeploymentStaged) -> frozenset[str]:
    packs = frozenset(pack.name for pack in staged.packs)
    return packs | frozenset(
        f"{file.first_part.rpartition('.')[0]}.{number:03d}"
        for file in staged.files
        for number in range(1, file.parts + 1)
    )


class Follower:
    """Reads what happens on a host from now on; what it tells is asked for here."""

    def __init__(self, host: Host, addresses: frozenset[str], on_event: OnEvent) -> None:
        self.standings: dict[str, Followed] = {}
        self.unknown_callers: dict[str, UnknownCaller] = {}
        self.called = asyncio.Queue[str]()
        self._host = host
        self.addresses = addresses
        self._on_event = on_event
        self._staged = asyncio.Condition()
        self._seen = 0
        self._broken: BaseException | None = None

    @contextlib.asynccontextmanager
    async def following(self) -> AsyncIterator[None]:
        """Read what happens while this context lasts; of what was before, nothing."""
        self._seen = await self._host.last_seq()
        reading = asyncio.create_task(self._read(self._host.subscribe(self._seen)))
        try:
            yield
        finally:
            reading.cancel()
            await asyncio.gather(reading, return_exceptions=True)

    async def _read(self, stream: AsyncIterator[tuple[int, Event]]) -> None:
        try:
            async for seq, event in stream:
                self._take(seq, event)
                self._seen = seq or self._seen
                if isinstance(event, DeploymentStaged):
                    async with self._staged:
                        self._staged.notify_all()
        except DeployerError as error:
            self._broken = error
            for standing in self.standings.values():
                standing.changed.set()
            async with self._staged:
                self._staged.notify_all()
            raise

    def _take(self, seq: int, event: Event) -> None:
        if isinstance(event, DeploymentStaged):
            before = self.standings.get(event.deployment)
            self.standings[event.deployment] = Followed.of(seq, event)
            if before is not None:
                before.changed.set()
        elif standing := self.standings.get(event.deployment):
            called = standing.called
            standing.fold(event)
            if standing.called and not called:
                self.called.put_nowait(event.deployment)
        if isinstance(event, TargetFound) and event.deployment in self.standings:
            self.addresses |= {event.peer}
            self.unknown_callers.pop(event.peer, None)
        self._watch_for_unknown_callers(event)
        if event.deployment in ("", *self.standings):
            self._on_event(event)

    async def _catch_up(self, deployment: str, begun: int) -> None:
        """One that was staged before this began: read from there to what has been read by now."""
        found: Followed | None = None
        stream = self._host.subscribe(begun)
        async for seq, event in stream:
            if event.deployment == deployment and seq <= self._seen:
                if isinstance(event, DeploymentStaged):
                    found = Followed.of(seq, event)
                elif found is not None:
                    found.fold(event)
            if seq >= self._seen:
                if found is not None:  # at once: what comes next is told by the other stream
                    self.standings.setdefault(deployment, found)
                break
        if isinstance(stream, AsyncGenerator):
            await stream.aclose()

    def _watch_for_unknown_callers(self, event: Event) -> None:
        match event:
            case ClientConnected(peer=peer) if peer not in self.addresses:
                known = self.unknown_callers.get(peer)
                self.unknown_callers[peer] = known or UnknownCaller(
                    peer, what="called, and was not served"
                )
            case LoginRefused(peer=peer, login=login, why=why) if peer not in self.addresses:
                self.unknown_callers[peer] = UnknownCaller(peer, what=f"called as {login}: {why}")
            case _:
                pass

    async def standing(self, deployment: str, begun: int) -> Followed:
        """How a deployment stands that was staged after event `begun`; waits until it is told."""
        if begun < self._seen and deployment not in self.standings:
            await self._catch_up(deployment, begun)
        async with self._staged:
            while True:
                self.raise_broken()
                found = self.standings.get(deployment)
                if found is not None and found.seq > begun:
                    return found
                await self._staged.wait()

    def raise_broken(self) -> None:
        """Raises what ended the stream, if it has ended."""
        if self._broken is not None:
            raise self._broken if isinstance(self._broken, DeployerError) else DaemonGone(socket="")
