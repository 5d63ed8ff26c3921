"""What the receiver's word after a file's end is worth.

ZRINIT means two things: "this file is stored", and "I have just been started". So a file's last
bytes ask for a confirmation, and ZEOF goes right after them, twice: who has the file confirms the
bytes and says ZRINIT to both, and whoever was started when ZEOF had got lost says it once, unasked.
Some receivers have nothing to say to the second ZEOF; they say nothing to a third one either.
Anybody else is offered the file again, to go on after what is there if its checksum is right. That
costs a stored file nothing but the question.
"""

from __future__ import annotations

from enum import Enum, auto

SECOND = 2.0
"""Seconds that the answer to another ZEOF may take."""


class Belief(Enum):
    """What to make of it."""

    SENT = auto()
    """The receiver has the file."""
    DOUBT = auto()
    """It may be another receiver, which has nothing: offer the file again."""
    ASK = auto()
    """Say ZEOF once more."""
    WAIT = auto()
    """More may come."""


class FileEnding:
    """The end of one file. `alone`: this receiver gets one ZEOF only, because it may miss what
    comes while it closes the file, or because a doubt about it was wrong before."""

    def __init__(self, *, alone: bool, had_all: bool) -> None:
        self.zeofs = 1 if alone else 2
        """How many to send."""
        self.had_all = had_all
        """Whether the last byte is confirmed."""
        self._ready = 0
        self._asked = False

    @property
    def open(self) -> bool:
        """A ZRINIT has come, and it is not yet known what it means: `quiet` is due in `SECOND`."""
        return self._ready > 0

    def ready(self) -> Belief:
        """The receiver says ZRINIT."""
        self._ready += 1
        if not self.had_all or self._asked:
            return Belief.DOUBT
        return Belief.SENT if self._ready >= self.zeofs else Belief.WAIT

    def quiet(self) -> Belief:
        """Nothing has come since."""
        if self._asked:
            return Belief.SENT
        self._asked = True
        return Belief.ASK
