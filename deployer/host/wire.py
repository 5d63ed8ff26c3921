"""Requests about the wire: set its address, give it back, look at it, ask the target, examine all.

Synchronous, and bounded in time; the service calls them in a thread.
"""

from __future__ import annotations

import contextlib
import threading
import time
from collections.abc import AsyncGenerator, Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any, assert_never

import msgspec

from deployer.core.wire import addresses, doctor, presence
from deployer.core.wire.addresses import Address, Diagnosis, Interface
from deployer.core.wire.dhcp import DhcpGrant, DhcpPool, DhcpStatus
from deployer.core.wire.keeping import WireStatus
from deployer.core.wire.presence import PresenceChange, PresenceVerdict
from deployer.edge.link import doctor_probe, lease, leases, lookup, ping, undo
from deployer.edge.link.dhcp import DhcpServer
from deployer.edge.link.lease import Lease
from deployer.edge.link.watch import WireWatch
from deployer.errors import (
    DhcpForbidden,
    DirectoryForbidden,
    LinkForbidden,
    TargetUnfit,
    WireBusy,
    WrongUse,
)
from deployer.events import AddressGiven, DhcpChanged, WireChanged

WireNews = WireStatus | DhcpStatus | DhcpGrant
"""What is told of the wire while it is ours."""
TellWire = Callable[[WireNews], None]


@dataclass(frozen=True, slots=True)
class Wanted:
    """What a user may say about the wire.

    `address` is ours, with or without `/24`; with `host_route`, the one machine to reach, the wire
    is given no subnet at all, so that it can live beside a network with the same addresses. With
    `link_local` there is 169.254.1.1 too, for PCs that nobody has configured. With `dhcp` PCs get
    addresses from us, those of `fixed` (MAC, address) always the same one.
    """

    address: str
    state_dir: Path
    interface: str | None = None
    host_route: str = ""
    force: bool = False
    link_local: bool = False
    dhcp: bool = False
    fixed: tuple[tuple[str, str], ...] = ()

    def parsed(self) -> Address:
        """The address to set. Raises WrongUse."""
        address = addresses.parse_address(self.address)
        if not self.host_route:
            return address
        target = addresses.parse_address(self.host_route)
        if target.ip == address.ip:
            raise WrongUse(
                what=f"--host-route {self.host_route}: that is this computer's own address.",
                remedy="Name the old PC's address there, usually 192.168.1.2.",
            )
        return Address(address.ip, 32)


def take(wanted: Wanted, *, keep: bool = False) -> Lease:
    """Set the address on the wire; see `lease.up` for what it raises. DhcpForbidden besides.

    With `keep` it stays after this process until `give_back`; else until `release` of the lease.
    """
    address = wanted.parsed()
    if wanted.dhcp:
        _refuse_dhcp(wanted)
    return lease.up(
        lease.LeaseRequest(
            address=address,
            interface=wanted.interface,
            host_route=wanted.host_route,
            force=wanted.force,
            keep=keep,
            link_local=wanted.link_local and not addresses.LINK_LOCAL.reaches(address.ip),
        ),
        wanted.state_dir,
    )


class Held:
    """Our address on the wire, until `close`; from `follow` on it is watched, and set again."""

    def __init__(
        self,
        before: Interface | None,
        address: Address,
        taken: Lease | None,
        *,
        link_local: bool = True,
        wanted: Wanted | None = None,
    ) -> None:
        """`before` is the interface with our address; without `link_local` there is no second.

        Addresses are given where `wanted` says so and we have set our own.
        """
        self._before = before
        self._link_local = link_local
        self._wanted = wanted
        self._dhcp: DhcpServer | None = None
        self._watch: WireWatch | None = None
        self._lease = taken
        self.address = address

    @property
    def set_by(self) -> str:
        """The interface that we have set it on; "" when it was there already."""
        return self._lease.interface if self._lease is not None else ""

    @property
    def beside(self) -> str:
        """Our second address on the wire, "" for none."""
        if not self._link_local or self._before is None or is_link_local(self.address.ip):
            return ""
        if self._lease is not None:
            second = self._lease.record.beside
            return second.ip if second is not None else ""
        found = (each.ip for each in self._before.addresses if is_link_local(each.ip))
        return next(found, "")

    @property
    def lease(self) -> Lease | None:
        """What we have set; None where the address was there already."""
        return self._lease

    @property
    def left_out(self) -> str:
        """Why there is no second address although it was wanted; "" for nothing to say."""
        return self._lease.record.left_out if self._lease is not None else ""

    def follow(self, tell: TellWire) -> None:
        """Tell, in a thread, whenever the wire stands otherwise than before. Once, after a fork.

        Then the address is set again as soon as that can be.
        """
        if self._before is not None and self._watch is None:
            self._watch = WireWatch(self._before, self.address, tell, self._lease)
            if self._wanted is not None and self._wanted.dhcp and self._lease is not None:
                self._dhcp = giving(self._wanted, self._lease, tell)

    def close(self) -> None:
        """Give the interface back as it was."""
        if self._dhcp is not None:
            self._dhcp.close()
        if self._watch is not None:
            self._watch.close()
        if self._lease is not None:
            self._lease.release()


def refuse(target: str, address: str, wanted: Wanted | None) -> None:
    """Raises TargetUnfit for an address that no old PC on this wire can have.

    `address` is ours, `wanted` what is set on the wire, None: it is as somebody else has set it.
    """
    subnets = []
    if wanted is not None and not wanted.host_route and not address.startswith("127."):
        beside = [addresses.LINK_LOCAL] if wanted.link_local else []
        subnets = [each.network for each in (wanted.parsed(), *beside)]
    own = (address.partition("/")[0], addresses.LINK_LOCAL.ip)
    if why := addresses.unfit(target, own, subnets):
        raise TargetUnfit(target=target, why=why)


def news(kind: str, value: Any) -> WireNews:
    """What another process of ours tells of the wire, from its JSON form."""
    kinds: dict[str, type[WireNews]] = {
        each.__name__: each for each in (WireStatus, DhcpStatus, DhcpGrant)
    }
    return msgspec.convert(value, kinds[kind])


class Own:
    """Our address on the wire, from the first need to the end. Threads may ask for it.

    `wanted` is what to set, None: nothing, it is as it is. With `alone` another process that has
    the wire is an error, else only one that keeps the address from being set. What may keep
    `target` from getting through is said: rules can be read wrongly, and be changed meanwhile.
    """

    def __init__(
        self,
        wanted: Wanted | None,
        address: str,
        say: Callable[[str], object],
        *,
        target: str = "",
        alone: bool = False,
        announce: bool = False,
    ) -> None:
        """With `announce` a line also says that the address has been set."""
        self._wanted = wanted
        self._address = address
        self._say = say
        self._target = target
        self._alone = alone
        self._announce = announce
        self._lock = threading.Lock()
        self._held: Held | None = None
        self._tell: TellWire | None = None
        self._over = False

    def take(self) -> str:
        """Set it, unless it is there; once. Our second address, "" for none.

        Raises what `lease.up` raises.
        """
        with self._lock:
            if self._over or self._held is not None:
                return self._held.beside if self._held is not None else ""
            if self._target:
                refuse(self._target, self._address, self._wanted)
            wanted = None if self._address.startswith("127.") else self._wanted
            self._held = find(self._address) if wanted is None else self._hold(wanted)
            if wanted is not None:
                if self._held.set_by and self._announce:
                    both = " and ".join(filter(None, (str(self._held.address), self._held.beside)))
                    self._say(f"{self._held.set_by} has {both} until this ends")
                if self._held.left_out:
                    self._say(f"there is no address in 169.254/16: {self._held.left_out}")
                for each in obstacles(self._address, self._target):
                    self._say(f"{each.what}.")
                    self._say(each.fix)
            if wanted is not None and wanted.dhcp and self._held.lease is None:
                raise DhcpForbidden(
                    why="this computer's address on the wire was not set by deployer"
                )
            if self._tell is not None:
                self._held.follow(self._tell)
            return self._held.beside

    def _hold(self, wanted: Wanted) -> Held:
        """One that `link up` has set is looked after too, if this process may and no other does."""
        address = wanted.parsed()
        if self._alone or not is_ours(address.ip, wanted.state_dir):
            taken = take(wanted)
            return Held(
                taken.record.before, address, taken, link_local=wanted.link_local, wanted=wanted
            )
        if lease.keeps(wanted.state_dir, address):
            with contextlib.suppress(LinkForbidden, WireBusy, DirectoryForbidden):
                taken = take(wanted)
                return Held(
                    taken.record.before, address, taken, link_local=wanted.link_local, wanted=wanted
                )
        return find(address.ip, link_local=wanted.link_local)

    def follow(self, tell: TellWire) -> None:
        """Tell, in a thread, what becomes of it, from when it is taken; not before a fork."""
        with self._lock:
            self._tell = tell
            if self._held is not None:
                self._held.follow(tell)

    def give_back(self) -> None:
        """Undo it; from now nothing is set any more.

        In a thread of its own: pyroute2 does not work in one that runs a loop. This one waits, and
        whoever asks it a second time to stop is heard after that.
        """
        with self._lock:
            self._over = True
            if self._held is not None:
                with undo.undisturbed(), ThreadPoolExecutor(1) as apart:
                    apart.submit(self._held.close).result()


def mac_of(ip: str) -> str:
    """The MAC of a machine that has spoken on the wire lately; "" when nobody knows."""
    if ip.startswith("127."):
        return ""
    return dict(neighbours()).get(ip, "")


def neighbours(*, sure: bool = False) -> tuple[tuple[str, str], ...]:
    """Who has spoken on the wires of this computer lately: (address, MAC).

    Only who has answered within the last half minute or so, with `sure`.
    """
    found = (lookup.neighbours(each.index, sure=sure) for each in lookup.interfaces())
    return tuple(pair for each in found for pair in each.items())


def giving(wanted: Wanted, taken: Lease, tell: TellWire) -> DhcpServer:
    """Give addresses on the wire that was taken, until the end of what is given back.

    Whether that may be, `take` has seen.
    """
    interface, directory = taken.interface, wanted.state_dir
    pool = DhcpPool(
        taken.address, fixed=dict(wanted.fixed), leases=leases.read(directory, interface)
    )

    def keep(after: DhcpPool) -> None:
        leases.write(directory, interface, after.leases)

    return DhcpServer(lambda: taken.interface, pool, tell, keep)


def _refuse_dhcp(wanted: Wanted) -> None:
    """Raises DhcpForbidden where others may rely on addresses that are not ours to give.

    An interface that is not named is never one with the default route.
    """
    if wanted.host_route:
        raise DhcpForbidden(why="--host-route leaves the wire without a subnet")
    if wanted.interface and carries_internet(wanted.interface):
        raise DhcpForbidden(why=f"{wanted.interface} leads to other networks")


def find(ip: str, *, link_local: bool = True) -> Held:
    """An address that is there, and that we have no business to change; loopback is not watched."""
    if not ip.startswith("127."):
        for interface in lookup.interfaces():
            for address in interface.addresses:
                if address.ip == ip:
                    return Held(interface, address, None, link_local=link_local)
    return Held(None, Address(ip, 32), None)


def event_of(news: WireNews, ip: str) -> WireChanged | DhcpChanged | AddressGiven:
    """News of the wire with our address `ip` as an event."""
    at = time.time()
    match news:
        case WireStatus(state, interface, rival, why):
            return WireChanged(at, "", interface, ip, state, rival, why)
        case DhcpStatus(state, interface, rival, mac, why):
            return DhcpChanged(at, "", interface, state, rival, mac, why)
        case DhcpGrant(mac, own, name, vendor, seconds):
            return AddressGiven(at, "", own, mac, name, vendor, seconds)
        case _:
            assert_never(news)


def telling(emit: Callable[[WireChanged | DhcpChanged | AddressGiven], None], ip: str) -> TellWire:
    """What hands each change to `emit` as an event; it concerns every deployment."""

    def tell(news: WireNews) -> None:
        event = event_of(news, ip)
        with contextlib.suppress(RuntimeError):  # the loop has ended: nobody listens any more
            emit(event)

    return tell


def is_ours(address: str, state_dir: Path) -> bool:
    """Whether an interface of this computer has the address already.

    What a run left behind that ended in the middle does not count: it is to be undone first.
    """
    if address.startswith("127."):
        return True
    if lease.crashed(state_dir):
        return False
    ip = addresses.parse_address(address).ip
    return any(each.ip == ip for interface in lookup.interfaces() for each in interface.addresses)


def give_back(state_dir: Path, interface: str | None = None) -> tuple[str, ...]:
    """Undo what was changed on every interface (or the named one); their names."""
    return lease.down(state_dir, interface)


def standings(state_dir: Path) -> tuple[InterfaceStatus, ...]:
    """Every interface that a cable fits into, and who has spoken on it lately."""
    return lease.status(state_dir)


def carries_internet(interface: str) -> bool:
    """Whether this computer's way to the internet leads through the interface."""
    return any(i.name == interface and i.default_route for i in lookup.interfaces())


def ask(
    target: str,
    *,
    count: int = 1,
    interval: float = 1.0,
    timeout: float = 1.0,
    sleep: Callable[[float], object] = time.sleep,
) -> Iterator[PresenceVerdict]:
    """Whether the target is there, `count` times (0: for ever)."""
    number = 0
    while True:
        yield ping.probe(target, timeout=timeout)
        number += 1
        if number == count:
            return
        sleep(interval)


def follow(
    target: str, *, interval: float = 1.0
) -> AsyncGenerator[tuple[float, PresenceChange, PresenceVerdict], None]:
    """Every time that the target appears, vanishes or returns."""
    return ping.watch(target, interval=interval)


def examine(wanted: Wanted, *, target: str = "") -> tuple[Diagnosis, ...]:
    """Everything from the interface to the target, each with its fix. Changes nothing."""
    facts = doctor_probe.look(
        wanted.parsed(),
        wanted.state_dir,
        clock=time.time,
        interface=wanted.interface,
        target=target,
        host_route=bool(wanted.host_route),
    )
    return doctor.examine(facts)


def obstacles(address: str, target: str = "") -> tuple[Diagnosis, ...]:
    """What keeps the old PC from getting through to our address, which is set; found in a moment.

    The part of `examine` that setting the address and opening the ports do not find by themselves.
    """
    if address.startswith("127."):
        return ()
    found = doctor_probe.obstacles(address, target)
    return tuple(each for each in found if each.severity == "broken")


InterfaceStatus = lease.InterfaceStatus
WireLease = Lease
LINK_LOCAL = addresses.LINK_LOCAL.ip
is_link_local = addresses.is_link_local
there = presence.there
say = presence.say
advice = presence.advice
