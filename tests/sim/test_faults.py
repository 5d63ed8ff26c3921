"""Faults are values with a text form; the same text does the same harm every time."""

from __future__ import annotations

import select
import socket

import pytest
from hypothesis import given
from hypothesis import strategies as st

from deployer.sim.cable import Cut, Link, LinkLost, Stalled
from deployer.sim.disk import DiskChange, PowerOff
from deployer.sim.faults import Fault, FaultyCable, PowerSwitch, draw, parse
from deployer.sim.win32.sockets import TargetSocket


@pytest.mark.parametrize(
    ("text", "faults"),
    [
        ("cable@5", (Fault("cable", 5),)),
        ("flip@0,cut@10", (Fault("flip", 0), Fault("cut", 10))),
        ("crlf, ascii", (Fault("crlf"), Fault("ascii"))),
        ("crlf@7", (Fault("crlf", 7),)),
        ("full@65536,power@3,hang@9", (Fault("full", 65536), Fault("power", 3), Fault("hang", 9))),
    ],
)
def test_the_text_form(text: str, faults: tuple[Fault, ...]) -> None:
    assert parse(text) == faults
    assert parse(",".join(map(str, faults))) == faults


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "there is no fault ''"),
        ("fire", "there is no fault 'fire'"),
        ("cable", "needs a place, such as cable@1000"),
        ("cable@", "needs a whole number"),
        ("cable@-1", "needs a whole number"),
        ("power@1e9", "needs a whole number"),
        ("ascii@3", "takes no number"),
        ("random:x", "there is no fault"),
        ("flip@1,,", "there is no fault ''"),
    ],
)
def test_a_wrong_text_is_one_line(text: str, said: str) -> None:
    with pytest.raises(ValueError, match="fault") as caught:
        parse(text)
    assert said in str(caught.value)
    assert "\n" not in str(caught.value)


@given(st.integers(0, 10**18 - 1))
def test_a_seed_draws_the_same_faults_again(seed: int) -> None:
    faults = parse(f"random:{seed}")
    assert 1 <= len(faults) <= 3
    assert faults == draw(seed) == parse(",".join(map(str, faults)))


def wire(text: str, noticed: list[Fault] | None = None) -> FaultyCable:
    return FaultyCable(parse(text), (noticed if noticed is not None else []).append)


def test_one_bit_of_one_byte_is_wrong_once() -> None:
    noticed: list[Fault] = []
    cable = wire("flip@5", noticed)
    first = cable.received(bytes(4))
    second = cable.received(bytes(4))
    third = cable.sent(bytes(4))
    assert (first, third) == (bytes(4), bytes(4))
    assert [i for i, byte in enumerate(second) if byte] == [1]
    assert second[1].bit_count() == 1
    assert noticed == [Fault("flip", 5)]


@pytest.mark.parametrize(
    ("text", "event"), [("cable@6", LinkLost), ("cut@6", Cut), ("hang@6", Stalled)]
)
def test_a_transfer_ends_at_the_byte(text: str, event: type[LinkLost | Cut | Stalled]) -> None:
    cable = wire(text)
    assert cable.received(b"0123") == b"0123"
    with pytest.raises(event) as caught:
        cable.received(b"4567")
    assert caught.value.data == b"45"
    assert cable.received(b"again") == b"again"


def test_line_ends_are_mangled_also_across_chunks() -> None:
    cable = wire("crlf")
    chunks = [b"a\nb\r", b"\nc", b"\n", b"d\r\n"]
    assert b"".join(cable.received(c) for c in chunks) == b"a\r\nb\r\nc\r\nd\r\n"


def test_line_ends_of_one_chunk_are_mangled() -> None:
    cable = wire("crlf@3")
    assert [cable.received(b"\n\n") for _ in range(3)] == [b"\n\n", b"\r\n\r\n", b"\n\n"]


def test_the_power_fails_at_a_step_in_the_middle_of_a_write() -> None:
    switch = PowerSwitch(parse("power@2"), lambda fault: None)
    switch(DiskChange(70, "create", "C:\\F"))
    with pytest.raises(PowerOff) as caught:
        switch(DiskChange(71, "write", "C:\\F", 0, 100))
    assert caught.value.kept == 50
    switch(DiskChange(72, "write", "C:\\F", 0, 100))


def test_a_pulled_cable_ends_the_connections_of_all_programs() -> None:
    """One program reads when it is pulled; the others hear of it when they read, write or wait."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        link = Link(routes={"192.168.1.1": server.getsockname()[:2]})
        link.cable = FaultyCable(parse("cable@3"), lambda _fault: None)
        one, other = TargetSocket(link), TargetSocket(link)
        for target in (one, other):
            target.connect("192.168.1.1", 21)
        with server.accept()[0] as far, server.accept()[0]:
            far.sendall(b"abcdef")
            select.select([target.sock for target in (one, other) if target.sock], [], [])
            reader, rest = (one, other) if one.readable() else (other, one)
            with pytest.raises(ConnectionResetError):
                reader.receive(10)
        assert rest.readable()
        assert rest.connected()
        with pytest.raises(OSError):  # noqa: PT011 - any of them is a lost connection
            rest.receive(10)
        with pytest.raises(ConnectionResetError):
            rest.send(b"x")
