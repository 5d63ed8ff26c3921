"""Who is heard on the wire, which takes root's rights: ARP, those that ask for an address, NetBIOS.

Nothing is sent but one question by ARP for each address that has a name.
"""

from __future__ import annotations

import contextlib
import select
import time
from collections.abc import Iterator, Sequence

from deployer.core.wire import dhcp, netbios
from deployer.core.wire.addresses import Interface
from deployer.core.wire.arp import Arp
from deployer.core.wire.devices import NamedTarget, Sighting
from deployer.core.wire.dhcp import DhcpKind
from deployer.edge.link import arp, capture, lookup

_PORTS = (67, netbios.NAMES, netbios.DATAGRAMS)
_NOBODY = "0.0.0.0"


def listen(
    interface: str | None, named: Sequence[NamedTarget], seconds: float
) -> tuple[Sighting, ...]:
    """Who is heard, each once. Raises PermissionError without root's rights, OSError."""
    return tuple(dict.fromkeys(_listen(wires(interface), named, seconds)))


def wires(named: str | None) -> list[Interface]:
    """The wires of this computer with a live cable, or the one that is named."""
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
