"""Commands about the PCs of the wire: `name`."""

from __future__ import annotations

import datetime
from pathlib import Path
from typing import Annotated

import msgspec
import typer

from deployer import settings
from deployer.errors import WrongUse
from deployer.face import tables
from deployer.face.cli.options import AsJson, StateDir, flag
from deployer.face.say import raw, say, say_json
from deployer.host.devices import names

app = typer.Typer()


@app.command("name")
def name_command(
    address: Annotated[
        str, typer.Argument(metavar="ADDRESS", show_default=False, help="Of the PC, now.")
    ] = "",
    name: Annotated[
        str, typer.Argument(metavar="NAME", show_default=False, help="What it is called.")
    ] = "",
    *,
    remove: Annotated[bool, flag("--remove", "Forget the name that is given.")] = False,
    as_json: AsJson = False,
    state_dir: StateDir = None,
) -> None:
    """Call the PC at an ADDRESS by a NAME from now on.

    Every --target takes the name. The PC is known again by its network card when its address is
    another one. Without anything the names are shown.
    """
    directory = settings.expanded(state_dir or settings.load().state_dir)
    if remove and address and not name:
        names.remove(directory, address)
        say(f"No PC is called {address} any more.")
    elif remove or (address and not name):
        raise WrongUse(
            what="An address and a name are needed, or --remove and a name.",
            remedy="Write it as: deployer name 192.168.1.2 pentium",
        )
    elif address:
        target = names.give(directory, address, name)
        if as_json:
            say_json(msgspec.to_builtins(target))
            return
        card = target.mac or "not known, since it does not answer: the name is for the address"
        say(f"{target.name} is the PC at {target.ip} (network card: {card}).")
    else:
        _show(directory, as_json=as_json)


def _show(directory: Path, *, as_json: bool) -> None:
    found = names.known(directory)
    if as_json:
        for each in found:
            say_json(msgspec.to_builtins(each))
    elif not found:
        say("No PC has a name yet. Give one with: deployer name 192.168.1.2 pentium")
    else:
        lines = [("name", "address", "network card", "since")]
        for each in found:
            since = datetime.datetime.fromtimestamp(each.at, tz=datetime.UTC).astimezone()
            lines.append((each.name, each.ip, each.mac or "not known", f"{since:%Y-%m-%d %H:%M}"))
        tables.columns(lines, raw)
