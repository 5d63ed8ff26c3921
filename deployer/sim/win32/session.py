"""One start of Windows: programs with windows, and what they start, side by side until it ends.

session = WindowsSession(system)
session.start("C:\\DEPLOY\\AGENT98.EXE /MIN")
how = session.run(lambda: stop)      # SessionEnd, or None when `stop` came first
session.end()
"""

from __future__ import annotations

from collections.abc import Callable

from deployer.sim.disk import DiskError
from deployer.sim.win32.api import EVERYTHING
from deployer.sim.win32.desktop import Desktop, SessionEnd
from deployer.sim.win32.ending import Ending, ExitStatus
from deployer.sim.win32.loader import NotStarted, load
from deployer.sim.win32.objects import Handles
from deployer.sim.win32.process import Process, encode
from deployer.sim.win32.schedule import live
from deployer.sim.win32.system import System
from deployer.sim.win32.watchdog import Watchdog

HEARD_WITHIN = 20.0
"""Seconds that Windows waits for programs that do not answer when it ends."""


class WindowsSession:
    """Programs between the start of Windows and its end. `system` has a desktop."""

    def __init__(self, system: System) -> None:
        self.system = system
        self.said: list[str] = []

    @property
    def desktop(self) -> Desktop:
        """What the user sees."""
        assert self.system.desktop is not None
        return self.system.desktop

    def start(self, command: str, cwd: str = "C:\\WINDOWS") -> Process | None:
        """Start a program by its whole path and its arguments, as the Run key does.

        None when Windows cannot start it; `said` tells why.
        """
        system = self.system
        path = command[1:].partition('"')[0] if command[:1] == '"' else command.partition(" ")[0]
        try:
            exe = system.disk.read_bytes(path)
            return Process(
                system, load(exe, path.rpartition("\\")[2].upper()), EVERYTHING,
                path=system.disk.long_path(path), command_line=encode(command), cwd=cwd,
                environment=system.environment, handles=Handles(), std=(0, 0, 0),
            )  # fmt: skip
        except (NotStarted, DiskError) as error:
            self.said.append(str(error))
            return None

    def run(self, until: Callable[[], bool]) -> SessionEnd | None:
        """Run everything until Windows ends (how it does) or `until` says so (None).

        Raises `PowerOff`, and `LimitReached` when the emulation is over its time.
        """
        heard = False

        def over() -> bool:
            nonlocal heard
            heard = heard or self._heard()
            return heard or until()

        with Watchdog(self.system.limits.seconds, self.system.cancelled) as watch:
            live(self.system, watch, over)
        return self.desktop.ending if heard else None

    _until: float | None = None

    def _heard(self) -> bool:
        """Whether Windows can end: every program has heard of it, or has had its time."""
        if self.desktop.ending is None:
            return False
        now = self.system.clock.ticks()
        if self._until is None:
            self._until = now + HEARD_WITHIN
        return self.desktop.ended or now >= self._until

    def end(self) -> None:
        """Everything stops where it is."""
        for process in self.system.processes:
            process.end(ExitStatus(0, Ending.LIMIT, "Windows has ended"))
        self.system.processes.clear()
