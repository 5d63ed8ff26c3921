"""What every side of every protocol of `transfer` has: words to send, events to tell, one end."""

from __future__ import annotations

from collections import deque

from deployer.core.serial import transfer
from deployer.core.serial.transfer import Event, Reason

CANCEL = b"\x18" * 8 + b"\b" * 8
"""Eight CAN end any session; the backspaces wipe them off a shell's command line."""
INSIST = b"*" + CANCEL
"""The same once more. After a ZRINIT that it did not expect, sz drops what comes for five seconds,
but not what follows a `*`."""


class Side:
    """A sender or a receiver. `_heard`: when the other side last made sense, `_asked`: when we last
    said something that wants an answer."""

    def __init__(self, *, now: float) -> None:
        self._now = self._heard = self._asked = now
        self._out = bytearray()
        self._events: deque[Event] = deque()
        self._over = False

    @property
    def done(self) -> bool:
        """True when nothing will happen any more."""
        return self._over

    def data_to_send(self) -> bytes:
        """What goes to the line next, once."""
        data = bytes(self._out)
        self._out.clear()
        return data

    def next_event(self) -> Event | None:
        """What happened."""
        return self._events.popleft() if self._events else None

    def cancel(self) -> None:
        """End the session; the other side is told, and nothing else is said to it."""
        if not self.done:
            self._out[:] = CANCEL
            self._end(transfer.Cancelled(by_peer=False))

    def _fail(self, reason: Reason, what: str) -> None:
        self._out += CANCEL
        self._end(transfer.Failed(reason, what))

    def _end(self, event: Event) -> None:
        if not self._over:
            self._over = True
            self._events.append(event)
