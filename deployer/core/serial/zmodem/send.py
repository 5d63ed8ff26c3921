"""The ZMODEM sender: files out, in any number, over a line that may fail at any byte.

Here is the session: contact, offers, and the good-bye; a file on its way is `zmodem_outgoing`. A
receiver may pause for `patience` seconds; whoever stops the line with XOFF or CTS pauses us too.
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
from deployer.core.serial.zmodem.end import SECOND
from deployer.core.serial.zmodem.frames import (
    CANFC32,
    CANFDX,
    ESCCTL,
    NONSENSE,
    ZCBIN,
    ZCRESUM,
    ZMCRC,
    AbortSequence,
    Damaged,
    FrameReader,
    FrameWriter,
    Header,
    HeaderType,
    SubpacketEnd,
    flag_bytes,
    hex_header,
    position_bytes,
)
from deployer.core.serial.zmodem.outgoing import Fate, Outgoing
from deployer.core.serial.zmodem.pace import Pace

MOST_RESTARTS = 30
MOST_ECHOES = 8
MOST_OFFERS = 30
"""Times that one file is offered to who says each time that it was damaged."""
_OURS = frozenset(
    {
        HeaderType.ZRQINIT,
        HeaderType.ZSINIT,
        HeaderType.ZFILE,
        HeaderType.ZDATA,
        HeaderType.ZEOF,
        HeaderType.ZFREECNT,
        HeaderType.ZCOMMAND,
    }
)
"""What no receiver says: the line echoes it, and nobody may be there any more."""
_ECHO = "the other side sends instead of receiving, or the line echoes what we send"
_STALE_ZRINIT = 1.5
"""Seconds after ZFILE in which another ZRINIT is taken for an older one still on its way."""
_HURRY = 0.3
"""Part of `answer` after which a file is offered again to who said ZRINIT after the offer."""
_WHOLE_BUT = 1024
"""rz goes on after whole blocks, so this much is missing of a whole file."""


@dataclass(frozen=True, slots=True)
class ZmodemSendSettings:
    """How to send. Times are seconds, `window` is bytes.

    `contact` is how long to wait for the receiver to appear, `answer` how long for an answer before
    asking again, `patience` how long a receiver that was there may say nothing.
    """

    window: int = 8 << 10
    escape_controls: bool = False
    resume: bool = False
    contact: float = 60.0
    answer: float = 10.0
    patience: float = 600.0
    autostart: bool = True


# Each side of a protocol has states of its own; what the sides share is in `side`.
class _State(Enum):
    CONTACT = auto()
    OFFER = auto()
    CHECKSUM = auto()
    FILE = auto()
    FINISH = auto()


class ZmodemSender(Side):
    """Sends `offers` in their order. See `transfer` for how it is driven."""

    def __init__(
        self, offers: Sequence[FileOffer], *, now: float, settings: ZmodemSendSettings | None = None
    ) -> None:
        if any(offer.length is None or offer.length > MAX_LENGTH for offer in offers):
            raise ValueError("ZMODEM counts to 4,294,967,295 bytes and must know the length")
        self._offers = tuple(offers)
        self._settings = settings or ZmodemSendSettings()
        super().__init__(now=now, settings=self._settings)
        self._reader = FrameReader()
        self._writer = FrameWriter(wide=False, escape_controls=self._settings.escape_controls)
        self._state = _State.CONTACT
        self._index = 0
        self._again = False
        self._echoes = 0
        self._echoed = False
        self._restarts = 0
        self._damaged_offers = 0
        self._buffer = 0
        self._file: Outgoing | None = None
        self._doubted_wrongly = False
        self._overheard = False
        self._hello()

    @property
    def deadline(self) -> float | None:
        """When `tick` must be called at the latest."""
        if self.done:
            return None
        if self._file is not None and self._file.nearly_sent:
            return self._asked + SECOND
        answer = self._settings.answer * (_HURRY if self._overheard else 1.0)
        return min(self._asked + answer, self._given_up_at)

    @property
    def confirmed(self) -> int:
        """Bytes of the open file that the receiver is known to have."""
        return self._file.confirmed if self._file is not None else 0

    @property
    def want(self) -> Want | None:
        """The bytes to send next; None while the window is full or none are due."""
        if self.done or self._file is None or not self._file.wanted:
            return None
        return Want(self._index, self._file.position, self._file.wanted)

    @property
    def _length(self) -> int:
        if self._index >= len(self._offers):
            return 0
        return self._offers[self._index].length or 0

    def line_restored(self) -> None:
        """After the line was gone: ask the receiver where it stands."""
        self._heard = self._asked = self._now
        self._reader.clear()
        self._out.clear()
        if self._file is not None:
            self._file.line_restored()
        else:
            self._ask_again()

    def provide(self, data: bytes) -> None:
        """The bytes that `want` asked for. Raises ValueError for any other number of them."""
        want = self.want
        if self._file is None or want is None or len(data) != want.length:
            raise ValueError("not what was wanted")
        self._asked = self._now
        self._file.provide(data)

    def answer_checksum(self, value: int) -> None:
        """The CRC-32 of the open file's beginning that was asked for."""
        if self._state is _State.CHECKSUM:
            self._state = _State.OFFER
            self._asked = self._now
            self._out += hex_header(HeaderType.ZCRC, position_bytes(value))

    def receive_data(self, data: bytes) -> None:
        """The line brought `data`."""
        if self.done:
            return
        self._reader.feed(data)
        while not self.done and (found := self._reader.next_header()) is not None:
            match found:
                case Header():
                    if found.kind in _OURS:
                        self._echoed = True
                    else:
                        self._heard = self._now
                        self._reader.made_sense()
                    self._answer(found)
                case Damaged():
                    pass
                case AbortSequence():
                    self._end(transfer.TransferCancelled(by_peer=True))
                case _ as never:
                    assert_never(never)

    def _late(self, silent: float) -> None:
        match self._state:
            case _State.CONTACT if silent >= self._settings.contact:
                self._fail_unanswered()
            case _State.FINISH if silent >= 3 * self._settings.answer:
                # Every file is confirmed; only the receiver's last header is missing.
                self._out += b"OO"
                self._end(transfer.Finished())
            case _State.FILE if self._file is not None and self._file.nearly_sent:
                self._asked = self._now
                self._go_on(self._file.quiet())
            case _ if silent >= self._settings.patience and self._state is not _State.CONTACT:
                what = f"the receiver said nothing{self._sense} for {silent:.0f} s"
                self._fail(Reason.SILENCE, what)
            case _ if self._out:
                # The line does not take what is there already; more of it would not help.
                self._asked = self._now
            case _:
                self._ask_again()

    @property
    def _sense(self) -> str:
        return " that makes sense" if self._reader.strange and not self._echoed else ""

    def _fail_unanswered(self) -> None:
        if self._echoed:
            self._fail(Reason.PEER, _ECHO)
        elif self._reader.strange:
            what = f"something answers, but no receiver: {NONSENSE}, or a shell without rz"
            self._fail(Reason.SILENCE, what)
        else:
            self._fail(Reason.SILENCE, "nobody answered: no receiver was started")

    def _ask_again(self) -> None:
        self._asked = self._now
        match self._state:
            case _State.CONTACT:
                self._hello()
            case _State.OFFER:
                self._offer()
            case _State.FILE:
                assert self._file is not None
                self._file.ask_again()
            case _State.FINISH:
                self._out += hex_header(HeaderType.ZFIN, bytes(4))
            case _State.CHECKSUM:
                pass
            case _ as never:
                assert_never(never)

    def _hello(self) -> None:
        self._asked = self._now
        if self._settings.autostart:
            self._out += b"rz\r"
        self._out += hex_header(HeaderType.ZRQINIT, bytes(4))

    def _answer(self, header: Header) -> None:
        match header.kind:
            case HeaderType.ZCHALLENGE:
                self._out += hex_header(HeaderType.ZACK, header.data)
            case HeaderType.ZABORT | HeaderType.ZCAN:
                self._end(transfer.TransferCancelled(by_peer=True))
            case HeaderType.ZFERR:
                self._fail(Reason.DISK, "the receiver cannot write the file (is its disk full?)")
            case HeaderType.ZRQINIT:
                self._count_echo()
            case _:
                self._answer_in_state(header)

    def _count_echo(self) -> None:
        self._echoes += 1
        if self._echoes >= MOST_ECHOES:
            self._fail(Reason.PEER, _ECHO)

    def _answer_in_state(self, header: Header) -> None:
        match self._state:
            case _State.CONTACT:
                if header.kind == HeaderType.ZRINIT:
                    self._met = True
                    self._learn(header)
                    self._next_file()
            case _State.OFFER | _State.CHECKSUM:
                self._answer_to_offer(header)
            case _State.FILE:
                self._answer_to_file(header)
            case _State.FINISH:
                if header.kind == HeaderType.ZFIN:
                    self._out += b"OO"
                    self._end(transfer.Finished())
                elif header.kind == HeaderType.ZRINIT:
                    self._ask_again()
            case _ as never:
                assert_never(never)

    def _learn(self, header: Header) -> None:
        """ZRINIT says what the receiver can do."""
        self._writer = FrameWriter(
            wide=bool(header.flags & CANFC32),
            escape_controls=self._settings.escape_controls or bool(header.flags & ESCCTL),
        )
        self._buffer = int.from_bytes(header.data[:2], "little")
        if not header.flags & CANFDX:
            self._buffer = self._buffer or self._settings.window

    def _next_file(self) -> None:
        self._file = None
        if self._index >= len(self._offers):
            self._state = _State.FINISH
            self._ask_again()
        else:
            self._state = _State.OFFER
            self._damaged_offers = 0
            self._offer()

    def _offer(self) -> None:
        self._asked = self._now
        self._overheard = False
        offer = self._offers[self._index]
        left = self._offers[self._index :]
        total = sum(item.length or 0 for item in left)
        flags = flag_bytes(ZCRESUM, ZMCRC) if self._resumes else flag_bytes(ZCBIN)
        self._out += self._writer.header(HeaderType.ZFILE, flags)
        self._out += self._writer.subpacket(
            announce(offer, f" 0 {len(left)} {total}"), SubpacketEnd.ZCRCW
        )

    @property
    def _resumes(self) -> bool:
        return self._again or self._settings.resume

    def _answer_to_offer(self, header: Header) -> None:
        # An old ZRINIT, or one for the rest of what was on its way: then the offer got lost in it.
        self._overheard = header.kind == HeaderType.ZRINIT
        match header.kind:
            case HeaderType.ZRPOS:
                self._start(header.position)
            case HeaderType.ZSKIP:
                self._skipped()
            case HeaderType.ZCRC if self._state is _State.OFFER:
                self._checksum_asked(header.position)
            case HeaderType.ZNAK:
                self._offer_was_damaged()
            case HeaderType.ZRINIT if self._now - self._asked > _STALE_ZRINIT:
                self._offer()
            case HeaderType.ZFIN:
                self._fail(Reason.PEER, "the receiver ended the session")

    def _offer_was_damaged(self) -> None:
        self._damaged_offers += 1
        if self._damaged_offers < MOST_OFFERS:
            self._offer()
        else:
            what = "what we offer arrives damaged each time: does the line carry 8 bits?"
            self._fail(Reason.NOISE, what)

    def _checksum_asked(self, length: int) -> None:
        if length > self._length and self._resumes:
            # rz would overwrite its beginning and leave the rest of it after our file.
            self._fail(Reason.PEER, "the receiver has a longer file of that name: delete it there")
            return
        self._state = _State.CHECKSUM
        asked = min(length or self._length, self._length)
        self._events.append(transfer.ChecksumAsked(self._index, asked))

    def _start(self, position: int) -> None:
        if position > self._length:
            self._fail(Reason.PEER, "the receiver has more of the file than there is")
            return
        if self._again and position > self._length - _WHOLE_BUT:
            self._doubted_wrongly = True
        pace = Pace(window=self._settings.window, buffer=self._buffer, position=position)
        self._events.append(transfer.FileStarted(self._index, position))
        self._asked = self._now
        self._state = _State.FILE
        self._file = Outgoing(
            self._out, self._writer, pace, self._length, waits=bool(self._buffer),
            alone=self._doubted_wrongly, resent=self._resent,
        )  # fmt: skip

    def _resent(self, position: int, again: int) -> None:
        self._events.append(transfer.Resent(position, again))

    def _answer_to_file(self, header: Header) -> None:
        assert self._file is not None
        if header.kind == HeaderType.ZRINIT:
            self._learn(header)
        said = len(self._out)
        fate = self._file.answer(header)
        if len(self._out) > said or self._file.nearly_sent:
            self._asked = self._now
        self._go_on(fate)

    def _go_on(self, fate: Fate | transfer.TransferFailed) -> None:
        match fate:
            case Fate.GOING:
                pass
            case Fate.SENT:
                self._events.append(transfer.FileSent(self._index))
                self._turn_to_next()
            case Fate.SKIPPED:
                self._skipped()
            case Fate.DOUBTED:
                self._offer_again()
            case transfer.TransferFailed(reason=reason, what=what):
                self._fail(reason, what)
            case _ as never:
                assert_never(never)

    def _offer_again(self) -> None:
        self._restarts += 1
        if self._restarts > MOST_RESTARTS:
            self._fail(Reason.PEER, "the receiver starts again and again")
            return
        self._out.clear()
        self._again = True
        self._next_file()

    def _turn_to_next(self) -> None:
        self._index += 1
        self._again = False
        self._next_file()

    def _skipped(self) -> None:
        if self._file is not None:
            self._file.end_frame()
        self._events.append(transfer.FileSkipped(self._index))
        self._turn_to_next()
