"""The ZMODEM receiver: files in, byte-exact or with a true error.

A file counts as received only when its driver has stored it: only then does the sender get the
ZRINIT that lets it go on. Every length and name that arrives is bounded. ZCOMMAND, which would let
the other side run programs here, is refused.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum, auto
from typing import assert_never

from deployer.core.serial import transfer
from deployer.core.serial.offer import parse_offer
from deployer.core.serial.side import Side
from deployer.core.serial.transfer import MAX_LENGTH, FileOffer, Reason
from deployer.core.serial.zmodem.frames import (
    CANFC32,
    CANFDX,
    CANOVIO,
    ESCCTL,
    MAX_SUBPACKET,
    NONSENSE,
    AbortSequence,
    Damaged,
    FrameReader,
    Header,
    HeaderType,
    Subpacket,
    SubpacketEnd,
    flag_bytes,
    hex_header,
    position_bytes,
)

MOST_ERRORS = 40
_OURS = frozenset({HeaderType.ZRINIT, HeaderType.ZACK, HeaderType.ZRPOS, HeaderType.ZCOMPL})
"""What no sender says: the line echoes it, and nobody may be there any more."""
_ECHO = "the other side receives too, or the line echoes what we send"
_MOST_KNOWN = 32 << 10
"""Bytes before our place that a sender may send again without being told."""
_MOST_NOISE = 16 << 10
"""Bytes without a header after which the sender is told again where to go on."""


@dataclass(frozen=True, slots=True)
class ZmodemReceiveSettings:
    """How to receive. Times are seconds.

    `contact` is how long to wait for the first sign of a sender, `answer` how long a silence lasts
    before we ask again, `patience` how long the sender may be silent. `max_length` bounds a file.
    """

    escape_controls: bool = False
    crc32: bool = True
    contact: float = 60.0
    answer: float = 5.0
    patience: float = 300.0
    max_length: int = MAX_LENGTH
    max_files: int = 10_000


# Each side of a protocol has states of its own; what the sides share is in `side`.
class _State(Enum):
    WAIT = auto()
    """For ZFILE or ZFIN."""
    INFO = auto()
    """For the subpacket after ZFILE, ZSINIT or ZCOMMAND."""
    OFFERED = auto()
    """For our driver's decision."""
    CHECKSUM = auto()
    """For the sender's ZCRC."""
    HEADER = auto()
    """For ZDATA or ZEOF at our position."""
    DATA = auto()
    """For a data subpacket."""
    STORING = auto()
    """For our driver to store the file."""
    LAST = auto()
    """For `OO`."""


class ZmodemReceiver(Side):
    """Receives files. See `transfer` for how it is driven."""

    def __init__(self, *, now: float, settings: ZmodemReceiveSettings | None = None) -> None:
        self._settings = settings or ZmodemReceiveSettings()
        super().__init__(now=now, settings=self._settings)
        self._reader = FrameReader()
        self._asked_in_vain = 0
        self._echoed = False
        self._state = _State.WAIT
        self._info_of = Header(HeaderType.ZFILE, bytes(4))
        self._before_info = _State.WAIT
        self._offer: FileOffer | None = None
        self._position = 0
        self._frame = 0
        self._errors = 0
        self._noise_mark = 0
        self._files = 0
        self._ready()

    @property
    def deadline(self) -> float | None:
        """When `tick` must be called at the latest."""
        if self.done or self._state in (_State.OFFERED, _State.STORING):
            return None
        if self._state is _State.LAST:
            return self._asked + 1.0
        # Who pauses for minutes is not asked every few seconds.
        wait = self._settings.answer * min(8, 1 << self._asked_in_vain)
        return min(self._asked + wait, self._given_up_at)

    def trailing_data(self) -> bytes:
        """What came after the end of the session."""
        return self._reader.rest().removeprefix(b"OO") if self.done else b""

    def line_restored(self) -> None:
        """After the line was gone: tell the sender where we stand."""
        self._heard = self._now
        self._reader.clear()
        if self._state is _State.DATA:
            self._state = _State.HEADER
        self._ask_again()

    def accept(self, position: int = 0) -> None:
        """Take the offered file from `position` on."""
        self._decide()
        self._position = position
        self._state = _State.HEADER
        self._errors = 0
        self._say_position()
        self._advance()

    def skip(self) -> None:
        """Do not take the offered file."""
        self._decide()
        self._offer = None
        self._state = _State.WAIT
        self._say(HeaderType.ZSKIP)
        self._advance()

    def ask_checksum(self, length: int) -> None:
        """Ask for the CRC-32 of the first `length` bytes of the offered file, before deciding."""
        self._decide()
        self._position = length
        self._state = _State.CHECKSUM
        self._say(HeaderType.ZCRC, length)

    def stored(self) -> None:
        """The file that has ended is safe."""
        if self.done or self._state is not _State.STORING:
            raise ValueError("no file has ended")
        self._offer = None
        self._state = _State.WAIT
        self._ready()
        self._advance()

    def refuse(self, what: str) -> None:
        """The open or offered file cannot be stored: tell the sender and end."""
        self._say(HeaderType.ZFERR)
        self._fail(Reason.DISK, what)

    def receive_data(self, data: bytes) -> None:
        """The line brought `data`."""
        if not data or self.done:
            return
        self._asked = max(self._asked, self._now - self._settings.answer / 2)
        self._asked_in_vain = 0
        self._reader.feed(data)
        self._advance()

    def _late(self, silent: float) -> None:
        if self._state is _State.LAST:
            self._end(transfer.Finished())
        elif self._now >= self._given_up_at and not self._met:
            self._fail_unanswered()
        elif self._now >= self._given_up_at:
            sense = " that makes sense" if self._reader.strange and not self._echoed else ""
            self._fail(Reason.SILENCE, f"the sender said nothing{sense} for {silent:.0f} s")
        else:
            self._ask_again()

    def _fail_unanswered(self) -> None:
        if self._echoed:
            self._fail(Reason.PEER, _ECHO)
        elif self._reader.strange:
            self._fail(Reason.SILENCE, f"something comes, but no ZMODEM: {NONSENSE}")
        else:
            self._fail(Reason.SILENCE, "nobody sent anything")

    def _decide(self) -> None:
        if self.done or self._state is not _State.OFFERED:
            raise ValueError("no file is offered")

    def _ask_again(self) -> None:
        self._asked = self._now
        match self._state:
            case _State.WAIT | _State.INFO:
                self._state = _State.WAIT
                self._ready()
            case _State.CHECKSUM:
                self._errors += 1
                if self._errors > 2:
                    self._checksum_told(None)
                else:
                    self._say(HeaderType.ZCRC, self._position)
            case _State.HEADER | _State.DATA:
                self._asked_in_vain = min(3, self._asked_in_vain + 1)
                self._state = _State.HEADER
                self._say_position()
            case _State.OFFERED | _State.STORING | _State.LAST:
                pass
            case _ as never:
                assert_never(never)

    def _advance(self) -> None:
        """Use what has been fed as far as it goes."""
        while not self.done:
            match self._state:
                case _State.OFFERED | _State.STORING:
                    return
                case _State.LAST:
                    rest = self._reader.rest()
                    if b"OO" in rest or b"*\x18B00" in rest:
                        # A sender that begins anew has ended its session before.
                        self._end(transfer.Finished())
                    return
                case _State.INFO | _State.DATA:
                    piece = self._reader.next_subpacket(MAX_SUBPACKET)
                    if piece is None:
                        return
                    self._take_subpacket(piece)
                case _:
                    found = self._reader.next_header()
                    if found is None:
                        self._bound_noise()
                        return
                    self._take_header(found)

    def _bound_noise(self) -> None:
        if self._reader.garbage - self._noise_mark > _MOST_NOISE:
            self._noise_mark = self._reader.garbage
            self._damaged("noise")

    def _take_subpacket(self, piece: Subpacket | Damaged | AbortSequence) -> None:
        match piece:
            case AbortSequence():
                self._end(transfer.TransferCancelled(by_peer=True))
            case Damaged(what=what):
                if self._state is _State.INFO:
                    self._state = _State.WAIT
                    self._say(HeaderType.ZNAK)
                    self._count_error(what)
                else:
                    self._state = _State.HEADER
                    self._damaged(what)
            case Subpacket() if self._state is _State.INFO:
                self._heard = self._now
                self._take_info(piece)
            case Subpacket():
                self._heard = self._now
                self._take_data(piece)
            case _ as never:
                assert_never(never)

    def _damaged(self, what: str) -> None:
        if self._state is _State.HEADER:
            self._say_position()
        self._count_error(what)

    def _count_error(self, what: str) -> None:
        self._errors += 1
        if self._errors > MOST_ERRORS:
            self._fail(
                Reason.NOISE,
                f"{MOST_ERRORS} errors without a right byte between them (the last: {what})",
            )

    def _take_data(self, piece: Subpacket) -> None:
        assert self._offer is not None
        limit = self._settings.max_length if self._offer.length is None else self._offer.length
        fresh = piece.data[self._position - self._frame :]
        self._frame += len(piece.data)
        if self._frame > limit:
            self._fail(Reason.LIMIT, "the sender sends more than the length it announced")
            return
        if fresh:
            self._errors = 0
            self._events.append(transfer.Received(self._position, fresh))
            self._position += len(fresh)
        match piece.end:
            case SubpacketEnd.ZCRCG:
                pass
            case SubpacketEnd.ZCRCQ:
                self._say(HeaderType.ZACK, self._frame)
            case SubpacketEnd.ZCRCW:
                self._state = _State.HEADER
                self._say(HeaderType.ZACK, self._frame)
            case SubpacketEnd.ZCRCE:
                self._state = _State.HEADER
            case _ as never:
                assert_never(never)

    def _take_header(self, header: Header | Damaged | AbortSequence) -> None:
        match header:
            case AbortSequence():
                self._end(transfer.TransferCancelled(by_peer=True))
                return
            case Damaged(what=what):
                if self._state is _State.HEADER:
                    self._count_error(what)
                return
        if header.kind in _OURS:
            self._echoed = True
        else:
            self._heard = self._now
            self._met = True
            self._reader.made_sense()
        self._noise_mark = self._reader.garbage
        match header.kind:
            case HeaderType.ZABORT | HeaderType.ZCAN | HeaderType.ZFERR:
                self._end(transfer.TransferCancelled(by_peer=True))
            case HeaderType.ZRINIT:
                self._count_error(_ECHO)
            case HeaderType.ZRQINIT:
                self._break_off()
                self._ready()
            case HeaderType.ZFILE | HeaderType.ZSINIT | HeaderType.ZCOMMAND:
                self._info_of = header
                self._state, self._before_info = _State.INFO, self._state
            case HeaderType.ZFIN:
                self._break_off()
                self._say(HeaderType.ZFIN)
                self._asked = self._now
                self._state = _State.LAST
            case HeaderType.ZFREECNT:
                self._say(HeaderType.ZACK, MAX_LENGTH)
            case _:
                self._take_header_of_file(header)

    def _take_header_of_file(self, header: Header) -> None:
        match self._state:
            case _State.CHECKSUM:
                if header.kind == HeaderType.ZCRC:
                    self._checksum_told(header.position)
            case _State.HEADER:
                self._take_data_header(header)
            case _State.WAIT if header.kind == HeaderType.ZEOF:
                # It has not heard that we have that file, or do not want it.
                self._ready()
            case _:
                pass

    def _take_data_header(self, header: Header) -> None:
        match header.kind:
            case HeaderType.ZDATA:
                if 0 <= self._position - header.position <= _MOST_KNOWN:
                    # It begins a little before: what we know already is passed over.
                    self._frame = header.position
                    self._state = _State.DATA
                else:
                    self._damaged("data of another place")
            case HeaderType.ZEOF:
                # At another position it is an old one: our ZRPOS is on its way.
                if header.position == self._position:
                    self._ended()
            case HeaderType.ZNAK:
                self._say_position()
            case HeaderType.ZSKIP:
                self._break_off()
                self._ready()

    def _ended(self) -> None:
        assert self._offer is not None
        announced = self._offer.length
        if announced is not None and announced != self._position:
            self._say(HeaderType.ZFERR)
            self._fail(
                Reason.CHANGED,
                f"the sender announced {announced} bytes and ended after {self._position}",
            )
            return
        self._state = _State.STORING
        self._events.append(transfer.FileEnded(self._position))

    def _take_info(self, piece: Subpacket) -> None:
        match self._info_of.kind:
            case HeaderType.ZSINIT:
                self._state = self._before_info
                self._say(HeaderType.ZACK)
            case HeaderType.ZCOMMAND:
                self._state = self._before_info
                self._say(HeaderType.ZCOMPL, 1)
            case _:
                self._take_offer(piece.data)

    def _take_offer(self, data: bytes) -> None:
        offer = parse_offer(data, self._settings.max_length)
        if offer is None:
            self._state = _State.WAIT
            self._say(HeaderType.ZSKIP)
            self._count_error("an offer with an impossible name or length")
            return
        if self._offer == offer and self._before_info is _State.HEADER:
            # It did not hear where we want it to begin.
            self._state = _State.HEADER
            self._say_position()
            return
        self._break_off()
        self._files += 1
        if self._files > self._settings.max_files:
            self._fail(Reason.LIMIT, f"more than {self._settings.max_files} files")
            return
        self._offer = offer
        self._errors = 0
        self._state = _State.OFFERED
        self._events.append(transfer.FileOffered(offer))

    def _checksum_told(self, value: int | None) -> None:
        self._state = _State.OFFERED
        self._events.append(transfer.ChecksumTold(value))

    def _break_off(self) -> None:
        """The sender has turned to something else in the middle of a file."""
        before = self._before_info if self._state is _State.INFO else self._state
        if self._offer is not None and before in (_State.HEADER, _State.DATA):
            self._events.append(transfer.FileBroken(self._position))
        self._offer = None
        self._state = _State.WAIT

    def _ready(self) -> None:
        self._asked = self._now
        flags = CANFDX | CANOVIO
        flags |= CANFC32 if self._settings.crc32 else 0
        flags |= ESCCTL if self._settings.escape_controls else 0
        self._out += hex_header(HeaderType.ZRINIT, flag_bytes(flags))

    def _say(self, kind: HeaderType, position: int = 0) -> None:
        self._asked = self._now
        self._out += hex_header(kind, position_bytes(position))

    def _say_position(self) -> None:
        self._say(HeaderType.ZRPOS, self._position)
