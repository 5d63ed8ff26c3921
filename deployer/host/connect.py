"""From what a face was told to a `Host`: the running daemon's, else one in this process.

What the one or the other needs is imported when it is needed: a command that asks a daemon starts
without the servers.
"""
# ruff: noqa: PLC0415

from __future__ import annotations

import asyncio
import contextlib
import time
from collections.abc import AsyncIterator, Callable, Coroutine, Sequence
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any, TypeVar

from deployer.edge import rehearsal
from deployer.errors import DaemonOfAnother, PortBusy, PortForbidden
from deployer.host import past, sockets, wire
from deployer.host.requests import Host, Patience, Say, Words
from deployer.host.wire import Wanted

Undo = contextlib.ExitStack
Result = TypeVar("Result")


@dataclass(frozen=True, slots=True)
class Here:
    """How a host serves in this process, where no daemon runs.

    `wanted` is what to set on the wire, None: the network is left alone; that is done before the
    first port is opened there, or `at_once`. `target` is the one that is looked for on the wire.
    `faults` are what goes wrong with simulated PCs, `unlike` the settings that are the other way
    round on them.
    """

    address: str
    ftp_port: int
    http_port: int | None = None
    wanted: Wanted | None = None
    target: str = ""
    patience: Patience = field(default_factory=Patience)
    faults: tuple[str, ...] = ()
    unlike: tuple[str, ...] = ()
    at_once: bool = False


def page_port(ftp_port: int, given: int | None = None, *, without: bool = False) -> int | None:
    """The page's port: 80, but a rehearsal on another FTP port has none unless it asks."""
    if without:
        return None
    return 80 if given is None and ftp_port == 21 else given


async def _found(state_dir: Path, *, system: bool) -> Path | None:
    return await asyncio.to_thread(sockets.find, state_dir, system=system)


def run(work: Callable[[Undo], Coroutine[Any, Any, Result]]) -> Result:
    """Do what needs a host; what was changed on the wire for it is given back at the end.

    That comes after the loop has ended, where signals can be kept off. The result is not given to
    the loop: `signal.getsignal` writes out the whole task of asyncio's handler with it (CPython).
    """
    results: list[Result] = []

    async def main() -> None:
        results.append(await work(undo))

    with contextlib.ExitStack() as undo:
        asyncio.run(main())
    return results[0]


@contextlib.asynccontextmanager
async def open_host(
    state_dir: Path,
    here: Here,
    words: Words,
    undo: Undo,
    *,
    system: bool = True,
    daemon: bool = True,
) -> AsyncIterator[Host]:
    """The running daemon's host; else one in this process, which ends with this context.

    `undo` gets what gives the wire back (see `run`).
    The `system`'s daemon is one, too: not when a state directory was named on purpose. Without
    `daemon` none is asked. What wire and ports refuse is raised by the request that needs them.
    """
    socket = await _found(state_dir, system=system) if daemon else None
    if socket is None:
        async with _in_process(state_dir, here, words, undo) as host:
            yield host
        return
    from deployer.host.remote import DaemonClient

    async with DaemonClient(socket) as client:
        yield client


def elsewhere(
    socket: Path, name: str, carry: Callable[[Path], Path], holders: tuple[str, ...]
) -> contextlib.AbstractAsyncContextManager[Host]:
    """The host of a daemon on another computer, through a socket on this one.

    `name` is what that computer is called, `carry` brings a file there and gives its path there,
    `holders` are the places for which this asks.
    """
    from deployer.host.remote import DaemonClient, OtherComputer

    return DaemonClient(socket, OtherComputer(name, carry, holders))


@contextlib.asynccontextmanager
async def open_lasting(
    state_dir: Path,
    here: Here,
    words: Words,
    arguments: Sequence[str],
    undo: Undo,
    *,
    system: bool = True,
) -> AsyncIterator[Host]:
    """The running daemon's host, else that of one which is brought up and outlives this process.

    `arguments` are what that one is started with. Where there can be none, it is one in here, and
    under sudo too: what has root's rights for this process ends with it.
    """
    from deployer.host import launch
    from deployer.host.remote import DaemonClient
    from deployer.host.sudo import asked

    socket = await _found(state_dir, system=system)
    if socket is not None:
        async with DaemonClient(socket) as client:
            own = socket == state_dir / sockets.SOCKET
            if not own or not (await client.status()).get("on_demand"):
                yield client
                return
    if launch.possible(state_dir) and not asked.by_root():
        async with launch.Launched(state_dir, arguments) as launched:
            yield launched
    else:  # nothing that lives longer can be reached
        async with _in_process(state_dir, here, words, undo) as host:
            yield host


async def cancel(state_dir: Path, deployment: str, *, system: bool = True) -> bool:
    """End a deployment, whoever delivers it; True when somebody did.

    Raises DeploymentUnknown, DeploymentEnded, or RequestUnheard when its process does not react.
    """
    socket = await _found(state_dir, system=system)
    if socket is not None:
        from deployer.host.remote import DaemonClient

        async with DaemonClient(socket) as client:
            if await client.sources(deployment):
                await client.cancel(deployment)
                return True
    return await asyncio.to_thread(past.cancel, state_dir, deployment)


@contextlib.asynccontextmanager
async def _in_process(state_dir: Path, here: Here, words: Words, undo: Undo) -> AsyncIterator[Host]:
    from deployer.host.local import InProcess, as_usual
    from deployer.host.service import Service
    from deployer.host.sudo import asked

    async def broken(service: Service, deployment: str, lines: Sequence[str]) -> int:
        return await service.rehearse(deployment, lines, here.faults, unlike=here.unlike)

    rehearse = broken if here.faults or here.unlike else as_usual

    own = asked.own(here.wanted, here.address, words.say, target=here.target)
    undo.callback(own.give_back)
    try:
        if here.at_once:
            await asyncio.to_thread(own.take)
        async with (
            Service(
                state_dir,
                clock=time.time,
                address=here.address,
                ftp_port=here.ftp_port,
                http_port=here.http_port,
                typed=words.steps,
                before_wire=own.take,
                say=words.say,
                refuse_target=partial(wire.refuse, address=here.address, wanted=here.wanted),
            ) as service,
            InProcess(service, words.lines, here.patience, rehearse) as host,
        ):
            own.follow(wire.telling(service.from_thread, here.address))
            yield host
    except (PortForbidden, PortBusy) as error:
        place = sockets.closed(state_dir)
        if place is None:
            raise
        raise DaemonOfAnother(socket=place) from error


def check_faults(faults: Sequence[str]) -> None:
    """Raises WrongUse for faults that the simulated PC does not know, and SimulatorMissing."""
    rehearsal.check_installed()
    rehearsal.check_faults(faults)


def run_simulator(arguments: Sequence[str]) -> int:
    """Run a simulated PC on this terminal; its exit code. Raises SimulatorMissing."""
    rehearsal.check_installed()
    return rehearsal.run_here(arguments)


@contextlib.asynccontextmanager
async def open_simulated() -> AsyncIterator[tuple[Host, str, str]]:
    """A host of its own with a simulated PC, whose agent does what is pushed there.

    With it whom a push is for, and what that PC calls the host. Raises SimulatorMissing.
    """
    from deployer.host.agents.simulated import ITS_HOST, LOOPBACK, simulated_pc

    async with simulated_pc() as pc:
        yield pc.host, LOOPBACK, ITS_HOST


async def show_untouched(say: Say) -> None:
    """Show what becomes of a PC that nobody has touched. Raises StepFailed, SimulatorMissing."""
    from deployer.host.agents import untouched

    await untouched.show(say)
