"""Is the old PC there? Two witnesses, ICMP and ARP, make one verdict; verdicts make a story.

A silent target and an unplugged cable need different advice, so they are different values.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Literal, assert_never

from deployer.core.wire.addresses import is_link_local


@dataclass(frozen=True, slots=True)
class Answered:
    """It answered a ping after `rtt` seconds. `mac` is "" where it could not be seen."""

    rtt: float
    mac: str = ""


@dataclass(frozen=True, slots=True)
class SilentButThere:
    """It answers ARP, so it is on and cabled, but not ping."""

    mac: str


@dataclass(frozen=True, slots=True)
class NotThere:
    """The cable is live, and nobody has the address. `arp` says that ARP could be asked, too."""

    arp: bool = True


@dataclass(frozen=True, slots=True)
class NoCarrier:
    """No live cable in our interface."""

    interface: str


@dataclass(frozen=True, slots=True)
class NotOnWire:
    """No interface of this computer stands in the target's subnet: nothing was sent."""


PresenceVerdict = Answered | SilentButThere | NotThere | NoCarrier | NotOnWire


def there(verdict: PresenceVerdict) -> bool:
    """Whether the target is switched on and reachable."""
    return isinstance(verdict, Answered | SilentButThere)


def say(target: str, verdict: PresenceVerdict) -> str:
    """What the verdict is, in one sentence."""
    match verdict:
        case Answered(rtt=rtt):
            return f"{target} answered after {rtt * 1000:.1f} ms"
        case SilentButThere(mac=mac):
            return f"{target} is there ({mac}), but does not answer ping"
        case NotThere():
            return f"nobody on the wire has the address {target}"
        case NoCarrier(interface=interface):
            return f"no live cable in {interface}"
        case NotOnWire():
            return f"no interface of this computer stands in the subnet of {target}"
    assert_never(verdict)


def advice(target: str, verdict: PresenceVerdict) -> str:
    """What to do about it; "" when all is well. Windows 98 by facts D1-D4."""
    match verdict:
        case Answered():
            return ""
        case SilentButThere():
            return (
                "That is enough for a push: Windows 98 answers ping unless a firewall program was "
                "installed there."
            )
        case NotThere():
            own = "" if is_link_local(target) else " (169.254.x.x means that DHCP is still set)"
            return (
                f"Switch the old PC on and wait until Windows is up. There, run WINIPCFG: it must "
                f"show {target} for the network card{own}."
            )
        case NoCarrier():
            return (
                "Plug the cable in at both ends and switch the old PC on; the lamps beside both "
                "sockets must light. Very old cards need a crossed cable or a switch between."
            )
        case NotOnWire():
            return "Set the address first: deployer link up (the old PC's is usually 192.168.1.2)."
    assert_never(verdict)


PresenceChange = Literal["appeared", "vanished", "returned", "silent", "speaking"]


@dataclass(frozen=True, slots=True)
class Presence:
    """What has been seen of a target so far.

    It counts as gone after `patience` misses in a row, so that one lost packet is no reboot.
    """

    patience: int = 3
    present: bool = False
    known: bool = False
    misses: int = 0
    speaking: bool = True
    gone_at: float | None = None


def observe(
    watch: Presence, verdict: PresenceVerdict, at: float
) -> tuple[Presence, PresenceChange | None]:
    """The watch after one more verdict, and what has changed by it, if anything.

    `returned` after having been gone is what a reboot, or a cable put back, looks like.
    """
    if not there(verdict):
        misses = watch.misses + 1
        gone_at = watch.gone_at if watch.misses or not watch.present else at
        fresh = replace(watch, misses=misses, gone_at=gone_at)
        if watch.present and misses >= watch.patience:
            return replace(fresh, present=False), "vanished"
        return fresh, None
    speaking = isinstance(verdict, Answered)
    fresh = replace(watch, present=True, known=True, misses=0, speaking=speaking, gone_at=None)
    if not watch.present:
        return fresh, "returned" if watch.known else "appeared"
    if speaking != watch.speaking:
        return fresh, "speaking" if speaking else "silent"
    return fresh, None
