"""`deployer clean`: what pushes have left on an old PC goes, and nothing else."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Annotated

import typer

from deployer import settings
from deployer.errors import WrongUse
from deployer.face.cli.options import DeliveryOptions, SomePc, flag, shared, value
from deployer.face.cli.pull import carry_out
from deployer.face.say import aside, say, say_json

if TYPE_CHECKING:
    from collections.abc import Mapping

    from deployer.core.deployment import Deployment
    from deployer.host.requests import Host

app = typer.Typer()

_SHOWN = 20
_PATIENCE = 90.0
"""Seconds that the agent may take until it is about nothing else."""


@app.command("clean")
@shared
def clean_command(
    target: SomePc,
    options: DeliveryOptions,
    *,
    to: Annotated[
        str | None,
        value("--to", "DIR", "The folder there.", default="where everything was pushed"),
    ] = None,
    dry_run: Annotated[
        bool, flag("--dry-run", "List what would be removed, and remove nothing.")
    ] = False,
) -> None:
    r"""Remove what pushes left in a folder of an old PC, and our own files beside it.

    The PC compares each file with what was delivered. A file that was changed there stays, and is
    named; so does every file that no push brought. Folders that pushes made are removed when they
    are empty, and so is C:\DEPLOY.
    """
    from deployer.core.agents.overlay import AGENT_EXE, AGENT_INI
    from deployer.core.target import gobat
    from deployer.core.target.codepages import CodePages
    from deployer.face.cli import reach
    from deployer.host import past
    from deployer.host.requests import Request

    config = settings.load()
    store = settings.expanded(options.state_dir or config.state_dir)
    pc = settings.resolve_target(target, reach.named(config, store))
    known = past.brought(store, pc)
    with past.rows_of(store) as rows:
        pages = rows.pages(pc) or CodePages()
    folder = gobat.parse_directory(to or _only(known, config.directory), pages.ansi)
    there = next((p for d, p in known.items() if d.upper() == folder.upper()), ())
    places = tuple(place for place in there if place not in (AGENT_EXE, AGENT_INI))  # they stay
    if options.as_json:
        if dry_run:
            say_json({"folder": folder, "files": places})
    else:
        _say(folder, places)
    if not dry_run:
        carry_out(
            Request((), clean=True), target, folder, options,
            after=partial(_beside_agent, folder, options.as_json),
        )  # fmt: skip


async def _beside_agent(folder: str, as_json: bool, host: Host, ended: Deployment) -> None:
    """Where an agent has done it, no GO.BAT deletes itself and the helper: the agent does that."""
    from deployer.host.agents.errand import Errand, take_away

    rows = await host.agents()
    found = [row for row in rows if row.here and ended.target in (row.target, row.address)]
    for row in found[:1]:
        asked = Errand(host, row, _PATIENCE, aside)
        gone = await take_away(asked, ended.deployment, folder)
        if as_json:
            say_json({"removed": gone})
        elif gone:
            say(f"The agent has deleted {', '.join(gone)}. The agent itself stays there.")


def _only(known: Mapping[str, tuple[str, ...]], usual: str) -> str:
    """The folder that is meant where none is named."""
    if len(known) > 1:
        raise WrongUse(
            what=f"Pushes have left something in {len(known)} folders there: {', '.join(known)}.",
            remedy="Say which, with --to, and clean one after the other.",
        )
    return next(iter(known), usual)


def _say(folder: str, places: tuple[str, ...]) -> None:
    if places:
        say(f"What goes from {folder}, unless it was changed there:")
        for place in places[:_SHOWN]:
            say(f"  {place}")
        if len(places) > _SHOWN:
            say(f"  and {len(places) - _SHOWN:,} more")
    else:
        say(f"This computer knows of nothing that pushes left in {folder}; the PC looks itself.")
    say(f"And what is ours in {folder[:2]}\\DEPLOY: GO.BAT, DEPLOY98.EXE, scripts and reports.")
