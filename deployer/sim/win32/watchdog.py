"""Ends a run that is over its time, from a thread of its own."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from typing import Self

from deployer.sim.win32.ending import LimitReached
from deployer.sim.win32.engine import Engine

#: How often the clock is looked at while nothing else happens, in seconds.
GLANCE = 0.25


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
                self._change.wait(0.01 if self._verdict else min(self.left, GLANCE) or 0.01)
                self._judge()
                # A stop that falls between two starts is lost, so it is repeated.
                if self._verdict and self._uc is not None:
                    self._uc.emu_stop()
