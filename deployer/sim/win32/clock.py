"""The clocks that a simulated machine can have."""

from __future__ import annotations

import time
from typing import Protocol


class Clock(Protocol):
    """The target's clock."""

    def now(self) -> float:
        """Seconds since 1970, UTC."""

    def ticks(self) -> float:
        """Seconds since the machine was switched on; never goes back."""

    def set(self, now: float) -> None:
        """Set the clock on the wall; `ticks` go on as they did."""

    def sleep(self, seconds: float) -> None:
        """Let time pass while nobody has anything to do."""


class RealClock:
    """The modern machine's clock; the simulated one was switched on a minute ago."""

    def __init__(self) -> None:
        self._start = time.monotonic() - 60
        self._ahead = 0.0

    def now(self) -> float:
        """Seconds since 1970."""
        return time.time() + self._ahead

    def set(self, now: float) -> None:
        """Set the simulated machine's clock."""
        self._ahead = now - time.time()

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

    def set(self, now: float) -> None:
        """Set the clock."""
        self._now = now - self._ticks

    def ticks(self) -> float:
        """Seconds since the machine was switched on."""
        self._ticks += self._step
        return self._ticks

    def sleep(self, seconds: float) -> None:
        """Jump ahead."""
        self._ticks += seconds
