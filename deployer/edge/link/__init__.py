"""The wire of this computer: its interfaces, our address on one, and who else is there.

Here is what a system must be able to do, `NetworkSystem`: list its interfaces, plan the changes
that an address needs, make each and take it back. Both can be done again after a crash. Linux is
asked by netlink (`linux`), macOS and Windows by their own programs.

Read `lease` first: it sets the address, and gives the interface back by the note of `undo` while
`owner` keeps other processes away. `arp` and `ping` ask the wire, `conflict` and `doctor_probe`
look for what is in the way. From outside, `host/wire.py` alone uses this room.
"""

from __future__ import annotations

import ipaddress
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal, Protocol

from deployer.core.wire.addresses import Address, Interface
from deployer.errors import SystemUnsupported

ChangeKind = Literal["networkmanager", "networkd", "coexist", "up", "address", "route"]


@dataclass(frozen=True, slots=True)
class Change:
    """One thing that is changed on an interface; `value` is what taking it back needs to know."""

    kind: ChangeKind
    value: str = ""


class NetworkSystem(Protocol):
    """What a system must be able to do. Raises LinkForbidden or LinkFailed."""

    system: str
    tried: bool
    """Whether the project has seen it work on the real system; else only its words are tested."""

    def interfaces(self) -> tuple[Interface, ...]:
        """Every interface but loopback, as it is now."""

    def boot(self) -> str:
        """What differs after a reboot, which takes back every change by itself; "" if unknown."""

    def plan(
        self, interface: Interface, addresses: Sequence[Address], host_route: str
    ) -> tuple[Change, ...]:
        """What is not yet as it must be, in the order in which to change it.

        A route to the one machine `host_route` is from the first address.
        """

    def apply(self, interface: str, change: Change) -> None:
        """Make a change; nothing when it is made already."""

    def ways_to(self, network: ipaddress.IPv4Network) -> frozenset[int]:
        """The numbers of interfaces with a route to all of it; none where nobody can know."""

    def has_routes(self, index: int) -> bool:
        """Whether somebody has added routes over an interface; False where nobody can know."""

    def revert(self, interface: str, change: Change) -> None:
        """Take a change back; nothing when it is not made, or the interface is gone."""


def this_system() -> NetworkSystem:
    """The link of the system that this runs on. Raises SystemUnsupported."""
    if sys.platform == "linux":
        from deployer.edge.link.linux import LinuxLink  # noqa: PLC0415

        return LinuxLink()
    if sys.platform == "darwin":
        from deployer.edge.link.macos import MacLink  # noqa: PLC0415

        return MacLink()
    if sys.platform == "win32":
        from deployer.edge.link.windows import WindowsLink  # noqa: PLC0415

        return WindowsLink()
    raise SystemUnsupported(system=sys.platform)
