"""A simulated PC with a desktop, for tests of what stays on it: it lives on a thread of its own."""

from __future__ import annotations

import threading
from contextlib import suppress
from pathlib import Path

from deployer.sim.cable import Link
from deployer.sim.disk import Disk, DiskChange, PowerOff
from deployer.sim.machine import Machine
from deployer.sim.win32.desktop import SessionEnd

HOST = "192.168.1.1"
DOWNLOADED = "C:\\WINDOWS\\DESKTOP\\AGENT98.EXE"


class SimulatedPc:
    """A PC whose host is port `port` of this machine; it is switched on again when it ends."""

    def __init__(self, folder: Path, port: int, secret: bytes = b"") -> None:
        folder.mkdir()
        self.folder = folder
        link = Link(routes={HOST: ("127.0.0.1", port)}, secret=secret)
        self.machine = Machine(Disk(folder), link=link)
        self.ends: list[SessionEnd | str] = []
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._live)
        self.machine.boot()

    def let_live(self) -> None:
        """From now on its programs run."""
        self._thread.start()

    def _live(self) -> None:
        while not self._stop.is_set():
            try:
                end: SessionEnd | str | None = self.machine.live(self._stop.is_set)
            except PowerOff:
                end = "power"
            if end is not None:
                self.ends.append(end)
                self.machine.boot()

    def off(self) -> None:
        """Pull the plug, for good."""
        self._stop.set()
        if self._thread.is_alive():
            self._thread.join()
        with suppress(PowerOff):
            self.machine.power_off()

    def download(self, program: bytes) -> None:
        """The browser saves a program on the desktop, and its user starts it."""
        self.machine.disk.mkdir("C:\\WINDOWS\\DESKTOP")
        self.machine.disk.write_bytes(DOWNLOADED, program)
        assert self.machine.session.start(DOWNLOADED), self.machine.session.said

    def fail_at(self, steps: int) -> None:
        """The power fails, once, in that change of its disk, counted from now."""
        at = self.machine.disk.steps + steps
        done: list[int] = []

        def cut(_step: DiskChange) -> None:
            if self.machine.disk.steps >= at and not done:
                done.append(at)
                raise PowerOff(kept=100)

        self.machine.disk.on_step = cut

    @property
    def names(self) -> list[str]:
        """What lies in C:\\DEPLOY."""
        return sorted(path.name for path in (self.folder / "DEPLOY").iterdir())
