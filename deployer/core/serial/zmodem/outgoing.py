"""One file on its way out by ZMODEM: its data, what the receiver says to them, and its end.

Every quarter of the window (see `zmodem_pace`) asks for a confirmation (ZCRCQ), which the receiver
gives without stopping the stream. A receiver that cannot listen while it works gets its rhythm
instead (ZCRCW). When the file counts as sent, `zmodem_end` says.
"""

from __future__ import annotations

from collections.abc import Callable
from enum import Enum, auto

from deployer.core.serial.transfer import Reason, TransferFailed
from deployer.core.serial.zmodem.end import Belief, FileEnding
from deployer.core.serial.zmodem.frames import (
    FrameWriter,
    Header,
    HeaderType,
    SubpacketEnd,
    position_bytes,
)
from deployer.core.serial.zmodem.pace import Pace

MOST_ERRORS = 30
"""Times that the receiver may ask again for the same place."""
_TOO_OFTEN = f"the same place failed {MOST_ERRORS} times: the line damages what is sent"


class Fate(Enum):
    """How the file stands."""

    GOING = auto()
    SENT = auto()
    SKIPPED = auto()
    """The receiver does not want it, or not the rest of it."""
    DOUBTED = auto()
    """Whoever is there now knows nothing of this file, or may know nothing of it."""


class Outgoing:
    """A file of `length` bytes from where `pace` stands. What goes to the line is added to `out`.

    `waits`: the receiver cannot listen while it works; `alone`: it gets one ZEOF only (see
    `zmodem_end`). `resent` is told the place and the number of bytes that go out once more.
    """

    def __init__(
        self, out: bytearray, writer: FrameWriter, pace: Pace, length: int,
        *, waits: bool, alone: bool, resent: Callable[[int, int], None],
    ) -> None:  # fmt: skip
        self._out = out
        self._writer = writer
        self._pace = pace
        self._length = length
        self._waits = waits
        self._alone = alone or waits
        self._resent = resent
        self._frame_open = False
        self._ending: FileEnding | None = None
        self._begin()

    @property
    def position(self) -> int:
        """Where the next byte comes from."""
        return self._pace.position

    @property
    def confirmed(self) -> int:
        """Bytes that the receiver is known to have."""
        return self._pace.acked

    @property
    def wanted(self) -> int:
        """Bytes that may go out now."""
        if self._ending is not None:
            return 0
        return max(0, min(self._pace.room, self._length - self._pace.position))

    @property
    def nearly_sent(self) -> bool:
        """The receiver has said that it is ready; `quiet` is due soon."""
        return self._ending is not None and self._ending.open

    def provide(self, data: bytes) -> None:
        """The next bytes, as many as are wanted."""
        if not self._frame_open:
            self._open_frame()
        self._pace.went(len(data))
        if self._pace.position >= self._length:
            self._close(data)
        elif not self._pace.asks():
            self._out += self._writer.subpacket(data, SubpacketEnd.ZCRCG)
        elif not self._waits:
            self._out += self._writer.subpacket(data, SubpacketEnd.ZCRCQ)
        else:
            self._stop_with(data)

    def ask_again(self) -> None:
        """Make the receiver say where it stands."""
        if self._ending is not None:
            self._begin()
            return
        if not self._frame_open:
            self._open_frame()
        self._stop_with(b"")

    def line_restored(self) -> None:
        """What was on its way is gone."""
        if self._ending is None:
            self._rewind(self._pace.acked)
        self.ask_again()

    def end_frame(self) -> None:
        """Whoever is still in the frame sees it end; who hunts for a header passes it over."""
        if self._frame_open:
            self._out += self._writer.subpacket(b"", SubpacketEnd.ZCRCE)
            self._frame_open = False

    def answer(self, header: Header) -> Fate | TransferFailed:
        """The receiver says something."""
        match header.kind:
            case HeaderType.ZACK:
                self._confirm(header.position)
            case HeaderType.ZRPOS:
                return self._error(header.position)
            case HeaderType.ZNAK if self._ending is not None:
                if self._failed_too_often(self._length):
                    return TransferFailed(Reason.NOISE, _TOO_OFTEN)
                self.ask_again()
            case HeaderType.ZNAK:
                return self._error(self._pace.acked)
            case HeaderType.ZSKIP:
                return Fate.SKIPPED
            case HeaderType.ZRINIT if self._ending is not None:
                return self._believe(self._ending.ready())
            case HeaderType.ZRINIT:
                # Nobody says this after ZRPOS but a receiver that has been started anew.
                return Fate.DOUBTED
            case HeaderType.ZFIN:
                where = "in mid-file" if self._ending is None else "before the file's end"
                return TransferFailed(Reason.PEER, f"the receiver ended the session {where}")
        return Fate.GOING

    def quiet(self) -> Fate:
        """Nothing has come since it said that it is ready."""
        return Fate.GOING if self._ending is None else self._believe(self._ending.quiet())

    def _believe(self, belief: Belief) -> Fate:
        if belief is Belief.ASK:
            self._out += self._header(HeaderType.ZEOF, self._length)
        return {Belief.SENT: Fate.SENT, Belief.DOUBT: Fate.DOUBTED}.get(belief, Fate.GOING)

    def _confirm(self, position: int) -> None:
        self._pace.confirm(position)
        if position != self._length:
            return
        if self._ending is not None:
            self._ending.had_all = True
        elif self._pace.position == self._length:
            self._say_end(had_all=True)

    def _error(self, position: int) -> Fate | TransferFailed:
        """The receiver wants everything from `position` on (again)."""
        if position > self._pace.furthest:
            # Beyond what it was ever sent. (Beyond our place is right: we have gone back, and what
            # was on its way has reached it after all.)
            return TransferFailed(
                Reason.PEER, "the receiver asked for a place beyond what was sent"
            )
        if self._failed_too_often(position):
            return TransferFailed(Reason.NOISE, _TOO_OFTEN)
        self._rewind(position)
        self._begin()
        return Fate.GOING

    def _failed_too_often(self, position: int) -> bool:
        return self._pace.errors_at(position) > MOST_ERRORS

    def _rewind(self, position: int) -> None:
        if again := self._pace.back_to(position):
            self._resent(position, again)
        self.end_frame()

    def _begin(self) -> None:
        """A new frame at our place; the end when nothing is left."""
        self._ending = None
        self._open_frame()
        if self._pace.position >= self._length:
            self._close()

    def _open_frame(self) -> None:
        self._out += self._header(HeaderType.ZDATA, self._pace.position)
        self._frame_open = True

    def _stop_with(self, data: bytes) -> None:
        """Data after which the receiver has to speak first."""
        self._out += self._writer.subpacket(data, SubpacketEnd.ZCRCW)
        self._frame_open = False
        self._pace.stopped = True

    def _close(self, data: bytes = b"") -> None:
        """The last bytes of the file, which ask for a confirmation, and ZEOF."""
        if self._waits:
            # ZEOF has to wait until it is listening again.
            self._stop_with(data)
            return
        self._out += self._writer.subpacket(data, SubpacketEnd.ZCRCQ)
        self.end_frame()
        self._say_end(had_all=False)

    def _say_end(self, *, had_all: bool) -> None:
        self._ending = FileEnding(alone=self._alone, had_all=had_all)
        self._out += self._header(HeaderType.ZEOF, self._length) * self._ending.zeofs

    def _header(self, kind: HeaderType, position: int) -> bytes:
        return self._writer.header(kind, position_bytes(position))
