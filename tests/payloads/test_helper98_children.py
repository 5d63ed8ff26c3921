"""DEPLOY98 RUN on the simulated PC: batch files, DOS programs and Win32 programs, and what they do.

A 16-bit child of Windows 98 that blocks on a pipe never wakes up, and the simulated PC plays that.
"""

from __future__ import annotations

import subprocess
import time
from collections.abc import Callable
from pathlib import Path

import pytest

pytest.importorskip("unicorn")

from deployer.sim.console import QueuedConsole
from deployer.sim.disk import Disk
from deployer.sim.machine import Machine
from deployer.sim.win32 import Clock, RealClock, RunLimits, StepClock
from tests.payloads.targetdir import StagedFile, Target
from tests.sim.conftest import FLAGS, SOURCES

MOST_OUTPUT = 1 << 20
FILLS = b"@ECHO OFF\r\n:A\r\nECHO %s\r\nIF NOT EXIST STOP.TXT GOTO A\r\n" % (b"x" * 98)


class OldPC:
    """A simulated PC with the committed helper in C:\\DEPLOY, and a person before its screen."""

    def __init__(
        self, folder: Path, helper: bytes, files: list[StagedFile], run: str, clock: Clock
    ) -> None:
        self.target = Target(folder / "c" / "DEPLOY", self._runner, files, run)
        self.target.write("DEPLOY98.EXE", helper)
        self.stop_after = 0
        self.stop_at = 0.0
        self.seen = 0
        self.clock = clock
        self.console = QueuedConsole(self._look)
        self.machine = Machine(
            Disk(folder / "c"),
            console=self.console,
            wait=lambda seconds: None,
            clock=self.clock,
            limits=RunLimits(seconds=60.0),
        )
        self.machine.boot()

    def _look(self, line: str) -> None:
        """When enough lines of the program have been seen, the person stops it."""
        self.seen += line.startswith("x")
        late = self.stop_at and self.clock.ticks() > self.stop_at
        if late or (self.stop_after and self.seen == self.stop_after):
            (self.target.directory / "STOP.TXT").write_bytes(b"")

    def _runner(self, directory: Path, args: tuple[str, ...], _faults: object) -> int:
        self.machine.run_line("CD \\DEPLOY")
        self.machine.run_line(f"DEPLOY98 {' '.join(args)}")
        shell = self.machine._shell
        assert shell is not None
        return shell.errorlevel


Deliver = Callable[..., OldPC]


@pytest.fixture
def deliver(tmp_path: Path, root: Path) -> Deliver:
    """Bring files to a PC and run one: the PC afterwards."""
    helper = (root / "payloads" / "bin" / "DEPLOY98.EXE").read_bytes()

    def play(
        run: str,
        *files: StagedFile,
        stop_after: int = 0,
        seconds: float = 0.0,
        typed: str = "",
        free: int = 0,
    ) -> OldPC:
        clock = StepClock(time.time(), step=0.02) if seconds or typed else RealClock()
        pc = OldPC(tmp_path, helper, list(files), run, clock)
        pc.stop_after = stop_after
        pc.target.put_parts()
        assert (pc.target.check(), pc.target.join()) == (0, 0)
        pc.stop_at = pc.clock.ticks() + seconds if seconds else 0.0
        pc.console.type([typed] if typed else [])
        if free:
            pc.machine.disk.leave_free(free)
        pc.target.helper("RUN", "D7F3A21C.MAN")
        assert pc.console.typed == bool(typed), "nobody has asked the keyboard"
        assert not pc.target.exists("OUTPUT.TMP")
        return pc

    return play


@pytest.fixture(scope="session")
def child(mingw: str, tmp_path_factory: pytest.TempPathFactory) -> bytes:
    """tests/sim/programs/child.c as a Win32 program."""
    target = tmp_path_factory.mktemp("child") / "child.exe"
    words = [mingw, *FLAGS, str(SOURCES / "child.c"), "-o", str(target), "-lkernel32"]
    subprocess.run(words, check=True, timeout=60)
    return target.read_bytes()


def ended(pc: OldPC) -> tuple[str, str, bytes]:
    """The exit codes of the helper and of the program, and the program's output."""
    told = pc.target.result()
    return told["exit"][0], told["run_exit"][0], pc.target.read("OUTPUT.TXT")


@pytest.mark.parametrize("run", ["HELLO.BAT you", "hello.bat you", "HELLO you"])
def test_a_batch_file_is_run_and_its_exit_code_is_0(deliver: Deliver, run: str) -> None:
    hello = StagedFile("HELLO.BAT", b"@ECHO OFF\r\nECHO hello %1\r\nDEPLOY98 SELF >NUL\r\n")
    assert ended(deliver(run, hello)) == ("0", "0", b"hello you\r\n")


def test_command_com_by_its_name(deliver: Deliver) -> None:
    hello = StagedFile("HELLO.BAT", b"@ECHO OFF\r\nECHO hello %1\r\n")
    assert ended(deliver("COMMAND.COM /C HELLO.BAT x", hello)) == ("0", "0", b"hello x\r\n")


def test_a_batch_file_starts_programs_and_their_output_comes(
    deliver: Deliver, child: bytes
) -> None:
    both = [StagedFile("BOTH.BAT", b'@ECHO OFF\r\nCHILD x\r\nFIND "b" AB.TXT\r\n'),
            StagedFile("CHILD.EXE", child), StagedFile("AB.TXT", b"a\r\nb\r\n")]  # fmt: skip
    exit_, _code, output = ended(deliver("BOTH.BAT", *both))
    assert (exit_, output) == ("0", b"word word word \r\n---------- AB.TXT\r\nb\r\n")


def test_a_batch_file_that_asks_for_input_gets_none(deliver: Deliver) -> None:
    asks = StagedFile("ASKS.BAT", b"@ECHO OFF\r\nSORT\r\nPAUSE\r\nECHO went on\r\n")
    exit_, _code, output = ended(deliver("ASKS.BAT", asks))
    assert exit_ == "0"
    assert output.endswith(b"went on\r\n")


def test_what_a_dos_program_is_told_by_the_simulated_pc(deliver: Deliver) -> None:
    exit_, code, output = ended(deliver("HI.COM", StagedFile("HI.COM", b"\xb4\x4c\xcd\x21")))
    assert (exit_, code) == ("6", "255")
    assert output == b"The simulated PC cannot play DOS programs: HI.COM.\r\n"


@pytest.mark.parametrize("lines", [500, 10_600])
def test_16_bit_output_without_end_is_seen_while_it_comes(deliver: Deliver, lines: int) -> None:
    pc = deliver("FILLS.BAT", StagedFile("FILLS.BAT", FILLS), stop_after=lines)
    exit_, code, output = ended(pc)
    assert (exit_, code) == ("0", "0")
    assert pc.seen >= lines, "all of it is on the screen"
    assert len(output) == min(pc.seen * 100, MOST_OUTPUT)
    assert pc.target.result()["output"] == ["whole" if pc.seen * 100 <= MOST_OUTPUT else "cut"]


@pytest.mark.parametrize("lines", [500, 10_600])
def test_32_bit_output_without_end_is_seen_while_it_comes(
    deliver: Deliver, child: bytes, lines: int
) -> None:
    pc = deliver("CHILD.EXE fill", StagedFile("CHILD.EXE", child), stop_after=lines)
    exit_, code, output = ended(pc)
    assert (exit_, code) == ("6", "3")
    assert pc.seen >= lines
    assert len(output) == min(pc.seen * 100, MOST_OUTPUT)


def test_a_program_that_is_not_there(deliver: Deliver) -> None:
    pc = deliver("NOTHERE /X", StagedFile("A.TXT", b"a"))
    told = pc.target.result()
    assert (told["exit"], told.get("run_exit")) == (["6"], None)
    assert told["reason"] == ["could not be started: NOTHERE /X"]


def alive(pc: OldPC) -> bool:
    """Whether the PC still does what is typed."""
    pc.machine.run_line("ECHO I am here>ALIVE.TXT")
    return pc.target.read("ALIVE.TXT") == b"I am here\r\n"


@pytest.mark.parametrize(
    ("run", "code"), [("CHILD.EXE fill", ("6", "3")), ("FILLS.BAT", ("0", "0"))]
)
def test_a_minute_of_output_without_end(
    deliver: Deliver, child: bytes, run: str, code: tuple[str, str]
) -> None:
    """A minute by the clock of the PC; then the person ends it."""
    both = StagedFile("CHILD.EXE", child), StagedFile("FILLS.BAT", FILLS)
    pc = deliver(run, *both, seconds=60.0)
    told = pc.target.result()
    assert (told["exit"][0], told["run_exit"][0]) == code
    assert float(told["run_seconds"][0]) >= 60
    assert pc.target.read("OUTPUT.TXT") == (b"x" * 98 + b"\r\n") * pc.seen
    assert alive(pc)


def test_a_minute_without_a_look_at_the_keyboard(deliver: Deliver, child: bytes) -> None:
    """What was typed meanwhile is for the prompt, which comes after it."""
    pc = deliver("CHILD.EXE deaf", StagedFile("CHILD.EXE", child), typed="ECHO typed early")
    assert ended(pc) == ("6", "7", b"a minute\r\n")
    assert float(pc.target.result()["run_seconds"][0]) >= 60
    assert alive(pc)


def test_a_minute_without_a_look_at_the_keyboard_in_a_batch_file(deliver: Deliver) -> None:
    """It has no keyboard that it could block on: PAUSE and SORT find the end of it."""
    lines = [b"@ECHO OFF", *[b"PAUSE >NUL", b"SORT >NUL"] * 30, b"ECHO went on", b""]
    pc = deliver("ASKS.BAT", StagedFile("ASKS.BAT", b"\r\n".join(lines)), typed="ECHO early")
    assert ended(pc) == ("0", "0", b"went on\r\n")
    assert alive(pc)


def test_16_bit_output_that_fills_the_disk_leaves_room_for_the_report(deliver: Deliver) -> None:
    """What it prints lies in a file as long as it runs, and nothing may stop it."""
    lines = b"@ECHO OFF\r\n" + (b"ECHO " + b"x" * 98 + b"\r\n") * 3000
    pc = deliver("LONG.BAT", StagedFile("LONG.BAT", lines), free=150_000)
    exit_, _code, output = ended(pc)
    assert exit_ == "0"
    assert 0 < len(output) < 3000 * 100
    assert alive(pc)
