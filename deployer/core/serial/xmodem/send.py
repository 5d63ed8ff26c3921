"""The sender of XMODEM and YMODEM. The receiver leads: it asks for every block.

It may pause as long as `patience` (machines that drain their memory first do): nothing is sent
again before it asks, or before `again` seconds have passed.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from enum import Enum, auto
from typing import assert_never

from deployer.core.serial import transfer
from deployer.core.serial.offer import announce
from deployer.core.serial.side import Side
from deployer.core.serial.transfer import MAX_LENGTH, FileOffer, Reason, Want
from deployer.core.serial.xmodem.frames import (
    ACK,
    CAN,
    EOT,
    LONG,
    NAK,
    SHORT,
    WANT_CRC,
    Flavour,
    encode,
)

MOST_ERRORS = 25
_BATCH_CALLS = 3
"""Calls in a row after EOT that may mean: give me the next file."""
_HEAD = 3
"""Bytes that a block begins with: its kind, its number, and that inverted."""
_BATCH_END = 10.0
"""Seconds that the receiver has to confirm the batch's end; every file is confirmed by then."""
_END_AGAIN = 5.0
"""Seconds between two EOT: the receiver has all blocks, and has nothing to do but to answer."""
_END_LIMIT = 50.0
"""Seconds after which nobody is going to answer EOT: the receiver's program has ended."""


@dataclass(frozen=True, slots=True)
class XmodemSendSettings:
    """How to send; times in seconds. See the module."""

    flavour: Flavour = Flavour.YMODEM
    contact: float = 60.0
    again: float = 60.0
    patience: float = 600.0


# Each side of a protocol has states of its own; what the sides share is in `side`.
class _State(Enum):
    START = auto()
    """The receiver has to call for the file (or for the name, with YMODEM)."""
    NAMED = auto()
    """Block 0 is out."""
    CALLED = auto()
    """Block 0 is acknowledged; the receiver has to call for the data."""
    FILL = auto()
    """The next block's bytes are wanted."""
    BLOCK = auto()
    """A block is out."""
    END = auto()
    """EOT is out."""
    CLOSE = auto()
    """The receiver has to call for the next name, and gets the empty one."""
    CLOSED = auto()
    """The empty name is out."""


class XmodemSender(Side):
    """Sends `offers`; with XMODEM exactly one. See `transfer` for how it is driven."""

    def __init__(
        self, offers: Sequence[FileOffer], *, now: float, settings: XmodemSendSettings | None = None
    ) -> None:
        self._settings = settings or XmodemSendSettings()
        super().__init__(now=now, settings=self._settings)
        self._batch = self._settings.flavour is Flavour.YMODEM
        if not self._batch and len(offers) != 1:
            raise ValueError("XMODEM carries one file")
        if any(offer.length is None or offer.length > MAX_LENGTH for offer in offers):
            raise ValueError("every file needs a length of at most 4,294,967,295 bytes")
        self._offers = tuple(offers)
        self._crc = True
        self._last_sent = b""
        self._tail = b""
        self._errors = 0
        self._cans = 0
        self._index = 0
        self._state = _State.START if offers else _State.CLOSE
        self._reset_file()

    def _reset_file(self) -> None:
        self._position = 0
        self._sent = 0
        self._number = 1
        self._errors = 0
        self._late_calls = 0

    @property
    def deadline(self) -> float | None:
        """When `tick` must be called at the latest."""
        if self.done:
            return None
        if self._state is _State.CLOSED:
            return self._asked + _BATCH_END
        if self._state is _State.END:
            return self._asked + _END_AGAIN
        return min(self._given_up_at, self._asked + self._settings.again)

    @property
    def confirmed(self) -> int:
        """Bytes of the open file that the receiver is known to have."""
        return self._position

    @property
    def want(self) -> Want | None:
        """The bytes of the next block."""
        if self.done or self._state is not _State.FILL:
            return None
        left = (self._offers[self._index].length or 0) - self._position
        size = SHORT if self._settings.flavour is Flavour.XMODEM or left <= LONG - SHORT else LONG
        return Want(self._index, self._position, min(left, size))

    def provide(self, data: bytes) -> None:
        """The bytes that `want` asked for."""
        want = self.want
        if want is None or len(data) != want.length:
            raise ValueError("not what was wanted")
        self._sent = len(data)
        self._state = _State.BLOCK
        self._send(encode(self._number, data, crc=self._crc))

    def answer_checksum(self, value: int) -> None:
        """These protocols never ask for one."""

    def line_restored(self) -> None:
        """After the line was gone: the receiver will ask again."""
        self._heard = self._asked = self._now
        self._out.clear()

    def receive_data(self, data: bytes) -> None:
        """The line brought `data`."""
        if not self.done and self._echoed(data):
            self._fail(Reason.PEER, "the line echoes what we send, which only ZMODEM survives")
        for byte in data:
            if self.done:
                return
            self._cans = self._cans + 1 if byte == CAN else 0
            if self._cans >= 2:
                self._end(transfer.TransferCancelled(by_peer=True))
            elif byte in (ACK, NAK, WANT_CRC):
                self._heard = self._now
                self._met = True
                self._answer(byte)

    def _echoed(self, data: bytes) -> bool:
        """Whether a block of ours comes back: no receiver begins one, and what is in it may look
        like any answer."""
        heard = self._tail + data
        self._tail = heard[1 - _HEAD :]
        return len(self._last_sent) > _HEAD and self._last_sent[:_HEAD] in heard

    def _late(self, silent: float) -> None:
        if self._state is _State.CLOSED:
            self._end(transfer.Finished())
        elif self._state is _State.END and silent >= min(_END_LIMIT, self._patience):
            self._fail(Reason.UNCONFIRMED, "every block was confirmed, but not the end of the file")
        elif self._now >= self._given_up_at and self._state is not _State.END:
            what = f"the receiver said nothing for {silent:.0f} s"
            nobody = "nobody answered: no receiver was started"
            self._fail(Reason.SILENCE, what if self._met else nobody)
        else:
            self._asked = self._now
            if self._state in (_State.NAMED, _State.BLOCK, _State.END) and not self._out:
                self._out += self._last_sent

    def _answer(self, byte: int) -> None:
        match self._state:
            case _State.START | _State.CALLED | _State.CLOSE:
                self._called(byte)
            case _State.NAMED:
                if byte == ACK:
                    self._state = _State.CALLED
                else:
                    self._again()
            case _State.BLOCK:
                if byte == ACK:
                    self._position += self._sent
                    self._number += 1
                    self._errors = 0
                    self._next_block()
                elif byte == NAK or self._position == 0:
                    self._again()
            case _State.END:
                if byte == ACK:
                    self._file_sent()
                elif byte == NAK or self._position == 0:
                    self._again()
                else:
                    self._called_at_end()
            case _State.CLOSED:
                if byte == ACK:
                    self._end(transfer.Finished())
                elif byte == NAK:
                    self._again()
            case _State.FILL:
                pass
            case _ as never:
                assert_never(never)

    def _called(self, byte: int) -> None:
        if byte == ACK:
            return
        self._crc = byte == WANT_CRC
        match self._state:
            case _State.CLOSE:
                self._state = _State.CLOSED
                self._send(encode(0, bytes(SHORT), crc=self._crc))
            case _State.START if self._batch:
                self._state = _State.NAMED
                self._send(self._block_zero())
            case _:
                self._events.append(transfer.FileStarted(self._index, 0))
                self._next_block()

    def _block_zero(self) -> bytes:
        data = announce(self._offers[self._index])
        size = SHORT if len(data) <= SHORT else LONG
        return encode(0, data.ljust(size, b"\0"), crc=self._crc)

    def _next_block(self) -> None:
        if self._position < (self._offers[self._index].length or 0):
            self._state = _State.FILL
        else:
            self._state = _State.END
            self._send(bytes((EOT,)))

    def _file_sent(self) -> None:
        self._events.append(transfer.FileSent(self._index))
        self._index += 1
        self._reset_file()
        if not self._batch:
            self._end(transfer.Finished())
        else:
            self._state = _State.START if self._index < len(self._offers) else _State.CLOSE

    def _called_at_end(self) -> None:
        """Who calls now has been started anew; or, in a batch, its ACK of our EOT was lost."""
        self._late_calls += 1
        if self._late_calls <= (_BATCH_CALLS if self._batch else 1):
            if self._batch:
                self._again()
        else:
            self._fail(
                Reason.PEER,
                "the receiver was started again when all was sent (or its last answer was lost): "
                "it may not have the file",
            )

    def _send(self, data: bytes) -> None:
        self._asked = self._now
        self._last_sent = data
        self._out += data

    def _again(self) -> None:
        self._errors += 1
        if self._errors > MOST_ERRORS:
            self._fail(Reason.NOISE, f"a block failed {MOST_ERRORS} times: the line damages it")
            return
        if len(self._last_sent) > 1:
            self._events.append(transfer.Resent(self._position, self._sent))
        self._out.clear()
        self._send(self._last_sent)
