"""What a Win32 handle can stand for, and the table of handles of a process."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Protocol

from deployer.sim.disk import DirectoryEntry, File
from deployer.sim.win32.ending import ExitStatus
from deployer.sim.win32.sockets import Interest
from deployer.sim.win32.watchdog import Watchdog

#: Console output, as bytes of the OEM code page; it is called from the emulation, at once.
Output = Callable[[bytes], None]
#: Keyboard: asked for one line, answers it with its line end; empty means end of file.
Input = Callable[[], bytes]

# One small class for each kind of object, all of one shape: a handle's kind is its class.


@dataclass(slots=True, eq=False)
class DiskFile:
    """A file on drive C:."""

    file: File
    readable: bool
    writable: bool
    delete_on_close: bool = False


@dataclass(slots=True, eq=False)
class NulDevice:
    """The device NUL: takes everything, gives nothing."""


@dataclass(slots=True, eq=False)
class ConsoleOutput:
    """The screen; `mode` is what SetConsoleMode set."""

    write: Output
    mode: int = 3


@dataclass(slots=True, eq=False)
class ConsoleInput:
    """The keyboard, read line by line."""

    read: Input
    pending: bytes = b""
    mode: int = 7


@dataclass(slots=True, eq=False)
class StreamObject:
    """Standard input or output redirected by the shell: neither a console nor a seekable file."""

    write: Output | None = None
    read: Callable[[int], bytes] | None = None


@dataclass(slots=True, eq=False)
class PipeObject:
    """The bytes between two ends, and how many handles each end still has."""

    size: int
    data: bytearray = field(default_factory=bytearray)
    readers: int = 0
    writers: int = 0


@dataclass(slots=True, eq=False)
class PipeEnd:
    """One end of a pipe."""

    pipe: PipeObject
    writes: bool


class Running(Protocol):
    """What others know of a process: whether it has ended, what it waits for, how it is moved."""

    status: ExitStatus | None
    id: int
    parent: int
    path: str

    @property
    def sockets(self) -> Interest:
        """The sockets that its wait may be over for."""

    @property
    def deadline(self) -> float | None:
        """When its wait is over, in the clock's ticks; None without a wait, or without an end."""

    def wake(self) -> bool:
        """Whether it can run now; a wait that is over is completed."""

    def run(self, watch: Watchdog, seconds: float) -> None:
        """Run until it ends, waits, yields, or its slice is over."""

    def end(self, status: ExitStatus) -> None:
        """End it; does nothing when it has ended."""


@dataclass(slots=True, eq=False)
class ProcessObject:
    """A process (or its only thread) as seen by another one."""

    process: Running


@dataclass(slots=True, eq=False)
class EventObject:
    """CreateEvent's and CreateMutex' object; nobody else can signal it, so it is only a flag."""

    signalled: bool
    manual: bool


@dataclass(slots=True, eq=False)
class FindHandle:
    """What FindNextFile still has to tell."""

    entries: list[DirectoryEntry]


@dataclass(slots=True, eq=False)
class SnapshotObject:
    """What Process32Next still has to tell: number, parent and path of each process."""

    rows: list[tuple[int, int, str]]
    at: int = 0


KernelObject = (
    DiskFile | NulDevice | ConsoleOutput | ConsoleInput | StreamObject | PipeEnd | ProcessObject
    | EventObject | FindHandle | SnapshotObject
)  # fmt: skip


@dataclass(slots=True)
class Handle:
    """A row of the handle table; `users` counts the rows of all processes that share the object."""

    target: KernelObject
    inherit: bool = False
    users: list[int] = field(default_factory=lambda: [1])


class Handles:
    """The handle table of one process: numbers that are multiples of 4, never 0."""

    LIMIT = 4096

    def __init__(self) -> None:
        self._rows: dict[int, Handle] = {}
        self._next = 4

    def add(self, target: KernelObject, *, inherit: bool = False) -> int:
        """A new handle for a new object; 0 when the table is full."""
        return self._put(Handle(target, inherit))

    def share(self, row: Handle, *, inherit: bool, number: int = 0) -> int:
        """Another handle for the object of `row`, perhaps of another process."""
        row.users[0] += 1
        if isinstance(row.target, PipeEnd):
            _count(row.target, 1)
        return self._put(Handle(row.target, inherit, row.users), number, counted=True)

    def row(self, number: int) -> Handle | None:
        """The row of a handle."""
        return self._rows.get(number)

    def get(self, number: int) -> KernelObject | None:
        """The object of a handle."""
        row = self._rows.get(number)
        return row.target if row else None

    def inheritable(self) -> list[tuple[int, Handle]]:
        """The rows that a child gets under the same numbers."""
        return [(number, row) for number, row in self._rows.items() if row.inherit]

    def close(self, number: int) -> KernelObject | None:
        """Remove a handle; the object when it was the last one anywhere, to be shut by the caller.

        Raises KeyError when there is no such handle.
        """
        row = self._rows.pop(number)
        row.users[0] -= 1
        if isinstance(row.target, PipeEnd):
            _count(row.target, -1)
        return row.target if row.users[0] == 0 else None

    def numbers(self) -> list[int]:
        """All handles that are open."""
        return list(self._rows)

    def _put(self, row: Handle, number: int = 0, *, counted: bool = False) -> int:
        if not number:
            if len(self._rows) >= self.LIMIT:
                return 0
            number = self._next
            self._next += 4
        else:
            self._next = max(self._next, number + 4)
        if isinstance(row.target, PipeEnd) and not counted:
            _count(row.target, 1)
        self._rows[number] = row
        return number


def _count(end: PipeEnd, by: int) -> None:
    if end.writes:
        end.pipe.writers += by
    else:
        end.pipe.readers += by
