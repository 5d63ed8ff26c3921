"""ZMODEM's alphabet: headers and data subpackets to bytes, and out of a stream of bytes.

After Chuck Forsberg's "The ZMODEM Inter Application File Transfer Protocol" (1988) and what lrzsz
does. A header has a type and four bytes, either a position (low byte first) or flags (ZF0 is the
last byte). Hex headers are for the receiver, binary ones with CRC-16 or CRC-32 for the sender.
Bytes that the line may swallow go out as ZDLE and the byte with bit 6 inverted. XON and XOFF that
are not escaped never belong to the protocol, so the reader drops them wherever they stand.
"""

from __future__ import annotations

import re
import zlib
from binascii import crc_hqx, hexlify
from dataclasses import dataclass
from enum import IntEnum

from deployer.core.serial.side import CANCEL as CANCEL  # noqa: PLC0414 - a word of ZMODEM too

ZPAD = 0x2A
ZDLE = 0x18
MAX_SUBPACKET = 8192
"""Longest data subpacket read. The standard says 1024; some senders use up to 8192."""
NONSENSE = "another speed, 7 data bits or parity there"
"""Why words may come that make no sense."""
_STRANGE = 8
"""Bytes without sense that are more than a crackle."""


class HeaderType(IntEnum):
    """Header types."""

    ZRQINIT = 0
    ZRINIT = 1
    ZSINIT = 2
    ZACK = 3
    ZFILE = 4
    ZSKIP = 5
    ZNAK = 6
    ZABORT = 7
    ZFIN = 8
    ZRPOS = 9
    ZDATA = 10
    ZEOF = 11
    ZFERR = 12
    ZCRC = 13
    ZCHALLENGE = 14
    ZCOMPL = 15
    ZCAN = 16
    ZFREECNT = 17
    ZCOMMAND = 18
    ZSTDERR = 19


class SubpacketEnd(IntEnum):
    """How a data subpacket ends: frame over or not, answer wanted or not."""

    ZCRCE = 0x68
    ZCRCG = 0x69
    ZCRCQ = 0x6A
    ZCRCW = 0x6B


CANFDX, CANOVIO, CANBRK, CANFC32, ESCCTL = 0x01, 0x02, 0x04, 0x20, 0x40
"""ZF0 of ZRINIT: full duplex, can write disk while receiving, break, CRC-32, escape controls."""
TESCCTL = 0x40
"""ZF0 of ZSINIT: the sender expects control characters to be escaped."""
ZCBIN, ZCRESUM = 1, 3
"""ZF0 of ZFILE: binary; resume an interrupted transfer."""
ZMCRC = 2
"""ZF1 of ZFILE: compare checksums first."""


@dataclass(frozen=True, slots=True)
class Header:
    """A header whose CRC is right. `wide`: its data subpackets carry CRC-32."""

    kind: int
    data: bytes
    wide: bool = False

    @property
    def position(self) -> int:
        """The four bytes as a position."""
        return int.from_bytes(self.data, "little")

    @property
    def flags(self) -> int:
        """ZF0."""
        return self.data[3]


# One small class for each thing that a line can bring, all of one shape, as in `transfer`.


@dataclass(frozen=True, slots=True)
class Subpacket:
    """A data subpacket whose CRC is right."""

    data: bytes
    end: SubpacketEnd


@dataclass(frozen=True, slots=True)
class Damaged:
    """A header or subpacket that cannot be what was sent."""

    what: str


@dataclass(frozen=True, slots=True)
class AbortSequence:
    """Five CAN in a row: the other side has ended the session."""


def position_bytes(position: int) -> bytes:
    """A position as a header carries it."""
    return position.to_bytes(4, "little")


def flag_bytes(zf0: int, zf1: int = 0, buffer: int = 0) -> bytes:
    """Flags as a header carries them; `buffer` is the receiver's buffer length in ZRINIT."""
    return bytes((buffer & 0xFF, buffer >> 8, zf1, zf0))


def hex_header(kind: int, data: bytes) -> bytes:
    """A header in hex digits, as receivers send it: passes through terminals and 7-bit lines."""
    body = bytes((kind,)) + data
    text = hexlify(body + crc_hqx(body, 0).to_bytes(2, "big"))
    # XON frees a sender that noise has stopped; not after the last headers of a session.
    tail = b"" if kind in (HeaderType.ZFIN, HeaderType.ZACK) else b"\x11"
    return b"**\x18B" + text + b"\r\x8a" + tail


class FrameWriter:
    """Writes binary headers and subpackets in one session's way of escaping."""

    def __init__(self, *, wide: bool, escape_controls: bool) -> None:
        self.wide = wide
        codes = {ZDLE, 0x10, 0x11, 0x13, 0x90, 0x91, 0x93}
        if escape_controls:
            codes |= set(range(0x20)) | set(range(0x80, 0xA0))
        some = b"".join(b"\\x%02x" % code for code in sorted(codes))
        # CR after @ goes out escaped, because Telenet takes CR @ CR for a command to it.
        self._special = re.compile(b"[" + some + rb"]|(?:\A|(?<=[@\xc0]))[\r\x8d]")
        self._escaped = {bytes((c,)): bytes((ZDLE, c ^ 0x40)) for c in codes | {0x0D, 0x8D}}

    def header(self, kind: int, data: bytes) -> bytes:
        """A binary header."""
        body = bytes((kind,)) + data
        return (b"*\x18C" if self.wide else b"*\x18A") + self._escape(body + self._crc(body))

    def subpacket(self, data: bytes, end: SubpacketEnd) -> bytes:
        """A data subpacket."""
        sealed = self._crc(data + bytes((end,)))
        tail = b"\x11" if end == SubpacketEnd.ZCRCW else b""
        return self._escape(data) + bytes((ZDLE, end)) + self._escape(sealed) + tail

    def _escape(self, data: bytes) -> bytes:
        escaped = self._escaped
        return self._special.sub(lambda match: escaped[match[0]], data)

    def _crc(self, data: bytes) -> bytes:
        if self.wide:
            return zlib.crc32(data).to_bytes(4, "little")
        return crc_hqx(data, 0).to_bytes(2, "big")


_FLOW = b"\x11\x13\x91\x93"
_HEADER = re.compile(rb"\*\x18([ABC])")
_END = re.compile(rb"\x18([hijk])|(\x18{5})")
_ESCAPE = re.compile(rb"\x18(.?)", re.DOTALL)
_PLAIN = {bytes((code,)): bytes((code ^ 0x40,)) for code in range(0x100) if code & 0x60 == 0x40} | {
    b"l": b"\x7f",
    b"m": b"\xff",
}
_ABORT = b"\x18" * 5


class FrameReader:
    """Takes headers and subpackets out of what the line brings, and survives everything else.

    `next_header()` hunts for a header; after one that announces data, `next_subpacket()` reads it.
    Both return None when more bytes are needed.
    """

    def __init__(self) -> None:
        self._buffer = bytearray()
        self._scanned = 0
        self._wide = False
        self._line_end = 0
        self._sensible = 0
        self.garbage = 0

    def feed(self, data: bytes) -> None:
        """The line brought `data`."""
        self._buffer += data.translate(None, _FLOW)

    def made_sense(self) -> None:
        """The last header was one that the other side may say."""
        self._sensible = self.garbage

    @property
    def strange(self) -> bool:
        """Whether something has come since then, but nothing that makes sense."""
        return self.garbage + len(self._buffer) - self._sensible > _STRANGE

    def rest(self) -> bytes:
        """What is left, without the line end of the last header."""
        self._skip_line_end()
        return bytes(self._buffer)

    def clear(self) -> None:
        """Forget everything that was fed."""
        self._drop(len(self._buffer))

    def next_header(self) -> Header | Damaged | AbortSequence | None:
        """The next header. Bytes before it are skipped and counted in `garbage`."""
        buffer = self._buffer
        self._scanned = 0
        start = _HEADER.search(buffer)
        abort = buffer.find(_ABORT)
        if abort >= 0 and (start is None or abort < start.start()):
            self._drop(abort + len(_ABORT))
            return AbortSequence()
        if start is None:
            # What may be the beginning of a header, or of an abort, stays.
            keep = 4
            self._count_garbage(max(0, len(buffer) - keep))
            return None
        form = start[1]  # read before the buffer moves below the match
        self._count_garbage(start.start())
        return self._hex() if form == b"B" else self._binary(wide=form == b"C")

    def next_subpacket(
        self, limit: int = MAX_SUBPACKET
    ) -> Subpacket | Damaged | AbortSequence | None:
        """The data subpacket that stands next; `limit` is the most bytes it may carry."""
        self._skip_line_end()
        buffer = self._buffer
        end = _END.search(buffer, max(0, self._scanned - 5))
        if end is None:
            self._scanned = len(buffer)
            if len(buffer) > 2 * limit + 16:
                self._scanned = 0
                return Damaged("a data subpacket without an end")
            return None
        mark, abort, start = end[1], end[2], end.start()
        if abort:
            self._drop(end.end())
            return AbortSequence()
        sealed = _unescape(buffer, end.end(), 4 if self._wide else 2)
        if sealed is None:
            self._scanned = start
            return None
        crc, after = sealed
        data = _plain(bytes(buffer[:start]))
        self._scanned = 0
        # On damage nothing is dropped: a header may hide in what looked like data.
        if data is None or crc is None or len(data) > limit:
            return Damaged("a data subpacket that breaks the rules")
        if crc != _crc(data + mark, wide=self._wide):
            return Damaged("a data subpacket with a wrong CRC")
        self._drop(after)
        return Subpacket(data, SubpacketEnd(mark[0]))

    def _hex(self) -> Header | Damaged | None:
        buffer = self._buffer
        if len(buffer) < 17:
            return None
        try:
            body = bytes.fromhex(buffer[3:17].decode("ascii"))
        except (ValueError, UnicodeDecodeError):
            body = b""
        if len(body) != 7 or crc_hqx(body, 0):
            self._drop(2)
            return Damaged("a hex header with a wrong CRC")
        self._drop(17)
        self._line_end = 2
        self._wide = False
        return Header(body[0] & 0x7F, body[1:5])

    def _binary(self, *, wide: bool) -> Header | Damaged | None:
        size = 4 if wide else 2
        found = _unescape(self._buffer, 3, 5 + size)
        if found is None:
            return None
        body, after = found
        if body is None or body[5:] != _crc(body[:5], wide=wide):
            self._drop(2)
            return Damaged("a binary header with a wrong CRC")
        self._drop(after)
        self._line_end = 0
        self._wide = wide
        return Header(body[0] & 0x7F, body[1:5], wide)

    def _skip_line_end(self) -> None:
        """A hex header ends with CR and LF (some set bit 7), which may come later than it."""
        while self._line_end and self._buffer:
            expected = b"\r\x8d" if self._line_end == 2 else b"\n\x8a"
            if self._buffer[0] in expected:
                self._drop(1)
                self._line_end -= 1
            else:
                self._line_end = 0

    def _count_garbage(self, count: int) -> None:
        if count:
            # The line end of a hex header is no garbage.
            self.garbage += max(0, count - self._line_end)
            self._line_end = 0
            self._drop(count)

    def _drop(self, count: int) -> None:
        del self._buffer[:count]
        self._scanned = 0


def _crc(data: bytes, *, wide: bool) -> bytes:
    if wide:
        return zlib.crc32(data).to_bytes(4, "little")
    return crc_hqx(data, 0).to_bytes(2, "big")


def _plain(data: bytes) -> bytes | None:
    """Without escapes; None when one of them cannot be."""
    if ZDLE not in data:
        return data
    try:
        return _ESCAPE.sub(lambda match: _PLAIN[match[1]], data)
    except KeyError:
        return None


def _unescape(buffer: bytearray, start: int, count: int) -> tuple[bytes | None, int] | None:
    """`count` bytes from `start` on and where they end.

    None when more must come; no bytes when an escape among them cannot be.
    """
    found = bytearray()
    while len(found) < count:
        if start >= len(buffer):
            return None
        byte = buffer[start]
        start += 1
        if byte == ZDLE:
            if start >= len(buffer):
                return None
            plain = _PLAIN.get(bytes(buffer[start : start + 1]))
            start += 1
            if plain is None:
                return None, start
            found += plain
        else:
            found.append(byte)
    return bytes(found), start
