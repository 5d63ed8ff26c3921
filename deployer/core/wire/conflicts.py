"""What stands in the way on this computer: facts in, findings with their fixes out."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass

from deployer.core.wire import addresses, firewall
from deployer.core.wire.addresses import Address, Diagnosis, Interface
from deployer.core.wire.firewall import Ruleset
from deployer.errors import AS_ROOT

FTP, HTTP = 21, 80


@dataclass(frozen=True, slots=True)
class Listener:
    """A program of this computer that waits for connections on a port."""

    ip: str
    port: int
    program: str = ""
    pid: int = 0

    def blocks(self, ip: str) -> bool:
        """Whether its port is closed to us on that address."""
        return self.ip in (ip, "0.0.0.0", "::")


@dataclass(frozen=True, slots=True)
class Walls:
    """The firewalls that were noticed, and the rules that could be read. `unread` says why not."""

    names: tuple[str, ...] = ()
    rulesets: tuple[Ruleset, ...] = ()
    unread: str = ""


def duplicate(address: Address, mac: str | None) -> tuple[Diagnosis, ...]:
    """Another machine on the wire has our address."""
    if mac is None:
        return ()
    target = addresses.neighbour_of(address)
    return (
        Diagnosis(
            "address-taken",
            "broken",
            f"another machine on the wire ({mac}) already has the address {address.ip}",
            f"Give that machine another address (the old PC gets {target}), "
            f"or this computer with --address.",
        ),
    )


def subnet(
    interfaces: Sequence[Interface], chosen: str, address: Address, *, host_route: bool = False
) -> tuple[Diagnosis, ...]:
    """Another interface stands in our subnet, so half of the packets would go the wrong way.

    With a host route that is meant so, unless the other network's router has our address.
    """
    found = addresses.clash(interfaces, chosen, address)
    if found is None or (host_route and not found.gateway):
        return ()
    where = f"{found.interface} ({found.address})"
    what = f"the network of {where} has the same addresses as the wire ({address.network})"
    if found.gateway:
        what = f"{what}, and its router or this computer there is {address.ip}"
    fix = addresses.clash_fix(interfaces, found, address)
    return (Diagnosis("same-subnet", "broken", what, fix),)


def servers(listeners: Sequence[Listener], ip: str, own: Collection[int]) -> tuple[Diagnosis, ...]:
    """Another program than our `own` processes listens where our servers must."""
    found = []
    for port, id_, use in ((FTP, "other-ftp-server", "FTP"), (HTTP, "other-web-server", "HTTP")):
        others = [x for x in listeners if x.port == port and x.blocks(ip) and x.pid not in own]
        for other in others[:1]:
            who = other.program or "another program"
            pid = f" (process {other.pid})" if other.pid else ""
            found.append(
                Diagnosis(
                    id_,
                    "broken" if port == FTP else "warning",
                    f"{who}{pid} already listens on port {port} ({use}) of {other.ip}",
                    _stop(other, port),
                )
            )
    return tuple(found)


def _stop(other: Listener, port: int) -> str:
    who = other.program or "the program that uses it"
    if port == HTTP:
        return f"Stop {who}, or do without the first page: GO.BAT comes by FTP too."
    return f"Stop {who} (such as: sudo systemctl stop {who}): Windows 98 knows no other port."


def cables(interfaces: Sequence[Interface], chosen: str) -> tuple[Diagnosis, ...]:
    """A second wired interface has a carrier, so the cable may be in the wrong one."""
    others = [
        i.name
        for i in interfaces
        if i.name != chosen and i.wired and i.carrier and not i.default_route
    ]
    if not others:
        return ()
    return (
        Diagnosis(
            "two-cables",
            "warning",
            f"{', '.join(others)} has a live cable too, beside {chosen}",
            f"If the old PC does not answer, say --interface {others[0]}, or pull the other cable.",
        ),
    )


def walls(found: Walls, packets: Mapping[str, firewall.Packet]) -> tuple[Diagnosis, ...]:
    """A firewall drops a packet that a deployment needs, or could not be read."""
    for purpose, packet in packets.items():
        for rules in found.rulesets:
            outcome = rules.judge(packet)
            if outcome.verdict == "drop":
                return (_blocked(found.names, outcome, purpose, packet),)
    if found.unread and found.names:
        names = ", ".join(found.names)
        what = f"{names} is active; its rules could not be read ({found.unread})"
        return (Diagnosis("firewall", "warning", what, f"To see: {AS_ROOT} doctor"),)
    return ()


def _blocked(
    names: Sequence[str], outcome: firewall.FirewallOutcome, purpose: str, packet: firewall.Packet
) -> Diagnosis:
    name = names[0] if names else outcome.owner
    place = f"{outcome.owner}, chain {outcome.chain}"
    what = f"{name} blocks {purpose} ({place})"
    severity: addresses.DiagnosisSeverity = "warning" if packet.port == HTTP else "broken"
    return Diagnosis("firewall", severity, what, _open(name, outcome, packet))


def _open(name: str, outcome: firewall.FirewallOutcome, packet: firewall.Packet) -> str:
    """The command that lets our packets through on the wire only."""
    wire_name, inward = packet.interface, packet.hook == "input"
    if name == "ufw":
        way = "in" if inward else "out"
        return f"Allow the wire: sudo ufw allow {way} on {wire_name}"
    if name == "firewalld":
        zone = f"--zone=trusted --change-interface={wire_name}"
        return f"Allow the wire until the next restart: sudo firewall-cmd {zone}"
    if outcome.owner.startswith("nftables table "):
        family, table = outcome.owner.split()[2:4]
        side = f'{"iifname" if inward else "oifname"} "{wire_name}"'
        rule = f"nft insert rule {family} {table} {outcome.chain} {side} accept"
        return f"Allow the wire: sudo {rule}"
    chain, side = ("INPUT", "-i") if inward else ("OUTPUT", "-o")
    return f"Allow the wire: sudo iptables -I {chain} {side} {wire_name} -j ACCEPT"
