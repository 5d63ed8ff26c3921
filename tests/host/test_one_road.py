"""A push is the same with and without a daemon: events, words and exit code, whatever its end.

One table of ends. Each is played once by a host in this process and once by a daemon that is asked
over its socket; the stand-in for the wire is loopback, for the cable two pseudo terminals.
"""

from __future__ import annotations

import asyncio
import contextlib
import importlib.util
import os
import re
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import pytest

from deployer.edge.ports import bind, listen_unix
from deployer.errors import DeployerError
from deployer.events import LIVE, Event, ScreenLine, to_dict
from deployer.face import push as face
from deployer.face.card import typed_lines, typed_steps
from deployer.face.push import Watching
from deployer.host import connect, daemon, past, serial, staging
from deployer.host.connect import Here
from deployer.host.local import InProcess
from deployer.host.offers.offer import Offer
from deployer.host.requests import Order, Patience, Request, Words
from deployer.host.serial import SerialJob
from deployer.host.service import Service
from deployer.model import LineSettings, State
from tests.bench.scripted import ScriptedPC
from tests.serialwire import Wire

PEER = "127.0.0.1"
SIMULATOR = pytest.mark.skipif(
    importlib.util.find_spec("unicorn") is None, reason="the simulated PC is not installed"
)


@dataclass
class World:
    """Where a push is played, what is to be pushed, and what its face is shown."""

    folder: Path
    cable: Wire
    port: int = 0
    events: list[Event] = field(default_factory=list)
    changed: asyncio.Condition = field(default_factory=asyncio.Condition)

    @property
    def state(self) -> Path:
        return self.folder / "state"

    @property
    def file(self) -> Path:
        path = self.folder / "payload.bin"
        if not path.exists():
            path.write_bytes(bytes(range(256)) * 1500)
        return path

    @property
    def deep(self) -> Path:
        """A folder whose one file is too deep for the usual directory on the target."""
        path = self.folder / "deep" / ("a" * 100) / ("b" * 100)
        path.mkdir(parents=True, exist_ok=True)
        (path / ("c" * 48)).write_bytes(b"x")
        return self.folder / "deep"

    def show(self, event: Event) -> None:
        self.events.append(event)

    def close(self) -> None:
        pass

    async def told(self, kind: str, **fields: object) -> dict[str, Any]:
        """Wait for an event; the first such one."""
        while True:
            for event in map(to_dict, self.events):
                same = all(event.get(name) == value for name, value in fields.items())
                if event["event"] == kind and same:
                    return event
            await asyncio.sleep(0.01)


Act = Callable[[World], Awaitable[object]]


@dataclass(frozen=True)
class Case:
    """An end: what is asked for, and what happens to it until then."""

    code: int
    order: Callable[[World], Order]
    act: Act | None = None
    before: Callable[[World], contextlib.AbstractAsyncContextManager[object]] | None = None
    left: State | None = None


# --- what happens


async def delivered(world: World, run_exit: int = 0) -> None:
    """The old PC comes once and does all that GO.BAT does."""
    port = (await world.told("server-listening"))["port"]
    pc = ScriptedPC(PEER, PEER, lambda: port, run_exit=run_exit)
    await asyncio.to_thread(pc.visit)


async def program_fails(world: World) -> None:
    await delivered(world, run_exit=7)


async def cancelled(world: World) -> None:
    """Another window cancels."""
    identity = (await world.told("server-listening"))["deployment"]
    await connect.cancel(world.state, identity, system=False)


async def sent_over_the_line(world: World, run_exit: int = 0, *, report: bool = True) -> None:
    """HyperTerminal takes the batch; GO works; the person sends RESULT.TXT."""
    inbox = world.folder / "c"
    job = SerialJob(world.cable.b, flow=serial.Flow.NONE, contact=30.0)
    await asyncio.to_thread(serial.receive, job, inbox, overwrite=True)
    if not report:
        return
    (manifest,) = inbox.glob("*.MAN")
    (inbox / "RESULT.TXT").write_bytes(result(inbox, manifest, run_exit))
    await world.told("client-gone")
    await asyncio.to_thread(serial.send, job, [inbox / "RESULT.TXT"])


async def only_sent(world: World) -> None:
    await sent_over_the_line(world, report=False)


def result(inbox: Path, manifest: Path, run_exit: int) -> bytes:
    """What the helper says of the parts that lie there under their temporary names."""
    pc = ScriptedPC("", "", lambda: 0, run_exit=run_exit)
    arrived = lambda _ftp, name, _crc: (inbox / re.sub(r"\.0", ".A", name)).read_bytes()  # noqa: E731
    pc._part = arrived  # type: ignore[method-assign,assignment]
    lines = manifest.read_text("ascii").splitlines()
    whole = pc._files(None, lines)  # type: ignore[arg-type]
    return pc._report(manifest.stem, whole, any(line.startswith("RUN ") for line in lines))


async def stopped_there(world: World) -> None:
    """The person at the old PC presses Cancel."""
    line = os.open(world.cable.b, os.O_RDWR | os.O_NOCTTY)
    try:
        await world.told("state-changed", state="waiting")
        os.write(line, b"\x18" * 8 + b"\x08" * 8)
        await world.told("state-changed", state="failed")
    finally:
        os.close(line)


@contextlib.asynccontextmanager
async def port_taken(world: World) -> AsyncIterator[None]:
    with bind(PEER, 0) as taken:
        world.port = taken.getsockname()[1]
        yield


@contextlib.asynccontextmanager
async def busy(world: World) -> AsyncIterator[None]:
    """Another process delivers something else to the same target."""
    other = world.folder / "other"
    other.write_bytes(b"other")
    manifest = staging.stage(Request((other,), no_run=True), host=PEER)
    async with Service(world.state, clock=time.time, address=PEER, ftp_port=0) as service:
        service.take_up(manifest, PEER, "C:\\DEPLOY")
        service.write_down(Offer(manifest, PEER, "C:\\DEPLOY"))
        yield


# --- what is asked for


def over_the_wire(world: World, patience: Patience | None = None) -> Order:
    return Order(Request((world.file,), no_run=True), PEER, host=PEER, patience=patience)


def run_there(world: World) -> Order:
    return Order(Request((world.file,), run="payload.bin"), PEER, host=PEER)


def simulated(world: World, patience: Patience | None = None) -> Order:
    return Order(Request((world.file,), no_run=True), "sim", host="192.168.1.1", patience=patience)


def over_the_line(world: World, patience: Patience | None = None) -> Order:
    return Order(
        Request((world.file,), no_run=True), f"serial:{world.cable.a}",
        line=LineSettings(flow="none"), patience=patience,
    )  # fmt: skip


def run_over_the_line(world: World) -> Order:
    return Order(
        Request((world.file,), run="payload.bin"), f"serial:{world.cable.a}",
        line=LineSettings(flow="none"),
    )  # fmt: skip


def too_deep(target: str) -> Callable[[World], Order]:
    def order(world: World) -> Order:
        where = f"serial:{world.cable.a}" if target == "serial" else target
        line = LineSettings(flow="none")
        return Order(Request((world.deep,), no_run=True), where, host=PEER, line=line)

    return order


SHORT = Patience(0.4, 0.4, 0.4)
CASES = {
    "wire proved": Case(0, over_the_wire, delivered, left=State.PROVED),
    "wire failed": Case(6, run_there, program_fails, left=State.FAILED),
    "wire refused, its port is taken": Case(3, over_the_wire, None, port_taken, State.FAILED),
    "wire refused, a folder is too deep": Case(1, too_deep(PEER)),
    "wire cancelled": Case(130, over_the_wire, cancelled, left=State.CANCELLED),
    "wire busy": Case(3, over_the_wire, None, busy, State.STAGED),
    "wire silent": Case(4, lambda w: over_the_wire(w, SHORT), left=State.FAILED),
    "simulated proved": Case(0, simulated, left=State.PROVED),
    "simulated cancelled": Case(130, simulated, cancelled, left=State.CANCELLED),
    "simulated silent": Case(4, lambda w: simulated(w, Patience(0.1)), left=State.FAILED),
    "line proved": Case(0, over_the_line, sent_over_the_line, left=State.PROVED),
    "line failed": Case(6, run_over_the_line, lambda w: sent_over_the_line(w, 7),
                        left=State.FAILED),
    "line refused, a folder is too deep": Case(1, too_deep("serial")),
    "line refused, there is no such port": Case(
        3, lambda w: Order(Request((w.file,), no_run=True), "serial:/dev/ttyNOPE")
    ),
    "line cancelled here": Case(130, over_the_line, cancelled, left=State.CANCELLED),
    "line cancelled there": Case(130, over_the_line, stopped_there, left=State.FAILED),
    "line silent": Case(4, lambda w: over_the_line(w, SHORT), left=State.FAILED),
    "line without a report": Case(
        4, lambda w: over_the_line(w, Patience(30.0, None, 0.4)), only_sent, left=State.FAILED
    ),
}  # fmt: skip


@dataclass(frozen=True)
class Told:
    """What a user sees of a push."""

    code: int
    words: tuple[str, ...]
    events: list[dict[str, Any]]
    left: State | None


@contextlib.asynccontextmanager
async def daemon_for(world: World) -> AsyncIterator[None]:
    """A daemon as `deployer serve --on-demand` is one, in this process."""
    door = listen_unix(world.folder / "control.sock")
    async with (
        Service(world.state, clock=time.time, address=PEER, ftp_port=world.port) as service,
        InProcess(service, typed_lines, lasting=True) as host,
    ):
        told = asyncio.Event()
        servers = [daemon._api(host, {"address": PEER, "pid": 1}, door, None)]
        serving = asyncio.create_task(daemon._until(told, servers))
        try:
            yield
        finally:
            told.set()
            await asyncio.wait_for(serving, 30)


async def pushed(case: Case, world: World, *, by_daemon: bool) -> Told:
    order, said = case.order(world), list[str]()
    async with contextlib.AsyncExitStack() as stack:
        undo = stack.enter_context(connect.Undo())
        if case.before is not None:
            await stack.enter_async_context(case.before(world))
        if by_daemon:
            await stack.enter_async_context(daemon_for(world))
        here = Here(PEER, world.port, patience=Patience(60.0))
        words = Words(typed_lines, typed_steps, said.append)
        acting = asyncio.create_task(case.act(world)) if case.act else None
        error: DeployerError | None = None
        try:
            async with (
                asyncio.timeout(100),
                connect.open_host(world.state, here, words, undo, system=False) as host,
            ):
                assert host.ends_with_face != by_daemon
                await face.push(host, order, Watching(world, say=said.append))
        except DeployerError as found:
            error = found
        if acting is not None:
            await asyncio.wait_for(acting, 30)
        if case.before is not busy:
            await free(world, order.target)
        with past.rows_of(world.state) as rows:
            row = rows.one()
    told = (error.what, error.remedy) if error else ()
    return Told(
        error.exit_code if error else 0,
        tuple(plain(text, world) for text in (*told, *said)),
        # The screen of a simulated PC comes another way than what its server sees of it.
        [seen(e, world) for e in world.events if not isinstance(e, (ScreenLine, *LIVE))],
        row.state if row else None,
    )


async def free(world: World, target: str) -> None:
    """Wait until another process may deliver to the target, while the daemon still runs."""
    async with asyncio.timeout(70):
        while not past.unserved(world.state, {"D0000000": target}):
            await asyncio.sleep(0.05)
    if target.startswith("serial:/dev/pts"):
        with serial.SerialLine(world.cable.a, flow=serial.Flow.NONE):
            pass


def seen(event: Event, world: World) -> dict[str, Any]:
    """An event without what is another in each run: times, ports, ids, and the token's length."""
    left_out = ("at", "seconds", "report", "proof", "port")
    fields = {name: value for name, value in to_dict(event).items() if name not in left_out}
    if str(fields.get("name", "")).endswith(("GO.BAT", ".MAN", "RESULT.TXT")):
        fields.pop("length", None)
    return {name: plain(value, world) for name, value in fields.items()}


def plain(value: Any, world: World) -> Any:
    match value:
        case dict():
            return {name: plain(one, world) for name, one in value.items()}
        case list() | tuple():
            return [plain(one, world) for one in value]
        case str():
            return plain_text(value, world)
        case _:
            return value


def plain_text(value: str, world: World) -> str:
    for text, name in ((world.cable.a, "PORT"), (str(world.folder), "FOLDER")):
        value = value.replace(text, name)
    return re.sub(r"port \d+", "port N", re.sub(r"\bD[0-9A-F]{7}\b", "ID", value), flags=re.I)


def without_the_pc(told: Told) -> Told:
    """The same without what the PC did, and the states that it brought about."""
    brought = (State.FETCHING, State.VERIFYING, State.RUNNING)
    ours = [e for e in told.events if "peer" not in e and e.get("state") not in brought]
    return replace(told, events=ours)


@pytest.mark.parametrize(
    "name", [pytest.param(n, marks=SIMULATOR) if n.startswith("sim") else n for n in CASES]
)
def test_a_push_ends_the_same_with_and_without_a_daemon(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    case, ends = CASES[name], []
    for way in ("alone", "daemon"):
        folder = tmp_path / way
        folder.mkdir()
        monkeypatch.setenv("DEPLOYER_SOCKET", str(folder / "control.sock"))
        with Wire() as cable:
            world = World(folder, cable)
            ends.append(asyncio.run(pushed(case, world, by_daemon=way == "daemon")))
    alone, by_daemon = ends
    assert alone.code == by_daemon.code == case.code
    assert alone.words == by_daemon.words
    assert alone.left == by_daemon.left == case.left
    if name == "simulated cancelled":  # how far its PC comes until then is another each time
        alone, by_daemon = without_the_pc(alone), without_the_pc(by_daemon)
    assert alone.events == by_daemon.events
