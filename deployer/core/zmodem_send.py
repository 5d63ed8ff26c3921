"""The ZMODEM sender: files out, in any number, over a line that may fail at any byte.

At most `window` bytes are on their way unconfirmed, so an error never costs more than that again:
every quarter of it asks for a confirmation (ZCRCQ), which the receiver gives without stopping the
stream. A receiver with a buffer of its own (ZRINIT's length) gets its rhythm instead (ZCRCW). A
receiver may pause for `patience` seconds; whoever stops the line with XOFF or CTS pauses us too.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass
from enum import Enum, auto
from typing import assert_never

from deployer.core import transfer
from deployer.core.transfer import MAX_LENGTH, Event, Offer, Reason, Want
from deployer.core.zmodem_frames import (
    CANCEL,
    CANFC32,
    ESCCTL,
    ZCBIN,
    ZCRESUM,
    Abort,
    Damaged,
    End,
    Header,
    Kind,
    Reader,
    Writer,
    flag_bytes,
    hex_header,
    position_bytes,
)

BLOCK = 1024
SMALLEST_BLOCK = 64
_CAREFUL = 2 << 10
"""The window after an error, until something is confirmed again: a receiver that only paused has
asked for what is on its way already, and may ask several times."""
MOST_ERRORS = 30
"""Times that the receiver may ask again for the same place."""
MOST_ECHOES = 8
_STALE_ZRINIT = 1.5
"""Seconds after ZFILE in which another ZRINIT is taken for an older one still on its way."""


@dataclass(frozen=True, slots=True)
class SendSettings:
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


class _State(Enum):
    CONTACT = auto()
    OFFER = auto()
    CHECKSUM = auto()
    DATA = auto()
    END = auto()
    FINISH = auto()
    DONE = auto()


class Sender:
    """Sends `offers` in their order. See `transfer` for how it is driven."""

    def __init__(
        self, offers: Sequence[Offer], *, now: float, settings: SendSettings | None = None
    ) -> None:
        if any(offer.length is None or offer.length > MAX_LENGTH for offer in offers):
            raise ValueError("ZMODEM counts to 4,294,967,295 bytes and must know the length")
        self._offers = tuple(offers)
        self._settings = settings or SendSettings()
        self._reader = Reader()
        self._writer = Writer(wide=False, escape_controls=self._settings.escape_controls)
        self._out = bytearray()
        self._events: deque[Event] = deque()
        self._now = now
        self._heard = now
        self._asked = now
        self._state = _State.CONTACT
        self._index = 0
        self._resume = self._settings.resume
        self._echoes = 0
        self._restarts = 0
        self._asked_length = 0
        self._buffer = 0
        self._reset_file()
        self._hello()

    def _reset_file(self) -> None:
        self._position = 0
        self._furthest = 0
        self._acked = 0
        self._frame_open = False
        self._careful = False
        self._since_query = 0
        self._stopped = False
        self._block = BLOCK
        self._good = 0
        self._errors = 0
        self._error_at = -1

    @property
    def done(self) -> bool:
        """True when nothing will happen any more."""
        return self._state is _State.DONE

    @property
    def deadline(self) -> float | None:
        """When `tick` must be called at the latest."""
        if self.done:
            return None
        met = self._state is not _State.CONTACT
        limit = self._settings.patience if met else self._settings.contact
        return min(self._asked + self._settings.answer, self._heard + limit)

    @property
    def confirmed(self) -> int:
        """Bytes of the open file that the receiver is known to have."""
        return self._acked

    @property
    def want(self) -> Want | None:
        """The bytes to send next; None while the window is full or none are due."""
        length = self._length
        if self._state is not _State.DATA or self._stopped or self._position >= length:
            return None
        room = self._block
        if self._buffer:
            room = min(room, self._buffer - self._since_query)
        elif self._position - self._acked >= self._window:
            return None
        return Want(self._index, self._position, min(room, length - self._position))

    @property
    def _window(self) -> int:
        window = self._settings.window
        return min(window, _CAREFUL) if self._careful else window

    @property
    def _length(self) -> int:
        if self._index >= len(self._offers):
            return 0
        return self._offers[self._index].length or 0

    def data_to_send(self) -> bytes:
        """What goes to the line next, once."""
        data = bytes(self._out)
        self._out.clear()
        return data

    def next_event(self) -> Event | None:
        """What happened."""
        return self._events.popleft() if self._events else None

    def cancel(self) -> None:
        """End the session; the receiver is told."""
        if not self.done:
            self._out[:] = CANCEL
            self._end(transfer.Cancelled(by_peer=False))

    def line_restored(self) -> None:
        """After the line was gone: ask the receiver where it stands."""
        self._heard = self._asked = self._now
        self._reader.clear()
        self._out.clear()
        if self._state is _State.DATA:
            self._rewind(self._acked, self._position - self._acked)
            self._query()
        else:
            self._ask_again()

    def provide(self, data: bytes) -> None:
        """The bytes that `want` asked for. Raises ValueError for any other number of them."""
        want = self.want
        if want is None or len(data) != want.length:
            raise ValueError("not what was wanted")
        if not self._frame_open:
            self._open_frame()
        self._position += len(data)
        self._furthest = max(self._furthest, self._position)
        self._since_query += len(data)
        last = self._position >= self._length
        self._out += self._writer.subpacket(data, self._ending(last=last))
        self._asked = self._now
        if last:
            self._frame_open = False
            self._state = _State.END
            self._out += self._header(Kind.ZEOF, self._length)

    def _ending(self, *, last: bool) -> End:
        if last:
            return End.ZCRCE
        if self._buffer and self._since_query >= self._buffer:
            self._since_query = 0
            self._stopped = True
            self._frame_open = False
            return End.ZCRCW
        if not self._buffer and self._since_query >= self._window // 4:
            self._since_query = 0
            return End.ZCRCQ
        return End.ZCRCG

    def answer_checksum(self, value: int) -> None:
        """The CRC-32 of the open file's beginning that was asked for."""
        if self._state is _State.CHECKSUM:
            self._state = _State.OFFER
            self._asked = self._now
            self._out += hex_header(Kind.ZCRC, position_bytes(value))

    def receive_data(self, data: bytes) -> None:
        """The line brought `data`."""
        if self.done:
            return
        self._reader.feed(data)
        while not self.done and (found := self._reader.next_header()) is not None:
            match found:
                case Header():
                    self._heard = self._now
                    self._answer(found)
                case Damaged():
                    pass
                case Abort():
                    self._end(transfer.Cancelled(by_peer=True))
                case _ as never:
                    assert_never(never)

    def tick(self, now: float) -> None:
        """The time is `now`."""
        self._now = now
        if self.done:
            return
        due = self.deadline
        if due is None or now < due:
            return
        silent = now - self._heard
        match self._state:
            case _State.CONTACT if silent >= self._settings.contact:
                self._fail(Reason.SILENCE, "nobody answered: no receiver was started")
            case _State.FINISH if silent >= 3 * self._settings.answer:
                # Every file is confirmed; only the receiver's last word is missing.
                self._out += b"OO"
                self._end(transfer.Finished())
            case _ if silent >= self._settings.patience and self._state is not _State.CONTACT:
                self._fail(Reason.SILENCE, f"the receiver said nothing for {silent:.0f} s")
            case _:
                self._ask_again()

    def _ask_again(self) -> None:
        self._asked = self._now
        if self._out:
            # The line does not take what is there already; more of it would not help.
            return
        match self._state:
            case _State.CONTACT:
                self._hello()
            case _State.OFFER:
                self._offer()
            case _State.DATA:
                self._query()
            case _State.END:
                self._out += self._header(Kind.ZEOF, self._length)
            case _State.FINISH:
                self._out += hex_header(Kind.ZFIN, bytes(4))
            case _State.CHECKSUM | _State.DONE:
                pass
            case _ as never:
                assert_never(never)

    def _query(self) -> None:
        """Make the receiver say where it stands: an empty subpacket that wants an answer."""
        self._asked = self._now
        if not self._frame_open:
            self._open_frame()
        self._out += self._writer.subpacket(b"", End.ZCRCW)
        self._frame_open = False
        self._stopped = True

    def _hello(self) -> None:
        self._asked = self._now
        if self._settings.autostart:
            self._out += b"rz\r"
        self._out += hex_header(Kind.ZRQINIT, bytes(4))

    def _answer(self, header: Header) -> None:
        match header.kind:
            case Kind.ZCHALLENGE:
                self._out += hex_header(Kind.ZACK, header.data)
            case Kind.ZABORT | Kind.ZCAN:
                self._end(transfer.Cancelled(by_peer=True))
            case Kind.ZFERR:
                self._fail(Reason.DISK, "the receiver cannot write the file (is its disk full?)")
            case Kind.ZRQINIT:
                self._echoed()
            case _:
                self._answer_in_state(header)

    def _echoed(self) -> None:
        self._echoes += 1
        if self._echoes >= MOST_ECHOES:
            self._fail(
                Reason.PEER,
                "the other side sends instead of receiving, or the line echoes what we send",
            )

    def _answer_in_state(self, header: Header) -> None:
        match self._state:
            case _State.CONTACT:
                if header.kind == Kind.ZRINIT:
                    self._met(header)
            case _State.OFFER | _State.CHECKSUM:
                self._answer_to_offer(header)
            case _State.DATA:
                self._answer_to_data(header)
            case _State.END:
                self._answer_to_end(header)
            case _State.FINISH:
                if header.kind == Kind.ZFIN:
                    self._out += b"OO"
                    self._end(transfer.Finished())
                elif header.kind == Kind.ZRINIT:
                    self._ask_again()
            case _State.DONE:
                pass
            case _ as never:
                assert_never(never)

    def _met(self, header: Header) -> None:
        """ZRINIT tells what the receiver can do."""
        self._writer = Writer(
            wide=bool(header.flags & CANFC32),
            escape_controls=self._settings.escape_controls or bool(header.flags & ESCCTL),
        )
        self._buffer = int.from_bytes(header.data[:2], "little")
        self._next_file()

    def _next_file(self) -> None:
        self._reset_file()
        if self._index >= len(self._offers):
            self._state = _State.FINISH
            self._ask_again()
        else:
            self._state = _State.OFFER
            self._offer()

    def _offer(self) -> None:
        self._asked = self._now
        offer = self._offers[self._index]
        left = self._offers[self._index :]
        total = sum(item.length or 0 for item in left)
        facts = f"{offer.length} {offer.mtime:o} 100644 0 {len(left)} {total}"
        name = offer.name.encode("utf-8", "surrogateescape")
        flags = ZCRESUM if self._resume else ZCBIN
        self._out += self._writer.header(Kind.ZFILE, flag_bytes(flags))
        self._out += self._writer.subpacket(name + b"\0" + facts.encode("ascii") + b"\0", End.ZCRCW)

    def _answer_to_offer(self, header: Header) -> None:
        match header.kind:
            case Kind.ZRPOS:
                self._start(header.position)
            case Kind.ZSKIP:
                self._skipped()
            case Kind.ZCRC if self._state is _State.OFFER:
                self._state = _State.CHECKSUM
                self._asked_length = min(header.position or self._length, self._length)
                self._events.append(transfer.ChecksumAsked(self._index, self._asked_length))
            case Kind.ZNAK:
                self._offer()
            case Kind.ZRINIT if self._now - self._asked > _STALE_ZRINIT:
                self._offer()
            case Kind.ZFIN:
                self._fail(Reason.PEER, "the receiver ended the session")

    def _start(self, position: int) -> None:
        if position > self._length:
            self._fail(Reason.PEER, "the receiver has more of the file than there is")
            return
        self._position = self._acked = self._furthest = position
        self._since_query = 0
        self._events.append(transfer.FileStarted(self._index, position))
        self._state = _State.DATA
        self._open_frame()
        if position >= self._length:
            self._empty_end()

    def _open_frame(self) -> None:
        self._asked = self._now
        self._out += self._header(Kind.ZDATA, self._position)
        self._frame_open = True

    def _empty_end(self) -> None:
        """Nothing is left to send: an empty subpacket and the end."""
        self._out += self._writer.subpacket(b"", End.ZCRCE)
        self._frame_open = False
        self._state = _State.END
        self._out += self._header(Kind.ZEOF, self._length)

    def _answer_to_data(self, header: Header) -> None:
        match header.kind:
            case Kind.ZACK:
                self._confirmed_up_to(header.position)
            case Kind.ZRPOS:
                self._error(header.position)
            case Kind.ZNAK:
                self._error(self._acked)
            case Kind.ZSKIP:
                self._skipped()
            case Kind.ZRINIT:
                # Nobody says this behind ZRPOS but a receiver that has been started anew.
                self._restarted()
            case Kind.ZFIN:
                self._fail(Reason.PEER, "the receiver ended the session in mid-file")

    def _restarted(self) -> None:
        self._restarts += 1
        if self._restarts > MOST_ERRORS:
            self._fail(Reason.PEER, "the receiver starts anew again and again")
            return
        self._out.clear()
        self._resume = True
        self._next_file()

    def _answer_to_end(self, header: Header) -> None:
        match header.kind:
            case Kind.ZRINIT:
                self._acked = self._length
                self._events.append(transfer.FileSent(self._index))
                self._index += 1
                self._next_file()
            case Kind.ZACK:
                self._confirmed_up_to(header.position)
            case Kind.ZRPOS:
                self._state = _State.DATA
                self._error(header.position)
            case Kind.ZNAK:
                self._out += self._header(Kind.ZEOF, self._length)
            case Kind.ZSKIP:
                self._skipped()
            case Kind.ZFIN:
                self._fail(Reason.PEER, "the receiver ended the session before the file's end")

    def _confirmed_up_to(self, position: int) -> None:
        if self._acked <= position <= self._position:
            if position > self._acked:
                self._errors = 0
                self._careful = False
                self._good += position - self._acked
            self._acked = position
            self._stopped = False
            if self._good > 16 << 10 and self._block < BLOCK:
                self._block *= 2
                self._good = 0

    def _error(self, position: int) -> None:
        """The receiver wants everything from `position` on (again)."""
        if position > self._furthest:
            # Beyond what it was ever sent. (Beyond our place is right: we have gone back, and what
            # was on its way has reached it after all.)
            self._fail(Reason.PEER, "the receiver asked for a place beyond what was sent")
            return
        if position <= self._error_at:
            self._errors += 1
        else:
            self._errors = 1
        self._error_at = max(position, self._error_at)
        if self._errors > MOST_ERRORS:
            self._fail(
                Reason.NOISE,
                f"the same place failed {MOST_ERRORS} times: the line damages what is sent",
            )
            return
        again = max(0, self._position - position)
        self._rewind(position, again)
        self._open_frame()
        if position >= self._length:
            self._empty_end()

    def _rewind(self, position: int, again: int) -> None:
        if again:
            self._events.append(transfer.Resent(position, again))
            self._block = max(SMALLEST_BLOCK, self._block // 2)
            self._good = 0
        if self._frame_open:
            # Whoever is still in the frame sees it end; who hunts for a header passes it over.
            self._out += self._writer.subpacket(b"", End.ZCRCE)
        self._position = self._acked = position
        self._careful = True
        self._since_query = 0
        self._stopped = False
        self._frame_open = False

    def _skipped(self) -> None:
        if self._frame_open:
            self._out += self._writer.subpacket(b"", End.ZCRCE)
        self._events.append(transfer.FileSkipped(self._index))
        self._index += 1
        self._next_file()

    def _header(self, kind: Kind, position: int) -> bytes:
        return self._writer.header(kind, position_bytes(position))

    def _fail(self, reason: Reason, what: str) -> None:
        self._out += CANCEL
        self._end(transfer.Failed(reason, what))

    def _end(self, event: Event) -> None:
        self._state = _State.DONE
        self._events.append(event)
