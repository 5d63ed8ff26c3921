"""Who is on the wire: agents, PCs with names, and whoever speaks, with what is missing for each.

It listens for a while: to ARP, to those that ask for an address, and to NetBIOS. Nothing is sent
but one question by ARP for each address that has a name. Without the right to listen, only those
are known that the kernel remembers.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from deployer.core.wire.devices import AgentSeen, Device, Sighting, devices
from deployer.edge.link import leases, lookup
from deployer.edge.store import Store
from deployer.edge.store.agents import KnownAgent
from deployer.host import sockets
from deployer.host.devices import heard, names
from deployer.host.remote import DaemonClient
from deployer.host.requests import AgentRow
from deployer.host.sudo import asked
from deployer.model import is_simulated


@dataclass(frozen=True, slots=True)
class Company:
    """Who is there; `deaf` is why nobody was listened to, "" when that could be done."""

    devices: tuple[Device, ...]
    deaf: str = ""


def look(
    state_dir: Path, agents: Sequence[AgentRow], *, interface: str | None = None, seconds: float
) -> Company:
    """Everybody on the wires of this computer, or on the one that is named."""
    wires = heard.wires(interface)
    named = names.known(state_dir)
    seen: list[Sighting] = []
    deaf = "" if wires else "there is no wire with a live cable"
    for wire in wires:
        kept = leases.read(state_dir, wire.name)
        system = {mac: lease.name for mac, lease in kept.items()}
        for ip, mac in lookup.neighbours(wire.index).items():
            seen.append(Sighting("arp", mac, ip, system.get(mac, "")))
    try:
        seen += asked.heard(heard.listen, interface, named, seconds)
    except OSError as error:
        deaf = error.strerror or str(error)
    ours = [address for wire in wires for address in wire.addresses]
    own = {wire.mac for wire in wires}
    others = [each for each in seen if each.mac not in own]
    return Company(devices(ours, named, _agents(agents), others), deaf)


async def agents(state_dir: Path, *, system: bool = True) -> tuple[AgentRow, ...]:
    """The agents that the running daemon knows; those of the state directory where none runs."""
    socket = await asyncio.to_thread(sockets.find, state_dir, system=system)
    if socket is not None:
        async with DaemonClient(socket) as client:
            return await client.agents()
    return known_agents(state_dir)


def known_agents(state_dir: Path) -> tuple[AgentRow, ...]:
    """The agents of a state directory, all of them away; no process is asked."""
    if not state_dir.is_dir():
        return ()
    with contextlib.closing(Store(state_dir)) as store:
        return tuple(map(_away, store.agents.all()))


def _away(known: KnownAgent) -> AgentRow:
    """An agent that no process of ours hears now."""
    said = known.hello
    return AgentRow(
        agent=known.agent, name=known.name, target=known.target, address=known.address,
        mac=known.mac, here=False, heard=known.heard, gone=known.gone, busy="",
        boot=said.boot if said else "", version=said.version if said else "",
        system=said.system if said else "", cpu=said.cpu if said else "",
        memory=said.memory if said else 0, free=said.free if said else 0,
    )  # fmt: skip


def _agents(rows: Sequence[AgentRow]) -> list[AgentSeen]:
    """The agents that this host knows, here or away; those of simulated PCs are on no wire."""
    return [
        AgentSeen(
            row.mac, row.address, row.called, (row.busy or "idle") if row.here else "away",
            row.system, row.cpu, row.memory, row.free, row.heard,
        )
        for row in rows
        if not is_simulated(row.target)
    ]  # fmt: skip
