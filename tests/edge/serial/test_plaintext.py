"""Plain text over a line, both ways, as a machine controller has it."""

from __future__ import annotations

import os
import termios
import threading
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from deployer.__main__ import run
from deployer.edge.serial import port
from deployer.edge.serial.port import Flow, Frame, Parity, SerialLine
from deployer.errors import LineNoisy, LineSilent, WrongUse
from deployer.host import serial
from deployer.host.serial import SerialJob
from tests.serialwire import Direction, Wire

PROGRAM = b"%\r\nO1000\r\nG90 G21\r\nM30\r\n%\r\n"
SEVEN = Frame(7, Parity.EVEN, 2)


def job(port: str, **options: object) -> SerialJob:
    return replace(
        SerialJob(port, flow=Flow.XONXOFF, frame=SEVEN, contact=60.0, patience=60.0),
        **options,  # type: ignore[arg-type]
    )


def once(work: Callable[[], object]) -> Callable[[], bool]:
    """What a job asks in each turn: the port is open when it asks first."""
    left = [work]

    def asked() -> bool:
        if left:
            left.pop()()
        return False

    return asked


def beside(work: Callable[[], object]) -> threading.Thread:
    thread = threading.Thread(target=work, daemon=True)
    thread.start()
    return thread


def test_a_program_goes_over_the_line_and_comes_back_the_same(tmp_path: Path) -> None:
    source = tmp_path / "PROG.NC"
    source.write_bytes(PROGRAM)
    with Wire() as cable:
        got: list[serial.ReceivedFile] = []
        ready = threading.Event()
        there = job(cable.b, cancelled=once(ready.set))
        take = beside(
            lambda: got.append(
                serial.receive_text(there, tmp_path / "out", name="BACK.NC", overwrite=False)
            )
        )
        assert ready.wait(30)
        assert serial.send_text(job(cable.a), source) == len(PROGRAM)
        take.join(30)
    assert (tmp_path / "out" / "BACK.NC").read_bytes() == PROGRAM
    assert [(file.path.name, file.length) for file in got] == [("BACK.NC", len(PROGRAM))]
    assert [path.name for path in (tmp_path / "out").iterdir()] == ["BACK.NC"]


def test_what_a_controller_has_stopped_waits_for_it(tmp_path: Path) -> None:
    source = tmp_path / "LONG.NC"
    source.write_bytes(b"G1 X1 Y1\n" * 3000)
    with (
        Wire(Direction(rate=40_000), xoff=True) as cable,
        SerialLine(cable.b, flow=Flow.NONE) as there,
    ):
        done: list[int] = []
        give = beside(lambda: done.append(serial.send_text(job(cable.a), source)))
        rest = there.read(30.0)
        there.write(b"\x13")
        while more := there.read(0.5):
            rest += more
        assert not done, "nothing is called sent while the controller has the rest to come"
        there.write(b"\x11")
        while not rest.endswith(b"%\r\n"):
            rest += there.read(30.0)
        give.join(30)
    assert rest == b"%\r\n" + b"G1 X1 Y1\r\n" * 3000 + b"%\r\n"
    assert done == [len(rest)]


def test_a_text_without_its_end_is_kept_beside_and_named(tmp_path: Path) -> None:
    with Wire() as cable, SerialLine(cable.a, flow=Flow.NONE) as there:
        here = job(cable.b, patience=0.5, cancelled=once(lambda: there.write(PROGRAM[:-3])))
        with pytest.raises(LineSilent, match=r"without its closing %, after 24 bytes"):
            serial.receive_text(here, tmp_path, name="X.NC", overwrite=False)
    assert [path.name for path in tmp_path.iterdir()] == ["X.NC.x.part"]
    assert (tmp_path / "X.NC.x.part").read_bytes() == PROGRAM[:-3]


def test_a_damaged_character_is_an_error_and_no_file(tmp_path: Path) -> None:
    with Wire() as cable, SerialLine(cable.a, flow=Flow.NONE) as there:
        damaged = b"%\r\nG0\xff\0X\r\n%\r\n"
        here = job(cable.b, cancelled=once(lambda: there.write(damaged)))
        with pytest.raises(LineNoisy, match="parity"):
            serial.receive_text(here, tmp_path, name="X.NC", overwrite=False)
    assert not (tmp_path / "X.NC").exists()


@pytest.mark.parametrize("frame", [SEVEN, Frame(7, Parity.ODD, 1), Frame(8, Parity.EVEN, 1)])
def test_the_port_is_set_to_the_frame_that_was_asked_for(
    frame: Frame, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[int] = []
    real = termios.tcsetattr

    def note(fd: int, when: int, attributes: list[object]) -> None:
        asked.append(attributes[2])  # type: ignore[arg-type]
        real(fd, when, attributes)  # type: ignore[arg-type]

    monkeypatch.setattr(termios, "tcsetattr", note)
    monkeypatch.setattr(port, "_is_pseudo", lambda _port: False)
    with Wire() as cable, SerialLine(cable.a, frame=frame):
        flags = asked[-1]
    assert flags & termios.CSIZE == (termios.CS7 if frame.bits == 7 else termios.CS8)
    assert bool(flags & termios.PARENB)
    assert bool(flags & termios.PARODD) == (frame.parity is Parity.ODD)
    assert bool(flags & termios.CSTOPB) == (frame.stop == 2)


@pytest.mark.parametrize("parity", ["even", "E", "e"])
def test_the_command_says_only_what_it_knows(
    parity: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    source = tmp_path / "prog.nc"
    source.write_bytes(PROGRAM)
    with Wire() as cable:
        frame = ["--bits", "7", "--parity", parity, "--stop", "2", "--flow", "xonxoff"]
        words = ["serial", "send", cable.a, os.fspath(source), "--protocol", "text", *frame]
        assert run(words) == 0
    told = capsys.readouterr().out
    assert "the line took all 27 bytes" in told
    assert "confirmed" not in told


def test_blocks_need_eight_bits(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    source = tmp_path / "A.BIN"
    source.write_bytes(b"x")
    assert run(["serial", "send", "/dev/ttyS9", os.fspath(source), "--bits", "7"]) == 1
    assert "--protocol text" in capsys.readouterr().err


def test_a_file_that_seven_bits_cannot_carry_is_refused_before_the_port_is_opened(
    tmp_path: Path,
) -> None:
    source = tmp_path / "A.NC"
    source.write_bytes("(Stück)\n".encode("cp1252"))
    with pytest.raises(WrongUse, match="line 1 holds a byte that 7 bits cannot carry"):
        serial.send_text(job("/dev/nowhere"), source)
