"""A null-modem cable between two pseudo terminals, with a pace and with faults: the test's own.

Each end is a terminal of its own, so that a program which flushes "its" line flushes nothing of
the other's. `Direction` says what happens to the bytes of one direction.

A terminal of Linux differs from a UART in two ways that matter to a program which flushes its line
after each word, as lrzsz does. What it has "sent" is still in a queue that the flush empties, and
the answer may be there before the flush. A byte that a UART has got leaves it, and takes its time
on the wire. So `Wire(uart=True)` gives the far end a terminal for each direction (lrzsz flushes
both queues of the one that it reads, and only the input of the one that it writes), and what the
far end says takes a millisecond, some ten bytes' time at 115200.

A UART also stops when its driver was told to by XOFF, with bytes in its queue. A terminal tells its
other end (packet mode), and `Wire(xoff=True)` stops there.
"""

from __future__ import annotations

import contextlib
import fcntl
import math
import os
import pty
import random
import select
import struct
import termios
import threading
import time
import tty
from collections import deque
from dataclasses import dataclass, field
from types import TracebackType

XOFF = b"\x13"


@dataclass
class Faults:
    """What a bad line does. Probabilities are per byte; times are seconds, places are bytes."""

    drop: float = 0.0
    flip: float = 0.0
    burst: float = 0.0
    burst_length: int = 20
    stall_at: tuple[int, ...] = ()
    stall_for: float = 0.0
    cut_at: int | None = None
    cut_for: float = 0.0
    seed: int = 1


@dataclass
class Direction:
    """One direction of the cable, and what it has counted."""

    faults: Faults = field(default_factory=Faults)
    rate: float | None = None
    latency: float = 0.0
    taken: int = 0
    given: int = 0
    damaged: int = 0
    stalls: int = 0
    first_at: float = 0.0
    last_at: float = 0.0
    record: bytearray | None = None

    def __post_init__(self) -> None:
        self._random = random.Random(self.faults.seed)
        self._burst_left = 0
        self.blocked_until = 0.0
        self.cut_until = 0.0
        self._cut_done = False
        self._stalls = sorted(self.faults.stall_at)

    def stall(self, at: int, seconds: float) -> None:
        """Stop at this byte for so long; setting `blocked_until` to 0 frees the line."""
        self.faults.stall_for = seconds
        self._stalls = sorted([*self._stalls, at])

    def mangle(self, data: bytes, now: float) -> bytes:
        """What arrives of what was sent."""
        faults = self.faults
        start = self.taken
        self.taken += len(data)
        if self._stalls and start <= self._stalls[0] < self.taken:
            self._stalls.pop(0)
            self.stalls += 1
            self.blocked_until = now + faults.stall_for
        if faults.cut_at is not None and not self._cut_done and self.taken > faults.cut_at:
            self._cut_done = True
            self.cut_until = now + faults.cut_for if faults.cut_for >= 0 else float("inf")
            self.damaged += self.taken - faults.cut_at
            return data[: faults.cut_at - start]
        if now < self.cut_until:
            self.damaged += len(data)
            return b""
        if not (faults.drop or faults.flip or faults.burst or self._burst_left):
            return data
        out = bytearray()
        rnd = self._random
        for byte in data:
            if self._burst_left:
                self._burst_left -= 1
                self.damaged += 1
                out.append(rnd.randrange(256))
            elif rnd.random() < faults.burst:
                self._burst_left = faults.burst_length
                out.append(byte)
            elif rnd.random() < faults.drop:
                self.damaged += 1
            elif rnd.random() < faults.flip:
                self.damaged += 1
                out.append(byte ^ 1 << rnd.randrange(8))
            else:
                out.append(byte)
        return bytes(out)


class Wire:
    """The cable. `a` and `b` are the names of its two ends.

    With `uart`, `b` is what the far end reads and `b_out` what it writes; else they are the same.
    """

    def __init__(
        self, ab: Direction | None = None, ba: Direction | None = None, *, uart: bool = False,
        xoff: bool = False,
    ) -> None:  # fmt: skip
        self.ab = ab or Direction()
        self.ba = ba or Direction(latency=0.001 if uart else 0.0)
        self._masters = []
        self._slaves = []
        names = []
        for _ in range(3 if uart else 2):
            master, slave = pty.openpty()
            tty.setraw(slave)
            os.set_blocking(master, False)
            if xoff:
                fcntl.ioctl(master, termios.TIOCPKT, struct.pack("i", 1))
            self._masters.append(master)
            self._slaves.append(slave)
            names.append(os.ttyname(slave))
        self.a, self.b, self.b_out = (*names, names[1])[:3]
        self._packets = xoff
        self._ends = threading.Event()
        self._thread = threading.Thread(target=self._pump, daemon=True)

    def __enter__(self) -> Wire:
        self._thread.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        value: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._ends.set()
        self._thread.join(10)
        for handle in (*self._masters, *self._slaves):
            with contextlib.suppress(OSError):
                os.close(handle)

    def _pump(self) -> None:
        ma, mb, mb_out = (*self._masters, self._masters[1])[:3]
        lanes = [
            _Lane(self.ab, ma, mb, packets=self._packets),
            _Lane(self.ba, mb_out, ma, packets=self._packets),
        ]
        while not self._ends.is_set():
            now = time.monotonic()
            waits = [lane.turn(now) for lane in lanes]
            reads = [lane.source for lane, wait in zip(lanes, waits, strict=True) if wait is None]
            naps = [wait for wait in waits if wait is not None]
            with contextlib.suppress(OSError):
                select.select(reads, [], [], min([0.02, *naps]))


class _Lane:
    def __init__(self, direction: Direction, source: int, sink: int, *, packets: bool) -> None:
        self._direction = direction
        self.source = source
        self._sink = sink
        self._packets = packets
        self._stopped = False
        self._queue = bytearray()
        self._travelling: deque[tuple[float, bytes]] = deque()
        self._busy = False
        self._last = time.monotonic()
        self._credit = 0.0

    def turn(self, now: float) -> float | None:
        """Move what may move now; seconds until more may, None: when the source has something."""
        direction = self._direction
        while self._travelling and self._travelling[0][0] <= now:
            self._queue += self._travelling.popleft()[1]
        self._push()
        if self._packets:
            self._look()
        if self._stopped:
            self._last = now
            return 0.005
        if now < direction.blocked_until:
            self._last = now
            return min(0.01, direction.blocked_until - now)
        if len(self._queue) > 4096:
            return 0.002
        if direction.rate is None:
            room = 4096
        else:
            # A line that is kept busy loses nothing by our waking late; an idle one does, and one
            # that can be stopped: what it caught up with would come after the XOFF.
            elapsed = min(now - self._last, 0.005 if self._packets else math.inf)
            self._credit += (elapsed if self._busy else min(elapsed, 0.002)) * direction.rate
            self._last = now
            room = int(self._credit)
            if not room:
                return 0.001
        data = self._read(room)
        if direction.rate is not None:
            self._busy = len(data) == room
            self._credit = self._credit - len(data) if self._busy else 0.0
        if data:
            direction.first_at = direction.first_at or now
            direction.last_at = now
            if direction.record is not None:
                direction.record += data
            arrived = direction.mangle(data, now)
            direction.given += len(arrived)
            if direction.latency:
                self._travelling.append((now + direction.latency, arrived))
            else:
                self._queue += arrived
                self._push()
        if direction.rate is not None:
            return 0.002 if data else None
        if self._travelling:
            return max(0.0, self._travelling[0][0] - now)
        return 0.0 if data else None

    def _look(self) -> None:
        """Whether the terminal has told us to stop, or to go on."""
        while select.select([], [], [self.source], 0)[2]:
            told = os.read(self.source, 1)[0]
            if told & termios.TIOCPKT_STOP:
                self._stopped = True
            elif told & termios.TIOCPKT_START:
                self._stopped = False

    def _read(self, room: int) -> bytes:
        try:
            if not self._packets:
                return os.read(self.source, min(room, 4096))
            packet = os.read(self.source, min(room, 4096) + 1)
        except (BlockingIOError, OSError):
            return b""
        return packet[1:]

    def _push(self) -> None:
        if self._queue:
            with contextlib.suppress(BlockingIOError, OSError):
                sent = os.write(self._sink, bytes(self._queue[:1024]))
                given = bytes(self._queue[:sent])
                del self._queue[:sent]
                if self._packets and XOFF in given and self._obeys():
                    # The kernel tells it to the terminal some time after the write; a UART's
                    # driver is told before the next byte.
                    select.select([], [], [self._sink], 1.0)

    def _obeys(self) -> bool:
        """Whether the terminal at the far end stops when it gets an XOFF."""
        return bool(termios.tcgetattr(self._sink)[0] & termios.IXON)
