"""What every file protocol on a serial line has in common: offers, events and the way it is driven.

A protocol here does no I/O. Its driver repeats: `tick(now)`, `receive_data(bytes)` for what the
line brought, `next_event()` until None, `provide(bytes)` while `want` asks for bytes of a file and
little is left to send, and `data_to_send()` to the line. `deadline` is the time, on the clock of
`tick`, at which the next tick is due. A sender confirms a file (`FileSent`) only when the receiver
has; a receiver confirms only after its driver has called `stored()`.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import Protocol

MAX_LENGTH = (1 << 32) - 1
"""Positions on the wire have 32 bits, so nothing longer can be sent."""
MAX_NAME = 255


class Reason(StrEnum):
    """Why a transfer failed."""

    SILENCE = "silence"
    NOISE = "noise"
    DISK = "disk"
    LIMIT = "limit"
    PEER = "peer"
    CHANGED = "changed"
    UNCONFIRMED = "unconfirmed"
    """All bytes were confirmed, but not the end of the file."""


@dataclass(frozen=True, slots=True)
class FileOffer:
    """A file as its sender announces it. `mtime` is seconds since 1970, 0 when unknown.

    `length` is None when the protocol did not send it (XMODEM). `name` is as it came: not yet
    fit to be a path.
    """

    name: str
    length: int | None
    mtime: int = 0


@dataclass(frozen=True, slots=True)
class Want:
    """Bytes `position .. position + length` of the sender's file number `index` are needed."""

    index: int
    position: int
    length: int


# One small class for each event, all of one shape: whoever drives a transfer matches on them.


@dataclass(frozen=True, slots=True)
class FileOffered:
    """The other side offers a file: answer with `accept(position)` or `skip()`."""

    offer: FileOffer


@dataclass(frozen=True, slots=True)
class FileStarted:
    """The receiver of our file number `index` takes it from `position` on."""

    index: int
    position: int


@dataclass(frozen=True, slots=True)
class Received:
    """Bytes for the open file, at `position`, in order and proved by their CRC."""

    position: int
    data: bytes


@dataclass(frozen=True, slots=True)
class FileEnded:
    """All `length` bytes have arrived: store them, then call `stored()` or `refuse()`."""

    length: int


@dataclass(frozen=True, slots=True)
class FileBroken:
    """The sender gave the open file up at `position`; what came so far is right."""

    position: int


@dataclass(frozen=True, slots=True)
class FileSent:
    """The receiver confirmed our file number `index`."""

    index: int


@dataclass(frozen=True, slots=True)
class FileSkipped:
    """The receiver does not want our file number `index` (or not the rest of it)."""

    index: int


@dataclass(frozen=True, slots=True)
class ChecksumAsked:
    """The receiver wants the CRC-32 of the first `length` bytes of our file number `index`.

    Answer with `answer_checksum(value)`.
    """

    index: int
    length: int


@dataclass(frozen=True, slots=True)
class ChecksumTold:
    """The sender sent the CRC-32 that `ask_checksum` asked for; None: it does not know how.

    Now answer the offer.
    """

    value: int | None


@dataclass(frozen=True, slots=True)
class Resent:
    """The receiver asked again for what follows `position`; `again` bytes go out once more."""

    position: int
    again: int


@dataclass(frozen=True, slots=True)
class Finished:
    """Both sides are done with everything."""


@dataclass(frozen=True, slots=True)
class TransferCancelled:
    """One side ended the transfer on purpose."""

    by_peer: bool


@dataclass(frozen=True, slots=True)
class TransferFailed:
    """The transfer cannot go on. `what` is a sentence for people, without a full stop."""

    reason: Reason
    what: str


TransferEvent = (
    FileOffered
    | FileStarted
    | Received
    | FileEnded
    | FileBroken
    | FileSent
    | FileSkipped
    | ChecksumAsked
    | ChecksumTold
    | Resent
    | Finished
    | TransferCancelled
    | TransferFailed
)


class Endpoint(Protocol):
    """One side of a transfer, as its driver sees it."""

    @property
    def done(self) -> bool:
        """True when nothing will happen any more (what is left to send may still go out)."""

    @property
    def deadline(self) -> float | None:
        """When `tick` must be called at the latest; None: only when something arrives."""

    def tick(self, now: float) -> None:
        """The time is `now`, in seconds on any clock that never goes back."""

    def receive_data(self, data: bytes) -> None:
        """The line brought `data`."""

    def next_event(self) -> TransferEvent | None:
        """What happened, one by one."""

    def data_to_send(self) -> bytes:
        """What must go to the line next, once."""

    def cancel(self) -> None:
        """End the transfer; the other side is told."""

    def line_restored(self) -> None:
        """The line was gone for a while and works again: take the transfer up where it stood."""


class Giver(Endpoint, Protocol):
    """The side that sends files."""

    @property
    def want(self) -> Want | None:
        """Bytes that `provide` must bring now."""

    @property
    def confirmed(self) -> int:
        """Bytes of the open file that the receiver is known to have."""

    def provide(self, data: bytes) -> None:
        """The bytes that `want` asked for, all of them."""

    def answer_checksum(self, value: int) -> None:
        """The CRC-32 that `ChecksumAsked` asked for."""


class Taker(Endpoint, Protocol):
    """The side that receives files."""

    def accept(self, position: int = 0) -> None:
        """Take the offered file, from `position` on."""

    def skip(self) -> None:
        """Do not take the offered file."""

    def stored(self) -> None:
        """The file that has ended is safe."""

    def refuse(self, what: str) -> None:
        """The file cannot be stored; the other side is told and the transfer ends."""
