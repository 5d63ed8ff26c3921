"""What the processes of one run share: disk, clock, memory, console. `schedule` says who runs."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from deployer.sim.cable import Link
from deployer.sim.disk import Disk
from deployer.sim.win32.clock import Clock
from deployer.sim.win32.desktop import Desktop
from deployer.sim.win32.dos import PlayDos
from deployer.sim.win32.ending import LimitReached, RunLimits
from deployer.sim.win32.memory import CommitLimit
from deployer.sim.win32.objects import Input, Output, Running


@dataclass(slots=True, eq=False)
class System:
    """Everything that the processes of one run share; `dos` plays 16-bit programs,
    `desktop` has the windows, `link` is the network, if any. With `deletes_open` DeleteFile deletes
    files that are open, too (facts F9). `drives` are those beside C:, by letter."""

    disk: Disk
    clock: Clock
    budget: CommitLimit
    ram: int
    console_out: Output
    console_in: Input
    limits: RunLimits
    cpu_model: str
    mhz: int
    environment: Mapping[str, str]
    cancelled: Callable[[], bool]
    dos: PlayDos | None = None
    desktop: Desktop | None = None
    link: Link | None = None
    deletes_open: bool = True
    drives: Mapping[str, Disk] = field(default_factory=dict)
    processes: list[Running] = field(default_factory=list)
    output: int = 0
    next_id: int = 0xFFF00001
    on_call: Callable[[str], None] | None = None
    """Told the name of every call before it is carried out; it may raise PowerOff."""

    def on(self, name: str, cwd: str) -> tuple[Disk, str]:
        """The disk that a name is on, and its absolute path as that disk knows it."""
        disk = self.drives.get(name[:1].upper()) if name[1:2] == ":" else None
        if disk is None:
            return self.disk, self.disk.absolute(name, cwd)
        return disk, disk.absolute(f"C{name[1:]}")

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
