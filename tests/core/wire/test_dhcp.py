"""DHCP as values: bytes both ways, and who gets which address."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule

from deployer.core.wire import dhcp
from deployer.core.wire.addresses import Address
from deployer.core.wire.dhcp import DhcpKind, DhcpMessage, DhcpPool

OURS = Address("192.168.1.1", 24)
POOL = DhcpPool(OURS)
PC, OTHER = "00:00:c0:12:34:56", "00:a0:24:00:00:01"
WINDOWS_98 = bytes((1, 3, 6, 15, 44, 46, 47, 57))
"""What Windows 98 asks for, in its order."""


def discover(mac: str = PC, **more: object) -> DhcpMessage:
    known = {"name": "PENTIUM", "vendor": "MSFT 98", "asked_for": WINDOWS_98, **more}
    return replace(DhcpMessage(DhcpKind.DISCOVER, 7, mac), **known)


def request(mac: str = PC, **more: object) -> DhcpMessage:
    return replace(DhcpMessage(DhcpKind.REQUEST, 7, mac), **more)


ips = st.ip_addresses(v=4).map(str) | st.just("")
texts = st.text(st.characters(max_codepoint=255, exclude_characters="\0"), max_size=60)
messages = st.builds(
    DhcpMessage,
    kind=st.sampled_from(DhcpKind),
    number=st.integers(0, 2**32 - 1),
    mac=st.binary(min_size=6, max_size=6).map(lambda raw: raw.hex(":")),
    current=ips, given=ips, wanted=ips, server=ips, mask=ips, name=texts, vendor=texts,
    asked_for=st.binary(max_size=60), seconds=st.integers(0, 2**32 - 1), broadcast=st.booleans(),
).map(
    lambda m: replace(
        m, **{n: "" for n in ("current", "given", "wanted", "server", "mask")
              if getattr(m, n) == "0.0.0.0"},
    )
)  # fmt: skip


@given(messages)
def test_what_is_sent_is_what_is_read(message: DhcpMessage) -> None:
    assert dhcp.parse(dhcp.encode(message)) == message


@given(st.binary(max_size=600) | messages.map(dhcp.encode), st.data())
@settings(max_examples=400)
def test_no_datagram_raises(data: bytes, draw: st.DataObject) -> None:
    damaged = bytearray(data)
    for _ in range(draw.draw(st.integers(0, 6))):
        if damaged:
            damaged[draw.draw(st.integers(0, len(damaged) - 1))] = draw.draw(st.integers(0, 255))
    cut = bytes(damaged[: draw.draw(st.integers(0, len(damaged)))])
    found = dhcp.parse(cut)
    assert found is None or dhcp.answer(POOL, found, 0.0)


def test_a_message_of_windows_98_byte_for_byte() -> None:
    """As RFC 2131 lays it out, with the options that Windows 98 sends (fingerbank)."""
    fixed = bytes((1, 1, 6, 0)) + bytes.fromhex("0000beef") + bytes(4) + bytes(16)
    fixed += bytes.fromhex("0000c0123456") + bytes(10) + bytes(192) + b"\x63\x82\x53\x63"
    options = b"\x35\x01\x01" + b"\x3d\x07\x01" + bytes.fromhex("0000c0123456")
    options += b"\x0c\x08PENTIUM\0" + b"\x3c\x07MSFT 98" + b"\x37\x08" + WINDOWS_98 + b"\xff"
    assert dhcp.parse(fixed + options) == DhcpMessage(
        DhcpKind.DISCOVER, 0xBEEF, PC, name="PENTIUM", vendor="MSFT 98", asked_for=WINDOWS_98
    )


def test_the_first_pc_gets_the_usual_address_and_keeps_it() -> None:
    pool, offer = dhcp.answer(POOL, discover(), 0.0)
    assert offer is not None
    assert (offer.kind, offer.given, offer.server) == (DhcpKind.OFFER, "192.168.1.2", OURS.ip)
    pool, ack = dhcp.answer(pool, request(server=OURS.ip, wanted=offer.given), 1.0)
    assert ack is not None
    assert (ack.kind, ack.given, ack.seconds) == (DhcpKind.ACK, "192.168.1.2", 86_400)
    assert pool.leases[PC].name == "PENTIUM"
    _, second = dhcp.answer(pool, discover(OTHER), 2.0)
    assert second is not None
    assert second.given == "192.168.1.3"
    for again in (request(wanted="192.168.1.2"), request(current="192.168.1.2")):
        later, ack = dhcp.answer(pool, again, 50_000.0)
        assert ack is not None
        assert ack.kind == DhcpKind.ACK
        assert later.leases[PC].until == 50_000.0 + 86_400


def test_an_answer_names_no_router_no_name_server_and_goes_to_everybody() -> None:
    _, offer = dhcp.answer(POOL, discover(), 0.0)
    assert offer is not None
    data = dhcp.encode(offer)
    assert data[10] == 0x80
    codes, at = [], 240
    while data[at] != 255:
        codes.append(data[at])
        at += 2 + data[at + 1]
    assert sorted(codes) == [1, 51, 53, 54, 58, 59]
    assert len(data) == 300


SILENT = {
    "it takes another server's offer": request(server="192.168.1.254", wanted="192.168.1.9"),
    "it comes from another network": request(wanted="10.0.0.7"),
    "it has an address that is not from here": request(current="192.168.1.77"),
    "another server's offer": DhcpMessage(DhcpKind.OFFER, 7, PC, server="192.168.1.254"),
    "it gives back what it never had": DhcpMessage(
        DhcpKind.RELEASE, 7, PC, server=OURS.ip, current="192.168.1.5"
    ),
}


@pytest.mark.parametrize("case", SILENT)
def test_nothing_is_said_to_whom_it_does_not_concern(case: str) -> None:
    assert dhcp.answer(POOL, SILENT[case], 0.0) == (POOL, None)


def test_who_takes_our_offer_with_another_address_is_refused() -> None:
    pool, _ = dhcp.answer(POOL, discover(), 0.0)
    _, nak = dhcp.answer(pool, request(server=OURS.ip, wanted="192.168.1.99"), 1.0)
    assert nak is not None
    assert (nak.kind, nak.given, nak.seconds) == (DhcpKind.NAK, "", 0)


def test_a_declined_address_is_avoided_for_a_while() -> None:
    pool, _ = dhcp.answer(POOL, discover(), 0.0)
    declined = DhcpMessage(DhcpKind.DECLINE, 7, PC, server=OURS.ip, wanted="192.168.1.2")
    pool, said = dhcp.answer(pool, declined, 1.0)
    assert said is None
    for at, expected in ((2.0, "192.168.1.3"), (1000.0, "192.168.1.2")):
        _, offer = dhcp.answer(pool, discover(), at)
        assert offer is not None
        assert offer.given == expected


def test_a_user_fixes_an_address_to_a_mac() -> None:
    pool = replace(POOL, fixed={OTHER: "192.168.1.2", PC: "192.168.1.20"})
    _, offer = dhcp.answer(pool, discover(wanted="192.168.1.2"), 0.0)
    assert offer is not None
    assert offer.given == "192.168.1.20"


def test_a_full_wire_offers_nothing() -> None:
    pool = DhcpPool(Address("10.0.0.1", 30))
    pool, offer = dhcp.answer(pool, discover(), 0.0)
    assert offer is not None
    assert dhcp.answer(pool, discover(OTHER), 1.0) == (pool, None)


def test_who_asks_for_settings_only_gets_no_address() -> None:
    _, told = dhcp.answer(POOL, DhcpMessage(DhcpKind.INFORM, 7, PC, current="192.168.1.9"), 0.0)
    assert told is not None
    assert (told.kind, told.given, told.seconds, told.mask) == (
        DhcpKind.ACK, "", 0, "255.255.255.0",
    )  # fmt: skip


def test_another_server_is_named() -> None:
    theirs = DhcpMessage(DhcpKind.OFFER, 7, PC, server="192.168.1.254")
    assert dhcp.rival(POOL, theirs) == "192.168.1.254"
    assert dhcp.rival(POOL, replace(theirs, server=OURS.ip)) is None
    assert dhcp.rival(POOL, request(server="192.168.1.254")) == "192.168.1.254", "a PC takes it"
    assert dhcp.rival(POOL, request(server=OURS.ip)) is None
    assert dhcp.rival(POOL, discover(server="192.168.1.254")) is None


class Wire(RuleBasedStateMachine):
    """PCs that ask, take, decline, give back and stay silent, in any order and at any time."""

    def __init__(self) -> None:
        super().__init__()
        self.pool = DhcpPool(Address("192.168.1.1", 29), seconds=1000)
        self.at = 0.0
        self.has: dict[str, tuple[str, float]] = {}

    macs = st.sampled_from([f"02:00:00:00:00:{n:02x}" for n in range(8)])

    @rule(seconds=st.sampled_from([0.5, 30.0, 90.0, 700.0, 1500.0]))
    def time_passes(self, seconds: float) -> None:
        self.at += seconds

    @rule(
        message=messages, mac=macs,
        wanted=st.integers(0, 8).map(lambda n: f"192.168.1.{n}") | st.just(""),
        ours=st.sampled_from(["", "192.168.1.1", "192.168.1.254"]),
    )  # fmt: skip
    def a_pc_says(self, message: DhcpMessage, mac: str, wanted: str, ours: str) -> None:
        said = replace(message, mac=mac, wanted=wanted, server=ours)
        self.pool, reply = dhcp.answer(self.pool, said, self.at)
        if reply is None:
            return
        assert (reply.mac, reply.number) == (mac, message.number)
        if reply.kind == DhcpKind.ACK and said.kind == DhcpKind.REQUEST:
            taken = {ip for m, (ip, until) in self.has.items() if m != mac and until > self.at}
            assert reply.given not in taken
            assert reply.given in {f"192.168.1.{n}" for n in range(2, 7)}
            self.has[mac] = (reply.given, self.at + reply.seconds)
        if said.kind == DhcpKind.DECLINE or said.kind == DhcpKind.RELEASE:
            self.has.pop(mac, None)

    @invariant()
    def nobody_shares_an_address(self) -> None:
        held = [lease.ip for lease in self.pool.leases.values()]
        assert len(held) == len(set(held))


TestWire = Wire.TestCase
TestWire.settings = settings(max_examples=60, stateful_step_count=30, deadline=None)
