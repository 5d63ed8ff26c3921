"""One line per file that moves over a serial line, with the time left at the rate of now."""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable
from typing import Any

from deployer.events import Event, TransferCut, TransferDone, TransferStarted, TransferTick
from deployer.face import text

_RECENT = 20.0
"""Seconds that the rate looks back: a pause of the receiver shows, and is soon forgotten."""
_STOOD = 60.0
"""Seconds without a tick that are no part of the rate: an unplugged adapter, a closed lid."""


class Meter:
    """One line per file; on a terminal it moves, with the time left at the real rate."""

    def __init__(self, stream: Any, clock: Callable[[], float] = time.monotonic) -> None:
        self._stream = stream
        self._live = stream.isatty()
        self._clock = clock
        self._seen: deque[tuple[float, int]] = deque()

    def show(self, event: Event) -> None:
        """One event."""
        match event:
            case TransferStarted(name=name, length=length):
                self._seen.clear()
                self._write(f"{name}: {length:,} bytes", live=True)
            case TransferTick(name=name, moved=moved, length=length):
                self._tick(name, moved, length)
            case TransferDone(name=name, length=length, seconds=seconds):
                rate = length / seconds if seconds > 0 else 0.0
                self._write(f"{name}: {length:,} bytes, {rate:,.0f} bytes/s", live=False)
            case TransferCut(name=name, moved=moved, length=length, why=why):
                self._write(f"{name}: stopped at {moved:,} of {length:,}: {why}", live=False)

    def _tick(self, name: str, moved: int, length: int) -> None:
        rate = self._rate(moved)
        left = f", {clock_text((length - moved) / rate)} left" if rate > 0 and length else ""
        share = f"{100 * moved / length:5.1f} %" if length else f"{moved:,} bytes"
        self._write(f"{name}: {share}, {rate:,.0f} bytes/s{left}", live=True)

    def _rate(self, moved: int) -> float:
        """Bytes a second lately; 0.0 while that is not known."""
        now, seen = self._clock(), self._seen
        if seen and (now - seen[-1][0] > _STOOD or moved < seen[-1][1]):
            seen.clear()
        seen.append((now, moved))
        while now - seen[0][0] > _RECENT and len(seen) > 2:
            seen.popleft()
        passed = now - seen[0][0]
        return (moved - seen[0][1]) / passed if passed > 1 else 0.0

    def _write(self, line: str, *, live: bool) -> None:
        line = text.one_line(line)
        if self._live:
            self._stream.write(f"\r\x1b[K{line}{'' if live else chr(10)}")
        elif not live:
            self._stream.write(f"{line}\n")
        self._stream.flush()


def clock_text(seconds: float) -> str:
    """A duration for people: `1 h 05 min`, `3 min 20 s`, `12 s`."""
    whole = round(seconds)
    if whole >= 3600:
        return f"{whole // 3600} h {whole % 3600 // 60:02d} min"
    if whole >= 60:
        return f"{whole // 60} min {whole % 60:02d} s"
    return f"{whole} s"
