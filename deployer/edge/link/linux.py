"""The wire on Linux, by netlink."""

from __future__ import annotations

import contextlib
import errno
import ipaddress
import socket
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from deployer.core.wire.addresses import Address, Interface
from deployer.edge.link import daemons
from deployer.edge.link.system import Change
from deployer.errors import LinkFailed, LinkForbidden

_MAIN_TABLE = 254
_IFF_UP, _IFF_LOOPBACK = 1, 8
_REACHABLE, _STALE = 0x02, 0x04 | 0x08 | 0x10
_SYS = Path("/sys/class/net")
_NAMESPACE = Path("/proc/self/ns/net")
_PERMANENT, _NO_DAD = 0x80, 0x02
_SCOPE_LINK = 253
_BY_THE_KERNEL = (0, 1, 2, 9)
"""RTPROT_UNSPEC, RTPROT_REDIRECT, RTPROT_KERNEL, RTPROT_RA."""
_CABLE_KINDS = ("", "veth")
"""Kinds of link that are a cable: hardware has none; a veth without a master joins namespaces."""


class LinuxLink:
    """See `NetworkSystem`."""

    system = "Linux"
    tried = True

    def interfaces(self) -> tuple[Interface, ...]:
        """Every interface but loopback, as it is now."""
        with _netlink() as netlink:
            links = list(netlink.get_links())
            addresses = _addresses(netlink)
            gateways, elsewhere = _gateways(netlink)
        attributes = {link["index"]: dict(link["attrs"]) for link in links}
        carrying = _carrying(attributes, set(gateways))
        if carrying and all(_is_virtual(attributes.get(index, {})) for index in carrying):
            carrying |= elsewhere  # a VPN took the default route; its packets leave by one of these
        return tuple(
            _interface(
                link,
                attributes[link["index"]],
                addresses.get(link["index"], ()),
                gateways.get(link["index"], ()),
                carrying=link["index"] in carrying,
            )
            for link in links
            if not link["flags"] & _IFF_LOOPBACK
        )

    def boot(self) -> str:
        """The kernel's boot id, and the network namespace, which has interfaces of its own."""
        try:
            boot = Path("/proc/sys/kernel/random/boot_id").read_text(encoding="ascii").strip()
            return f"{boot} {_NAMESPACE.stat().st_ino}"
        except OSError:
            return ""

    def plan(
        self, interface: Interface, addresses: Sequence[Address], host_route: str
    ) -> tuple[Change, ...]:
        """What is not yet as it must be, in the order in which to change it."""
        changes = []
        connection = daemons.networkmanager_claim(interface.name)
        if connection is not None:
            changes.append(Change("networkmanager", connection))
        if daemons.networkd_claim(interface.index):
            changes.append(Change("networkd"))
        if not interface.up:
            changes.append(Change("up", _lost_by_down(interface.index)))
        missing = [address for address in addresses if address not in interface.addresses]
        changes += [Change("address", str(address)) for address in missing]
        if host_route and not _has_route(interface.index, host_route):
            changes.append(Change("route", f"{host_route} {addresses[0].ip}"))
        return tuple(changes)

    def apply(self, interface: str, change: Change) -> None:
        """Make a change; nothing when it is made already."""
        match change.kind:
            case "networkmanager":
                if not daemons.networkmanager_leave(interface):
                    raise LinkForbidden(why=f"NetworkManager keeps {interface} to itself")
            case "networkd":
                if not _networkd(interface, daemons.networkd_leave):
                    raise LinkForbidden(why=f"systemd-networkd keeps {interface} to itself")
            case "up":
                self._set(interface, up=True)
            case "address":
                self._add_address(interface, change.value)
            case "route":
                self._add_route(interface, *change.value.split(" "))
            case "coexist":
                return

    def ways_to(self, network: ipaddress.IPv4Network) -> frozenset[int]:
        """The numbers of interfaces with a route to all of it, or to nearly all; not a default."""
        found = set()
        with _netlink() as netlink:
            for route in netlink.get_routes(family=socket.AF_INET, table=_MAIN_TABLE):
                attributes = dict(route["attrs"])
                there = f"{attributes.get('RTA_DST', '0.0.0.0')}/{route['dst_len']}"
                if route["dst_len"] > 1 and network.subnet_of(ipaddress.IPv4Network(there)):
                    found.add(attributes.get("RTA_OIF", 0))
        return frozenset(found)

    def has_routes(self, index: int) -> bool:
        """Whether somebody has added routes: those that the kernel makes by itself do not count."""
        with _netlink() as netlink:
            return any(_routes(netlink, index))

    def revert(self, interface: str, change: Change) -> None:
        """Take a change back; nothing when it is not made, or the interface is gone."""
        match change.kind:
            case "networkmanager":
                daemons.networkmanager_resume(interface, change.value)
            case "networkd":
                _networkd(interface, daemons.networkd_resume)
            case "up":
                self._set(interface, up=False)
                self._add_ipv6(interface, change.value)
            case "address":
                self._delete_address(interface, change.value)
            case "route":
                self._delete_route(interface, *change.value.split(" "))
            case "coexist":
                return

    def _set(self, interface: str, *, up: bool) -> None:
        with _changing(interface, errno.ENODEV) as (netlink, index):
            if index is None:
                return
            (now,) = netlink.get_links(index)
            if bool(now["flags"] & _IFF_UP) != up:
                netlink.link("set", index=index, state="up" if up else "down")

    def _add_ipv6(self, interface: str, values: str) -> None:
        for value in reversed(values.split()):  # the kernel shows the newest first
            address, _, flag = value.partition(",")
            ip, _, prefix = address.partition("/")
            flags = {"flags": _NO_DAD} if flag else {}
            with _changing(interface, errno.EEXIST, errno.ENODEV) as (netlink, index):
                if index is not None:
                    netlink.addr("add", index=index, address=ip, prefixlen=int(prefix), **flags)

    def _add_address(self, interface: str, value: str) -> None:
        ip, _, prefix = value.partition("/")
        with _changing(interface, errno.EEXIST) as (netlink, index):
            netlink.addr("add", index=index, address=ip, prefixlen=int(prefix))

    def _delete_address(self, interface: str, value: str) -> None:
        """Others in the same subnet that the kernel drops along with ours are set again.

        So are routes: with the last address, the kernel drops all those of the interface.
        """
        ip, _, prefix = value.partition("/")
        with _changing(interface, errno.EADDRNOTAVAIL, errno.ENODEV) as (netlink, index):
            if index is None:
                return
            ours = Address(ip, int(prefix))
            before = _addresses(netlink).get(index, ())
            if ours not in before:
                return
            routes = [r for r in _routes(netlink, index) if r["family"] == socket.AF_INET]
            netlink.addr("delete", index=index, address=ip, prefixlen=int(prefix))
            after = _addresses(netlink).get(index, ())
            for lost in before:
                if lost not in (*after, ours):
                    netlink.addr("add", index=index, address=lost.ip, prefixlen=lost.prefix)
            for route in routes:
                _add_again(netlink, route)

    def _add_route(self, interface: str, target: str, source: str) -> None:
        with _changing(interface, errno.EEXIST) as (netlink, index):
            netlink.route("add", dst=f"{target}/32", oif=index, prefsrc=source, scope="link")

    def _delete_route(self, interface: str, target: str, source: str) -> None:
        gone = (errno.ESRCH, errno.ENODEV, errno.EINVAL, errno.ENETUNREACH)
        with _changing(interface, *gone) as (netlink, index):
            if index is not None:
                netlink.route("delete", dst=f"{target}/32", oif=index, prefsrc=source, scope="link")


def neighbours(interface: int, *, sure: bool = False) -> dict[str, str]:
    """Who has spoken on the wire lately, as the kernel remembers it: address -> MAC.

    Only those that answered within the last half minute or so, with `sure`.
    """
    states = _REACHABLE if sure else _REACHABLE | _STALE
    found = {}
    with _netlink() as netlink:
        for entry in netlink.get_neighbours(family=socket.AF_INET, ifindex=interface):
            attributes = dict(entry["attrs"])
            if entry["state"] & states and "NDA_LLADDR" in attributes:
                found[attributes["NDA_DST"]] = attributes["NDA_LLADDR"]
    return found


def _lost_by_down(index: int) -> str:
    """IPv6 addresses that somebody has set, which the kernel drops when an interface goes down.

    Separated by blanks, with `,nodad` where they were set so.
    """
    found = []
    with _netlink() as netlink:
        for entry in netlink.get_addr(family=socket.AF_INET6, index=index):
            attributes = dict(entry["attrs"])
            flags = attributes.get("IFA_FLAGS", entry["flags"])
            if flags & _PERMANENT and entry["scope"] != _SCOPE_LINK:
                no_dad = ",nodad" if flags & _NO_DAD else ""
                found.append(f"{attributes['IFA_ADDRESS']}/{entry['prefixlen']}{no_dad}")
    return " ".join(found)


def _routes(netlink: Any, index: int) -> Iterator[Any]:
    """The routes over an interface that somebody has added."""
    for family in (socket.AF_INET, socket.AF_INET6):
        for route in netlink.get_routes(family=family):
            own = dict(route["attrs"]).get("RTA_OIF") == index
            if own and route["proto"] not in _BY_THE_KERNEL:
                yield route


def _add_again(netlink: Any, route: Any) -> None:
    """Add a route that the kernel has dropped; not one that leads by an address that is gone."""
    attributes = dict(route["attrs"])
    names = {
        "RTA_DST": "dst", "RTA_OIF": "oif", "RTA_GATEWAY": "gateway", "RTA_PRIORITY": "priority",
        "RTA_PREFSRC": "prefsrc", "RTA_TABLE": "table",
    }  # fmt: skip
    given = {names[key]: value for key, value in attributes.items() if key in names}
    given |= {key: route[key] for key in ("dst_len", "proto", "scope", "type", "tos", "family")}
    from pyroute2.netlink.exceptions import NetlinkError  # noqa: PLC0415

    with contextlib.suppress(NetlinkError):
        netlink.route("add", **given)


def _has_route(index: int, target: str) -> bool:
    try:
        with _netlink() as netlink:
            found = list(netlink.get_routes(family=socket.AF_INET, dst=target, dst_len=32))
    except OSError as error:
        if error.errno == errno.ENETUNREACH:  # there is no way to anywhere
            return False
        raise
    for route in found:
        attributes = dict(route["attrs"])
        single = (attributes.get("RTA_DST"), route["dst_len"]) == (target, 32)
        if single and attributes.get("RTA_OIF") == index and route["type"] == 1:
            return True
    return False


@contextlib.contextmanager
def _netlink() -> Iterator[Any]:
    """Raises OSError for whatever the kernel refuses, as every other way to ask it does."""
    from pyroute2 import IPRoute, NetlinkError  # noqa: PLC0415  takes 0.2 s, and is rarely needed

    with IPRoute() as netlink:
        try:
            yield netlink
        except NetlinkError as error:
            raise OSError(error.code, str(error)) from error


@contextlib.contextmanager
def _changing(interface: str, *accepted: int) -> Iterator[tuple[Any, int | None]]:
    """Netlink and the interface's index (None when it is gone); `accepted` errors mean done."""
    from pyroute2.netlink.exceptions import NetlinkError  # noqa: PLC0415

    with _netlink() as netlink:
        found = netlink.link_lookup(ifname=interface)
        try:
            yield netlink, found[0] if found else None
        except NetlinkError as error:
            if error.code in (errno.EPERM, errno.EACCES):
                raise LinkForbidden(why="the kernel says: not permitted") from error
            if error.code not in accepted:
                why = f"{errno.errorcode.get(error.code, error.code)}: {error}"
                raise LinkFailed(interface=interface, why=why) from error


def _networkd(interface: str, act: Callable[[str], bool]) -> bool:
    """Its file belongs to root."""
    try:
        return act(interface)
    except PermissionError as error:
        raise LinkForbidden(why=f"{error.filename}: {error.strerror}") from error
    except OSError as error:
        raise LinkFailed(interface=interface, why=error) from error


def _interface(
    link: Any,
    attributes: Mapping[str, Any],
    addresses: tuple[Address, ...],
    gateways: tuple[str, ...],
    *,
    carrying: bool,
) -> Interface:
    name = attributes["IFLA_IFNAME"]
    virtual = _is_virtual(attributes)
    up = bool(link["flags"] & _IFF_UP)
    return Interface(
        name=name,
        index=link["index"],
        mac=attributes.get("IFLA_ADDRESS", ""),
        up=up,
        carrier=up and bool(attributes.get("IFLA_CARRIER")),
        addresses=addresses,
        default_route=carrying,
        gateways=gateways,
        wireless=any((_SYS / name / sign).exists() for sign in ("wireless", "phy80211")),
        virtual=virtual,
        speed=_speed(name),
        duplex=_sys(name, "duplex").replace("unknown", ""),
    )


def _is_virtual(attributes: Mapping[str, Any]) -> bool:
    return _kind(attributes) not in _CABLE_KINDS or "IFLA_MASTER" in attributes


def _kind(attributes: Mapping[str, Any]) -> str:
    info = dict((attributes.get("IFLA_LINKINFO") or {"attrs": ()})["attrs"])
    return str(info.get("IFLA_INFO_KIND", ""))


def _carrying(attributes: Mapping[int, Mapping[str, Any]], direct: set[int]) -> set[int]:
    """Interfaces that the default route leads through, with ports of bridges, parents of VLANs."""
    found = set(direct)
    while True:
        more = set()
        for index, own in attributes.items():
            if own.get("IFLA_MASTER") in found:
                more.add(index)
            below = own.get("IFLA_LINK")
            if index in found and below and "IFLA_LINK_NETNSID" not in own:
                more.add(below)
        if more <= found:
            return found
        found |= more


def _addresses(netlink: Any) -> dict[int, tuple[Address, ...]]:
    found: dict[int, tuple[Address, ...]] = {}
    for entry in netlink.get_addr(family=socket.AF_INET):
        attributes = dict(entry["attrs"])
        ip = attributes.get("IFA_LOCAL") or attributes.get("IFA_ADDRESS")
        if ip:
            index = entry["index"]
            found[index] = (*found.get(index, ()), Address(ip, entry["prefixlen"]))
    return found


def _gateways(netlink: Any) -> tuple[dict[int, tuple[str, ...]], set[int]]:
    """Routers of default routes by interface, and interfaces with routers to anywhere else.

    A VPN's two half routes (/1) count as one default route.
    """
    found: dict[int, tuple[str, ...]] = {}
    elsewhere = set()
    for family in (socket.AF_INET, socket.AF_INET6):
        for route in netlink.get_routes(family=family):
            attributes = dict(route["attrs"])
            table = attributes.get("RTA_TABLE", route["table"])
            if table != _MAIN_TABLE or route["type"] != 1:
                continue
            hops = [(attributes.get("RTA_OIF"), attributes.get("RTA_GATEWAY"))]
            hops += [
                (hop["oif"], dict(hop["attrs"]).get("RTA_GATEWAY"))
                for hop in attributes.get("RTA_MULTIPATH") or ()
            ]
            for index, gateway in hops:
                if index and route["dst_len"] <= 1:
                    found[index] = (*found.get(index, ()), *((gateway,) if gateway else ()))
                elif index and gateway:
                    elsewhere.add(index)
    return found, elsewhere


def _speed(name: str) -> int | None:
    text = _sys(name, "speed")
    return int(text) if text.isdecimal() and int(text) > 0 else None


def _sys(name: str, what: str) -> str:
    try:
        return (_SYS / name / what).read_text(encoding="ascii").strip()
    except OSError:
        return ""
