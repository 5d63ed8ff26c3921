"""16-bit children of Win32 programs: batch files run, DOS programs are not played, pipes kill."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path

import pytest

from deployer.sim.cable import Hang
from deployer.sim.disk import Disk, PowerOff
from deployer.sim.faults import Fault
from deployer.sim.machine import Machine
from deployer.sim.win32 import RunLimits

Build = Callable[..., bytes]


@pytest.fixture
def pc(tmp_path: Path, build: Build) -> Machine:
    """A PC with PARENT.EXE, which gives its children a pipe."""
    (tmp_path / "c").mkdir()
    machine = Machine(
        Disk(tmp_path / "c", capacity=8 << 20),
        wait=lambda seconds: None,
        limits=RunLimits(seconds=3.0),
    )
    machine.boot()
    machine.disk.write_bytes("C:\\PARENT.EXE", build("parent"))
    machine.run_line("CD \\")
    return machine


def batch(pc: Machine, *lines: str) -> None:
    pc.disk.write_bytes("C:\\T.BAT", "".join(f"{line}\r\n" for line in lines).encode())


def shown(pc: Machine, line: str) -> str:
    before = pc.console.shown
    pc.run_line(line)
    pc.console.end_line()
    return "\n".join(pc.console.since(before))


def test_a_batch_file_is_run_by_command_com_and_its_code_is_always_0(pc: Machine) -> None:
    batch(pc, "@ECHO OFF", "ECHO hello %1", "PARENT NOTHING", "IF ERRORLEVEL 2 ECHO two")
    said = shown(pc, "PARENT COMMAND.COM /C T.BAT there")
    assert "hello there" in said.replace("[", "").replace("]", "")
    assert "code=0" in said


def test_windows_programs_of_16_bits_are_children_too(pc: Machine) -> None:
    batch(pc, "one", "two")
    said = shown(pc, 'PARENT FIND "two" T.BAT')
    assert "---------- T.BAT" in said
    assert "code=0" in said


def test_what_it_cannot_play_it_says(pc: Machine) -> None:
    pc.disk.write_bytes("C:\\HI.COM", b"\xb4\x09\xcd\x21\xc3")
    said = shown(pc, "PARENT HI.COM")
    assert "The simulated PC cannot play DOS programs: HI.COM." in said
    assert "code=255" in said


def test_one_that_fills_a_pipe_never_wakes_up(pc: Machine) -> None:
    batch(pc, "@ECHO OFF", *["ECHO " + "y" * 100] * 300)
    before = pc.console.shown
    with pytest.raises(Hang, match="ran longer than 3 seconds"):
        pc.run_line("PARENT COMMAND.COM /C T.BAT")
    pc.console.end_line()
    assert 40 <= "".join(pc.console.since(before)).count("y") // 100 < 300


def test_it_takes_turns_with_its_parent(pc: Machine, build: Build) -> None:
    batch(pc, "@ECHO OFF", ":A", "ECHO>C:\\ALIVE.TXT", "GOTO A")
    began = time.monotonic()
    with pytest.raises(Hang, match="ran longer than 3 seconds"):
        pc.run_line("PARENT COMMAND.COM /C T.BAT")
    assert time.monotonic() - began < 20
    pc.boot()
    assert pc.disk.exists("C:\\ALIVE.TXT")
    pc.disk.delete("C:\\ALIVE.TXT")  # nothing holds it any more


def test_the_power_fails_in_it_as_anywhere(pc: Machine) -> None:
    batch(pc, "@ECHO OFF", "ECHO one", "ECHO two", "ECHO three")
    pc.harm([Fault("off", 5)])
    with pytest.raises(PowerOff):
        pc.run_line("PARENT COMMAND.COM /C T.BAT")
