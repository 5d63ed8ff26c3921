"""The simulated PC: disk, COMMAND.COM, FTP.EXE, an emulated Pentium II, console, cable.

    machine = Machine(Disk(folder), routes={"192.168.1.1": ("127.0.0.1", 40021)}, on_line=print)
    machine.boot()
    machine.run_line("GO")          # typed at the prompt; returns when the prompt is back

`run_line` raises `PowerOff` when a fault cuts the power, and `Hang` when the PC waits for ever;
then only `boot()` helps, which is what a user does. The typist (`typist.py`) plays that user.
"""

from __future__ import annotations

import hashlib
import time
from collections.abc import Callable, Collection, Iterable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field

from deployer.sim import windows
from deployer.sim.cable import Hang, Link
from deployer.sim.commandcom.dialect import WIN98, Dialect, End, NotModelled, ShellHang
from deployer.sim.commandcom.nested import command
from deployer.sim.commandcom.program import CommandCom
from deployer.sim.commandcom.shell import Shell
from deployer.sim.commandcom.streams import ChildStream, Stream
from deployer.sim.console import QueuedConsole
from deployer.sim.disk import Code, Disk, DiskError, PowerOff
from deployer.sim.disk.removable import RemovableDisk
from deployer.sim.faults import Fault, FaultyCable, PowerSwitch
from deployer.sim.ftpexe import FtpExe
from deployer.sim.programs import PROGRAMS, SMALL, Call, ExternalProgram
from deployer.sim.win32 import Clock, DosCall, Ending, RealClock, RunLimits, run_program
from deployer.sim.win32.desktop import Desktop, SessionEnd
from deployer.sim.win32.dos import StandsStill
from deployer.sim.win32.ending import LimitReached
from deployer.sim.win32.loader import has_window_only, kind_of_16_bit
from deployer.sim.win32.memory import CommitLimit
from deployer.sim.win32.registry import RUN, Registry
from deployer.sim.win32.session import WindowsSession
from deployer.sim.win32.system import System

FTP = "C:\\WINDOWS\\FTP.EXE"
MAX_PROGRAM = 64 << 20
_LARGEST_SMALL = 100
INSTALLED = (FTP, *windows.OF_THE_SHELL, *PROGRAMS)
"""The played programs that a fresh disk has, by their paths."""
ENVIRONMENT_SIZE = 256  # facts B22


def _wait(seconds: float) -> None:
    """Pauses of batch files, ten times as fast: nobody sits before this PC."""
    time.sleep(min(seconds / 10, 2.0))


def _never() -> bool:
    return False


@dataclass(frozen=True, slots=True)
class Hardware:
    """What the PC is: memory in bytes, processor model and its clock in MHz."""

    ram: int = 128 << 20
    cpu_model: str = "pentium2"
    mhz: int = 350


@dataclass(frozen=True, slots=True)
class Start:
    """One start of a program by the shell: its file, its command tail, its streams.

    `stdin` reads up to n bytes, `stdout` takes bytes; None: keyboard, screen.
    """

    path: str
    tail: str
    cwd: str
    environment: Mapping[str, str]
    stdin: Callable[[int], bytes] | None = None
    stdout: Callable[[bytes], None] | None = None


@dataclass(frozen=True, slots=True)
class _Stuck:
    """A COMMAND.COM that stands still in a window: why, and when somebody presses the reset key."""

    call: DosCall
    why: str
    until: float


@dataclass(slots=True)
class Machine:
    """One simulated PC. Not thread-safe.

    A COMMAND.COM that stands still, started by a Windows program that waits for it, is looked at
    for `patience` seconds; then the PC is switched off and on, which is what a `Hang` is.
    `without` names played programs that this PC lacks, such as `FIND.EXE`; ValueError when there is
    no such program. `drives` are those beside C:, by letter; programs for Windows open, delete and
    measure there, and cannot make a folder or search there.
    """

    disk: Disk
    console: QueuedConsole = field(default_factory=QueuedConsole)
    link: Link = field(default_factory=Link)
    hardware: Hardware = field(default_factory=Hardware)
    clock: Clock = field(default_factory=RealClock)
    wait: Callable[[float], None] = _wait
    ping: Callable[[str], bool] | None = None
    limits: RunLimits = field(default_factory=lambda: RunLimits(seconds=3600.0, output=64 << 20))
    cancelled: Callable[[], bool] = _never
    obey_binary: bool = True
    without: Collection[str] = ()
    patience: float = 2.0
    dialect: Dialect = WIN98
    drives: Mapping[str, RemovableDisk] = field(default_factory=dict)
    happened: list[Fault] = field(default_factory=list)
    _faults: tuple[Fault, ...] = ()
    _booted: bool = False
    _shell: CommandCom | None = None
    _lines: int = 0
    _running: bool = False
    _session: WindowsSession | None = None
    _stuck: _Stuck | None = None

    def __post_init__(self) -> None:
        known = [path.rpartition("\\")[2] for path in INSTALLED]
        for name in self.without:
            if name not in known:
                raise ValueError(f"there is no program {name!r}; there are {', '.join(known)}")

    def harm(self, faults: Iterable[Fault]) -> None:
        """Prepare faults; bytes and steps are counted from the first `boot` on."""
        self._faults = (*self._faults, *faults)

    def boot(self) -> None:
        """Switch on: the disk is there again, old connections are not, a new shell starts.

        What the registry's Run key names is started; `live` lets it run.
        """
        self._stop()
        self._stuck = None
        if self._booted:
            self.disk.power_on()
            self.link.reset_all()
        else:
            windows.install(self.disk, INSTALLED, self.without)
            self._apply(self._faults)
        self._booted = True
        self._shell = CommandCom(
            {"C": self.disk, **self.drives}, self.console, run_file=self._run_file,
            environment=windows.ENVIRONMENT, env_bytes=ENVIRONMENT_SIZE, dialect=self.dialect,
            permanent=True,
            step=self._before_line,
            clock=self.clock.now, sleep=self.wait,
        )  # fmt: skip
        self._shell.dos.chdir(windows.START)
        self.console.write(windows.BANNER)
        self._shell.execute("")
        self._session = WindowsSession(self._system())
        for line in Registry(self.disk).key(RUN).values():
            self._session.start(line)

    def _system(self) -> System:
        return System(
            disk=self.disk, clock=self.clock, budget=CommitLimit(self.hardware.ram),
            ram=self.hardware.ram, console_out=self.console.put, console_in=self.console.read_line,
            limits=self.limits, cpu_model=self.hardware.cpu_model, mhz=self.hardware.mhz,
            environment=windows.ENVIRONMENT, cancelled=self._is_over, dos=self._dos,
            desktop=Desktop(), link=self.link, deletes_open=self.dialect.deletes_open,
            drives=self.drives,
        )  # fmt: skip

    def _stop(self) -> None:
        if self._session is not None:
            self._session.end()
            self._session = None

    @property
    def session(self) -> WindowsSession:
        """The programs with windows. RuntimeError when the machine is not switched on."""
        if self._session is None:
            raise RuntimeError("the machine is not switched on")
        return self._session

    def live(self, until: Callable[[], bool] = _never) -> SessionEnd | None:
        """Let the programs with windows run until Windows ends (how) or `until` says so (None).

        They stand still while something typed is carried out. A restart is not made here: `boot`
        does that. Raises as `run_line` does.
        """
        try:
            return self.session.run(until)
        except LimitReached as reached:
            raise Hang(self._why() or f"Windows: {reached}") from reached

    def _apply(self, faults: Iterable[Fault]) -> None:
        faults = tuple(faults)
        for fault in faults:
            if fault.kind == "full":
                self.disk.leave_free(fault.at or 0)
            elif fault.kind == "ascii":
                self.obey_binary = False
        if faults:
            self.link.cable = FaultyCable(faults, self._notice)
            self.disk.on_step = PowerSwitch(faults, self._notice)

    def _notice(self, fault: Fault) -> None:
        self.happened.append(fault)

    def note(self, text: str) -> None:
        """Say something that is not on the PC's own screen."""
        self.console.end_line()
        self.console.write(f"*** {text}\r\n")

    def run_line(self, line: str) -> End:
        """Carry out a line typed at the prompt, and all that follows from it."""
        if self._shell is None:
            raise RuntimeError("the machine is not switched on")
        self._running = True
        try:
            return self._shell.execute(line)
        except (ShellHang, NotModelled) as hang:
            raise Hang(f"COMMAND.COM stands still: {hang}") from hang
        finally:
            self._running = False

    def prompt(self) -> End:
        """Read the next typed line at the prompt and carry it out."""
        return self.run_line(self.console.readline())

    def power_off(self) -> None:
        """Pull the plug."""
        self.disk.power_off()
        self._stop()
        self._shell = None

    def _before_line(self, _line: str) -> None:
        if self.cancelled():
            raise Hang("cancelled")
        if not self._running:
            return
        self._lines += 1
        fault = next((f for f in self._faults if f.kind == "off" and f.at == self._lines), None)
        if fault is not None:
            self._notice(fault)
            self.power_off()
            raise PowerOff

    def _run_file(self, path: str, tail: str, shell: Shell) -> int:
        """What COMMAND.COM calls for a program; one that cannot start leaves ERRORLEVEL alone."""
        screen = shell.dos.console
        strings = (text.partition("=") for text in shell.environment.strings())
        code = self.start(
            Start(
                path=path, tail=tail, cwd=shell.dos.directories["C"],
                environment={name: value for name, _, value in strings},
                stdin=None if shell.stdin is screen else shell.stdin.read,
                stdout=None if shell.stdout is screen else _sink(shell.stdout),
            )
        )  # fmt: skip
        return shell.errorlevel if code is None else code

    def start(self, call: Start) -> int | None:
        """Run a program's file; its exit code, None when Windows would not start it."""
        name = windows.played(self.disk, call.path)
        out = _careless(call.stdout) if call.stdout else self.console.put
        if name == "FTP.EXE":
            return self._ftp(call, out)
        for path, program in PROGRAMS.items():
            if name == path.rpartition("\\")[2]:
                return program(self._call(call, out))
        return self._win32(call)

    def _ftp(self, call: Start, out: Callable[[bytes], None]) -> int:
        def keyboard(echo: bool) -> bytes:
            if call.stdin is not None:
                return call.stdin(256)
            return self.console.read_line(echo=echo)

        ftp = FtpExe(
            self.disk, self.link, out=out, keyboard=keyboard, ticks=self.clock.ticks,
            obey_binary=self.obey_binary, dialect=self.dialect,
        )  # fmt: skip
        return ftp.run(call.tail, call.cwd)

    def _call(self, call: Start, out: Callable[[bytes], None]) -> Call:
        return Call(
            tail=call.tail, disk=self.disk, cwd=call.cwd, stdout=out, stdin=call.stdin,
            keyboard=self.console.read_line, wait=self.wait, ping=self.ping or self._reaches(),
            memory=self.hardware.ram, screen=self.console.put,
        )  # fmt: skip

    def _reaches(self) -> Callable[[str], bool] | None:
        """Whether a number answers: its host does, where it has one."""
        routes = self.link.routes
        return routes.__contains__ if routes else None

    def _win32(self, call: Start) -> int | None:
        if self.disk.stat(call.path).size > MAX_PROGRAM:
            self.console.put(b"Program too big to fit in memory\r\n")
            return None
        program = self.disk.read_bytes(call.path)
        if small := _small(program):
            out = _careless(call.stdout) if call.stdout else self.console.put
            return small(self._call(call, out))
        if unplayed := _unplayed(program, call.path):
            (call.stdout or self.console.put)(unplayed)
            return None
        if has_window_only(program):  # facts B10: the shell does not wait
            command = f"{call.path} {call.tail.strip()}".rstrip()
            if self.session.start(command, call.cwd) is None:
                self.console.write(f"{self.session.said[-1]}\r\n")
                return None
            return 0
        status = run_program(
            program, disk=self.disk, args=call.tail.strip(),
            path=call.path, cwd=call.cwd, console_out=self.console.put,
            console_in=self.console.read_line, stdout=call.stdout, stdin=call.stdin,
            clock=self.clock, ram=self.hardware.ram, cpu_model=self.hardware.cpu_model,
            mhz=self.hardware.mhz, environment=call.environment, limits=self.limits,
            cancelled=self._is_over, dos=self._dos, deletes_open=self.dialect.deletes_open,
            link=self.link, drives=self.drives,
        )  # fmt: skip
        if status.ending is Ending.LIMIT:
            raise Hang(self._why() or f"{call.path}: {status.reason}")
        if status.reason:
            self.console.put(status.reason.encode("cp437", "replace") + b"\r\n")
        return None if status.ending is Ending.NOT_STARTED else status.code

    def _dos(self, call: DosCall) -> int:
        """What a Win32 program gets that starts a 16-bit one: its exit code."""
        name = windows.played(self.disk, call.path)
        if name == "COMMAND.COM":
            return self._command(call)
        if name is not None:
            code = self.start(
                Start(
                    call.path, call.tail, call.cwd, call.environment, call.read, _child_sink(call)
                )
            )
            return 255 if code is None else code
        if small := _small(self.disk.read_bytes(call.path)):
            start = Start(call.path, call.tail, call.cwd, call.environment, call.read)
            return small(self._call(start, _child_sink(call)))
        call.write(_unplayed(self.disk.read_bytes(call.path), call.path))
        return 255

    def _command(self, call: DosCall) -> int:
        """COMMAND.COM as a child: its own exit code is always 0 (facts B9)."""

        def step(line: str) -> None:
            self._before_line(line)
            call.breathe()

        shell = CommandCom(
            self.disk, self.console, run_file=self._run_file, environment=call.environment,
            env_bytes=ENVIRONMENT_SIZE, dialect=self.dialect, step=step,
            clock=self.clock.now, sleep=self.wait,
        )  # fmt: skip
        shell.dos.chdir(call.cwd)
        shell.stdin = shell.base_in = ChildStream(call.read, call.write)
        shell.stdout = shell.base_out = shell.stdin
        shell.stderr = ChildStream(call.read, call.complain)
        try:
            return command(call.tail, shell)
        except ShellHang as hang:
            self._stuck = _Stuck(call, str(hang), time.monotonic() + self.patience)
            raise StandsStill from hang

    def _is_over(self) -> bool:
        """Whether nobody waits any more for what runs."""
        stuck = self._stuck
        waiting = stuck is None or stuck.call.over or time.monotonic() < stuck.until
        return self.cancelled() or not waiting

    def _why(self) -> str:
        """Why COMMAND.COM stands still, "" when it does not."""
        if self._stuck is None or self._stuck.call.over or self.cancelled():
            return ""
        return f"COMMAND.COM stands still: {self._stuck.why}"


def _small(program: bytes) -> ExternalProgram | None:
    if len(program) > _LARGEST_SMALL:
        return None
    return SMALL.get(hashlib.sha256(program).hexdigest())


def _unplayed(program: bytes, path: str) -> bytes:
    """What is said of a 16-bit program, which Windows 98 runs and this PC does not; else b""."""
    name = path.rpartition("\\")[2].upper()
    kind = kind_of_16_bit(program, name)
    text = f"The simulated PC cannot play {kind}s: {name}.\r\n" if kind else ""
    return text.encode("cp437", "replace")


def _child_sink(call: DosCall) -> Callable[[bytes], None]:
    def write(data: bytes) -> None:
        if call.write(data) < len(data):
            raise DiskError(Code.DISK_FULL)

    return write


def _careless(write: Callable[[bytes], None]) -> Callable[[bytes], None]:
    """An output whose program does not look whether the disk is full."""

    def attempt(data: bytes) -> None:
        with suppress(DiskError):
            write(data)

    return attempt


def _sink(stream: Stream) -> Callable[[bytes], None]:
    """A redirection of standard output as programs see it: it may be full."""

    def write(data: bytes) -> None:
        if stream.write(data) < len(data) and not stream.device:
            raise DiskError(Code.DISK_FULL)

    return write
