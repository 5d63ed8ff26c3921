"""The wire for a while: set our address, and give the interface back as it was.

Order is everything: take ownership, put right what a crash left, choose, look for a second machine
with our address, write down how to undo, and only then change.
"""

from __future__ import annotations

import contextlib
import time
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from pathlib import Path

from deployer.core.wire import addresses, keeping
from deployer.core.wire.addresses import Address, Interface
from deployer.edge.link import arp, lookup, undo
from deployer.edge.link.lookup import this_system
from deployer.edge.link.owner import Ownership, owner
from deployer.edge.link.system import Change, NetworkSystem
from deployer.edge.link.undo import UndoRecord
from deployer.errors import (
    AddressTaken,
    InterfaceMissing,
    SubnetTaken,
    UndoDamaged,
    WireBusy,
)

_CARRIER_WAIT = 4.0
"""Seconds that two network cards may take to agree on a speed after one was switched on."""


@dataclass(frozen=True, slots=True)
class LeaseRequest:
    """What the user wants of the wire. `host_route` is the one machine to reach, or "".

    With `link_local` there is a second address, for PCs that nobody has configured; where that
    cannot be, the first one is enough.
    """

    address: Address
    interface: str | None = None
    host_route: str = ""
    force: bool = False
    keep: bool = False
    link_local: bool = False
    patience: arp.ProbeTiming = field(default_factory=arp.ProbeTiming)


@dataclass(frozen=True, slots=True)
class InterfaceStatus:
    """One interface as `link status` shows it. `since` and `changes` when we have changed it.

    `beside` is our second address, `neighbours` are who has spoken on it lately: (address, MAC).
    """

    interface: Interface
    address: Address | None
    since: float | None
    changes: tuple[str, ...]
    beside: Address | None
    owner: int | None
    neighbours: tuple[tuple[str, str], ...]


class Lease:
    """The wire is ours, with our address on it, until `release`."""

    def __init__(
        self,
        link: NetworkSystem,
        state_dir: Path,
        request: LeaseRequest,
        record: UndoRecord,
        hold: Ownership,
    ) -> None:
        self._link = link
        self._state_dir = state_dir
        self._request = request
        self._hold = hold
        self.record = record

    @property
    def interface(self) -> str:
        """The interface's name."""
        return self.record.interface

    @property
    def address(self) -> Address:
        """Our address on it."""
        return self.record.address

    @property
    def addresses(self) -> tuple[Address, ...]:
        """Both, or the one that there is."""
        beside = self.record.beside
        return (self.address, beside) if beside is not None else (self.address,)

    def renew(self, at: float) -> None:
        """Set the address again: on this interface, or on the adapter that was plugged in again.

        Raises what `up` raises, InterfaceMissing while there is none.
        """
        before = self.record.before
        now = keeping.find(self._link.interfaces(), before)
        if now is None:
            raise InterfaceMissing(interface=before.name, seen="none of that name or MAC")
        if now.name != self.interface:
            hold = Ownership(now.name)
            self._hold.release()
            self._hold = hold
        request = replace(self._request, interface=now.name, keep=self.record.kept)
        same = now.index == before.index
        if not same:
            undo.replay(self._link, self._state_dir, self.record)
        kept = self.record if same else None
        self.record = _set(self._link, self._state_dir, request, kept, at)

    def leave_on(self) -> None:
        """The user has switched the interface on by hand: it is not switched off at the end."""
        changes = tuple(change for change in self.record.changes if change.kind != "up")
        if changes != self.record.changes:
            self.record = replace(self.record, changes=changes)
            undo.write(self._state_dir, self.record)

    def release(self) -> None:
        """Give the interface back, unless the user asked for the address to stay."""
        try:
            if not self.record.kept:
                undo.replay(self._link, self._state_dir, self.record)
        finally:
            self._hold.release()


def up(
    request: LeaseRequest,
    state_dir: Path,
    *,
    link: NetworkSystem | None = None,
    clock: Callable[[], float] = time.time,
) -> Lease:
    """Set the address on the wire, or find it set.

    Raises what `choose` raises, SubnetTaken, AddressTaken, WireBusy, LinkForbidden, LinkFailed,
    DirectoryForbidden, UndoDamaged. After an error the interface is as it was before.
    """
    link = link or this_system()
    _undo_crashed(link, state_dir)
    chosen = _choose(link, request)
    hold = Ownership(chosen.name)
    try:
        wanted = replace(request, interface=chosen.name)
        kept, keep = _kept(link, state_dir, wanted)
        record = _set(link, state_dir, replace(wanted, keep=keep), kept, clock())
    except BaseException:
        hold.release()
        raise
    return Lease(link, state_dir, request, record, hold)


def _set(
    link: NetworkSystem,
    state_dir: Path,
    request: LeaseRequest,
    kept: UndoRecord | None,
    at: float,
) -> UndoRecord:
    """Write down what is to change and change it. `kept` is what is changed already."""
    chosen = _choose(link, request)
    record = _record(link, chosen, request, kept, at)
    undo.write(state_dir, record)
    try:
        for change in record.changes:
            mac = _rival(link, chosen, change, request)
            if mac is not None and change.value == str(record.beside):
                record = _without(record, change, f"another machine ({mac}) has it")
                undo.write(state_dir, record)
                continue
            if mac is not None:
                target = addresses.neighbour_of(request.address)
                raise AddressTaken(mac=mac, address=request.address.ip, target=target)
            link.apply(chosen.name, change)
    except BaseException:
        if kept is None:
            undo.replay(link, state_dir, record)
        raise
    return record


def down(
    state_dir: Path, interface: str | None = None, *, link: NetworkSystem | None = None
) -> tuple[str, ...]:
    """Give back every interface that a record names (or the named one); their names.

    Raises WireBusy when a running deployer still uses it.
    """
    link = link or this_system()
    done = []
    for record in undo.records(state_dir):
        if interface in (None, record.interface):
            hold = Ownership(record.interface)
            try:
                undo.replay(link, state_dir, record)
            finally:
                hold.release()
            done.append(record.interface)
    return tuple(done)


def status(state_dir: Path, *, link: NetworkSystem | None = None) -> tuple[InterfaceStatus, ...]:
    """Every interface that a cable fits into, or that we changed. Changes nothing."""
    link = link or this_system()
    interfaces = link.interfaces()
    changed = ((undo.same_now(record, interfaces), record) for record in undo.records(state_dir))
    known = {interface.name: record for interface, record in changed if interface is not None}
    return tuple(
        _status(interface, known.get(interface.name))
        for interface in interfaces
        if interface.wired or interface.name in known
    )


def _status(interface: Interface, record: UndoRecord | None) -> InterfaceStatus:
    return InterfaceStatus(
        interface=interface,
        address=record.address if record else None,
        since=record.at if record else None,
        changes=tuple(change.kind for change in record.changes) if record else (),
        beside=record.beside if record else None,
        owner=owner(interface.name),
        neighbours=tuple(sorted(lookup.neighbours(interface.index).items())),
    )


def keeps(state_dir: Path, address: Address) -> bool:
    """Whether the user has asked for this address to stay (`link up`)."""
    with contextlib.suppress(UndoDamaged):
        return any(r.kept and r.address == address for r in undo.records(state_dir))
    return False


def crashed(state_dir: Path) -> bool:
    """Whether a run that did not end well has left something behind that nobody looks after."""
    with contextlib.suppress(UndoDamaged):  # nobody knows what, then
        return any(
            not record.kept and not owner(record.interface) for record in undo.records(state_dir)
        )
    return False


def _choose(link: NetworkSystem, request: LeaseRequest) -> Interface:
    interfaces = link.interfaces()
    chosen = addresses.choose(interfaces, request.interface, request.address, force=request.force)
    found = addresses.clash(interfaces, chosen.name, request.address)
    if found is not None and not request.force and (found.gateway or not request.host_route):
        raise SubnetTaken(
            subnet=request.address.network,
            interface=found.interface,
            remedy=addresses.clash_fix(interfaces, found, request.address),
        )
    return chosen


def _undo_crashed(link: NetworkSystem, state_dir: Path) -> None:
    """Give back what a run that did not end well left behind, on any interface."""
    for record in undo.records(state_dir):
        if record.kept:
            continue
        with contextlib.suppress(WireBusy):
            hold = Ownership(record.interface)
            try:
                undo.replay(link, state_dir, record)
            finally:
                hold.release()


def _kept(
    link: NetworkSystem, state_dir: Path, request: LeaseRequest
) -> tuple[UndoRecord | None, bool]:
    """The record of an address that the user asked to keep, if it is the one wanted now.

    And whether the address is to stay: one that was kept, too, whose adapter was plugged in again.
    A kept address that is not wanted any more is given back.
    """
    record = undo.read(state_dir, request.interface or "")
    if record is None:
        return None, request.keep
    wanted = (request.address, request.host_route, link.boot())
    stays = record.kept and (record.address, record.host_route, record.boot) == wanted
    if stays and undo.same_now(record, link.interfaces()) is not None:
        return record, True
    undo.replay(link, state_dir, record)
    return None, request.keep or stays


def _record(
    link: NetworkSystem,
    chosen: Interface,
    request: LeaseRequest,
    kept: UndoRecord | None,
    at: float,
) -> UndoRecord:
    second = addresses.Beside(kept.beside if kept is not None else None)
    if kept is None and request.link_local:
        network = addresses.LINK_LOCAL.network
        second = addresses.link_local(link.interfaces(), chosen, link.ways_to(network))
    both = [request.address, *([second.address] if second.address else [])]
    changes = link.plan(chosen, both, request.host_route)
    if kept is not None:
        return replace(kept, changes=_joined(kept.changes, changes))
    return UndoRecord(
        before=chosen,
        address=request.address,
        changes=changes,
        host_route=request.host_route,
        kept=request.keep,
        boot=link.boot(),
        at=at,
        beside=second.address,
        left_out=second.why,
    )


def _without(record: UndoRecord, change: Change, why: str) -> UndoRecord:
    """The record without the second address, which is not set."""
    changes = tuple(each for each in record.changes if each != change)
    return replace(record, changes=changes, beside=None, left_out=why)


def _joined(first: tuple[Change, ...], more: tuple[Change, ...]) -> tuple[Change, ...]:
    """The changes of a kept address and those found missing since, each thing once."""

    def thing(change: Change) -> tuple[str, str]:
        return change.kind, change.value if change.kind == "address" else ""

    known = {thing(change) for change in first}
    return (*first, *(change for change in more if thing(change) not in known))


def _rival(
    link: NetworkSystem, chosen: Interface, change: Change, request: LeaseRequest
) -> str | None:
    """The MAC of a machine on the wire that has the address of a change. Without a cable, none."""
    if change.kind != "address":
        return None
    now = chosen if chosen.up else _with_carrier(link, chosen.name)
    if now is None or not now.carrier:
        return None
    with contextlib.suppress(OSError):
        ip = change.value.partition("/")[0]
        return arp.who_has(now.name, now.mac, ip, patience=request.patience)
    return None


def _with_carrier(link: NetworkSystem, interface: str) -> Interface | None:
    """The interface once its cable is live; None when it is not within a few seconds."""
    until = time.monotonic() + _CARRIER_WAIT
    while True:
        now = next((i for i in link.interfaces() if i.name == interface), None)
        if now is None or now.carrier:
            return now
        if time.monotonic() > until:
            return None
        time.sleep(0.1)
