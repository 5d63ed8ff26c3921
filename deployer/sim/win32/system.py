"""The machine that the processes share: disk, clock, memory, console; and who runs when."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from enum import Enum
from typing import TYPE_CHECKING, Protocol, Self

from deployer.sim.disk import Disk
from deployer.sim.win32.memory import Budget
from deployer.sim.win32.objects import Input, Output

if TYPE_CHECKING:
    from deployer.sim.win32.engine import Engine
    from deployer.sim.win32.process import Process


class Clock(Protocol):
    """The target's clock."""

    def now(self) -> float:
        """Seconds since 1970, UTC."""

    def ticks(self) -> float:
        """Seconds since the machine was switched on; never goes back."""

    def sleep(self, seconds: float) -> None:
        """Let time pass while nobody has anything to do."""


class RealClock:
    """The modern machine's clock; the simulated one was switched on a minute ago."""

    def __init__(self) -> None:
        self._start = time.monotonic() - 60

    def now(self) -> float:
        """Seconds since 1970."""
        return time.time()

    def ticks(self) -> float:
        """Seconds since the machine was switched on."""
        return time.monotonic() - self._start

    def sleep(self, seconds: float) -> None:
        """Wait."""
        time.sleep(seconds)


class StepClock:
    """A clock that moves only when it is looked at (1 ms) or slept on: runs are repeatable."""

    def __init__(self, now: float = 915_148_800.0, step: float = 0.001) -> None:
        self._now = now
        self._ticks = 60.0
        self._step = step

    def now(self) -> float:
        """Seconds since 1970; begins on 1 January 1999."""
        return self._now + self._ticks

    def ticks(self) -> float:
        """Seconds since the machine was switched on."""
        self._ticks += self._step
        return self._ticks

    def sleep(self, seconds: float) -> None:
        """Jump ahead."""
        self._ticks += seconds


class Ending(Enum):
    """How a program came to its end."""

    EXITED = "exited"
    FAULT = "fault"  # an illegal operation, or a call that the emulator lacks
    NOT_STARTED = "not started"
    LIMIT = "limit"  # time or output of the emulation used up, or cancelled


@dataclass(frozen=True, slots=True)
class ExitStatus:
    """How a program ended: its 32-bit exit code, and the reason when it did not end by itself.

    For FAULT the code is the exception's number (0xC0000005: bad address) and `eip` says where;
    for NOT_STARTED and LIMIT the code means nothing.
    """

    code: int
    ending: Ending = Ending.EXITED
    reason: str = ""
    eip: int = 0


@dataclass(frozen=True, slots=True)
class Limits:
    """Bounds that keep an emulation from running away: seconds of real time, bytes of output."""

    seconds: float = 600.0
    output: int = 16 << 20
    processes: int = 8


class LimitReached(Exception):  # noqa: N818 - ends the run, is not the caller's error
    """A bound of the emulation was reached; the text says which."""


#: How long a process runs before another one has its turn, seconds of real time.
SLICE = 0.02
_GLANCE = 0.25


class Watchdog:
    """Kills a run that is over its time or cancelled, from a thread of its own.

    unicorn loses a program's state now and then when it is stopped from another thread (some 1 in
    100 stops, silently). So nothing is ever stopped to go on later: processes take turns when
    they call KERNEL32, and this stops only what will not run again.
    """

    def __init__(self, seconds: float, cancelled: Callable[[], bool]) -> None:
        self._end = time.monotonic() + seconds
        self._seconds = seconds
        self._cancelled = cancelled
        self._change = threading.Condition()
        self._uc: Engine | None = None
        self._closed = False
        self._verdict = ""
        self._thread = threading.Thread(target=self._watch, name="win32-watchdog", daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        with self._change:
            self._closed = True
            self._uc = None
            self._change.notify()
        self._thread.join()

    def start(self, uc: Engine) -> None:
        """A process is about to run."""
        with self._change:
            self._uc = uc

    def stop(self) -> None:
        """It does not run any more and is not touched."""
        with self._change:
            self._uc = None

    @property
    def left(self) -> float:
        """Seconds until the run is over its time."""
        return max(0.0, self._end - time.monotonic())

    def killed(self) -> bool:
        """Whether the run is to end now."""
        return bool(self._verdict)

    def check(self) -> None:
        """Raise `LimitReached` when the run is to end now."""
        self._judge()
        if self._verdict:
            raise LimitReached(self._verdict)

    def _judge(self) -> None:
        if self._cancelled():
            self._verdict = "cancelled"
        elif not self.left:
            self._verdict = f"ran longer than {self._seconds:g} seconds"

    def _watch(self) -> None:
        with self._change:
            while not self._closed:
                self._change.wait(0.01 if self._verdict else min(self.left, _GLANCE) or 0.01)
                self._judge()
                # A stop that falls between two starts is lost, so it is repeated.
                if self._verdict and self._uc is not None:
                    self._uc.emu_stop()


@dataclass(slots=True, eq=False)
class System:
    """Everything that the processes of one run share."""

    disk: Disk
    clock: Clock
    budget: Budget
    ram: int
    console_out: Output
    console_in: Input
    limits: Limits
    cpu_model: str
    mhz: int
    environment: Mapping[str, str]
    cancelled: Callable[[], bool]
    processes: list[Process] = field(default_factory=list)
    output: int = 0
    next_id: int = 0xFFF00001

    def cycles(self) -> int:
        """What RDTSC counts: cycles of the modelled processor, not of the modern one."""
        return int(self.clock.ticks() * self.mhz * 1_000_000)

    def write_console(self, data: bytes) -> None:
        """Show bytes on the screen, up to the limit."""
        self.count(len(data))
        self.console_out(data)

    def count(self, size: int) -> None:
        """Note output that leaves the emulation; raises `LimitReached`."""
        self.output += size
        if self.output > self.limits.output:
            raise LimitReached(f"more than {self.limits.output} bytes of output")

    def run(self, main: Process) -> ExitStatus:
        """Run `main` and its children until `main` has ended."""
        with Watchdog(self.limits.seconds, self.cancelled) as watch:
            while main.status is None:
                watch.check()
                self._turn(watch, main)
        return main.status

    def _turn(self, watch: Watchdog, main: Process) -> None:
        """Give each process that can go on one slice; sleep when none can."""
        alive = [p for p in self.processes if p.status is None]
        ready = [p for p in alive if p.wake()]
        for process in ready:
            if process.status is None:
                process.run(watch, SLICE)
            status = process.status
            if process is not main and status and status.ending is Ending.FAULT:
                self.write_console(status.reason.encode("cp437", "replace") + b"\r\n")
        self.processes = [p for p in self.processes if p.status is None]
        if not ready:
            self._sleep(alive, watch)

    def _sleep(self, alive: list[Process], watch: Watchdog) -> None:
        deadlines = [p.wait.until for p in alive if p.wait and p.wait.until is not None]
        if not deadlines:
            raise LimitReached("every process waits for something that cannot happen")
        rest = min(deadlines) - self.clock.ticks()
        self.clock.sleep(min(max(rest, 0.0), _GLANCE, watch.left + 0.001))
