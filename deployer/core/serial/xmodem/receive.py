"""The receiver of XMODEM and YMODEM: it calls for the file, and acknowledges every block.

XMODEM sends neither name nor length: the last block comes padded with 1Ah, and only somebody who
knows the length can cut it. YMODEM's files are cut to the length that block 0 announced.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum, auto
from typing import assert_never

from deployer.core.serial import transfer
from deployer.core.serial.offer import parse_offer
from deployer.core.serial.side import Side
from deployer.core.serial.transfer import MAX_LENGTH, FileOffer, Reason
from deployer.core.serial.xmodem.frames import (
    ACK,
    CAN,
    EOT,
    LONG,
    NAK,
    SOH,
    STX,
    WANT_CRC,
    Block,
    Flavour,
    decode,
    size_of,
)

MOST_ERRORS = 25
_CRC_CALLS = 4
"""Calls for CRC before an XMODEM sender is taken for one that knows checksums only."""


@dataclass(frozen=True, slots=True)
class XmodemReceiveSettings:
    """How to receive; times in seconds.

    `call` is the time between two calls for a file, `answer` the silence after which a block is
    asked for again, `pause` the silence that ends a damaged block.
    """

    flavour: Flavour = Flavour.YMODEM
    crc: bool = True
    name: str = ""
    contact: float = 60.0
    call: float = 3.0
    answer: float = 10.0
    pause: float = 0.5
    patience: float = 300.0
    max_length: int = MAX_LENGTH


# Each side of a protocol has states of its own; what the sides share is in `side`.
class _State(Enum):
    CALL = auto()
    """Calling for a file (XMODEM: for its data; YMODEM: for block 0)."""
    OFFERED = auto()
    DATA = auto()
    STORING = auto()


class XmodemReceiver(Side):
    """Receives one file (XMODEM) or a batch (YMODEM). See `transfer` for how it is driven."""

    def __init__(self, *, now: float, settings: XmodemReceiveSettings | None = None) -> None:
        self._settings = settings or XmodemReceiveSettings()
        super().__init__(now=now, settings=self._settings)
        self._batch = self._settings.flavour is Flavour.YMODEM
        self._buffer = bytearray()
        self._last_byte = now
        self._crc = self._settings.crc
        self._calls = 0
        self._errors = 0
        self._damaged = False
        self._offer: FileOffer | None = None
        self._position = 0
        self._number = 1
        self._ends = 0
        self._has_stored = False
        self._state = _State.CALL
        if self._batch:
            self._call()
        else:
            # The name is the caller's business, so the offer comes before the first byte.
            self._state = _State.OFFERED
            self._offer = FileOffer(self._settings.name, None)
            self._events.append(transfer.FileOffered(self._offer))

    @property
    def deadline(self) -> float | None:
        """When `tick` must be called at the latest."""
        if self.done or self._state in (_State.OFFERED, _State.STORING):
            return None
        if self._damaged:
            return self._last_byte + self._settings.pause
        step = self._settings.call if self._state is _State.CALL else self._settings.answer
        return min(self._asked + step, self._given_up_at)

    def line_restored(self) -> None:
        """After the line was gone: ask for the block again."""
        self._heard = self._now
        self._buffer.clear()
        self._ask()

    def accept(self, position: int = 0) -> None:
        """Take the offered file. Raises ValueError for another position than 0: no resuming."""
        if self.done or self._state is not _State.OFFERED or position:
            raise ValueError("nothing is offered, or not from there")
        if self._batch:
            self._out.append(ACK)
        self._position = 0
        self._number = 1
        self._ends = 0
        self._state = _State.CALL if not self._batch else _State.DATA
        self._calls = 0
        self._call()

    def skip(self) -> None:
        """These protocols cannot skip a file: the transfer ends."""
        self.cancel()

    def stored(self) -> None:
        """The file that has ended is safe."""
        if self.done or self._state is not _State.STORING:
            raise ValueError("no file has ended")
        self._out.append(ACK)
        self._offer = None
        if self._batch:
            self._has_stored = True
            self._state = _State.CALL
            self._calls = 0
            self._call()
        else:
            self._end(transfer.Finished())

    def refuse(self, what: str) -> None:
        """The file cannot be stored: tell the sender and end."""
        self._fail(Reason.DISK, what)

    def receive_data(self, data: bytes) -> None:
        """The line brought `data`."""
        if not data or self.done:
            return
        self._last_byte = self._now
        if self._damaged:
            # Nothing counts until the line has been quiet; except that the other side gives up.
            if bytes((CAN,)) * 2 in data:
                self._end(transfer.TransferCancelled(by_peer=True))
            return
        self._buffer += data
        while self._buffer and self._listening:
            if not self._take():
                return

    @property
    def _listening(self) -> bool:
        return not (self.done or self._damaged) and self._state in (_State.CALL, _State.DATA)

    def _late(self, silent: float) -> None:
        if self._damaged:
            self._damaged = False
            self._buffer.clear()
            self._ask()
        elif self._now >= self._given_up_at:
            what = f"the sender said nothing for {silent:.0f} s"
            self._fail(Reason.SILENCE, what if self._met else "nobody sent anything")
        else:
            self._buffer.clear()
            self._ask()

    def _ask(self) -> None:
        match self._state:
            case _State.CALL:
                self._call()
            case _State.DATA:
                if self._position == 0 and self._batch:
                    self._call()
                else:
                    self._asked = self._now
                    self._out.append(NAK)
            case _State.OFFERED | _State.STORING:
                pass
            case _ as never:
                assert_never(never)

    def _call(self) -> None:
        self._asked = self._now
        self._calls += 1
        if self._state is _State.CALL and not self._batch and self._calls > _CRC_CALLS:
            self._crc = False
        self._out.append(WANT_CRC if self._crc else NAK)

    def _take(self) -> bool:
        """Use the beginning of the buffer; False when more must come."""
        start = self._buffer[0]
        match start:
            case _ if start in (SOH, STX):
                size = size_of(start, crc=self._crc)
                if len(self._buffer) < size:
                    return False
                block = decode(bytes(self._buffer[:size]), crc=self._crc)
                del self._buffer[:size]
                self._heard = self._now
                self._met = True
                if block is None:
                    self._bad()
                else:
                    self._block(block)
            case _ if start == EOT:
                del self._buffer[:1]
                self._eot()
            case _ if start == CAN:
                if len(self._buffer) < 2:
                    return False
                if self._buffer[1] == CAN:
                    self._end(transfer.TransferCancelled(by_peer=True))
                del self._buffer[:2]
            case _:
                # Before the first block this may be anything, such as what a shell printed.
                del self._buffer[:1]
                if self._state is _State.DATA and self._position:
                    self._bad()
        return True

    # Also in zmodem/send.py, by its shape: each side counts and clears what is its own.
    def _bad(self) -> None:
        self._errors += 1
        if self._errors > MOST_ERRORS:
            self._fail(Reason.NOISE, f"{MOST_ERRORS} damaged blocks in a row")
            return
        self._buffer.clear()
        self._damaged = True
        self._last_byte = self._now

    def _block(self, block: Block) -> None:
        self._asked = self._now
        if self._state is _State.CALL and self._batch:
            self._name(block)
            return
        if self._state is _State.CALL:
            self._state = _State.DATA
        if block.number == self._number & 0xFF:
            self._data(block.data)
        elif block.number == (self._number - 1) & 0xFF:
            # Our ACK was lost.
            self._out.append(ACK)
            if block.number == 0 and self._position == 0 and self._batch:
                self._call()
        else:
            self._fail(Reason.NOISE, "a block is missing: the sender took noise for an answer")

    def _name(self, block: Block) -> None:
        if block.number != 0:
            self._bad()
            return
        if not block.data[0]:
            # No name: the end. sb leaves old bytes after it.
            self._out.append(ACK)
            self._end(transfer.Finished())
            return
        offer = parse_offer(block.data, self._settings.max_length)
        if offer is None:
            self._fail(Reason.LIMIT, "a file with an impossible name or length was offered")
            return
        self._errors = 0
        self._offer = offer
        self._state = _State.OFFERED
        self._events.append(transfer.FileOffered(offer))

    def _data(self, data: bytes) -> None:
        assert self._offer is not None
        self._errors = 0
        self._ends = 0
        self._number += 1
        if self._offer.length is not None:
            left = self._offer.length - self._position
            if left <= 0:
                self._fail(Reason.LIMIT, "the sender sends more than the length it announced")
                return
            data = data[:left]
        elif self._position + len(data) > self._settings.max_length + LONG:
            self._fail(Reason.LIMIT, "the file is longer than allowed")
            return
        self._events.append(transfer.Received(self._position, data))
        self._position += len(data)
        self._out.append(ACK)

    def _eot(self) -> None:
        if self._state is _State.CALL and self._batch:
            if self._has_stored:
                # Our ACK of the last file's end was lost.
                self._out.append(ACK)
                self._call()
            # Else it is the end of something that we know nothing of: no ACK for that.
            return
        self._met = True
        self._heard = self._asked = self._now
        self._ends += 1
        if self._ends == 1:
            # One EOT may be noise: ask for it again.
            self._out.append(NAK)
            return
        length = self._offer.length if self._offer else None
        if length is not None and length != self._position:
            self._fail(
                Reason.CHANGED,
                f"the sender announced {length} bytes and ended after {self._position}",
            )
            return
        self._state = _State.STORING
        self._events.append(transfer.FileEnded(self._position))
