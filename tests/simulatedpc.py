"""A simulated PC with a desktop, for tests of what stays on it: it lives on a thread of its own."""

from __future__ import annotations

import socket
import threading
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

from deployer.sim.cable import Hang, Link
from deployer.sim.disk import Disk, DiskChange, PowerOff
from deployer.sim.machine import Machine
from deployer.sim.win32.clock import Clock, RealClock
from deployer.sim.win32.desktop import SessionEnd
from deployer.sim.win32.registry import RUN, Registry

HOST = "192.168.1.1"
DOWNLOADED = "C:\\WINDOWS\\DESKTOP\\AGENT98.EXE"


class SimulatedPc:
    """A PC whose host is port `port` of this machine; whenever it ends it is switched on again."""

    def __init__(
        self, folder: Path, port: int, secret: bytes = b"", clock: Clock | None = None
    ) -> None:
        folder.mkdir()
        self.folder = folder
        link = Link(routes={HOST: ("127.0.0.1", port)}, secret=secret)
        self.machine = Machine(Disk(folder), link=link, clock=clock or RealClock())
        self.ends: list[SessionEnd | str] = []
        self._harm: tuple[int, Callable[[], None]] | None = None
        self.user: Callable[[], None] = lambda: None
        """What its user does after each start of Windows."""
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._live)
        self._boot()

    def _boot(self) -> None:
        self.machine.boot()
        self.machine.session.system.on_call = self._called

    def let_live(self) -> None:
        """From now on its programs run."""
        self._thread.start()

    def _live(self) -> None:
        while not self._stop.is_set():
            try:
                end: SessionEnd | str | None = self.machine.live(self._stop.is_set)
            except PowerOff:
                end = "power"
            except Hang:
                end = "hang"
            if end is not None:
                self.ends.append(end)
                self._boot()
                self.user()

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

    def harm_at(self, calls: int, what: Callable[[], None]) -> None:
        """Do this, once, before the call with this number of those that its programs make."""
        self._harm = calls, what

    @property
    def unharmed(self) -> bool:
        """Whether what is to be done in one of the next calls is not done yet."""
        return self._harm is not None

    def _called(self, _name: str) -> None:
        if self._harm is None:
            return
        left, what = self._harm
        self._harm = (left - 1, what) if left > 1 else None
        if left <= 1:
            what()

    def fail(self) -> None:
        """The power fails now: for `harm_at`."""
        self.machine.disk.power_off()
        raise PowerOff

    def cut(self) -> None:
        """All its connections are gone."""
        for sock in tuple(self.machine.link.open_sockets):
            with suppress(OSError):
                sock.shutdown(socket.SHUT_RDWR)

    @property
    def at_start(self) -> dict[str, str]:
        """What its registry starts with Windows.

        The files are opened anew: a `Disk` is its PC's own, and works on its thread.
        """
        return Registry(Disk(self.folder)).key(RUN)

    @property
    def names(self) -> list[str]:
        """What lies in C:\\DEPLOY."""
        return sorted(path.name for path in (self.folder / "DEPLOY").iterdir())
