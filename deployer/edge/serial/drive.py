"""Drives a protocol of core over a line: bytes both ways, files in, events out, time.

Runs in the caller's thread until the protocol is done. A line that vanishes is waited for, and
the transfer goes on where it stood.
"""

from __future__ import annotations

import contextlib
import time
from collections.abc import Callable
from dataclasses import dataclass

from deployer.core.serial.side import INSIST
from deployer.core.serial.transfer import (
    Endpoint,
    Giver,
    Reason,
    TransferCancelled,
    TransferEvent,
    TransferFailed,
    Want,
)
from deployer.edge.serial.port import Line, LineGoneError

_LOW_WATER = 512
"""Bytes that may wait here before the next block is made: little, so that an error costs little."""
_TURN = 0.25
"""Seconds between two looks at whether somebody wants to cancel."""
_FLUSH = 15.0
"""Seconds that the last bytes have to leave."""
_INSISTING = 5.0
"""Seconds at most until the other side has heard that it is over."""
_NAP = 5.0
"""No turn takes so long: after that, this computer slept, and that is nobody's silence."""


class _Awake:
    """A clock that stands still while this process does (a closed lid, a stopped process)."""

    def __init__(self, clock: Callable[[], float]) -> None:
        self._clock = clock
        self._last = clock()
        self._slept = 0.0

    def __call__(self) -> float:
        now = self._clock()
        self._slept += max(0.0, now - self._last - _NAP)
        self._last = now
        return now - self._slept


@dataclass(frozen=True, slots=True)
class Hooks:
    """What the driver calls. All of it runs in the driver's thread.

    `handle` gets every event and may answer the machine; `supply` brings a file's bytes;
    `on_gone` is told when the line vanishes (True) and is back (False).
    """

    handle: Callable[[TransferEvent], None]
    supply: Callable[[Want], bytes] = lambda want: bytes(want.length)
    cancelled: Callable[[], bool] = lambda: False
    on_gone: Callable[[bool], None] = lambda _gone: None


def drive(
    machine: Endpoint,
    line: Line,
    hooks: Hooks,
    *,
    giver: Giver | None = None,
    clock: Callable[[], float] = time.monotonic,
    wait_for_line: float = 3600.0,
) -> TransferEvent | None:
    """Run the machine to its end; its last event.

    `giver` is the machine itself when it sends files. `wait_for_line` is how many seconds a
    vanished line may stay away.
    """
    clock = _Awake(clock)
    run = _Run(machine, giver, hooks, line, clock)
    while not machine.done:
        try:
            run.turn()
        except LineGoneError:
            if not _wait_back(line, hooks, clock, wait_for_line):
                what = "the serial port vanished and did not come back"
                last = TransferCancelled(by_peer=False) if hooks.cancelled() else None
                gone: TransferEvent = last or TransferFailed(Reason.SILENCE, what)
                hooks.handle(gone)
                return gone
            run.pending.clear()
            machine.tick(clock())
            machine.line_restored()
        except BaseException:
            # Whatever went wrong here, the other side must not wait for the rest.
            machine.cancel()
            run.finish()
            raise
    run.finish()
    if isinstance(run.last, TransferFailed) or run.last == TransferCancelled(by_peer=False):
        _insist(line, clock)
    return run.last


def _insist(line: Line, clock: Callable[[], float]) -> None:
    """Say that it is over until the other side must have heard it: it may have emptied its input
    just when it was told. What still comes of a file that nobody wants any more is dropped."""
    end = clock() + _INSISTING
    with contextlib.suppress(LineGoneError):
        for _ in range(2):
            while clock() < end and line.read(_TURN):
                pass
            line.write(INSIST)
        line.drain(_TURN)


class _Run:
    def __init__(
        self,
        machine: Endpoint,
        giver: Giver | None,
        hooks: Hooks,
        line: Line,
        clock: Callable[[], float],
    ) -> None:
        self._machine = machine
        self._giver = giver
        self._hooks = hooks
        self._line = line
        self._clock = clock
        self.pending = bytearray()
        self.last: TransferEvent | None = None

    def turn(self) -> None:
        """One round: time, what came, what happened, what goes out."""
        machine = self._machine
        if self._hooks.cancelled():
            self.pending.clear()
            self._line.drop_output()
            machine.cancel()
        machine.tick(self._clock())
        self._events()
        self._fill()
        self._write()
        if machine.done:
            return
        data = self._line.read(self._patience(), until_writable=bool(self.pending))
        if data:
            machine.tick(self._clock())
            machine.receive_data(data)
            self._events()

    def finish(self) -> None:
        """The last bytes leave; the last events are told."""
        self._events()
        end = self._clock() + _FLUSH
        self.pending += self._machine.data_to_send()
        try:
            while self.pending and self._clock() < end:
                self._write()
                if self.pending:
                    self._line.read(0.05, until_writable=True)
            self._line.drain(max(0.0, end - self._clock()))
        except LineGoneError:
            return

    def _events(self) -> None:
        # What is on its way when the receiver asks again stays: cut short, it would be damage.
        while (event := self._machine.next_event()) is not None:
            self.last = event
            self._hooks.handle(event)

    def _fill(self) -> None:
        if len(self.pending) > _LOW_WATER:
            return
        self.pending += self._machine.data_to_send()
        if self._giver is None:
            return
        while len(self.pending) <= _LOW_WATER and (want := self._giver.want) is not None:
            self._giver.provide(self._hooks.supply(want))
            self.pending += self._machine.data_to_send()

    def _write(self) -> None:
        if self.pending:
            taken = self._line.write(bytes(self.pending))
            del self.pending[:taken]

    def _patience(self) -> float:
        if self._giver is not None and not self.pending and self._giver.want is not None:
            return 0.0
        deadline = self._machine.deadline
        left = _TURN if deadline is None else deadline - self._clock()
        return min(_TURN, max(0.001, left))


def _wait_back(line: Line, hooks: Hooks, clock: Callable[[], float], wait_for_line: float) -> bool:
    hooks.on_gone(True)
    end = clock() + wait_for_line
    while clock() < end and not hooks.cancelled():
        if line.reopen():
            hooks.on_gone(False)
            return True
        time.sleep(min(_TURN, max(0.0, end - clock())))
    return False
