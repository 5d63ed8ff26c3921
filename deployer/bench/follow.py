"""Following a host's events: what is known, how open deployments stand, who else has called."""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass, field

from deployer.bench.known import Known
from deployer.bench.results import UnknownCaller
from deployer.core import deployment as life
from deployer.core.deployment import Deployment
from deployer.errors import DaemonGone, DeployerError
from deployer.events import (
    ClientConnected,
    DeploymentStaged,
    Event,
    LoginRefused,
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
    they moved.
    """

    staged: DeploymentStaged
    stands: Deployment
    seq: int
    heard_at: float = field(default_factory=time.monotonic)
    sent: int = 0
    moving: float = 0.0
    changed: asyncio.Event = field(default_factory=asyncio.Event)
    parts: frozenset[str] = frozenset()

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
    return frozenset(
        f"{file.first_part.rpartition('.')[0]}.{number:03d}"
        for file in staged.files
        for number in range(1, file.parts + 1)
    )


class Follower:
    """Reads the events of a host to their end; everything it knows is asked for here."""

    def __init__(self, host: Host, addresses: frozenset[str], on_event: OnEvent) -> None:
        self.known = Known()
        self.standings: dict[str, Followed] = {}
        self.unknown_callers: dict[str, UnknownCaller] = {}
        self.called = asyncio.Queue[str]()
        self._host = host
        self._addresses = addresses
        self._on_event = on_event
        self._staged = asyncio.Condition()
        self._broken: BaseException | None = None

    @contextlib.asynccontextmanager
    async def following(self) -> AsyncIterator[None]:
        """Read while this context lasts; it begins when all that was before has been read."""
        past = await self._host.last_seq()
        here = asyncio.Event()
        reading = asyncio.create_task(self._read(self._host.subscribe(0), past, here))
        waiting = asyncio.create_task(here.wait())
        try:
            await asyncio.wait((reading, waiting), return_when=asyncio.FIRST_COMPLETED)
            if reading.done():
                await reading
            yield
        finally:
            for task in (reading, waiting):
                task.cancel()
            await asyncio.gather(reading, waiting, return_exceptions=True)

    async def _read(
        self, stream: AsyncIterator[tuple[int, Event]], past: int, here: asyncio.Event
    ) -> None:
        if not past:
            here.set()
        try:
            async for seq, event in stream:
                self._take(seq, event, new=here.is_set())
                if isinstance(event, DeploymentStaged):
                    async with self._staged:
                        self._staged.notify_all()
                if seq >= past and not here.is_set():
                    here.set()
        except DeployerError as error:
            self._broken = error
            for standing in self.standings.values():
                standing.changed.set()
            raise

    def _take(self, seq: int, event: Event, *, new: bool) -> None:
        self.known.fold(event)
        if isinstance(event, DeploymentStaged):
            standing = Followed.of(seq, event)
            before = self.standings.get(event.deployment)
            self.standings[event.deployment] = standing
            if before is not None:
                before.changed.set()
        elif standing_of := self.standings.get(event.deployment):
            called = standing_of.called
            standing_of.fold(event)
            if standing_of.called and not called and new:
                self.called.put_nowait(event.deployment)
            if standing_of.stands.state.final and not new:
                del self.standings[event.deployment]
        if new:
            self._watch_for_unknown_callers(event)
            if event.deployment in ("", *self.standings):
                self._on_event(event)

    def _watch_for_unknown_callers(self, event: Event) -> None:
        match event:
            case ClientConnected(peer=peer) if peer not in self._addresses:
                known = self.unknown_callers.get(peer)
                self.unknown_callers[peer] = known or UnknownCaller(
                    peer, what="called, and was not served"
                )
            case LoginRefused(peer=peer, login=login, why=why) if peer not in self._addresses:
                self.unknown_callers[peer] = UnknownCaller(peer, what=f"called as {login}: {why}")
            case _:
                pass

    async def standing(self, deployment: str, begun: int) -> Followed:
        """How a deployment stands that was staged after event `begun`; waits until it is told."""
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
