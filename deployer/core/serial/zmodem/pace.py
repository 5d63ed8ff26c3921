"""How far a file has got over the line, and how much of it may go out now.

At most `window` bytes are on their way unconfirmed, so an error never costs more than that again.
Blocks become smaller where the line damages them, and grow again while it does not.
"""

from __future__ import annotations

BLOCK = 1024
SMALLEST_BLOCK = 64
CAREFUL = 2 << 10
"""The window after an error, until something is confirmed again: a receiver that only paused has
asked for what is on its way already, and may ask several times."""
_GROW_AFTER = 16 << 10


class Pace:
    """One file's place and pace. `buffer`: bytes that the receiver takes between two waits; 0: it
    listens while it works, and the window is what bounds us."""

    def __init__(self, *, window: int, buffer: int, position: int = 0) -> None:
        self._whole_window = window
        self._buffer = buffer
        self.position = position
        """Where the next byte comes from."""
        self.furthest = position
        """The end of all that was ever sent."""
        self.acked = position
        """What the receiver is known to have."""
        self.stopped = False
        """The receiver has to speak first."""
        self._since_query = 0
        self._careful = False
        self._block = BLOCK
        self._good = 0
        self._errors = 0
        self._error_at = -1

    @property
    def _window(self) -> int:
        return min(self._whole_window, CAREFUL) if self._careful else self._whole_window

    @property
    def room(self) -> int:
        """Bytes that may go out in the next block; 0 while the window is full."""
        if self.stopped:
            return 0
        if self._buffer:
            return min(self._block, self._buffer - self._since_query)
        return self._block if self.position - self.acked < self._window else 0

    def went(self, count: int) -> None:
        """So many bytes more were sent."""
        self.position += count
        self.furthest = max(self.furthest, self.position)
        self._since_query += count

    def asks(self) -> bool:
        """Whether it is time to ask for a confirmation; if so, it is taken for asked."""
        due = self._buffer or self._window // 4
        if self._since_query < due:
            return False
        self._since_query = 0
        return True

    def confirm(self, position: int) -> None:
        """The receiver says that it has everything before `position`."""
        if not self.acked <= position <= self.position:
            return
        if position > self.acked:
            self._errors = 0
            self._careful = False
            self._good += position - self.acked
        self.acked = position
        self.stopped = False
        if self._good > _GROW_AFTER and self._block < BLOCK:
            self._block *= 2
            self._good = 0

    def errors_at(self, position: int) -> int:
        """The receiver asks (again) for `position`: how often it has asked for this place."""
        self._errors = self._errors + 1 if position <= self._error_at else 1
        self._error_at = max(position, self._error_at)
        return self._errors

    def back_to(self, position: int) -> int:
        """Go on from `position`, carefully; the bytes that go out once more."""
        again = max(0, self.position - position)
        if again:
            self._block = max(SMALLEST_BLOCK, self._block // 2)
            self._good = 0
        self.position = self.acked = position
        self._careful = True
        self._since_query = 0
        self.stopped = False
        return again
