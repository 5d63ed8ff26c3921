"""Who is on the wire, folded from what was heard; and NetBIOS as it is heard."""

from __future__ import annotations

import struct

import pytest
from hypothesis import given
from hypothesis import strategies as st

from deployer.core.wire import netbios
from deployer.core.wire.addresses import LINK_LOCAL, Address
from deployer.core.wire.devices import AgentSeen, Device, NamedTarget, Sighting, devices

OURS = (Address("192.168.1.1", 24), LINK_LOCAL)
PC, OTHER = "00:00:c0:12:34:56", "00:a0:24:00:00:01"


def encoded(name: str, last: int) -> bytes:
    raw = name.ljust(15).encode() + bytes((last,))
    return b"\x20" + b"".join(bytes((0x41 + b // 16, 0x41 + b % 16)) for b in raw) + b"\0"


def registration(name: str, last: int = 0, group: int = 0, opcode: int = 5) -> bytes:
    head = struct.pack("!6H", 7, opcode << 11 | 0x110, 1, 0, 0, 1)
    more = b"\xc0\x0c" + struct.pack("!HHIHH", 32, 1, 300000, 6, group) + bytes((169, 254, 7, 8))
    return head + encoded(name, last) + struct.pack("!HH", 32, 1) + more


def question(name: str) -> bytes:
    head = struct.pack("!6H", 7, 0x110, 1, 0, 0, 0)
    return head + encoded(name, 0) + struct.pack("!HH", 32, 1)


def announcement(name: str) -> bytes:
    head = struct.pack("!BBH4sHHH", 0x11, 2, 1, bytes(4), 138, 100, 0)
    return head + encoded(name, 0) + encoded("WORKGROUP", 0x1D) + b"\xffSMB"


@pytest.mark.parametrize(
    ("port", "data", "name"),
    [
        (137, registration("PENTIUM"), "PENTIUM"),
        (137, registration("PENTIUM", 0x20, opcode=8), "PENTIUM"),
        (137, registration("WORKGROUP", 0, 0x8000), ""),
        (137, registration("SOMEBODY", 3), ""),
        (137, question("SERVER"), ""),
        (138, announcement("PENTIUM"), "PENTIUM"),
        (138, question("SERVER"), None),
        (139, registration("PENTIUM"), None),
        (137, registration("PENTIUM")[:40], None),
    ],
)
def test_what_a_pc_says_of_itself_by_netbios(port: int, data: bytes, name: str | None) -> None:
    """Its own name is what it registers or announces; in a question stands another's."""
    assert netbios.computer(port, data) == name


@given(st.sampled_from([137, 138]), st.binary(max_size=120), st.integers(0, 119), st.binary())
def test_no_datagram_raises(port: int, data: bytes, at: int, other: bytes) -> None:
    netbios.computer(port, data)
    whole = registration("PENTIUM") if port == 137 else announcement("PENTIUM")
    netbios.computer(port, whole[:at] + other + whole[at + len(other) :])


def only(*sightings: Sighting, ours: tuple[Address, ...] = OURS) -> Device:
    (found,) = devices(ours, (), (), sightings)
    return found


def test_what_is_missing_for_each() -> None:
    asks = Sighting("asks", PC, "", "PENTIUM", "MSFT 98")
    assert "asks for an address" in only(asks).missing
    assert (only(asks).computer, only(asks).system) == ("PENTIUM", "MSFT 98")
    itself = Sighting("netbios", PC, "169.254.7.8", "PENTIUM")
    assert only(asks, itself).missing == "no agent: push, and open http://169.254.1.1/ there"
    assert "no address in 169.254/16" in only(itself, ours=OURS[:1]).missing
    assert "another subnet" in only(Sighting("arp", PC, "10.0.0.5")).missing


def test_a_pc_is_one_row_whatever_it_is_known_by() -> None:
    """By its network card where that is known; an agent and a name go to the same row."""
    agent = AgentSeen(PC, "192.168.1.9", "pentium", "idle", "win98", since=5.0)
    named = NamedTarget("desk", "192.168.1.7", PC)
    seen = (Sighting("arp", PC, "192.168.1.2"), Sighting("arp", OTHER, "192.168.1.3"))
    first, second = devices(OURS, (named,), (agent,), seen)
    assert (first.ip, first.name, first.agent, first.missing) == ("192.168.1.2", "desk", agent, "")
    assert (second.mac, second.agent) == (OTHER, None)


def test_who_is_not_heard_comes_last_and_is_said_to_be_away() -> None:
    away = AgentSeen("", "192.168.1.2", "pentium", "away")
    seen = (Sighting("arp", OTHER, "192.168.1.3"),)
    first, second = devices(OURS, (), (away,), seen)
    assert (first.here, second.here) == (True, False)
    assert "switch it on" in second.missing
