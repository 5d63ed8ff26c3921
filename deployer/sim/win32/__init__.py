"""Runs Win32 programs as Windows 98 on a Pentium II would, without Windows.

A library of its own: give it the bytes of an .EXE and a `Disk`, get its exit code.

    from deployer.sim.disk import Disk
    from deployer.sim.win32 import run_program

    status = run_program(exe, args="-n 5", disk=Disk(folder), console_out=sys.stdout.buffer.write)

The processor is unicorn's (cpuid of a Pentium II; SSE is an invalid instruction); KERNEL32 is
written in Python, `TABLE` lists what it has; `session.py` has windows, sockets and the registry.
It is strict where Windows 98 is: a call that 98 lacks does not link, *W functions fail, code pages
are read-only, stack and memory run out, programs for newer systems do not start.
Children (CreateProcessA) are taken from the disk and run by turns with their parent; those of 16
bits are played by whoever calls `run_program`, if at all.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

from deployer.sim.cable import Link
from deployer.sim.disk import Disk
from deployer.sim.win32.api import EVERYTHING, TABLE
from deployer.sim.win32.clock import Clock, RealClock, StepClock
from deployer.sim.win32.dos import DosCall, PlayDos
from deployer.sim.win32.ending import Ending, ExitStatus, LimitReached, RunLimits
from deployer.sim.win32.engine import CPU_MODELS
from deployer.sim.win32.loader import NotStarted, load
from deployer.sim.win32.memory import CommitLimit
from deployer.sim.win32.objects import (
    ConsoleInput,
    ConsoleOutput,
    Handles,
    Input,
    Output,
    StreamObject,
)
from deployer.sim.win32.process import Process, encode
from deployer.sim.win32.schedule import run
from deployer.sim.win32.system import System
from deployer.sim.windows import ENVIRONMENT

__all__ = [
    "CPU_MODELS",
    "TABLE",
    "Clock",
    "DosCall",
    "Ending",
    "ExitStatus",
    "RealClock",
    "RunLimits",
    "StepClock",
    "run_program",
]


def _nobody() -> bytes:
    return b""


def _never() -> bool:
    return False


def _command_line(path: str, args: str | bytes) -> bytes:
    tail = args if isinstance(args, bytes) else encode(args)
    return encode(path) + b" " + tail if tail else encode(path)


def run_program(
    exe: bytes,
    *,
    disk: Disk,
    args: str | bytes = "",
    path: str = "C:\\PROGRAM.EXE",
    cwd: str = "C:\\",
    console_out: Output,
    console_in: Input = _nobody,
    stdout: Output | None = None,
    stdin: Callable[[int], bytes] | None = None,
    clock: Clock | None = None,
    ram: int = 128 << 20,
    swap: int = 0,
    cpu_model: str = "pentium2",
    mhz: int = 350,
    environment: Mapping[str, str] | None = None,
    limits: RunLimits | None = None,
    cancelled: Callable[[], bool] = _never,
    dos: PlayDos | None = None,
    deletes_open: bool = True,
    link: Link | None = None,
    drives: Mapping[str, Disk] | None = None,
) -> ExitStatus:
    """Run a program to its end and tell how it ended; nothing but `PowerOff` is raised for it.

    `args` is the command's tail (text or ANSI bytes), `path` the program's place on the disk.
    `console_out` gets what the screen shows, `console_in` answers one typed line (with its line
    end; b"" is end of file). `stdout` and `stdin` (asked for up to n bytes) stand for redirection
    by the shell. `ram` + `swap` bytes can be committed by all processes together. `clock` is the
    target's; the default is the real one. `dos` plays the 16-bit programs that it starts. With
    `deletes_open` files that are open can be deleted (facts F9). `link` is its network, if any, and
    `drives` are those beside C:.
    """
    clock = clock or RealClock()
    limits = limits or RunLimits()
    system = System(
        disk=disk, clock=clock, budget=CommitLimit(ram + swap), ram=ram, console_out=console_out,
        console_in=console_in, limits=limits, cpu_model=cpu_model, mhz=mhz,
        environment=environment or ENVIRONMENT, cancelled=cancelled, dos=dos,
        deletes_open=deletes_open, link=link, drives=drives or {},
    )  # fmt: skip
    handles = Handles()
    screen = ConsoleOutput(system.write_console)
    std = (
        handles.add(StreamObject(read=stdin) if stdin else ConsoleInput(console_in), inherit=True),
        handles.add(StreamObject(write=stdout) if stdout else screen, inherit=True),
        handles.add(ConsoleOutput(system.write_console), inherit=True),
    )
    try:
        main = Process(
            system, load(exe, path.rpartition("\\")[2].upper()), EVERYTHING, path=path,
            command_line=_command_line(path, args), cwd=cwd,
            environment=system.environment, handles=handles, std=std,
        )  # fmt: skip
        return run(system, main)
    except NotStarted as error:
        return ExitStatus(error.code, Ending.NOT_STARTED, str(error))
    except LimitReached as error:
        return ExitStatus(0, Ending.LIMIT, str(error))
    finally:
        for process in system.processes:
            process.end(ExitStatus(0, Ending.LIMIT, "its parent has ended"))
