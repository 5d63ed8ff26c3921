"""A 16-bit process as Win32 processes see it: COMMAND.COM with its batch files, DOS programs.

What it does is played in Python on a thread of its own. It never runs at the same time as another
process: it goes on when it has its turn, and gives it back between two lines. On Windows 98 a
16-bit process that blocks on a pipe never wakes up (stub16.c of Tcl, w9xpopen of Python), and this
one does not either: one that fills a pipe, or reads an empty one, stands still for ever.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from deployer.sim.disk import DiskError
from deployer.sim.win32.ending import ExitStatus
from deployer.sim.win32.objects import (
    ConsoleInput,
    ConsoleOutput,
    DiskFile,
    Handles,
    KernelObject,
    PipeEnd,
    StreamObject,
)
from deployer.sim.win32.sockets import NOBODY, Interest
from deployer.sim.win32.watchdog import Watchdog

LONGEST_TAIL = 126
"""Characters of a DOS program's command tail; what is more is lost (facts B1)."""


class StandsStill(Exception):  # noqa: N818 - an event, not an error of ours
    """The program waits for something that never comes."""


class _Ended(BaseException):
    """The process was ended from outside while it had given back its turn."""


@dataclass(slots=True)
class DosCall:
    """One start of a 16-bit program: its file, its command tail, and what it may do meanwhile.

    `over` when it has ended, whoever has ended it.
    """

    path: str
    tail: str
    cwd: str
    environment: Mapping[str, str]
    stdin: KernelObject | None
    stdout: KernelObject | None
    stderr: KernelObject | None
    breathe: Callable[[], None] = field(default=lambda: None)
    over: bool = False

    def read(self, count: int) -> bytes:
        """Up to so many bytes of standard input, empty at its end."""
        match self.stdin:
            case DiskFile(file=file):
                return file.read(count)
            case ConsoleInput(read=line):
                return line()[:count]
            case StreamObject(read=read) if read is not None:
                return read(count)
            case PipeEnd(pipe=pipe, writes=False):
                if not pipe.data and pipe.writers:
                    raise StandsStill
                data = bytes(pipe.data[:count])
                del pipe.data[:count]
                return data
            case _:
                return b""

    def write(self, data: bytes) -> int:
        """How many bytes standard output took; fewer when the disk is full."""
        return _write(self.stdout, data)

    def complain(self, data: bytes) -> int:
        """The same for standard error."""
        return _write(self.stderr, data)


def _write(target: KernelObject | None, data: bytes) -> int:
    match target:
        case DiskFile(file=file):
            return file.write(data)
        case ConsoleOutput(write=show):
            show(data)
        case StreamObject(write=sink) if sink is not None:
            sink(data)
        case PipeEnd(pipe=pipe, writes=True) if pipe.readers:
            pipe.data += data[: max(0, pipe.size - len(pipe.data))]
            if len(pipe.data) == pipe.size:
                raise StandsStill
        case _:
            pass
    return len(data)


PlayDos = Callable[[DosCall], int]
"""What carries out a 16-bit program: its exit code."""


class DosProcess:
    """A 16-bit process that `play` carries out; `status` when it has ended."""

    def __init__(
        self, play: PlayDos, call: DosCall, handles: Handles, number: int, parent: int = 0
    ) -> None:
        self.id = number
        self.parent = parent
        self.path = call.path
        self.status: ExitStatus | None = None
        self.handles = handles
        self._play, self._call = play, call
        self._until = 0.0
        self._watch: Watchdog | None = None
        self._stands_still = self._ended = False
        self._failure: BaseException | None = None
        self._turn, self._given_back = threading.Semaphore(0), threading.Semaphore(0)
        self._thread = threading.Thread(target=self._live, name="dos", daemon=True)
        call.breathe = self._breathe

    @property
    def sockets(self) -> Interest:
        """It has none that others know of."""
        return NOBODY

    @property
    def deadline(self) -> float | None:
        """It never waits for a moment."""
        return None

    def wake(self) -> bool:
        """Whether it can go on; one that stands still never can."""
        return not self._stands_still

    def run(self, watch: Watchdog, seconds: float) -> None:
        """Let it go on until it ends, stands still, or its slice is over."""
        self._watch, self._until = watch, time.monotonic() + seconds
        if self._thread.ident is None:
            self._thread.start()
        else:
            self._turn.release()
        self._given_back.acquire()
        if self._failure is not None:
            failure, self._failure = self._failure, None
            raise failure

    def end(self, status: ExitStatus) -> None:
        """End it; does nothing when it has ended."""
        if self.status is not None:
            return
        self.status = status
        self._call.over = True
        if self._thread.is_alive() and self._thread is not threading.current_thread():
            self._ended = True
            self._turn.release()
            self._thread.join()
        for number in self.handles.numbers():
            last = self.handles.close(number)
            if isinstance(last, DiskFile):
                last.file.close()

    def _live(self) -> None:
        code = 0
        try:
            code = self._play(self._call)
        except StandsStill:
            self._stands_still = True
            self._give_back()
            return
        except _Ended:
            return
        except BaseException as failure:
            self._failure = failure
        try:
            self.end(ExitStatus(code & 0xFF))
        except DiskError as failure:
            self._failure = self._failure or failure
        self._given_back.release()

    def _breathe(self) -> None:
        watch = self._watch
        if time.monotonic() >= self._until or (watch is not None and watch.killed()):
            self._give_back()
            if self._ended:
                raise _Ended

    def _give_back(self) -> None:
        self._given_back.release()
        self._turn.acquire()
