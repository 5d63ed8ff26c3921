"""What both sides of every protocol of `transfer` have: bytes to send, events, time, one end."""

from __future__ import annotations

from collections import deque
from typing import Protocol

from deployer.core.serial import transfer
from deployer.core.serial.transfer import Reason, TransferEvent

CANCEL = b"\x18" * 8 + b"\b" * 8
"""Eight CAN end any session; the backspaces wipe them off a shell's command line."""
INSIST = b"*" + CANCEL
"""The same once more. After a ZRINIT that it did not expect, sz drops what comes for five seconds,
but not what follows a `*`."""


class Waits(Protocol):
    """Settings of a sender or a receiver, as far as time is concerned; seconds."""

    @property
    def contact(self) -> float:
        """How long to wait for the first sign of the other side."""

    @property
    def patience(self) -> float:
        """How long it may say nothing once it is there."""


class Side:
    """A sender or a receiver. `_heard`: when the other side last made sense, `_asked`: when we last
    said something that wants an answer, `_met`: whether the other side is there at all.

    Of the settings, `contact` is how many seconds to wait for its first sign, `patience` how long
    it may say nothing once it is there.
    """

    def __init__(self, *, now: float, settings: Waits) -> None:
        self._now = self._heard = self._asked = now
        self._contact = settings.contact
        self._patience = settings.patience
        self._met = False
        self._out = bytearray()
        self._events: deque[TransferEvent] = deque()
        self._over = False

    @property
    def deadline(self) -> float | None:
        """When `tick` must be called at the latest; None: only when something arrives."""
        return None

    @property
    def _given_up_at(self) -> float:
        """When the other side has been silent for too long."""
        return self._heard + (self._patience if self._met else self._contact)

    def tick(self, now: float) -> None:
        """The time is `now`."""
        self._now = now
        due = self.deadline
        if due is not None and now >= due:
            self._late(now - self._heard)

    def _late(self, silent: float) -> None:
        """The deadline is here; the other side has said nothing for `silent` seconds."""

    @property
    def done(self) -> bool:
        """True when nothing will happen any more."""
        return self._over

    def data_to_send(self) -> bytes:
        """What goes to the line next, once."""
        data = bytes(self._out)
        self._out.clear()
        return data

    def next_event(self) -> TransferEvent | None:
        """What happened."""
        return self._events.popleft() if self._events else None

    def cancel(self) -> None:
        """End the session; the other side is told, and nothing else is said to it."""
        if not self.done:
            self._out[:] = CANCEL
            self._end(transfer.TransferCancelled(by_peer=False))

    def _fail(self, reason: Reason, what: str) -> None:
        self._out += CANCEL
        self._end(transfer.TransferFailed(reason, what))

    def _end(self, event: TransferEvent) -> None:
        if not self._over:
            self._over = True
            self._events.append(event)
