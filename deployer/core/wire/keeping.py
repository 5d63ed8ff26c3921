"""How the wire stands while we serve: facts in, a state out, and what to do about it.

The facts come from the kernel (interfaces) and from the wire (who speaks for our address). A state
is a closed value; the faces have the words for it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Literal

from deployer.core.wire.addresses import Address, Interface

WireState = Literal["ready", "gone", "off", "bare", "taken"]
"""`ready`: the interface has our address, for itself alone. `gone`: there is no such interface.
`off`: it is switched off. `bare`: it does not have our address. `taken`: another machine has it."""


@dataclass(frozen=True, slots=True)
class WireStatus:
    """The wire now. `rival` is the MAC of the machine that has our address, for `taken`.

    `why` is why the address cannot be set again, for `bare`; "" when nobody has tried.
    """

    state: WireState
    interface: str
    rival: str = ""
    why: str = ""


@dataclass(frozen=True, slots=True)
class Rival:
    """Who else speaks for our address, as far as has been heard.

    `silent` is how many questions in a row nobody else has answered; it counts as gone after
    `patience` of them, since a busy machine may miss one.
    """

    mac: str = ""
    silent: int = 0
    patience: int = 3

    def heard(self, mac: str) -> Rival:
        """After a machine has said that the address is its own."""
        return replace(self, mac=mac, silent=0)

    def asked(self) -> Rival:
        """After one more question; the answers to it come by `heard`."""
        silent = self.silent + 1
        return replace(self, silent=silent, mac="" if silent > self.patience else self.mac)


def find(interfaces: Sequence[Interface], before: Interface) -> Interface | None:
    """The interface as it is now: the same one, or one that was plugged in again.

    As long as it exists its number stays. One that comes back has another number, and the same MAC
    (a USB adapter may get another name) or the same name (an adapter may draw its MAC by lot).
    """
    same = [i for i in interfaces if i.index == before.index]
    again = [i for i in interfaces if i.wired and i.mac == before.mac]
    named = [i for i in interfaces if i.wired and i.name == before.name]
    known = [i for i in same if i.name == before.name or i.mac == before.mac]
    return next(iter((*known, *again, *named)), None)


def judge(now: Interface | None, before: Interface, address: Address, rival: Rival) -> WireStatus:
    """How the wire stands. `before` is the interface that we had; a new one needs the address."""
    if now is None:
        return WireStatus("gone", before.name)
    if not now.up and now.index == before.index:
        return WireStatus("off", now.name)
    if rival.mac:
        return WireStatus("taken", now.name, rival=rival.mac)
    if address not in now.addresses:
        return WireStatus("bare", now.name)
    return WireStatus("ready", now.name)
