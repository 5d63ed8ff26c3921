"""Commands about deployments that are there already: cancel, retry, prune."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from deployer import settings
from deployer.errors import WrongUse
from deployer.face.cli.options import (
    Detach,
    Dhcp,
    OfTarget,
    ServingOptions,
    Silence,
    StateDir,
    ThisDeployment,
    number,
    shared,
)
from deployer.face.say import aside, raw, say
from deployer.settings import Settings

app = typer.Typer()


def _home(directory: Path, given: Path | None) -> Path:
    """Where the running daemon records, unless a directory was named."""
    from deployer.host import sockets

    return directory if given else sockets.home(directory)


def _chosen(config: Settings, directory: Path, deployment: str, target: str | None) -> str:
    """The id that was given, or the newest for a target. Raises WrongUse for neither, and both."""
    from deployer.host import past
    from deployer.host.devices import names

    if bool(deployment) == bool(target):
        raise WrongUse(
            what="Which one? Either a DEPLOYMENT or --target says it.",
            remedy="Look at what there is with: deployer status",
        )
    if deployment:
        return deployment.upper()
    pc = names.added(config, directory).targets.get(target or "", target)
    with past.rows_of(directory) as rows:
        newest = rows.newest(1, pc)
    if not newest:
        raise WrongUse(
            what=f"Nothing has been pushed to {pc} yet.",
            remedy="Look at what there is with: deployer history",
        )
    return newest[0].deployment


@app.command("cancel")
def cancel_command(
    deployment: ThisDeployment = "", *, target: OfTarget = None, state_dir: StateDir = None
) -> None:
    """End a DEPLOYMENT, in whatever window it runs.

    What has arrived stays on the old PC.
    """
    import asyncio

    from deployer.host import connect

    config = settings.load()
    directory = settings.expanded(state_dir or config.state_dir)
    identity = _chosen(config, _home(directory, state_dir), deployment, target)
    heard = asyncio.run(connect.cancel(directory, identity, system=state_dir is None))
    where = "" if heard else " (nobody was delivering it any more)"
    say(f"{identity} is cancelled{where}. To go on: deployer retry {identity}")


@app.command("retry")
@shared
def retry_command(
    options: ServingOptions,
    deployment: ThisDeployment = "",
    *,
    target: OfTarget = None,
    dhcp: Dhcp = False,
    detach: Detach = False,
    timeout: Silence = None,
) -> None:
    """Offer a DEPLOYMENT again: only the rest moves.

    It may have been cut off, failed or been cancelled. If the files are unchanged it keeps its
    name, and typing GO on the old PC is enough.
    """
    import time

    from deployer.face.cli import reach
    from deployer.face.jsonl import JsonLines
    from deployer.face.progress import PushProgress, Terminal
    from deployer.face.push import Face, Watching, retry
    from deployer.host import connect
    from deployer.host.requests import Patience

    config = settings.load()
    directory = settings.expanded(options.state_dir or config.state_dir)
    identity = _chosen(config, _home(directory, options.state_dir), deployment, target)
    face: Face = JsonLines(raw) if options.as_json else PushProgress(Terminal(), time.time)
    here = reach.here(config, directory, dhcp=dhcp, **options.wire)
    patience = None if timeout is None else Patience.of(config.timeout, timeout)

    async def work(undo: connect.Undo) -> None:
        async with connect.open_host(
            directory, here, reach.WORDS, undo, system=options.state_dir is None
        ) as host:
            await retry(host, identity, patience, Watching(face, detach, aside))

    connect.run(work)


@app.command("prune")
def prune_command(
    days: Annotated[
        float, typer.Argument(metavar="DAYS", parser=number(0), help="The age of the events.")
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
