"""Commands about deployments that are there already: cancel, retry, prune."""

from __future__ import annotations

from typing import Annotated

import typer

from deployer import settings
from deployer.face.cli.options import (
    Address,
    AsJson,
    Deployment,
    Detach,
    FtpPort,
    HostRoute,
    Interface,
    NoLink,
    NoLinkLocal,
    Silence,
    StateDir,
    number,
)
from deployer.face.say import aside, raw, say

app = typer.Typer()


@app.command("cancel")
def cancel_command(deployment: Deployment, *, state_dir: StateDir = None) -> None:
    """End a DEPLOYMENT, in whatever window it runs.

    What has arrived stays on the old PC.
    """
    import asyncio

    from deployer.host import connect

    identity = deployment.upper()
    directory = settings.expanded(state_dir or settings.load().state_dir)
    heard = asyncio.run(connect.cancel(directory, identity, system=state_dir is None))
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
    no_link_local: NoLinkLocal = False,
    detach: Detach = False,
    timeout: Silence = None,
    as_json: AsJson = False,
    state_dir: StateDir = None,
) -> None:
    """Offer a DEPLOYMENT again: only the rest moves.

    Whether it was cut off, failed or cancelled: with unchanged files it keeps its name, so on the
    old PC typing GO is enough.
    """
    import time

    from deployer.face.cli import reach
    from deployer.face.jsonl import JsonLines
    from deployer.face.progress import PushProgress, Terminal
    from deployer.face.push import Face, Watching, retry
    from deployer.host import connect
    from deployer.host.requests import Patience

    config = settings.load()
    directory = settings.expanded(state_dir or config.state_dir)
    face: Face = JsonLines(raw) if as_json else PushProgress(Terminal(), time.time)
    here = reach.here(
        config, directory, address=address, ftp_port=ftp_port, interface=interface,
        host_route=host_route, no_link=no_link, no_link_local=no_link_local,
    )  # fmt: skip
    patience = None if timeout is None else Patience.of(config.timeout, timeout)

    async def work(undo: connect.Undo) -> None:
        async with connect.open_host(
            directory, here, reach.WORDS, undo, system=state_dir is None
        ) as host:
            await retry(host, deployment.upper(), patience, Watching(face, detach, aside))

    connect.run(work)


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
    import time

    from deployer.host import past

    directory = settings.expanded(state_dir or settings.load().state_dir)
    gone = past.prune(directory, days, now=time.time())
    say(f"{gone:,} events forgotten. What was sent where, how it ended and every proof stay.")
