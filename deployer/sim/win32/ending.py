"""How a program ends, and the bounds that end it."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum


class Ending(Enum):
    """How a program came to its end."""

    EXITED = "exited"
    FAULT = "fault"  # an illegal operation, or a call that the emulator lacks
    NOT_STARTED = "not started"
    LIMIT = "limit"  # time or output of the emulation used up, or cancelled


@dataclass(frozen=True, slots=True)
class ExitStatus:
    """How a program ended: its 32-bit exit code, and the reason when it did not end by itself.

    For FAULT the code is the exception's number (0xC0000005: bad address) and `eip` says where;
    for NOT_STARTED and LIMIT the code means nothing.
    """

    code: int
    ending: Ending = Ending.EXITED
    reason: str = ""
    eip: int = 0


@dataclass(frozen=True, slots=True)
class RunLimits:
    """Bounds that keep an emulation from running away: seconds of real time, bytes of output."""

    seconds: float = 600.0
    output: int = 16 << 20
    processes: int = 8


class LimitReached(Exception):  # noqa: N818 - ends the run, is not the caller's error
    """A bound of the emulation was reached; the text says which."""
