"""For tests of the faces: a simulated PC on a slowed wire, and a host that plays a script."""

from __future__ import annotations

import asyncio
import contextlib
import random
import threading
import time
from collections.abc import AsyncIterator, Callable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from textual._context import visible_screen_stack
from textual.pilot import Pilot

from deployer.core.view import Row, fold_all
from deployer.errors import WrongUse
from deployer.events import Event, ScreenLine, StateChanged
from deployer.face.card import typed_lines
from deployer.face.tui.app import DeployerApp
from deployer.host.local import InProcess
from deployer.host.requests import Before, Check, Order, Patience, Recognised, Request
from deployer.host.service import Service
from deployer.model import State
from deployer.settings import Settings
from deployer.sim.cable import Cable, Link
from deployer.sim.console import QueuedConsole
from deployer.sim.disk import Disk
from deployer.sim.faults import FaultyCable, parse
from deployer.sim.machine import Machine
from deployer.sim.typist import visit
from tests.waiting import PATIENCE


class SlowWire(Cable):
    """A cable that carries `rate` bytes a second (0: all), and stops for good at `stop_at` bytes.

    It goes on when `go` is set. Faults of the simulator lie behind it.
    """

    def __init__(self, rate: float = 0.0, stop_at: int | None = None, faults: str = "") -> None:
        self.rate = rate
        self.stop_at = stop_at
        self.go = threading.Event()
        self.behind: Cable = FaultyCable(parse(faults), lambda _fault: None) if faults else Cable()
        self._count = 0

    def received(self, data: bytes) -> bytes:
        self._count += len(data)
        if self.rate:
            time.sleep(len(data) / self.rate)
        if self.stop_at is not None and self._count >= self.stop_at:
            self.go.wait(PATIENCE)
        return self.behind.received(data)


@dataclass
class OldPC:
    """A simulated PC in a thread of this process, on a wire of the test's."""

    disk: Path
    wire: SlowWire = field(default_factory=SlowWire)
    visits: int = 0
    _off: threading.Event = field(default_factory=threading.Event)

    async def rehearse(self, service: Service, deployment: str, lines: Sequence[str]) -> int:
        """What `Service.rehearse` does, without a process of its own."""
        self._off.clear()
        self.visits += 1
        loop = asyncio.get_running_loop()

        def on_line(text: str) -> None:
            event = ScreenLine(time.time(), deployment, text)
            with contextlib.suppress(RuntimeError):
                loop.call_soon_threadsafe(service.publish, event)

        port = service._servers.simulated_port
        found = service.staged(deployment)
        assert found is not None
        link = Link(
            routes={found[0].host: ("127.0.0.1", port)}, cable=self.wire,
            cancelled=self._off.is_set, secret=service._servers.secret,
        )  # fmt: skip
        self.disk.mkdir(parents=True, exist_ok=True)
        machine = Machine(
            Disk(self.disk), console=QueuedConsole(on_line), link=link, cancelled=self._off.is_set,
            wait=lambda _seconds: None,
        )  # fmt: skip
        work = asyncio.ensure_future(asyncio.to_thread(visit, machine, lines, tries=1, resets=2))
        try:
            return 0 if await asyncio.shield(work) else 1
        finally:
            self._off.set()
            self.wire.go.set()
            await asyncio.wait([work], timeout=PATIENCE)


@dataclass
class Scripted:
    """A host whose events are given: what a face shows of them is the same every time."""

    events: Sequence[Event]
    asked: list[str] = field(default_factory=list)
    more: asyncio.Queue[Event] = field(default_factory=asyncio.Queue)
    ends_with_face: bool = False
    name: str = "scripted"

    async def subscribe(self, since: int | None = None) -> AsyncIterator[tuple[int, Event]]:
        for seq, event in enumerate(self.events, start=1):
            yield seq, event
        seq = len(self.events)
        while True:
            event = await self.more.get()
            seq += 1
            yield seq, event

    async def before(self, most: int) -> Before:
        await self.last_seq()
        rows = tuple(fold_all(self.events).values())[-most:]
        return Before(rows, len(self.events), len(rows), ())

    async def rows(self, target: str, most: int) -> tuple[Row, ...]:
        return tuple(row for row in fold_all(self.events).values() if row.target == target)[-most:]

    async def row(self, deployment: str) -> Row | None:
        return fold_all(self.events).get(deployment)

    async def last_seq(self) -> int:
        return len(self.events)

    async def recognise(self, request: Request) -> Recognised:
        raise WrongUse(what="nothing is recognised here.", remedy="It is a script.")

    async def push(self, order: Order) -> str:
        self.asked.append(f"push {order.target}")
        return ""

    async def retry(self, deployment: str) -> str:
        self.asked.append(f"retry {deployment}")
        return deployment

    async def sources(self, deployment: str) -> tuple[str, ...]:
        return (f"/files/{deployment}.bin",)

    async def recheck(self, deployment: str) -> tuple[Check, ...]:
        return (Check("verdict", True, "proves every file"),)

    async def cancel(self, deployment: str) -> None:
        self.asked.append(f"cancel {deployment}")

    async def pause(self, deployment: str) -> None:
        self.asked.append(f"pause {deployment}")

    async def resume(self, deployment: str) -> None:
        self.asked.append(f"resume {deployment}")


def payload(folder: Path, length: int = 1_000_000) -> Path:
    """A file in which damage shows."""
    path = folder / "payload.bin"
    path.write_bytes(random.Random(98).randbytes(length))
    return path


def order(path: Path) -> Order:
    """The file to the simulated PC in parts of 256 KiB; nothing is run."""
    return Order(Request(files=(path,), no_run=True, part_size=256 << 10), "sim")


@dataclass
class World:
    """A real service, a host over it, and the simulated PC that visits it."""

    service: Service
    host: InProcess
    pc: OldPC
    folder: Path

    async def ended(self, deployment: str) -> State:
        """The state in which a deployment has ended."""
        ended = await asyncio.wait_for(self.service.finished(deployment, silence=None), PATIENCE)
        return ended.state

    def app(self, clock: Callable[[], float] = time.time) -> DeployerApp:
        """The interactive face over this host."""
        return DeployerApp(self.host, Settings(), start=self.folder, clock=clock)


@contextlib.asynccontextmanager
async def world(folder: Path, wire: SlowWire | None = None) -> AsyncIterator[World]:
    """Everything real but the wire's speed."""
    state = folder / "state"
    async with Service(state, clock=time.time, address="127.0.0.1", ftp_port=0) as service:
        pc = OldPC(folder / "pc", wire or SlowWire())
        host = InProcess(service, typed_lines, Patience(), pc.rehearse)
        async with host:
            yield World(service, host, pc, folder)
            pc.wire.go.set()


async def until(pilot: Pilot[None], met: Callable[[], object], what: str = "") -> None:
    """Let the app go on until something holds; fails after a while."""
    end = time.monotonic() + PATIENCE
    while not met():
        assert time.monotonic() < end, f"never came: {what}\n{screen(pilot.app)}"
        await pilot.pause(0.02)


async def picking(pilot: Pilot[None]) -> None:
    """Open the push dialogue by its key; when this returns, it can be typed into."""
    await pilot.press("p")
    await until(pilot, lambda: getattr(pilot.app.screen.focused, "id", "") == "path", "to type")


def screen(app: object) -> str:
    """What the screen shows, as plain text."""
    return "\n".join(_lines(app)) + "\n"


def told(app: object) -> str:
    """What the notes at the edge of the screen say."""
    return "\n".join(note.message for note in app._notifications)  # type: ignore[attr-defined]


def _lines(app: object) -> Iterator[str]:
    # A dialogue that is drawn first from here would have nothing under it, and would keep it so.
    visible_screen_stack.set(app._background_screens)  # type: ignore[attr-defined]
    for strip in app.screen._compositor.render_strips():  # type: ignore[attr-defined]
        yield strip.text.rstrip()


def kinds(events: Sequence[Event], state: State) -> bool:
    """Whether a state was entered."""
    return any(isinstance(event, StateChanged) and event.state == state for event in events)
