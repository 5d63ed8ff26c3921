"""What a system must be able to do to its network, and the changes that it makes."""

from __future__ import annotations

import ipaddress
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal, Protocol

from deployer.core.wire.addresses import Address, Interface

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
