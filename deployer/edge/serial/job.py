"""What every transfer over a serial line has in common: its settings, its events, its errors.

Progress goes out as the events that a transfer over FTP has, with the port as the peer.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from deployer.core.serial import transfer
from deployer.core.serial.transfer import Reason
from deployer.edge.serial.port import DEFAULT_SPEED, PLAIN_8N1, Flow, Frame
from deployer.errors import (
    LineNoisy,
    LineSilent,
    TransferRefused,
    TransferStopped,
    TransferUnconfirmed,
)
from deployer.events import Event, TransferCut, TransferDone, TransferStarted, TransferTick

PROTOCOLS = ("zmodem", "ymodem", "xmodem1k", "xmodem")
TICK = 0.2
"""Seconds between two ticks of progress."""


@dataclass(frozen=True, slots=True)
class SerialJob:
    """What is common to sending and receiving.

    `contact` and `patience` are seconds: to wait for the other side to begin, and to accept its
    silence once it has. `on_gone` is told when the port vanishes (True) and is back (False);
    without it `note` says so.
    """

    port: str
    protocol: str = "zmodem"
    speed: int = DEFAULT_SPEED
    flow: Flow = Flow.RTSCTS
    frame: Frame = PLAIN_8N1
    contact: float = 120.0
    patience: float = 600.0
    escape_controls: bool = False
    emit: Callable[[Event], None] = lambda _event: None
    note: Callable[[str], None] = lambda _text: None
    cancelled: Callable[[], bool] = lambda: False
    clock: Callable[[], float] = time.time
    deployment: str = ""
    on_gone: Callable[[bool], None] | None = None

    @property
    def answer(self) -> float:
        """Seconds that an answer may take: what is on its way has to pass first."""
        return 10.0 + 2 * (12 << 10) * 10 / self.speed


@dataclass(frozen=True, slots=True)
class ReceivedFile:
    """A file that has come: where it lies, its length; `kept` when it was there already."""

    path: Path
    length: int
    kept: bool = False


class Progress:
    """Turns a transfer's events into those that faces know, a few ticks a second."""

    def __init__(self, job: SerialJob, *, upload: bool) -> None:
        self._job = job
        self._upload = upload
        self._name = ""
        self._length = 0
        self._begun = 0.0
        self._ticked = 0.0
        self._gone_at = 0.0
        self.moved = 0
        self.open = False

    def started(self, name: str, length: int, position: int) -> None:
        """A file begins to move."""
        job = self._job
        self._name, self._length, self.moved, self.open = name, length, position, True
        self._begun = self._ticked = self._elapsed()
        at = job.clock()
        job.emit(TransferStarted(at, job.deployment, job.port, name, length, self._upload))

    @staticmethod
    def _elapsed() -> float:
        """Seconds on a clock that nobody sets."""
        return time.monotonic()

    def gone(self, gone: bool) -> None:
        """The port has vanished (True) or is back: that time is not the line's."""
        if gone:
            self._gone_at = self._elapsed()
        else:
            self._begun += self._elapsed() - self._gone_at
        on_gone(self._job)(gone)

    def at(self, moved: int) -> None:
        """So many bytes are over."""
        self.moved = moved
        now = self._elapsed()
        if self.open and now - self._ticked >= TICK:
            self._ticked = now
            job = self._job
            at = job.clock()
            job.emit(TransferTick(at, job.deployment, job.port, self._name, moved, self._length))

    def done(self, length: int) -> None:
        """The file is over."""
        if self.open:
            job, now = self._job, self._job.clock()
            seconds = self._elapsed() - self._begun
            self.open = False
            job.emit(
                TransferDone(
                    now, job.deployment, job.port, self._name, length, seconds, self._upload
                )
            )

    def cut(self, why: str) -> None:
        """The file will not get over now."""
        if self.open:
            job, now = self._job, self._job.clock()
            self.open = False
            job.emit(
                TransferCut(
                    now, job.deployment, job.port, self._name, self.moved, self._length, why,
                    self._upload,
                )
            )  # fmt: skip


def vanished(port: str) -> tuple[str, str]:
    """What has happened when a port is gone, and what to do."""
    if "://" in port:
        return f"the connection to {port} was cut", "it is tried again, and the transfer goes on"
    return f"{port} has vanished", "plug the same adapter in again, the transfer goes on by itself"


def on_gone(job: SerialJob) -> Callable[[bool], None]:
    """Whom to tell that the port vanishes and is back."""
    if job.on_gone is not None:
        return job.on_gone

    def told(gone: bool) -> None:
        what, advice = vanished(job.port)
        job.note(f"{what}: {advice}" if gone else f"{job.port} is back: going on")

    return told


def raise_for(last: transfer.TransferEvent | None, job: SerialJob) -> None:
    """The error that an unsuccessful end means for the user."""
    port = job.port
    match last:
        case transfer.TransferCancelled(by_peer=by_peer):
            raise TransferStopped(port=port, by="by the other side" if by_peer else "here")
        case transfer.TransferFailed(reason=Reason.SILENCE, what=what):
            raise LineSilent(port=port, what=what)
        case transfer.TransferFailed(reason=Reason.NOISE, what=what):
            raise LineNoisy(port=port, what=what)
        case transfer.TransferFailed(reason=Reason.UNCONFIRMED, what=what):
            raise TransferUnconfirmed(port=port, what=what)
        case transfer.TransferFailed(reason=Reason.DISK, what=what):
            raise TransferRefused(
                port=port, what=what, remedy="Make room on that disk, then start it again."
            )
        case transfer.TransferFailed(what=what):
            raise TransferRefused(
                port=port, what=what, remedy="Start both sides again, the receiver first."
            )
