"""The PCs of the wire as values: what a user calls one, by what it is known, and who is there."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Literal

from deployer.core.wire.addresses import Address, is_link_local
from deployer.errors import WrongUse
from deployer.model import ANY

_NAME = re.compile(r"[a-z][a-z0-9-]{0,30}")
_IDENTITY = re.compile(r"d[0-9a-f]{7}")


@dataclass(frozen=True, slots=True)
class NamedTarget:
    """A name that a user has given to a PC. `ip` is its last known address, `at` since when.

    `mac` is its network card's, "" where nobody knows it: the PC is then known by its address.
    """

    name: str
    ip: str
    mac: str = ""
    at: float = 0.0


def parse_name(text: str) -> str:
    """A name for a PC, in small letters. Raises WrongUse for what means something else."""
    name = text.lower()
    if not _NAME.fullmatch(name) or name in ("sim", ANY) or _IDENTITY.fullmatch(name):
        raise WrongUse(
            what=f"{text}: not a name for a PC.",
            remedy="Take a letter, then letters, digits and hyphens, up to 31, such as pentium.",
        )
    return name


@dataclass(frozen=True, slots=True)
class Sighting:
    """A PC was noticed on the wire: by `how`, at an address ("": it has none), with its own name.

    `asks` is by DHCP, `netbios` by names, `arp` by ARP or what the kernel remembers of it. `system`
    is what it says it is, such as "MSFT 98".
    """

    how: Literal["asks", "netbios", "arp"]
    mac: str
    ip: str = ""
    computer: str = ""
    system: str = ""


@dataclass(frozen=True, slots=True)
class AgentSeen:
    """An agent of a PC as `devices` shows it; `state` is what it does now, `since` when it called.

    Sizes are KiB.
    """

    mac: str
    ip: str
    name: str
    state: str
    system: str = ""
    cpu: str = ""
    memory: int = 0
    free: int = 0
    since: float = 0.0


@dataclass(frozen=True, slots=True)
class Device:
    """A PC of the wire. What is not known is "". `missing` is why nothing can be pushed to it yet,
    or what would make it easier, with what to do; "" when nothing is missing.
    """

    ip: str
    mac: str
    name: str = ""
    computer: str = ""
    system: str = ""
    agent: AgentSeen | None = None
    here: bool = False
    missing: str = ""


def devices(
    ours: Sequence[Address],
    named: Sequence[NamedTarget],
    agents: Sequence[AgentSeen],
    sightings: Sequence[Sighting],
) -> tuple[Device, ...]:
    """Who is on the wire: each PC once, by its network card, else by its address.

    `ours` are the addresses of this computer on it. Those that are here come first.
    """
    found: dict[str, Device] = {}
    for each in sightings:
        key = each.mac or each.ip
        before = found.get(key, Device("", each.mac))
        found[key] = replace(
            before,
            ip=each.ip or before.ip,
            computer=each.computer or before.computer,
            system=each.system or before.system,
            here=True,
        )
    for agent in agents:
        key = _key(found, agent.mac, agent.ip)
        before = found.get(key, Device(agent.ip, agent.mac))
        found[key] = replace(
            before,
            ip=before.ip or agent.ip,
            agent=agent,
            system=agent.system or before.system,
            here=before.here or agent.state != "away",
        )
    for target in named:
        key = _key(found, target.mac, target.ip)
        before = found.get(key, Device(target.ip, target.mac))
        found[key] = replace(before, ip=before.ip or target.ip, name=target.name)
    told = (replace(each, missing=_missing(ours, each)) for each in found.values())
    return tuple(sorted(told, key=lambda each: (not each.here, _order(each.ip), each.mac)))


def _key(found: Mapping[str, Device], mac: str, ip: str) -> str:
    """Under what a PC is known already, else under what it is to be known."""
    if mac in found:
        return mac
    return next((key for key, each in found.items() if ip and each.ip == ip), mac or ip)


def _order(ip: str) -> tuple[int, ...]:
    return tuple(map(int, ip.split("."))) if ip else (999,)


def _missing(ours: Sequence[Address], device: Device) -> str:
    if not device.here:
        return "it has not been heard: switch it on, and look at its cable"
    if not device.ip:
        return "it asks for an address: wait until it gives itself one, or give it one with --dhcp"
    if ours and not any(address.reaches(device.ip) for address in ours):
        if is_link_local(device.ip):
            return "this computer has no address in 169.254/16: deployer link up"
        return f"its address is of another subnet: deployer link up --address, beside {device.ip}"
    if device.agent is None:
        host = next((each.ip for each in ours if each.reaches(device.ip)), "")
        where = f"http://{host}/" if host else "the page"
        return f"no agent: push, and open {where} there"
    return ""
