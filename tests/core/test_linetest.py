"""Every fault of a cable is found, on two simulated ports with simulated wires and a clock."""

from __future__ import annotations

from dataclasses import dataclass, field

import pytest

from deployer.core.linetest import Answerer, Seen, Talk, Verdict, block, encode, judge
from deployer.edge.serial_test import Examiner, answer_once
from deployer.edge.serialport import Flow, ModemLines

SPEEDS = (9600, 38_400, 115_200)


@dataclass
class Cable:
    """Which wires there are. Each names what an input of one side is joined to on the other."""

    ab: bool = True
    ba: bool = True
    cts: str = "rts"
    dsr: str = "dtr"
    dcd: str = "dtr"
    loop: str = ""
    fastest: int = 115_200


class Clock:
    def __init__(self) -> None:
        self.now = 100.0

    def __call__(self) -> float:
        return self.now


@dataclass
class Port:
    """A port of the simulation, with the methods of SerialLine."""

    cable: Cable
    clock: Clock
    speed: int = 115_200
    name: str = "a"
    inbox: bytearray = field(default_factory=bytearray)
    rts: bool = True
    dtr: bool = True
    other: Port | None = None
    end: Answerer | None = None
    busy: bool = False
    has_pins: bool = True

    def read(self, wait: float, *, until_writable: bool = False) -> bytes:
        if self.other is not None and self.other.end is not None and not self.busy:
            self.busy = self.other.busy = True
            answer_once(self.other.end, self.other, self.clock, 0)
            self.busy = self.other.busy = False
        if not self.inbox:
            self.clock.now += wait
        data = bytes(self.inbox)
        self.inbox.clear()
        return data

    def write(self, data: bytes) -> int:
        if "data" in self.cable.loop:
            self.inbox += data
            return len(data)
        there = self.cable.ab if self.name == "a" else self.cable.ba
        if self.other is not None and there:
            self.other.inbox += self._arriving(data)
        return len(data)

    def _arriving(self, data: bytes) -> bytes:
        assert self.other is not None
        if self.other.speed != self.speed:
            return bytes((b * 73 + 5) & 0xFF for b in data[::2])
        if self.speed > self.cable.fastest:
            return bytes(b for n, b in enumerate(data) if n % 97 != 96)
        return data

    def modem_lines(self) -> ModemLines | None:
        if not self.has_pins:
            return None
        if "pins" in self.cable.loop:
            return ModemLines(self.rts, self.dtr, self.dtr, False)
        other = self.other

        def level(wire: str) -> bool:
            return other is not None and bool(wire) and bool(getattr(other, wire))

        cable = self.cable
        return ModemLines(level(cable.cts), level(cable.dsr), level(cable.dcd), False)

    def set_rts(self, *, on: bool) -> None:
        self.rts = on

    def set_dtr(self, *, on: bool) -> None:
        self.dtr = on

    def set_speed(self, speed: int) -> None:
        self.speed = speed

    def set_flow(self, flow: Flow) -> None:
        pass

    def drain(self, limit: float) -> None:
        pass

    def drop_input(self) -> None:
        self.inbox.clear()


def examine(
    cable: Cable, *, far: bool = True, answering: bool = True, far_speed: int = 115_200
) -> Verdict:
    clock = Clock()
    port = Port(cable, clock)
    if far:
        other = Port(cable, clock, name="b", speed=far_speed, other=port)
        port.other = other
        if answering:
            other.end = Answerer(now=clock(), speed=far_speed)
    return judge(Examiner(port, speeds=SPEEDS, clock=clock).run())


FAULTS = [
    pytest.param(Cable(), {}, "good", "rtscts", id="good"),
    pytest.param(Cable(), {"far": False}, "no-cable", "null-modem", id="no-cable"),
    pytest.param(
        Cable(loop="data pins"), {"far": False}, "loopback", "loopback plug", id="loopback-plug"
    ),
    pytest.param(
        Cable(loop="data"), {"far": False}, "loopback-data", "bridged", id="pins-2-3-bridged"
    ),
    pytest.param(
        Cable(cts="", dsr="", dcd=""), {}, "three-wire", "--flow xonxoff", id="three-wire"
    ),
    pytest.param(Cable(cts="", dsr="rts", dcd=""), {}, "crossed-wrong", "DSR", id="crossed-wrong"),
    pytest.param(
        Cable(loop="pins", ab=False, ba=False), {}, "crossed-wrong", "itself", id="self-wired-plug"
    ),
    pytest.param(Cable(), {"far_speed": 38_400}, "wrong-speed", "38400", id="wrong-speed"),
    pytest.param(Cable(ab=False), {}, "dumb", "pin 3", id="we-are-not-heard"),
    pytest.param(Cable(ba=False), {}, "no-answer", "2-3 and 3-2", id="we-hear-nothing"),
    pytest.param(Cable(), {"answering": False}, "no-answer", "--answer", id="nobody-answers"),
    pytest.param(Cable(fastest=38_400), {}, "slower", "38400", id="fast-loses-bytes"),
]


@pytest.mark.parametrize(("cable", "how", "kind", "says"), FAULTS)
def test_each_fault_is_named_with_its_remedy(cable: Cable, how: dict, kind: str, says: str) -> None:
    verdict = examine(cable, **how)
    assert verdict.kind == kind
    assert says in f"{verdict.what} {verdict.remedy}"


def test_a_port_without_pins_says_so() -> None:
    assert "does not show" in judge(Seen(speed=9600, can_pins=False, sent=10)).what


def test_garbage_is_told_from_silence() -> None:
    verdict = judge(Seen(speed=9600, sent=10, heard=300))
    assert verdict.kind == "wrong-speed"
    assert "no sense" in verdict.what


@pytest.mark.parametrize("cut", range(1, 40, 3))
def test_messages_come_through_any_fragments_and_noise(cut: int) -> None:
    data = b"\xff\x00noise~DT " + encode("GOT", 7, 2048) + b"zz" + encode("HELLO", 1)
    talk = Talk()
    found = []
    for start in range(0, len(data), cut):
        talk.feed(data[start : start + cut])
        while (message := talk.next()) is not None:
            found.append((message.word, message.numbers))
    assert found == [("GOT", (7, 2048)), ("HELLO", (1,))]


def test_a_damaged_message_is_none() -> None:
    talk = Talk()
    talk.feed(encode("GOT", 7, 2048).replace(b"2048", b"2049"))
    message = talk.next()
    assert message is not None
    assert message.word == "DAMAGED"


def test_blocks_are_the_same_on_both_ends_and_plain_ones_do_not_stop_the_line() -> None:
    assert block(5, 4096, plain=False) == block(5, 4096, plain=False)
    assert block(5, 4096, plain=False) != block(6, 4096, plain=False)
    assert not set(block(5, 65_536, plain=True)) & {0x11, 0x13, 0x91, 0x93}


def test_ports_that_cannot_show_their_wires_are_not_called_three_wire() -> None:
    clock = Clock()
    cable = Cable()
    port = Port(cable, clock, has_pins=False)
    port.other = Port(cable, clock, name="b", other=port, has_pins=False)
    port.other.end = Answerer(now=clock(), speed=115_200)
    verdict = judge(Examiner(port, speeds=SPEEDS, clock=clock).run())
    assert verdict.kind == "pins-unknown"
    assert "115200" in verdict.what
