"""A small payload, a host and a simulated PC in one process, made for breaking.

Everything is drawn from one seed: the payload, the faults of the PC and its cable, whether the host
goes away in the middle, what goes wrong on it while it runs, whether the disk loses a byte while
the PC is off. In a `place` of its own the host serves on a wire as a daemon does, with its address
set and watched; else on loopback.
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

from benchmarks.faults import hostside, place
from benchmarks.faults.hostside import HostFault
from deployer.core.wire.keeping import WireStatus
from deployer.edge.ftp.server import FtpLimits
from deployer.edge.link import arp, lease
from deployer.edge.link.watch import WatchTiming, WireWatch
from deployer.events import StateChanged, TransferStarted
from deployer.face.card import typed_lines
from deployer.host import staging, wire
from deployer.host.offers.offer import Offer
from deployer.host.past import recorded
from deployer.host.requests import Request
from deployer.host.service import Service
from deployer.model import DEFAULT_TARGET_DIRECTORY, HELPER_EXE, Cause, Manifest, StagedFile, State
from deployer.sim import faults
from deployer.sim.cable import Link
from deployer.sim.console import QueuedConsole
from deployer.sim.disk import Disk
from deployer.sim.machine import Machine
from deployer.sim.typist import visit
from deployer.sim.win32 import StepClock

PART = 8 << 10
LIMITS = FtpLimits(stall=0.4, connect=2.0, refusal_delay=0.05)
PATIENCE = 3.0
GIVE_UP = 60.0
DISK = 64 << 20
STATE_DISK = 12 << 20
HASTE = 0.02
"""Of each second that the PC waits, so much is waited here."""
RECOVERY = 10.0
LOOPBACK = "127.0.0.1"


@dataclass(frozen=True, slots=True)
class Case:
    """What one seed means. `restart` is the number of events after which the host goes away."""

    seed: int
    faults: tuple[faults.Fault, ...]
    run: bool
    restart: int | None
    rot: bool
    host: HostFault | None = None

    def __str__(self) -> str:
        extra = [f"host-restart@{self.restart}"] if self.restart else []
        extra += ["disk-rot"] if self.rot else []
        extra += [str(self.host)] if self.host else []
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
        host=hostside.draw(seed),
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
    struck: bool = False
    stuck: str = ""


class World:
    """One target's disk and one host, over any number of pushes of one payload.

    The host's service is the same from the first push to the last, unless the case says that the
    host goes away. Use it as an async context manager.
    """

    def __init__(self, the_case: Case, folder: Path) -> None:
        self.case = the_case
        self.folder = folder
        self.state = folder / "state"
        self.source = make_payload(the_case.seed, folder / "payload")
        self.disk_dir = folder / "disk"
        self.disk_dir.mkdir()
        self.screen: list[str] = []
        self.versions: list[Manifest] = []
        self.broken: list[str] = []
        self._changed_at = 0.0
        self._wire_ready = True
        self._lasting = contextlib.AsyncExitStack()
        self._serving = contextlib.AsyncExitStack()

    @property
    def manifest(self) -> Manifest:
        """What was pushed last."""
        return self.versions[-1]

    @property
    def target_name(self) -> str:
        """Whom the payload is for: the address that the PC calls from."""
        return place.THEIRS.ip if place.entered() else LOOPBACK

    async def __aenter__(self) -> World:
        try:
            await self._begin()
        except BaseException:
            await self.__aexit__()
            raise
        return self

    async def _begin(self) -> None:
        if place.entered():
            self._lasting.enter_context(place.small_disk(self.state, STATE_DISK))
            place.plug_in()
            self._lasting.callback(place.unplug)
            quick = arp.ProbeTiming(1, 0.0, 0.02)
            wanted = lease.LeaseRequest(place.OURS, place.WIRE, patience=quick)
            self._lease = await asyncio.to_thread(lease.up, wanted, self.state)
            self._lasting.push_async_callback(asyncio.to_thread, self._lease.release)
        await self._start()
        if place.entered():
            timing = WatchTiming(ask=1.0, doubt=0.2, settle=0.05, first=0.1, most=0.2)
            before = self._lease.record.before
            watch = await asyncio.to_thread(
                WireWatch, before, place.OURS, self._tell, self._lease, timing=timing
            )
            self._lasting.push_async_callback(asyncio.to_thread, watch.close)

    async def __aexit__(self, *_exc: object) -> None:
        await self._serving.aclose()
        await self._lasting.aclose()

    def _tell(self, status: WireStatus) -> None:
        self._wire_ready = status.state == "ready"
        with contextlib.suppress(RuntimeError):
            wire.telling(self.service.from_thread, place.OURS.ip)(status)

    async def _start(self) -> None:
        while not self._wire_ready:  # a service that is started has its address
            await asyncio.sleep(0.01)
        address = place.OURS.ip if place.entered() else LOOPBACK
        self.service = await self._serving.enter_async_context(
            Service(self.state, clock=time.time, address=address, ftp_port=0, limits=LIMITS)
        )

    def _stage(self) -> Manifest:
        # INFO is the one thing that the helper does at once and with exit code 0.
        run = f"{HELPER_EXE} INFO" if self.case.run else ""
        request = Request((self.source,), run=run, no_run=not run, part_size=PART)
        return staging.stage(request)

    async def push(self, harm: bool) -> Visit:
        """One push of the payload; with `harm` the case's faults happen."""
        before = self.service.last_seq()
        seen = await self._push(harm)
        for _seq, event in recorded(self.state, before):
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
            console=QueuedConsole(self.screen.append),
            link=Link(
                routes=routes,
                patience=PATIENCE,
                cancelled=lambda: stop[0],
                source=place.THEIRS.ip if place.entered() else None,
            ),
            clock=StepClock(time.time(), step=0.02),  # nobody waits for its clock
            wait=lambda seconds: time.sleep(seconds * HASTE),
            cancelled=lambda: stop[0],
        )
        machine.harm(self.case.faults if harm else ())
        pc: asyncio.Future[bool] | None = None
        own, loop = place.thread_of_the_pc(), asyncio.get_running_loop()
        host = asyncio.create_task(self._strike(seen)) if harm and self.case.host else None
        try:
            while True:
                staged = await asyncio.to_thread(self._stage)
                taken = self.service.take_up(staged, self.target_name, DEFAULT_TARGET_DIRECTORY)
                self.versions.append(taken)
                watching = asyncio.create_task(self._watch(taken, seen))
                offer = Offer(taken, self.target_name, DEFAULT_TARGET_DIRECTORY)
                await self.service.deploy(offer)
                routes[taken.host] = (self.service.address, self.service.ftp_port)
                lines = typed_lines(taken.host)
                pc = pc or asyncio.ensure_future(loop.run_in_executor(own, visit, machine, lines))
                gone = await _ended(pc, seen, restart)
                if host is not None and (seen.struck or not host.done()):
                    await _over(host, seen)
                await self._recovered()
                if pc.done():
                    _stopped(self.service, taken.deployment)
                watching.cancel()
                await asyncio.gather(watching, return_exceptions=True)
                if not gone:
                    break
                restart = None
                routes[taken.host] = ("127.0.0.1", 9)  # nobody is there for a moment
                await self._serving.aclose()
                await asyncio.sleep(0.05)
                await self._start()
        finally:
            stop[0] = True
            if pc is not None:
                with contextlib.suppress(TimeoutError):
                    await asyncio.wait_for(asyncio.shield(pc), 10)
            own.shutdown(wait=False)
        self.service.release(offer)
        seen.happened = [str(fault) for fault in machine.happened]
        seen.happened += [str(self.case.host)] if seen.struck else []
        return seen

    async def _recovered(self) -> None:
        """The host can write again what happens, by itself, soon after it can be written."""
        end = time.monotonic() + RECOVERY
        while self.service.trouble is not None:
            if time.monotonic() > end:
                self.broken.append(f"the host did not go on by itself: {self.service.trouble}")
                return
            await asyncio.sleep(0.05)

    async def _strike(self, seen: Visit) -> None:
        fault = self.case.host
        assert fault is not None
        while seen.events < fault.at:
            await asyncio.sleep(0.005)
        seen.struck = True
        self._changed_at = time.time()
        await hostside.strike(fault, self.case.seed, self.source, self.state)

    async def _watch(self, taken: Manifest, seen: Visit) -> None:
        async for _seq, event in self.service.subscribe():
            seen.events += 1
            if isinstance(event, StateChanged) and event.state == State.PROVED:
                self._judge_proof(taken, event.at)

    def _judge_proof(self, taken: Manifest, at: float) -> None:
        """A proof is right when both sides had at that moment what it says."""
        for file in taken.payload.files:
            if self._bytes(file) is not True:
                self.broken.append(f"proved, but {file.name} is not so on the PC")
            if self._changed_at < at and file_sum(Path(file.source)) != file.sha256:
                self.broken.append(f"proved, but {file.name} is another on the host by then")

    # -- what is on the disks -----------------------------------------------------------------

    def changed(self) -> bool:
        """Whether a file on the host is no longer what was pushed last."""
        return bool(self._changed_files())

    def parts_changed(self) -> int:
        """How many parts such files have."""
        return sum(len(file.parts) for file in self._changed_files())

    def _changed_files(self) -> list[StagedFile]:
        files = self.manifest.payload.files
        return [file for file in files if file_sum(Path(file.source)) != file.sha256]

    def target(self) -> Path:
        """The deployment's directory on the simulated disk."""
        return self.disk_dir / "DEPLOY"

    def wrong_files(self) -> list[str]:
        """Files under a final name whose bytes were never sent: there must not be one."""
        sent = {file.sha256 for each in self.versions for file in each.payload.files}
        return [
            file.name
            for file in self.manifest.payload.files
            if (path := self._path(file)).is_file() and file_sum(path) not in sent
        ]

    def missing_files(self) -> list[str]:
        """Files that are not there as they are to be under their final names."""
        return [file.name for file in self.manifest.payload.files if not self._bytes(file)]

    def _bytes(self, file: StagedFile) -> bool | None:
        path = self._path(file)
        return file_sum(path) == file.sha256 if path.is_file() else None

    def _path(self, file: StagedFile) -> Path:
        return self.target() / (file.place or file.name)

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


def file_sum(path: Path) -> str:
    """SHA-256 of a file."""
    return hashlib.sha256(path.read_bytes()).hexdigest()


async def _ended(pc: asyncio.Future[bool], seen: Visit, restart: int | None) -> bool:
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


async def _over(host: asyncio.Task[None], seen: Visit) -> None:
    """What goes wrong on the host has come to its end, or does not happen any more."""
    if not seen.struck:
        host.cancel()
    await asyncio.gather(host, return_exceptions=not seen.struck)


def _stopped(service: Service, deployment: str) -> None:
    """What a rehearsal tells of a PC that stopped before its deployment had ended."""
    if not service.standing(deployment).state.final:
        at = time.time()
        reason = f"nothing more; before that: {service.standing(deployment).last}"
        service.publish(StateChanged(at, deployment, State.FAILED, reason, Cause.SILENCE))
