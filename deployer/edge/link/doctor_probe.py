"""Looks at everything that `core.doctor` judges. Changes nothing; asks the wire by ARP and ping."""

from __future__ import annotations

import os
import shutil
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path

from deployer.core.wire import addresses
from deployer.core.wire.addresses import Address, Diagnosis, Interface
from deployer.core.wire.doctor import Facts
from deployer.edge import resources
from deployer.edge.link import arp, conflict, ping, undo
from deployer.edge.link.lookup import this_system
from deployer.edge.link.owner import owner
from deployer.edge.link.system import NetworkSystem
from deployer.errors import DeployerError, ProgramDamaged, UndoDamaged
from deployer.model import ENGINE_EXE, HELPER_EXE

_CAP_NET_BIND_SERVICE, _CAP_NET_ADMIN = 10, 12


def look(
    address: Address,
    state_dir: Path,
    *,
    clock: Callable[[], float],
    interface: str | None = None,
    target: str = "",
    host_route: bool = False,
    link: NetworkSystem | None = None,
) -> Facts:
    """The facts. Without `target` nobody is pinged."""
    link = link or this_system()
    interfaces = link.interfaces()
    chosen, refusal = _choose(interfaces, interface, address)
    found: tuple[Diagnosis, ...] = ()
    if chosen is not None:
        found = conflict.find(interfaces, chosen, address, target=target, host_route=host_route)
    error, free = _state(state_dir)
    return Facts(
        system=link.system,
        tried=link.tried,
        address=address,
        chosen=chosen,
        refusal=refusal,
        conflicts=found,
        owner=owner(chosen.name) if chosen else None,
        may_link=_may(_CAP_NET_ADMIN),
        may_bind=_may(_CAP_NET_BIND_SERVICE) or _ports_are_free(),
        may_arp=arp.available(),
        python=os.path.realpath(sys.executable),
        state_dir=str(state_dir),
        state_dir_error=error,
        disk_free=free,
        now=clock(),
        damaged=tuple(name for name in (HELPER_EXE, ENGINE_EXE) if not _whole(name)),
        note_damaged=_note(state_dir),
        target=target,
        verdict=ping.probe(target) if target else None,
    )


def obstacles(address: str, target: str = "") -> tuple[Diagnosis, ...]:
    """What is in the way of packets between `target` and an address that is set. Asks nobody."""
    interfaces = this_system().interfaces()
    here = ((i, own) for i in interfaces for own in i.addresses if own.ip == address)
    chosen, own = next(here, (None, None))
    if chosen is None or own is None:
        return ()
    return conflict.between(interfaces, chosen, own, target or addresses.neighbour_of(own))


def _choose(
    interfaces: tuple[Interface, ...], named: str | None, address: Address
) -> tuple[Interface | None, tuple[str, str]]:
    try:
        return addresses.choose(interfaces, named, address), ("", "")
    except DeployerError as error:
        return None, (error.what, error.remedy)


def _may(capability: int) -> bool:
    """Whether this process has a capability; elsewhere than on Linux, whether it is root's."""
    if sys.platform == "win32":
        return True
    try:
        text = Path("/proc/self/status").read_text(encoding="ascii")
    except OSError:
        return os.geteuid() == 0
    effective = next(line for line in text.splitlines() if line.startswith("CapEff:"))
    return bool(int(effective.split()[1], 16) >> capability & 1)


def _ports_are_free() -> bool:
    """Whether the system lets everybody open port 21."""
    try:
        text = Path("/proc/sys/net/ipv4/ip_unprivileged_port_start").read_text(encoding="ascii")
    except OSError:
        return False
    return int(text) <= 21


def _state(state_dir: Path) -> tuple[str, int]:
    """Why the state directory cannot be used ("" when it can), and the free bytes there.

    What does not exist yet is not made: it is the nearest directory above that counts.
    """
    place = state_dir
    while not place.exists() and place != place.parent:
        place = place.parent
    try:
        with tempfile.TemporaryFile(dir=place):
            return "", shutil.disk_usage(place).free
    except OSError as error:
        return error.strerror or str(error), 0


def _note(state_dir: Path) -> tuple[str, str]:
    """Why a note about how an interface was cannot be read, and what to do; empty when all can."""
    try:
        for _record in undo.records(state_dir):
            pass
    except UndoDamaged as error:
        return error.what, error.remedy
    return "", ""


def _whole(name: str) -> bool:
    try:
        resources.program(name)
    except ProgramDamaged:
        return False
    return True
