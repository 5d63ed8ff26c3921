"""Commands about the PCs of the wire: `devices` and `name`."""

from __future__ import annotations

import asyncio
import datetime
from pathlib import Path
from typing import Annotated

import msgspec
import typer

from deployer import settings
from deployer.core.wire.devices import AgentSeen
from deployer.errors import WrongUse
from deployer.face import tables
from deployer.face.cli.options import AsJson, Interface, StateDir, flag, number, value
from deployer.face.say import aside, raw, say, say_json

app = typer.Typer()


@app.command("name")
def name_command(
    address: Annotated[
        str, typer.Argument(metavar="ADDRESS", show_default=False, help="The PC's address now.")
    ] = "",
    name: Annotated[
        str, typer.Argument(metavar="NAME", show_default=False, help="The PC's new name.")
    ] = "",
    *,
    remove: Annotated[bool, flag("--remove", "Forget this name.")] = False,
    as_json: AsJson = False,
    state_dir: StateDir = None,
) -> None:
    """Call the PC at an ADDRESS by a NAME from now on.

    Every --target takes the name. If its address changes, the PC is recognised by its network
    card. Without arguments, the names are shown.
    """
    from deployer.host.devices import names

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


@app.command("devices")
def devices_command(
    *,
    interface: Interface = None,
    listen: Annotated[
        float, value("--listen", "SECONDS", "How long to listen.", number(0, 3600))
    ] = 3.0,
    as_json: AsJson = False,
    state_dir: StateDir = None,
) -> None:
    """List who is on the wire, and what is missing for each.

    PCs with an agent, PCs with a name, and those that only ask for an address or speak NetBIOS.
    """
    from deployer.host.devices import who

    config = settings.load()
    directory = settings.expanded(state_dir or config.state_dir)
    agents = asyncio.run(who.agents(directory, system=state_dir is None))
    found = who.look(directory, agents, interface=interface, seconds=listen)
    if found.deaf:
        aside(f"Nobody was listened to ({found.deaf}): with sudo, more may be seen.")
    if as_json:
        for each in found.devices:
            say_json(msgspec.to_builtins(each))
        return
    if not found.devices:
        say("Nobody is on the wire, as far as can be heard. What to look at: deployer doctor")
        return
    lines = [("address", "name", "network card", "system", "agent", "what is missing")]
    for each in found.devices:
        called = each.name or (each.agent.name if each.agent else "") or each.computer
        state = _agent(each.agent) if each.agent else ""
        lines.append((each.ip, called, each.mac, each.system, state, each.missing))
    tables.columns(lines, raw)


def _agent(agent: AgentSeen) -> str:
    """What it does, and what its PC is, in short."""
    memory = f", {agent.memory // 1024} MB" if agent.memory else ""
    free = f", {agent.free // 1024} MB free" if agent.free else ""
    cpu = f", {agent.cpu}" if agent.cpu else ""
    since = datetime.datetime.fromtimestamp(agent.since, tz=datetime.UTC).astimezone()
    heard = f" since {since:%Y-%m-%d %H:%M}" if agent.since else ""
    return f"{agent.state}{heard}{cpu}{memory}{free}"


def _show(directory: Path, *, as_json: bool) -> None:
    from deployer.host.devices import names

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
