"""Commands about deployments that are there already: cancel, retry, prune."""

from __future__ import annotations

import asyncio
import functools
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import click

from deployer.errors import DaemonMissing
from deployer.face.cli.options import Address, Number
from deployer.face.jsonl import JsonLines
from deployer.face.progress import PushProgress, Terminal
from deployer.face.push import Face, Push, Watching, on_wire, page_port, push, retry_by_daemon
from deployer.face.serial_push import SerialPush, push_over_line
from deployer.host import connect, local, past, remote, sockets
from deployer.settings import Settings, expanded

_PATH = click.Path(path_type=Path)


def _store(command: Callable[..., Any]) -> Callable[..., Any]:
    return click.option(
        "--state-dir", envvar="DEPLOYER_STATE_DIR", type=_PATH, help="Where events and proofs are."
    )(command)


def _directory(config: Settings, given: Path | None) -> Path:
    return expanded(given or config.state_dir)


@click.command("cancel")
@click.argument("deployment")
@_store
@click.pass_obj
def cancel_command(config: Settings, /, deployment: str, state_dir: Path | None) -> None:
    """End a DEPLOYMENT, in whatever window it runs. What has arrived stays on the old PC."""
    identity, directory = deployment.upper(), _directory(config, state_dir)
    socket = sockets.find(directory, system=state_dir is None)
    if socket and asyncio.run(_cancel_by_daemon(socket, identity)):
        click.echo(f"{identity} is cancelled. To go on: deployer retry {identity}")
        return
    heard = past.cancel(directory, identity)
    where = "" if heard else " (nobody was delivering it any more)"
    click.echo(f"{identity} is cancelled{where}. To go on: deployer retry {identity}")


@click.command("retry")
@click.argument("deployment")
@click.option(
    "--address", type=Address(), envvar="DEPLOYER_ADDRESS",
    help="This computer's address on the wire.",
)  # fmt: skip
@click.option("--ftp-port", envvar="DEPLOYER_FTP_PORT", type=click.IntRange(0, 65535))
@click.option("--interface", envvar="DEPLOYER_INTERFACE", help="The wire's network interface.")
@click.option("--host-route", metavar="ADDR", help="Reach this one machine only, no subnet.")
@click.option("--no-link", is_flag=True, help="Leave the network settings alone.")
@click.option("--detach", is_flag=True, help="Let the daemon go on alone.")
@click.option("--timeout", type=Number(0), help="Seconds of silence to bear, 0 for ever.")
@click.option("--json", "as_json", is_flag=True, help="One JSON object per line.")
@_store
@click.pass_obj
def retry_command(
    config: Settings, /, deployment: str, *, address: str | None, ftp_port: int | None,
    interface: str | None, host_route: str | None, no_link: bool, detach: bool,
    timeout: float | None, as_json: bool, state_dir: Path | None,
) -> None:  # fmt: skip
    """Offer a DEPLOYMENT again, whether it was cut off, failed or cancelled: only the rest moves.

    With unchanged files it keeps its name, so on the old PC typing GO is enough.
    """
    directory = _directory(config, state_dir)
    face: Face = JsonLines(_write) if as_json else PushProgress(Terminal(), time.time)
    if socket := sockets.find(directory, system=state_dir is None):
        say = functools.partial(click.echo, err=True)
        watching = Watching(face, timeout or None, detach, say)
        asyncio.run(retry_by_daemon(deployment.upper(), socket, watching))
        return
    if detach:
        raise DaemonMissing
    manifest, before = local.retried(directory, deployment.upper())
    patience = config.timeout if timeout is None else timeout
    if before.line is not None:
        say = functools.partial(click.echo, err=True)
        again = SerialPush(
            manifest, before.target, before.directory, before.line, say,
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


def _write(line: str) -> None:
    sys.stdout.write(line)
    sys.stdout.flush()


@click.command("prune")
@click.argument("days", type=Number(min=0))
@_store
@click.pass_obj
def prune_command(config: Settings, /, days: float, state_dir: Path | None) -> None:
    """Forget the single events of deployments older than DAYS; what was sent and proved stays."""
    gone = past.prune(_directory(config, state_dir), days, now=time.time())
    click.echo(
        f"{gone:,} events forgotten. What was sent where, how it ended and every proof stay."
    )


def register(cli: click.Group) -> None:
    """Add the commands of this module."""
    cli.add_command(cancel_command)
    cli.add_command(retry_command)
    cli.add_command(prune_command)
