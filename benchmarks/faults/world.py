"""A small payload, a host and a simulated PC in one process, made for breaking.

Everything is drawn from one seed: the payload, the faults of the PC and its cable, whether the host
goes away in the middle, whether the disk loses a byte while the PC is off.
"""

from __future__ import annotations

import asyncio
import contextlib
import hashlib
import random
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

from deployer.edge.ftp.server import Limits
from deployer.events import (
    ServerListening,
    StateChanged,
    TransferStarted,
)
from deployer.face.card import typed_lines
from deployer.host import staging
from deployer.host.past import recorded
from deployer.host.requests import Request
from deployer.host.service import Offer, Service
from deployer.model import DEFAULT_TARGET_DIRECTORY, HELPER_EXE, Cause, Manifest, StagedFile, State
from deployer.sim import faults
from deployer.sim.cable import Link
from deployer.sim.console import Console
from deployer.sim.disk import Disk
from deployer.sim.machine import Machine
from deployer.sim.typist import visit
from deployer.sim.win32 import StepClock

PART = 8 << 10
LIMITS = Limits(stall=0.4, connect=2.0, refusal_delay=0.05)
PATIENCE = 3.0
GIVE_UP = 60.0
DISK = 64 << 20


@dataclass(frozen=True, slots=True)
class Case:
    """What one seed means. `restart` is the number of events after which the host goes away."""

    seed: int
    faults: tuple[faults.Fault, ...]
    run: bool
    restart: int | None
    rot: bool

    def __str__(self) -> str:
        extra = [f"host-restart@{self.restart}"] if self.restart else []
        extra += ["disk-rot"] if self.rot else []
        return ",".join([*map(str, self.faults), *extra])


def case(seed: int) -> Case:
    """The case of a seed; one in ten also starts a program, one in eight loses its host."""
    rng = random.Random(f"case {seed}")
    return Case(
        seed,
        _draw(seed, rng),
        run=rng.random() < 0.1,
        restart=rng.randint(2, 60) if rng.random() < 0.125 else None,
        rot=rng.random() < 0.2,
    )


def _draw(seed: int, rng: random.Random) -> tuple[faults.Fault, ...]:
    """As the simulated PC draws them (early places are likely), or evenly over a deployment."""
    if rng.random() < 0.5:
        return faults.draw(seed)
    spans = {"power": 350, "off": 80, "full": 400_000} | dict.fromkeys(
        ["cable", "hang", "cut", "flip", "crlf"], 150_000
    )
    kinds = rng.choices([*spans, "flip", "power"], k=rng.randint(1, 3))
    return tuple(faults.Fault(kind, rng.randint(1, spans[kind])) for kind in kinds)


def make_payload(seed: int, folder: Path) -> Path:
    """One to four files of some hundred KB together, with long names, in a tree."""
    rng = random.Random(f"payload {seed}")
    for number in range(rng.randint(1, 4)):
        names = [
            f"file {number}.dat",
            f"data{number}.bin",
            f"Sub Directory/A long name {number}.txt",
        ]
        path = folder / rng.choice(names)
        path.parent.mkdir(parents=True, exist_ok=True)
        size = rng.choice([0, 1, PART - 1, PART, PART + 1, rng.randrange(150_000)])
        path.write_bytes(rng.randbytes(size or (number == 0)))
    return folder


@dataclass(slots=True)
class Visit:
    """What one push came to: the end, the parts that were asked for, the faults that happened."""

    state: State = State.STAGED
    reason: str = ""
    started: list[str] = field(default_factory=list)
    happened: list[str] = field(default_factory=list)
    events: int = 0
    stuck: str = ""


class World:
    """One target's disk and one host's store, over any number of pushes of one payload."""

    def __init__(self, the_case: Case, folder: Path) -> None:
        self.case = the_case
        self.folder = folder
        self.source = make_payload(the_case.seed, folder / "payload")
        self.disk_dir = folder / "disk"
        self.disk_dir.mkdir()
        self.screen: list[str] = []
        self.manifest = self._stage()

    def _stage(self) -> Manifest:
        # INFO is the one thing that the helper does at once and with exit code 0.
        run = f"{HELPER_EXE} INFO" if self.case.run else ""
        request = Request((self.source,), run=run, no_run=not run, part_size=PART)
        return staging.stage(request)

    def push(self, harm: bool) -> Visit:
        """One push of the payload; with `harm` the case's faults happen."""
        before = max((seq for seq, _event in recorded(self.folder / "state")), default=0)
        seen = asyncio.run(self._push(harm))
        for _seq, event in recorded(self.folder / "state", before):
            match event:
                case TransferStarted(upload=False, name=name):
                    seen.started.append(name)
                case StateChanged(state=state, reason=reason):
                    seen.state, seen.reason = state, reason
        return seen

    async def _push(self, harm: bool) -> Visit:
        seen = Visit()
        restart = self.case.restart if harm else None
        routes: dict[str, tuple[str, int]] = {}
        stop = [False]
        machine = Machine(
            Disk(self.disk_dir, capacity=DISK),
            console=Console(self.screen.append),
            link=Link(routes=routes, patience=PATIENCE, cancelled=lambda: stop[0]),
            clock=StepClock(time.time(), step=0.02),  # nobody waits for its clock
            wait=lambda _seconds: None,
            cancelled=lambda: stop[0],
        )
        machine.harm(self.case.faults if harm else ())
        pc: asyncio.Task[bool] | None = None
        try:
            while True:
                async with self._service() as service:
                    taken = service.take_up(self._stage(), "sim")
                    watching = asyncio.create_task(_watch(service, taken, seen, routes))
                    await service.deploy(Offer(taken, "sim", DEFAULT_TARGET_DIRECTORY))
                    while not routes:
                        await asyncio.sleep(0.005)
                    machine.link.secret = service._servers.secret  # noqa: SLF001 - as its child
                    lines = typed_lines(taken.host, DEFAULT_TARGET_DIRECTORY)
                    pc = pc or asyncio.create_task(asyncio.to_thread(self._sit, machine, lines))
                    gone = await _ended(pc, seen, restart)
                    if pc.done():
                        _stopped(service, taken.deployment)
                    watching.cancel()
                    await asyncio.gather(watching, return_exceptions=True)
                if not gone:
                    break
                restart = None
                routes.clear()
                routes[taken.host] = ("127.0.0.1", 9)  # nobody is there for a moment
                await asyncio.sleep(0.05)
                routes.clear()
        finally:
            stop[0] = True
            if pc is not None:
                with contextlib.suppress(TimeoutError):
                    await asyncio.wait_for(asyncio.shield(pc), 10)
        seen.happened = [str(fault) for fault in machine.happened]
        return seen

    def _sit(self, machine: Machine, lines: tuple[str, ...]) -> bool:
        return visit(machine, lines)

    def _service(self) -> Service:
        return Service(
            self.folder / "state", clock=time.time, address="127.0.0.1", ftp_port=0, limits=LIMITS
        )

    # -- what is on the disk ------------------------------------------------------------------

    def target(self) -> Path:
        """The deployment's directory on the simulated disk."""
        return self.disk_dir / "DEPLOY"

    def wrong_files(self) -> list[str]:
        """Files under a final name whose bytes are not what was sent: there must never be one."""
        return [file.name for file in self.manifest.payload.files if self._bytes(file) is False]

    def missing_files(self) -> list[str]:
        """Files that are not there under their final names."""
        return [file.name for file in self.manifest.payload.files if self._bytes(file) is None]

    def _bytes(self, file: StagedFile) -> bool | None:
        path = self.target() / (file.place or file.name)
        if not path.is_file():
            return None
        return hashlib.sha256(path.read_bytes()).hexdigest() == file.sha256

    def rot(self) -> str:
        """Change one byte of a part, temporary or work file while the PC is off; its name."""
        rng = random.Random(f"rot {self.case.seed}")
        bases = {f.parts[0].name.partition(".")[0] for f in self.manifest.payload.files if f.parts}
        found = sorted(p for p in self._files() if p.stem in bases and p.stat().st_size)
        if not found:
            return ""
        path = rng.choice(found)
        data = bytearray(path.read_bytes())
        data[rng.randrange(len(data))] ^= 1 << rng.randrange(8)
        path.write_bytes(data)
        return path.name

    def _files(self) -> Iterator[Path]:
        if self.target().is_dir():
            yield from (p for p in self.target().iterdir() if p.is_file())


async def _watch(
    service: Service, taken: Manifest, seen: Visit, routes: dict[str, tuple[str, int]]
) -> None:
    async for _seq, event in service.subscribe():
        seen.events += 1
        if isinstance(event, ServerListening):
            routes[taken.host] = ("127.0.0.1", event.port)


async def _ended(pc: asyncio.Task[bool], seen: Visit, restart: int | None) -> bool:
    """Wait until the PC is at its prompt, or until the host has to go away; True for the latter."""
    end = time.monotonic() + GIVE_UP
    before = seen.events
    while time.monotonic() < end:
        if restart is not None and seen.events - before >= restart:
            return True
        if pc.done():
            await asyncio.sleep(0.05)  # what it said last is on its way here
            return False
        await asyncio.sleep(0.01)
    seen.stuck = f"no end within {GIVE_UP:.0f} s"
    return False


def _stopped(service: Service, deployment: str) -> None:
    """What a rehearsal tells of a PC that stopped before its deployment had ended."""
    if not service.standing(deployment).state.final:
        at = time.time()
        reason = f"nothing more; before that: {service.standing(deployment).last}"
        service.publish(StateChanged(at, deployment, State.FAILED, reason, Cause.SILENCE))
