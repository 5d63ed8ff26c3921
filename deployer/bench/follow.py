"""Following a host's events: what is known, how each open deployment stands, who is a stranger."""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass, field

from deployer.bench.known import Known
from deployer.bench.results import Stranger
from deployer.errors import DaemonGone, DeployerError
from deployer.events import (
    ClientConnected,
    DeploymentStaged,
    Event,
    LoginAccepted,
    LoginRefused,
    OutputReceived,
    ProofReceived,
    StateChanged,
    TargetReported,
    TransferCut,
    TransferDone,
    TransferStarted,
    TransferTick,
)
from deployer.host.requests import Host
from deployer.model import Proof, State

OnEvent = Callable[[Event], object]


@dataclass
class Standing:
    """How one deployment stands since it was last staged. `called`: its GO.BAT has logged in.

    `heard_at` is of the monotonic clock: a clock that is set meanwhile is no silence.
    """

    staged: DeploymentStaged
    state: State = State.STAGED
    reason: str = ""
    cause: str = ""
    called: bool = False
    last: str = "nothing yet"
    heard_at: float = field(default_factory=time.monotonic)
    sent: int = 0
    moving: float = 0.0
    output: str = ""
    proof: Proof | None = None
    changed: asyncio.Event = field(default_factory=asyncio.Event)
    parts: frozenset[str] = frozenset()

    def fold(self, event: Event) -> None:
        """One more event of this deployment."""
        match event:
            case StateChanged(state=state, reason=reason, cause=cause):
                if self.state.final:
                    return
                self.state, self.reason, self.cause = state, reason, cause
            case LoginAccepted(deployment=deployment, login=login):
                self.called = self.called or login.upper() == deployment
                self.last = f"logged in as {login}"
            case TransferStarted(name=name, upload=upload):
                self.last = f"began to {'send' if upload else 'fetch'} {name}"
            case TransferDone(name=name, length=length, seconds=seconds, upload=upload):
                self.last = f"{'sent' if upload else 'fetched'} {name}"
                self._moved(name, length, seconds)
            case TransferCut(name=name, moved=moved):
                self.last = f"the transfer of {name} was cut"
                self._moved(name, moved, 0.0)
            case OutputReceived(path=path):
                self.output = path
            case ProofReceived(proof=proof):
                self.proof = proof
            case TransferTick() | TargetReported():
                pass
            case _:
                return
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
        self.standings: dict[str, Standing] = {}
        self.strangers: dict[str, Stranger] = {}
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
                self._take(event, new=here.is_set())
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

    def _take(self, event: Event, *, new: bool) -> None:
        self.known.fold(event)
        if isinstance(event, DeploymentStaged):
            standing = Standing(event, parts=_parts(event))
            before = self.standings.get(event.deployment)
            self.standings[event.deployment] = standing
            if before is not None:
                before.changed.set()
        elif standing_of := self.standings.get(event.deployment):
            called = standing_of.called
            standing_of.fold(event)
            if standing_of.called and not called and new:
                self.called.put_nowait(event.deployment)
            if standing_of.state.final and not new:
                del self.standings[event.deployment]
        if new:
            self._watch_for_strangers(event)
            if event.deployment in ("", *self.standings):
                self._on_event(event)

    def _watch_for_strangers(self, event: Event) -> None:
        match event:
            case ClientConnected(peer=peer) if peer not in self._addresses:
                known = self.strangers.get(peer)
                self.strangers[peer] = known or Stranger(peer, what="called, and was not served")
            case LoginRefused(peer=peer, login=login, why=why) if peer not in self._addresses:
                self.strangers[peer] = Stranger(peer, what=f"called as {login}: {why}")
            case _:
                pass

    async def standing(self, deployment: str, since: float) -> Standing:
        """How a deployment stands that was staged at `since` or later; waits until it is told."""
        async with self._staged:
            while True:
                self.raise_broken()
                found = self.standings.get(deployment)
                if found is not None and found.staged.at >= since:
                    return found
                await self._staged.wait()

    def raise_broken(self) -> None:
        """Raises what ended the stream, if it has ended."""
        if self._broken is not None:
            raise self._broken if isinstance(self._broken, DeployerError) else DaemonGone(socket="")
