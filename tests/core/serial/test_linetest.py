"""Every fault of a cable is found, on two simulated ports with simulated wires and a clock."""

from __future__ import annotations

from dataclasses import dataclass, field

import pytest

from deployer.core.serial.linetalk import Halt, Talk, block, encode
from deployer.core.serial.linetest import LineVerdict, Seen, SpeedRun, judge, table
from deployer.edge.serial.answer import Answering
from deployer.edge.serial.examine import Examiner
from deployer.edge.serial.port import Flow, ModemLines

SPEEDS = (9600, 38_400, 115_200)


@dataclass
class Cable:
    """Which wires there are. Each names what an input of one side is joined to on the other.

    `obeyed` are the flow controls that the ports' drivers and chips really do.
    """

    ab: bool = True
    ba: bool = True
    cts: str = "rts"
    dsr: str = "dtr"
    dcd: str = "dtr"
    loop: str = ""
    fastest: int = 115_200
    obeyed: tuple[str, ...] = ("rtscts", "xonxoff")


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
    end: Answering | None = None
    busy: bool = False
    has_pins: bool = True
    flow: Flow = Flow.NONE
    halted: bool = False
    carried: int = 0

    def read(self, wait: float, *, until_writable: bool = False) -> bytes:
        self._let_other_work()
        if not self.inbox and not (until_writable and self._may_send()):
            self.clock.now += max(wait, 0.001)
        data = bytes(self.inbox)
        self.inbox.clear()
        return data

    def _let_other_work(self) -> None:
        if self.other is not None and self.other.end is not None and not self.busy:
            self.busy = self.other.busy = True
            self.other.end.turn(0)
            self.busy = self.other.busy = False

    def _may_send(self) -> bool:
        if self.flow is Flow.RTSCTS and "rtscts" in self.cable.obeyed:
            lines = self._lines()
            return lines.cts
        return not (self.flow is Flow.XONXOFF and self.halted)

    def write(self, data: bytes) -> int:
        """Sixteen bytes, as a UART takes them, in their time."""
        if not self._may_send():
            return 0
        piece = data[:16]
        self.clock.now += len(piece) * 10 / self.speed
        if "data" in self.cable.loop:
            self.take(piece)
        elif self.other is not None and (self.cable.ab if self.name == "a" else self.cable.ba):
            self.other.take(self._arriving(piece))
        self._let_other_work()
        return len(piece)

    def take(self, data: bytes) -> None:
        if self.flow is Flow.XONXOFF and "xonxoff" in self.cable.obeyed:
            for byte in data:
                if byte in (0x11, 0x13):
                    self.halted = byte == 0x13
            data = data.translate(None, b"\x11\x13")
        self.inbox += data

    def _arriving(self, data: bytes) -> bytes:
        assert self.other is not None
        if self.other.speed != self.speed:
            return bytes((b * 73 + 5) & 0xFF for b in data[::2])
        if self.speed > self.cable.fastest:
            first, self.carried = self.carried, self.carried + len(data)
            return bytes(b for n, b in enumerate(data, first) if n % 301 != 300)
        return data

    def modem_lines(self) -> ModemLines | None:
        return self._lines() if self.has_pins else None

    def _lines(self) -> ModemLines:
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
        self.flow = flow
        self.halted = False

    def drain(self, limit: float) -> None:
        pass

    def drop_input(self) -> None:
        self.inbox.clear()

    def drop_output(self) -> None:
        pass


def look(
    cable: Cable, *, far: bool = True, answering: bool = True, far_speed: int = 115_200,
    pins: bool = True, speed: int = 115_200,
) -> Seen:  # fmt: skip
    clock = Clock()
    port = Port(cable, clock, speed=speed, has_pins=pins)
    if far:
        other = Port(cable, clock, name="b", speed=far_speed, other=port, has_pins=pins)
        port.other = other
        if answering:
            other.end = Answering(other, clock=clock)
    return Examiner(port, speeds=SPEEDS, clock=clock).run()


def examine(cable: Cable, **how: bool | int) -> LineVerdict:
    return judge(look(cable, **how))  # type: ignore[arg-type]


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
    pytest.param(Cable(fastest=300), {}, "noisy", "no speed", id="every-speed-loses-bytes"),
    pytest.param(
        Cable(obeyed=("xonxoff",)), {}, "no-handshake", "--flow xonxoff", id="adapter-without-rts"
    ),
    pytest.param(
        Cable(cts="", obeyed=()), {}, "three-wire", "--flow none --speed 38400", id="nothing-stops"
    ),
    pytest.param(
        Cable(loop="data pins", obeyed=()),
        {"far": False},
        "loopback",
        "goes on sending",
        id="loopback-plug-on-an-adapter-without-rts",
    ),
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
    assert block(5, 4096) == block(5, 4096)
    assert block(5, 4096) != block(6, 4096)
    assert not set(block(5, 65_536)) & {0x11, 0x13, 0x91, 0x93}


FLOWS = [
    pytest.param(Cable(), {}, {"none": 115_200, "rtscts": 115_200, "xonxoff": 115_200}, id="good"),
    pytest.param(
        Cable(cts="", dsr="", dcd=""), {}, {"none": 115_200, "rtscts": 0, "xonxoff": 115_200},
        id="three-wire",
    ),
    pytest.param(
        Cable(obeyed=("xonxoff",)), {}, {"none": 115_200, "rtscts": 0, "xonxoff": 115_200},
        id="no-rts",
    ),
    pytest.param(
        Cable(obeyed=("rtscts",)), {}, {"none": 115_200, "rtscts": 115_200, "xonxoff": 0},
        id="no-xoff",
    ),
    pytest.param(
        Cable(), {"pins": False}, {"none": 115_200, "rtscts": None, "xonxoff": 115_200},
        id="ports-without-pins",
    ),
    pytest.param(
        Cable(loop="data pins"), {"far": False},
        {"none": 115_200, "rtscts": 115_200, "xonxoff": 115_200}, id="loopback-plug",
    ),
    pytest.param(
        Cable(fastest=38_400), {}, {"none": 38_400, "rtscts": 38_400, "xonxoff": 38_400}, id="slow"
    ),
]  # fmt: skip


@pytest.mark.parametrize(("cable", "how", "best"), FLOWS)
def test_each_flow_control_is_tried_with_a_receiver_that_says_halt(
    cable: Cable, how: dict, best: dict[str, int | None]
) -> None:
    seen = look(cable, **how)
    assert {flow: seen.best(flow) for flow in best} == best


def test_a_talk_at_a_slow_speed_does_not_move_blocks_at_it() -> None:
    seen = look(Cable(), speed=1200, far_speed=1200)
    assert {run.speed for run in seen.runs} == set(SPEEDS)
    assert judge(seen).kind == "good"


def test_without_flow_control_bytes_come_while_nobody_can_listen() -> None:
    (blind,) = [run for run in look(Cable()).runs if run.flow == "none" and run.halted]
    assert blind.out_late > 500
    assert blind.in_late > 500
    assert blind.out_right == blind.in_right == blind.length, "the modern ends lose nothing of it"


def test_a_sender_that_stops_has_nothing_late() -> None:
    runs = [run for run in look(Cable()).runs if run.flow != "none"]
    assert {(run.flow, run.speed) for run in runs} == {
        (flow, speed) for flow in ("rtscts", "xonxoff") for speed in SPEEDS
    }
    assert all(run.halted and not run.late for run in runs)


def test_the_table_says_which_speed_runs_with_what() -> None:
    runs = (
        SpeedRun(9600, "none", 2048, 2048, 2048),
        SpeedRun(9600, "none", 2048, 2048, 2048, halted=True, out_late=900, in_late=800),
        SpeedRun(9600, "rtscts", 0, 0, 2048, halted=True),
        SpeedRun(9600, "xonxoff", 2048, 2048, 2048, halted=True),
        SpeedRun(38_400, "none", 2000, 2048, 2048),
        SpeedRun(38_400, "xonxoff", 2048, 2048, 2048, halted=True, in_late=5),
    )
    assert table(Seen(speed=9600, runs=runs)) == [
        "   bit/s  --flow none       --flow rtscts     --flow xonxoff",
        "    9600  clean             nothing passes    clean",
        "   38400  loses bytes       -                 does not stop",
        "       -  not tried: it had failed at another speed, or cannot be seen here",
        "Without flow control 1700 bytes came while their receiver could take none: an old PC "
        "loses them.",
    ]


@pytest.mark.parametrize("speed", [9600, 115_200])
def test_a_halt_does_not_blame_a_sender_for_what_was_on_its_way(speed: int) -> None:
    halt = Halt(4608, speed)
    assert halt.step(1000, 0.0) is None
    assert halt.step(1200, 1.0) == "stop"
    assert halt.step(1800, 1.0 + 600 * 10 / speed) is None
    assert halt.step(1800, 1.0 + halt.lasts - 0.01) is None
    assert halt.late == 0
    assert halt.step(1801, 1.0 + halt.lasts) == "go"
    assert halt.late == 1


def test_ports_that_cannot_show_their_wires_are_not_called_three_wire() -> None:
    verdict = examine(Cable(), pins=False)
    assert verdict.kind == "pins-unknown"
    assert "could not be tested" in verdict.what
    assert "RTS/CTS was not tried" in "\n".join(table(look(Cable(), pins=False)))
    assert "--flow xonxoff --speed 115200" in verdict.remedy
