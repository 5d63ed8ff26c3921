"""Who is on the wire: agents, PCs with names, and whoever speaks, with what is missing for each.

It listens for a while: to ARP, to those that ask for an address, and to NetBIOS. Nothing is sent
but one question by ARP for each address that has a name. Without the right to listen, only those
are known that the kernel remembers.
"""

from __future__ import annotations

import asyncio
import contextlib
import select
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from deployer.core.wire import dhcp, netbios
from deployer.core.wire.addresses import Interface
from deployer.core.wire.arp import Arp
from deployer.core.wire.devices import AgentSeen, Device, NamedTarget, Sighting, devices
from deployer.core.wire.dhcp import DhcpKind
from deployer.edge.link import arp, capture, leases, lookup
from deployer.edge.store import Store
from deployer.edge.store.agents import KnownAgent
from deployer.host import sockets
from deployer.host.devices import names
from deployer.host.remote import DaemonClient
from deployer.host.requests import AgentRow
from deployer.host.sudo import asked
from deployer.model import is_simulated

_PORTS = (67, netbios.NAMES, netbios.DATAGRAMS)
_NOBODY = "0.0.0.0"


@dataclass(frozen=True, slots=True)
class Company:
    """Who is there; `deaf` is why nobody was listened to, "" when that could be done."""

    devices: tuple[Device, ...]
    deaf: str = ""


def look(
    state_dir: Path, agents: Sequence[AgentRow], *, interface: str | None = None, seconds: float
) -> Company:
    """Everybody on the wires of this computer, or on the one that is named."""
    wires = _wires(interface)
    named = names.known(state_dir)
    seen: list[Sighting] = []
    deaf = "" if wires else "there is no wire with a live cable"
    for wire in wires:
        kept = leases.read(state_dir, wire.name)
        system = {mac: lease.name for mac, lease in kept.items()}
        for ip, mac in lookup.neighbours(wire.index).items():
            seen.append(Sighting("arp", mac, ip, system.get(mac, "")))
    try:
        seen += asked.heard(listen, interface, named, seconds)
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


def listen(
    interface: str | None, named: Sequence[NamedTarget], seconds: float
) -> tuple[Sighting, ...]:
    """Who is heard, each once. Raises PermissionError without root's rights, OSError."""
    return tuple(dict.fromkeys(_listen(_wires(interface), named, seconds)))


def _wires(named: str | None) -> list[Interface]:
    return [each for each in lookup.interfaces() if _is_wire(each, named)]


def _is_wire(interface: Interface, named: str | None) -> bool:
    if named:
        return interface.name == named
    return interface.wired and interface.carrier and not interface.default_route


def _listen(
    wires: Sequence[Interface], named: Sequence[NamedTarget], seconds: float
) -> Iterator[Sighting]:
    """What goes by. Raises PermissionError, OSError."""
    with contextlib.ExitStack() as stack:
        asking = {stack.enter_context(arp.listen(wire.name)): wire for wire in wires}
        others = [stack.enter_context(capture.capture(wire.name, _PORTS)) for wire in wires]
        for sock, wire in asking.items():
            for target in named:
                if any(own.reaches(target.ip) for own in wire.addresses):
                    sock.send(arp.question(wire.mac, target.ip))
        until = time.monotonic() + seconds
        for left in arp.countdown(until):
            ready = select.select([*asking, *others], [], [], left)[0]
            if not ready and not left:
                return
            for sock in ready:
                if sock in asking:
                    yield from _by_arp(arp.heard(sock))
                else:
                    yield from _by_udp(capture.heard(sock))


def _by_arp(messages: Iterator[Arp]) -> Iterator[Sighting]:
    """Who looks whether an address is free has none yet."""
    for message in messages:
        ip = "" if message.sender_ip == _NOBODY else message.sender_ip
        yield Sighting("arp", message.sender_mac, ip)


def _by_udp(datagrams: Iterator[capture.Datagram]) -> Iterator[Sighting]:
    for each in datagrams:
        ip = "" if each.source == _NOBODY else each.source
        if each.port == _PORTS[0]:
            message = dhcp.parse(each.data)
            if message is not None and message.kind in (DhcpKind.DISCOVER, DhcpKind.REQUEST):
                yield Sighting("asks", message.mac, ip, message.name, message.vendor)
        elif (computer := netbios.computer(each.port, each.data)) is not None:
            yield Sighting("netbios", each.mac, ip, computer)
