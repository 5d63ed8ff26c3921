"""The wire's nouns, and which interface it is: values in, a choice or a refusal out.

Setting an address is the one thing that can cut the user off, so the choice is narrow: the
interface that was named, else the only wired one without the default route.
"""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import Literal

from deployer.errors import (
    InterfaceAmbiguous,
    InterfaceCarriesInternet,
    InterfaceMissing,
    InterfaceWireless,
    NoWiredInterface,
    WrongUse,
)

DiagnosisSeverity = Literal["ok", "warning", "broken"]

OTHER_SUBNETS = ("192.168.98.0/24", "192.168.99.0/24", "10.98.98.0/24", "172.31.98.0/24")
"""Offered when the usual one is taken; chosen because home routers do not use them."""


@dataclass(frozen=True, slots=True)
class Address:
    """An IPv4 address with its prefix length, as `192.168.1.1/24`."""

    ip: str
    prefix: int

    def __str__(self) -> str:
        return f"{self.ip}/{self.prefix}"

    @property
    def network(self) -> ipaddress.IPv4Network:
        """The subnet that it stands in."""
        return ipaddress.IPv4Network(f"{self.ip}/{self.prefix}", strict=False)

    def reaches(self, ip: str) -> bool:
        """Whether a machine of that address is a neighbour by this address."""
        return ipaddress.IPv4Address(ip) in self.network


LINK_LOCAL = Address("169.254.1.1", 16)
"""Beside the first address: a PC with default settings gives itself 169.254.x.y when nobody
gives it one, and reaches every machine in 169.254/16 (KB Q220874)."""


@dataclass(frozen=True, slots=True)
class Interface:
    """A network interface as the system shows it now.

    `speed` is Mbit/s and None when unknown; `duplex` is "full", "half" or "". `default_route` says
    that the way to everywhere else leads through it, `gateways` which routers that are. `virtual`
    interfaces have no socket for a cable. `carrier` is False while the interface is set down.
    """

    name: str
    index: int
    mac: str
    up: bool
    carrier: bool
    addresses: tuple[Address, ...] = ()
    default_route: bool = False
    gateways: tuple[str, ...] = ()
    wireless: bool = False
    virtual: bool = False
    speed: int | None = None
    duplex: str = ""

    @property
    def wired(self) -> bool:
        """Whether a cable can be plugged into it."""
        return not (self.wireless or self.virtual)


@dataclass(frozen=True, slots=True)
class Diagnosis:
    """One thing that was looked at: `ok`, a `warning`, or `broken`, and what to do about it."""

    id: str
    severity: DiagnosisSeverity
    what: str
    fix: str = ""


def as_file_name(interface: str) -> str:
    """An interface's name as part of a file's: two interfaces never share one.

    What is no letter or digit of ASCII is written as `%2E`.
    """
    data = interface.encode("utf-8", "surrogateescape")
    return re.sub(rb"[^A-Za-z0-9]", lambda m: b"%%%02X" % m[0][0], data).decode("ascii")


def is_link_local(text: str) -> bool:
    """Whether a text is an address of 169.254/16, as a PC gives itself when nobody gives it one."""
    try:
        return LINK_LOCAL.reaches(text)
    except ValueError:
        return False


def unfit(target: str, own: Collection[str], subnets: Sequence[ipaddress.IPv4Network]) -> str:
    """Why no old PC can be at that address; "" when one can.

    `own` are this computer's addresses on the wire, `subnets` those that we set there; with none it
    is not known what the wire reaches. On loopback a target is another process of this computer.
    A word that is no address says nothing of where it is.
    """
    try:
        ip = ipaddress.IPv4Address(target)
    except ValueError:
        return ""
    if ip.is_loopback:
        if any(each.startswith("127.") for each in own):
            return ""
        return "this address always means the computer itself"
    if target in own:
        return "this is this computer's own address on the wire"
    if ip.is_unspecified or ip.is_multicast or ip.is_reserved:
        return "no machine can have this address"
    ends = {end for net in subnets for end in (net.network_address, net.broadcast_address)}
    if ip in ends:
        return "no machine can have this address, it means the whole subnet"
    if subnets and not any(ip in net for net in subnets):
        return f"this is not in the wire's subnet, {' or '.join(map(str, subnets))}"
    return ""


def parse_address(text: str) -> Address:
    """`192.168.1.1/24` (or without `/24`) as a value. Raises WrongUse.

    Without a prefix one of 169.254/16 is in that subnet.
    """
    prefix = LINK_LOCAL.prefix if is_link_local(text) else 24
    try:
        interface = ipaddress.IPv4Interface(text if "/" in text else f"{text}/{prefix}")
    except ValueError as error:
        raise WrongUse(
            what=f"--address {text}: not an IPv4 address with a prefix ({error}).",
            remedy="Write it as 192.168.1.1/24.",
        ) from error
    network = interface.network
    ends = (network.network_address, network.broadcast_address)
    unusable = interface.ip.is_loopback or interface.ip.is_multicast or interface.ip.is_unspecified
    if unusable or (network.prefixlen < 31 and interface.ip in ends):
        raise WrongUse(
            what=f"--address {text}: no machine can have this address.",
            remedy="Use the usual one, 192.168.1.1/24, unless it is taken.",
        )
    return Address(str(interface.ip), network.prefixlen)


def parse_target(text: str) -> str:
    """The IPv4 address of another machine. Raises WrongUse."""
    try:
        return str(ipaddress.IPv4Address(text))
    except ValueError as error:
        raise WrongUse(
            what=f"{text!r}: not the address of a machine on the wire.",
            remedy="Write it as 192.168.1.2.",
        ) from error


def choose(
    interfaces: Sequence[Interface], named: str | None, address: Address, *, force: bool = False
) -> Interface:
    """The interface that is the wire: the named one, else the only one it can be.

    An interface that has the address already is it. Raises InterfaceMissing, InterfaceWireless,
    InterfaceCarriesInternet, NoWiredInterface or InterfaceAmbiguous.
    """
    if named:
        return _named(interfaces, named, force=force)
    for interface in interfaces:
        if address.ip in (a.ip for a in interface.addresses) and not interface.default_route:
            return interface
    wired = [i for i in interfaces if i.wired]
    free = [i for i in wired if not i.default_route]
    if not free:
        if wired:
            raise InterfaceCarriesInternet(interface=wired[0].name)
        raise NoWiredInterface(seen=_names(interfaces))
    connected = [i for i in free if i.carrier]
    candidates = connected or free
    if len(candidates) > 1:
        raise InterfaceAmbiguous(names=_names(candidates), first=candidates[0].name)
    return candidates[0]


def _named(interfaces: Sequence[Interface], named: str, *, force: bool) -> Interface:
    found = next((i for i in interfaces if i.name == named), None)
    if found is None:
        raise InterfaceMissing(interface=named, seen=_names(interfaces))
    if found.default_route and not force:
        raise InterfaceCarriesInternet(interface=named)
    if found.wireless and not force:
        raise InterfaceWireless(interface=named)
    return found


def _names(interfaces: Sequence[Interface]) -> str:
    return ", ".join(i.name for i in interfaces) or "none"


@dataclass(frozen=True, slots=True)
class Clash:
    """Another interface's subnet overlaps ours; `gateway` when our address is its router's."""

    interface: str
    address: Address
    gateway: bool


def clash(interfaces: Sequence[Interface], chosen: str, address: Address) -> Clash | None:
    """The first other interface whose subnet overlaps the one that we would set."""
    for other in interfaces:
        if other.name == chosen:
            continue
        for theirs in other.addresses:
            if theirs.network.overlaps(address.network):
                mine = address.ip in other.gateways or address.ip == theirs.ip
                return Clash(other.name, theirs, mine)
    return None


@dataclass(frozen=True, slots=True)
class Beside:
    """The wire's second address; None for none, and `why`."""

    address: Address | None
    why: str = ""


def link_local(
    interfaces: Sequence[Interface], chosen: Interface, routed: Collection[int]
) -> Beside:
    """Our address in 169.254/16: the one that the wire has, or `LINK_LOCAL`, or none.

    `routed` are the numbers of the interfaces over which 169.254/16 is reached now: another one's
    way there must not be taken away.
    """
    for own in chosen.addresses:
        if own.network.subnet_of(LINK_LOCAL.network):
            return Beside(own)
    for other in interfaces:
        theirs = [a for a in other.addresses if a.network.overlaps(LINK_LOCAL.network)]
        if other.index != chosen.index and (theirs or other.index in routed):
            return Beside(None, f"{other.name} is this computer's way to 169.254/16")
    return Beside(LINK_LOCAL)


def free_subnet(interfaces: Sequence[Interface]) -> Address:
    """Our address in a subnet that no interface here stands in."""
    taken = [a.network for i in interfaces for a in i.addresses]
    for text in OTHER_SUBNETS:
        network = ipaddress.IPv4Network(text)
        if not any(network.overlaps(other) for other in taken):
            return Address(str(network.network_address + 1), network.prefixlen)
    network = ipaddress.IPv4Network(OTHER_SUBNETS[0])
    return Address(str(network.network_address + 1), network.prefixlen)


def neighbour_of(address: Address) -> str:
    """The address that the old PC gets beside ours: the next one."""
    network = address.network
    following = ipaddress.IPv4Address(address.ip) + 1
    if following in network and following != network.broadcast_address:
        return str(following)
    return str(following - 2)


def clash_fix(interfaces: Sequence[Interface], found: Clash, address: Address) -> str:
    """What the user can do about a clash, best first.

    A host route keeps the old PC's settings, but cannot help when the other network's router has
    the very address that we need: then only another subnet does.
    """
    other = free_subnet(interfaces)
    move = f"--address {other}, and give the old PC {neighbour_of(other)}"
    if found.gateway:
        return f"Use another subnet on the wire: {move}."
    target = neighbour_of(address)
    return f"Use --host-route {target}, which reaches only the old PC by the wire; or {move}."


def beside(interfaces: Sequence[Interface], target: str) -> Interface | None:
    """The interface on whose wire the target stands by its address; the narrowest subnet wins."""
    reaching = [
        (address.prefix, interface)
        for interface in interfaces
        for address in interface.addresses
        if address.reaches(target)
    ]
    return max(reaching, key=lambda pair: pair[0])[1] if reaching else None
