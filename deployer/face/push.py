"""`deployer push`: stage, offer, watch, and say what the target proved."""

from __future__ import annotations

import asyncio
import contextlib
import sys
import time
from collections.abc import Awaitable, Callable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Protocol

from deployer.core.deployment import NOTHING_YET, Deployment
from deployer.errors import (
    DaemonGone,
    DaemonOfAnother,
    DeployerError,
    PortBusy,
    PortForbidden,
)
from deployer.events import (
    DeploymentStaged,
    Event,
    LoginAccepted,
    OutputReceived,
    ProofReceived,
    StateChanged,
)
from deployer.face import text
from deployer.face.card import typed_lines, typed_steps
from deployer.host import sockets, wire
from deployer.host.endings import fell_silent, raise_for
from deployer.host.remote import Client
from deployer.host.requests import Order
from deployer.host.service import Service
from deployer.model import Manifest, Payload, State


class Face(Protocol):
    """Something that shows events."""

    def show(self, event: Event) -> None:
        """One event, in order."""

    def close(self) -> None:
        """No more will come."""


@dataclass(frozen=True, slots=True)
class Push:
    """What `push` does once the payload is staged. Seconds, None: no limit.

    `faults` are what goes wrong with a simulated PC; `http_port` is where the page is, None: none.
    """

    manifest: Manifest
    target: str
    address: str
    ftp_port: int
    directory: str
    silence: float | None
    while_running: float | None
    faults: tuple[str, ...] = ()
    http_port: int | None = None


def page_port(ftp_port: int, given: int | None, *, without: bool = False) -> int | None:
    """The page's port: 80, but a rehearsal on another FTP port has none unless it asks."""
    if without:
        return None
    return 80 if given is None and ftp_port == 21 else given


@contextlib.contextmanager
def on_wire(
    address: str,
    target: str,
    state_dir: Path,
    interface: str | None = None,
    host_route: str = "",
    *,
    leave: bool = False,
) -> Iterator[None]:
    """Our address on the wire for the time of a push, unless it is there or must not be set.

    What would keep the old PC from getting through is said, and the push goes on: rules can be read
    wrongly, and be changed while it waits.
    """
    if target == "sim" or leave:
        yield
        return
    with contextlib.ExitStack() as stack:
        if not wire.is_ours(address, state_dir):
            wanted = wire.Wanted(f"{address}/24", state_dir, interface, host_route)
            stack.callback(wire.take(wanted).release)
        for each in wire.obstacles(address, target):
            for line in (f"{each.what}.", each.fix):
                sys.stderr.write(f"{text.on_screen(line)}\n")
        try:
            yield
        except (PortForbidden, PortBusy) as error:
            place = sockets.closed(state_dir)
            if place is None:
                raise
            raise DaemonOfAnother(socket=place) from error


async def push(job: Push, state_dir: Path, face: Face) -> Deployment:
    """Offer the payload, show everything to the face, and return how it ended.

    Raises the error that the end means when it is not `proved`.
    """
    simulated = job.target == "sim"
    bind = "127.0.0.1" if simulated else job.address
    port = 0 if simulated else job.ftp_port
    peer = "127.0.0.1" if simulated else job.target
    async with Service(
        state_dir,
        clock=time.time,
        address=bind,
        ftp_port=port,
        http_port=None if simulated else job.http_port,
        typed=typed_steps,
    ) as service:
        manifest = service.take_up(job.manifest, job.target)
        identity = manifest.deployment
        watch = Watch(service, identity, face)
        watching = asyncio.create_task(watch.run())
        helper: asyncio.Task[int] | None = None
        try:
            await service.deploy(manifest, job.target, peer, job.directory, emulated=simulated)
            if simulated:
                lines = typed_lines(manifest.host, job.directory)
                helper = asyncio.create_task(service.rehearse(identity, lines, job.faults))
            ended = await service.finished(
                identity, silence=job.silence, while_running=job.while_running
            )
            if ended.state != State.CANCELLED:
                await service.last_words(identity)
                if helper is not None:
                    proved = ended.state == State.PROVED
                    await asyncio.wait([helper], timeout=30 if proved else 5)
        except asyncio.CancelledError:
            service.cancel(identity)
            raise
        finally:
            await _stop(helper)
            await watch.drained()
            await _stop(watching)
            face.close()
    raise_for(ended, service.output_path(identity))
    return ended


@dataclass(frozen=True, slots=True)
class Watching:
    """How a face watches what a daemon does.

    `deadline` is how many seconds of silence to bear here (the daemon goes on). With `detach`
    watching ends as soon as the daemon has taken it, and that is shown. `say` takes a line about
    the daemon itself, which is no event.
    """

    face: Face
    deadline: float | None = None
    detach: bool = False
    say: Callable[[str], None] = lambda _line: None


async def push_by_daemon(order: Order, socket: Path, watching: Watching) -> Deployment:
    """Let the daemon deliver; show the face what happens and return how it ended.

    Raises what the end means when it is not `proved`.
    """
    return await _by_daemon(socket, lambda host: host.push(order), order.target, watching)


async def retry_by_daemon(deployment: str, socket: Path, watching: Watching) -> Deployment:
    """The same for a deployment that is offered again."""
    return await _by_daemon(socket, lambda host: host.retry(deployment), "", watching)


async def _by_daemon(
    socket: Path, ask: Callable[[Client], Awaitable[str]], target: str, watching: Watching
) -> Deployment:
    async with Client(socket) as host:
        since = await host.last_seq()
        try:
            ended = Deployment(await ask(host), target, Payload(()), last="before this was watched")
            stream = host.follow(ended.deployment, since, watching.say)
            async with contextlib.aclosing(stream):
                taken = False
                while not ended.state.final and not (watching.detach and taken):
                    try:
                        async with asyncio.timeout(watching.deadline):
                            _seq, event = await anext(stream)
                    except TimeoutError:
                        raise _given_up(ended, socket, watching.deadline or 0) from None
                    watching.face.show(event)
                    ended = followed(ended, event)
                    taken = taken or isinstance(event, DeploymentStaged)
        finally:
            watching.face.close()
    raise_for(ended, Path(ended.output))
    return ended


def _given_up(deployment: Deployment, socket: Path, deadline: float) -> DeployerError:
    """Why watching ends, when nothing came for so long."""
    if not sockets.answers(socket):
        return DaemonGone(socket=socket)
    why = f"no sign of life for {deadline:.0f} s; the daemon goes on waiting"
    return fell_silent(deployment.target, why, called=deployment.last != NOTHING_YET)


def followed(deployment: Deployment, event: Event) -> Deployment:
    """How a deployment of a daemon stands, as far as its end is concerned."""
    match event:
        case DeploymentStaged(target=target):
            return replace(deployment, target=target, last=NOTHING_YET)
        case LoginAccepted(login=login):
            return replace(deployment, last=f"logged in as {login}")
        case StateChanged(state=state, reason=reason, cause=cause):
            return replace(deployment, state=state, reason=reason, cause=cause)
        case OutputReceived(path=path):
            return replace(deployment, output=path)
        case ProofReceived(proof=proof):
            return replace(deployment, proof=proof)
    return deployment


class Watch:
    """Shows a face the events of one deployment, and of the host itself."""

    def __init__(self, service: Service, identity: str, face: Face) -> None:
        self._service = service
        self._identity = identity
        self._face = face
        self._seen = service.last_seq()
        self._over = False
        self._stream = service.subscribe(self._seen)

    async def run(self) -> None:
        """Until cancelled. Nothing is shown after the end: the proof is the last word."""
        ended = False
        try:
            async for seq, event in self._stream:
                if event.deployment in ("", self._identity) and not ended:
                    self._face.show(event)
                    ended = isinstance(event, StateChanged) and event.state.final
                self._seen = max(seq, self._seen)
        finally:
            self._over = True

    async def drained(self) -> None:
        """Wait until everything that was published has been shown, or nothing is shown any more."""
        while self._seen < self._service.newest() and not self._over:
            await asyncio.sleep(0)


async def _stop(task: asyncio.Task[object] | asyncio.Task[int] | None) -> None:
    if task is None:
        return
    task.cancel()
    with contextlib.suppress(asyncio.CancelledError):
        await task


def state_directory(text: str) -> Path:
    """The state directory of a setting, `~` expanded."""
    return Path(text).expanduser()
