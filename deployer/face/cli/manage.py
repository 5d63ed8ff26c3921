"""Commands about deployments that are there already: cancel, retry, prune."""

from __future__ import annotations

import asyncio
import time
from pathlib import Path
from typing import Annotated

import typer

from deployer import settings
from deployer.errors import DaemonMissing
from deployer.face.cli.options import (
    Address,
    AsJson,
    Deployment,
    Detach,
    FtpPort,
    HostRoute,
    Interface,
    NoLink,
    Silence,
    StateDir,
    number,
)
from deployer.face.jsonl import JsonLines
from deployer.face.progress import PushProgress, Terminal
from deployer.face.push import Face, Push, Watching, on_wire, page_port, push, retry_by_daemon
from deployer.face.say import aside, raw, say
from deployer.face.serial_push import SerialPush, push_over_line
from deployer.host import connect, local, past, remote, sockets

app = typer.Typer()


@app.command("cancel")
def cancel_command(deployment: Deployment, *, state_dir: StateDir = None) -> None:
    """End a DEPLOYMENT, in whatever window it runs.

    What has arrived stays on the old PC.
    """
    identity = deployment.upper()
    directory = settings.expanded(state_dir or settings.load().state_dir)
    socket = sockets.find(directory, system=state_dir is None)
    if socket and asyncio.run(_cancel_by_daemon(socket, identity)):
        say(f"{identity} is cancelled. To go on: deployer retry {identity}")
        return
    heard = past.cancel(directory, identity)
    where = "" if heard else " (nobody was delivering it any more)"
    say(f"{identity} is cancelled{where}. To go on: deployer retry {identity}")


@app.command("retry")
def retry_command(
    deployment: Deployment,
    *,
    address: Address = None,
    ftp_port: FtpPort = None,
    interface: Interface = None,
    host_route: HostRoute = None,
    no_link: NoLink = False,
    detach: Detach = False,
    timeout: Silence = None,
    as_json: AsJson = False,
    state_dir: StateDir = None,
) -> None:
    """Offer a DEPLOYMENT again: only the rest moves.

    Whether it was cut off, failed or cancelled: with unchanged files it keeps its name, so on the
    old PC typing GO is enough.
    """
    config = settings.load()
    directory = settings.expanded(state_dir or config.state_dir)
    face: Face = JsonLines(raw) if as_json else PushProgress(Terminal(), time.time)
    if socket := sockets.find(directory, system=state_dir is None):
        watching = Watching(face, timeout or None, detach, aside)
        asyncio.run(retry_by_daemon(deployment.upper(), socket, watching))
        return
    if detach:
        raise DaemonMissing
    manifest, before = local.retried(directory, deployment.upper())
    patience = config.timeout if timeout is None else timeout
    if before.line is not None:
        again = SerialPush(
            manifest, before.target, before.directory, before.line, aside,
            silence=patience or None, reports=timeout or None, emulated=before.emulated,
        )  # fmt: skip
        asyncio.run(push_over_line(again, directory, face))
        return
    if before.target == "sim":
        connect.check_simulator()
    port = config.ftp_port if ftp_port is None else ftp_port
    job = Push(
        manifest=manifest,
        target=before.target,
        address=address or manifest.host,
        ftp_port=port,
        directory=before.directory,
        silence=patience or None,
        while_running=timeout or None,
        http_port=page_port(port, None),
    )
    place = (interface, host_route or "")
    with on_wire(job.address, job.target, directory, *place, leave=no_link):
        asyncio.run(push(job, directory, face))


async def _cancel_by_daemon(socket: Path, deployment: str) -> bool:
    """Whether the daemon knows the deployment, which then has ended."""
    async with remote.Client(socket) as host:
        known = bool(await host.sources(deployment))
        if known:
            await host.cancel(deployment)
        return known


@app.command("prune")
def prune_command(
    days: Annotated[
        float, typer.Argument(metavar="DAYS", parser=number(0), help="How old they are.")
    ],
    *,
    state_dir: StateDir = None,
) -> None:
    """Forget the single events of old deployments.

    What was sent where, how it ended and every proof stay.
    """
    directory = settings.expanded(state_dir or settings.load().state_dir)
    gone = past.prune(directory, days, now=time.time())
    say(f"{gone:,} events forgotten. What was sent where, how it ended and every proof stay.")
