"""The host of a bench: the running daemon, else a service in this process, with its wire."""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections.abc import AsyncIterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from deployer.bench.inventory import Bench
from deployer.host import connect, sockets, wire
from deployer.host import remote as client
from deployer.host.local import InProcess
from deployer.host.requests import Host, Patience, TypedLines
from deployer.host.service import Service

_THREADS = 64
"""Targets that do not answer are asked in threads, a second each; they shall not hold up others."""


def nothing_typed(_host: str, _directory: str) -> tuple[str, ...]:
    """The simulated PC types its own card, for the usual address and directory."""
    return ()


@contextlib.asynccontextmanager
async def open_host(
    bench: Bench,
    state_dir: Path,
    *,
    typed_lines: TypedLines = nothing_typed,
    use_daemon: bool = True,
    system: bool = True,
) -> AsyncIterator[Host]:
    """The daemon when one runs; else a service here, which ends with this context.

    The `system`'s daemon is one, too: not when a state directory was named on purpose.
    Raises the errors of the wire; those of the ports come with the first push.
    """
    socket = sockets.find(state_dir, system=system) if use_daemon else None
    if socket is not None:
        async with client.Client(socket) as remote:
            yield remote
        return
    if any(target.simulated for target in bench.targets):
        connect.check_simulator()
    asyncio.get_running_loop().set_default_executor(ThreadPoolExecutor(_THREADS))
    alone = all(target.simulated for target in bench.targets)
    address = "127.0.0.1" if alone else bench.wire.host
    ftp_port = bench.wire.ftp_port
    page = None if alone or ftp_port != 21 else 80  # another port is a rehearsal
    async with (
        _wire(bench, state_dir, needed=not alone),
        Service(
            state_dir, clock=time.time, address=address, ftp_port=ftp_port, http_port=page
        ) as own,
        InProcess(own, typed_lines, Patience(None, None)) as host,
    ):
        yield host


@contextlib.asynccontextmanager
async def _wire(bench: Bench, state_dir: Path, *, needed: bool) -> AsyncIterator[None]:
    """Our address on the wire for the time of the run, unless it is there or must not be set."""
    own = bench.wire
    if not needed or not own.link or await asyncio.to_thread(wire.is_ours, own.host, state_dir):
        yield
        return
    wanted = wire.Wanted(address=own.address, state_dir=state_dir, interface=own.interface)
    lease = await asyncio.to_thread(wire.take, wanted)
    try:
        yield
    finally:
        await asyncio.to_thread(lease.release)
