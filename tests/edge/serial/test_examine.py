"""`serial test` between two terminals of Linux: their XON/XOFF is the kernel's own.

Terminals have no handshake wires; those are simulated in `tests/core/serial/test_linetest.py`.
"""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Iterator

import pytest

from deployer.__main__ import run
from deployer.core.serial.linetest import LineVerdict, Seen
from deployer.edge.serial.port import Flow
from deployer.host import serial
from deployer.host.serial import SerialJob
from tests.serialwire import Direction, Wire

RATE = 11_520.0


@contextlib.contextmanager
def answering(port: str) -> Iterator[None]:
    """`serial test PORT --answer` at the other end."""
    stop = threading.Event()
    job = SerialJob(port, flow=Flow.NONE, cancelled=stop.is_set)
    thread = threading.Thread(target=serial.answer, args=(job,), daemon=True)
    thread.start()
    try:
        yield
    finally:
        stop.set()
        thread.join(20)


def examine(cable: Wire) -> tuple[Seen, LineVerdict]:
    with cable, answering(cable.b):
        return serial.examine(SerialJob(cable.a, flow=Flow.NONE), speeds=(115_200,))


def paced(*, xoff: bool) -> Wire:
    return Wire(Direction(rate=RATE), Direction(rate=RATE), xoff=xoff)


@pytest.fixture(scope="module")
def good() -> tuple[Seen, LineVerdict]:
    return examine(paced(xoff=True))


def test_a_halt_is_obeyed_with_xonxoff(good: tuple[Seen, LineVerdict]) -> None:
    (halted,) = [one for one in good[0].runs if one.flow == "xonxoff"]
    assert halted.clean
    assert halted.halted


def test_without_flow_control_it_is_not(good: tuple[Seen, LineVerdict]) -> None:
    (blind,) = [one for one in good[0].runs if one.flow == "none" and one.halted]
    assert blind.out_late > 0
    assert blind.in_late > 0


def test_what_cannot_be_seen_is_said_and_what_works_is_advised(
    good: tuple[Seen, LineVerdict],
) -> None:
    seen, verdict = good
    assert verdict.kind == "pins-unknown"
    assert verdict.remedy.startswith("Use --flow xonxoff --speed 115200")
    assert "RTS/CTS was not tried: one of the ports does not show its handshake wires" in "\n".join(
        serial.table(seen)
    )


def test_a_port_that_does_not_stop_is_found() -> None:
    seen, verdict = examine(paced(xoff=False))
    assert seen.best("none") == 115_200
    assert seen.best("xonxoff") == 0
    assert "--flow xonxoff --speed" not in verdict.remedy


def test_nobody_there_is_told_in_two_sentences(capsys: pytest.CaptureFixture[str]) -> None:
    with Wire() as cable:
        code = run(["serial", "test", cable.a])
    said = capsys.readouterr()
    assert code == 4
    assert said.out == ""
    assert f"{cable.a}: no-answer: Nothing comes back, and this kind of port" in said.err
    assert "--answer" in said.err
