"""From the interface to the target: what was looked at becomes ok, a warning or broken, with a fix.

The order is that of the packets' way; the first broken line usually explains those below it.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from deployer.core.wire import presence
from deployer.core.wire.addresses import Address, Diagnosis, Interface, is_link_local
from deployer.core.wire.presence import NoCarrier, NotThere, PresenceVerdict
from deployer.errors import AS_ROOT

EARLIEST = 1_767_225_600.0
"""2026-01-01: no clock that is right shows less."""

_LITTLE_DISK = 64 << 20
_PORTS = (21, 80)


@dataclass(frozen=True, slots=True)
class Facts:
    """What was seen on this computer and on the wire. Bytes, seconds since 1970.

    `refusal` is why no interface could be chosen (what, fix); `owner` the process of a deployer
    that has the wire already; `damaged` our programs for the target that are not what was built;
    `note_damaged` why a note about how an interface was cannot be read (what, fix).
    """

    system: str
    tried: bool
    address: Address
    chosen: Interface | None = None
    refusal: tuple[str, str] = ("", "")
    conflicts: tuple[Diagnosis, ...] = ()
    owner: int | None = None
    may_link: bool = True
    may_bind: bool = True
    may_arp: bool = True
    python: str = "python3"
    state_dir: str = ""
    state_dir_error: str = ""
    disk_free: int = 0
    now: float = EARLIEST
    damaged: tuple[str, ...] = ()
    note_damaged: tuple[str, str] = ("", "")
    target: str = ""
    verdict: PresenceVerdict | None = None


def examine(facts: Facts) -> tuple[Diagnosis, ...]:
    """Every check, in order."""
    return (
        *_system(facts),
        *_interface(facts),
        *_conflicts(facts),
        _ports(facts),
        _state(facts),
        _clock(facts),
        _programs(facts),
        *_target(facts),
        *_asking(facts),
    )


def _asking(facts: Facts) -> Iterator[Diagnosis]:
    """What is known of PCs that do not ask for an address although they are set up to (Q162948)."""
    if facts.verdict is None or presence.there(facts.verdict) or not is_link_local(facts.target):
        return
    yield Diagnosis(
        "dhcp-info",
        "warning",
        "Windows 95 before Winsock 2 stops asking for an address when its registry holds eight "
        "DhcpInfo keys: one for each network that it has been in",
        "There, in REGEDIT, delete the keys DhcpInfo00 to DhcpInfo07 under HKEY_LOCAL_MACHINE, "
        r"System\CurrentControlSet\Services\VxD\DHCP, and restart; or give it an address by hand.",
    )


def broken(findings: Sequence[Diagnosis]) -> tuple[Diagnosis, ...]:
    """Those that stand in the way."""
    return tuple(f for f in findings if f.severity == "broken")


def _system(facts: Facts) -> Iterator[Diagnosis]:
    if not facts.tried:
        yield Diagnosis(
            "system",
            "warning",
            f"on {facts.system}, setting the address has never been tried on a real computer",
            "Look at the interface's settings afterwards, and report how it went.",
        )


def _interface(facts: Facts) -> Iterator[Diagnosis]:
    chosen = facts.chosen
    if chosen is None:
        yield Diagnosis("interface", "broken", *facts.refusal)
        return
    speed = f", {chosen.speed} Mbit/s {chosen.duplex}".rstrip() if chosen.speed else ""
    yield Diagnosis("interface", "ok", f"{chosen.name} is the wire ({chosen.mac}{speed})")
    yield _carrier(chosen)
    yield _address(facts, chosen)


def _carrier(chosen: Interface) -> Diagnosis:
    if chosen.carrier:
        return Diagnosis("carrier", "ok", f"a live cable is in {chosen.name}")
    if not chosen.up:
        what = f"{chosen.name} is switched off, so the cable cannot be seen"
        return Diagnosis("carrier", "warning", what, f"Switch it on with: {AS_ROOT} link up")
    fix = presence.advice("", NoCarrier(chosen.name))
    return Diagnosis("carrier", "broken", f"no live cable in {chosen.name}", fix)


def _address(facts: Facts, chosen: Interface) -> Diagnosis:
    if facts.address in chosen.addresses:
        return Diagnosis("address", "ok", f"{chosen.name} has the address {facts.address}")
    program = "deployer" if facts.may_link else AS_ROOT
    what = f"{chosen.name} does not have the address {facts.address} yet"
    return Diagnosis("address", "warning", what, f"Set it with: {program} link up")


_ALL_CLEAR = {
    ("same-subnet",): ("subnet", "no other network here has the same addresses"),
    ("address-taken",): ("duplicate", "nobody else on the wire has our address"),
    ("other-ftp-server", "other-web-server"): ("servers", "ports 21 and 80 are free"),
    ("firewall",): ("firewall", "no firewall rule blocks the old PC"),
    ("two-cables",): ("cables", "no second cable that could be meant"),
}


def _conflicts(facts: Facts) -> Iterator[Diagnosis]:
    if facts.chosen is None:
        return
    for ids, (name, clear) in _ALL_CLEAR.items():
        found = [f for f in facts.conflicts if f.id in ids]
        if found:
            yield from found
        elif name == "duplicate" and not (facts.chosen.carrier and facts.may_arp):
            why = "this user may not ask by ARP" if facts.chosen.carrier else "no live cable"
            yield Diagnosis(name, "ok", f"not asked whether somebody has our address: {why}")
        else:
            yield Diagnosis(name, "ok", clear)


def _ports(facts: Facts) -> Diagnosis:
    if facts.owner:
        return Diagnosis(
            "ports", "ok", f"a deployer serves the wire already (process {facts.owner})"
        )
    ports = " and ".join(map(str, _PORTS))
    if facts.may_bind:
        return Diagnosis("ports", "ok", f"this user may open the ports {ports}")
    return Diagnosis(
        "ports",
        "broken",
        f"this user may not open the ports {ports}",
        f"Run it as root: {AS_ROOT} ...; or allow it: "
        f"sudo setcap cap_net_bind_service=+ep {facts.python}",
    )


def _state(facts: Facts) -> Diagnosis:
    if facts.state_dir_error:
        what = f"{facts.state_dir}: cannot write there ({facts.state_dir_error})"
        return Diagnosis("state", "broken", what, "Choose another directory with --state-dir.")
    if facts.note_damaged[0]:
        return Diagnosis("state", "broken", *facts.note_damaged)
    free = f"{facts.disk_free / 1e6:,.0f} MB free"
    if facts.disk_free < _LITTLE_DISK:
        what = f"{facts.state_dir} can be written, but the disk is nearly full ({free})"
        return Diagnosis("state", "warning", what, "Make room: reports and events are kept there.")
    return Diagnosis("state", "ok", f"{facts.state_dir} can be written, {free}")


def _clock(facts: Facts) -> Diagnosis:
    if facts.now < EARLIEST:
        what = "this computer's clock is years slow, so the history will show wrong times"
        return Diagnosis("clock", "warning", what, "Set the clock.")
    return Diagnosis("clock", "ok", "the clock is plausible")


def _programs(facts: Facts) -> Diagnosis:
    if facts.damaged:
        what = f"our programs for the old PC are missing or damaged: {', '.join(facts.damaged)}"
        return Diagnosis("programs", "broken", what, "Install retro-deployer again.")
    return Diagnosis("programs", "ok", "our programs for the old PC are as they were built")


def _target(facts: Facts) -> Iterator[Diagnosis]:
    if facts.verdict is None:
        return
    what = presence.say(facts.target, facts.verdict)
    fix = presence.advice(facts.target, facts.verdict)
    if not presence.there(facts.verdict):
        if isinstance(facts.verdict, NotThere) and not facts.verdict.arp:
            fix = f"{fix} (This user may not ask by ARP: sudo makes this answer surer.)"
        yield Diagnosis("target", "broken", what, fix)
    else:
        yield Diagnosis("target", "warning" if fix else "ok", what, fix)
