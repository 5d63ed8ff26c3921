"""Programs of machine controllers: plain text between a line with % and a line with %, one way.

Nobody confirms anything: whoever sends knows only that the line took the bytes, whoever receives
only that both % came. XON and XOFF are the controller's say in it and no part of the text.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

XON, XOFF = 0x11, 0x13
_MARK = b"%"
_IGNORED = bytes((0x00, XON, 0x12, XOFF, 0x14, 0x7F))
"""What controllers and tape punches put around the text: NUL, DC1 to DC4, DEL."""
LONGEST = 64 << 20
"""Bytes of a text; no controller has so much memory."""
_DAMAGED = b"\xff\0"
"""How a port marks a character that came with the wrong parity."""


class TextRefusedError(ValueError):
    """The text cannot go so, or came damaged; the text says why."""


def prepared(data: bytes, *, bits: int) -> bytes:
    """The text as it goes out: every line ends in CR LF, and a % stands before and after it.

    Raises TextRefusedError for what the line, or its flow control, would swallow or change.
    """
    text = data.rstrip(b"\x1a\0")
    for number, line in enumerate(text.split(b"\n"), 1):
        for byte in line:
            if byte in (XON, XOFF):
                raise TextRefusedError(f"line {number} holds XON or XOFF, which stop the line")
            if byte in (0x03, 0x04, 0x1A):
                raise TextRefusedError(f"line {number} holds a character that ends a text")
            if bits == 7 and byte > 0x7F:
                raise TextRefusedError(f"line {number} holds a byte that 7 bits cannot carry")
    lines = re.split(rb"\r\n|\n|\r", text)
    if lines and not lines[-1]:
        lines.pop()
    if not any(line.strip() for line in lines):
        raise TextRefusedError("there is no text in it")
    first = next(line for line in lines if line.strip())
    if not first.lstrip().startswith(_MARK):
        lines.insert(0, _MARK)
    last = next(line for line in reversed(lines) if line.strip())
    if last.strip() != _MARK or sum(1 for line in lines if line.lstrip().startswith(_MARK)) < 2:
        lines.append(_MARK)
    return b"".join(line + b"\r\n" for line in lines)


@dataclass(slots=True)
class Gate:
    """Whether the other side takes bytes now: it says XOFF and XON."""

    open: bool = True

    def hear(self, data: bytes) -> None:
        """What the line brought."""
        for byte in data:
            if byte in (XON, XOFF):
                self.open = byte == XON


class IncomingText:
    """A text on its way in. `text` is all that has come of it, from the first % on."""

    def __init__(self, *, bits: int) -> None:
        self._seven = bits == 7
        self._held = b""
        self.text = bytearray()

    @property
    def ended(self) -> bool:
        """Whether the last line that came is a lone % and not the first; its own end may follow."""
        above, mark, last = self.text.rstrip().rpartition(b"\n")
        if not mark:
            above, mark, last = self.text.rstrip().rpartition(b"\r")
        return bool(mark and above) and last.strip() == _MARK

    def take(self, data: bytes) -> None:
        """The line brought `data`. Raises TextRefusedError for a damaged or endless text."""
        if self._seven:
            data = self._held + data
            if _DAMAGED in data:
                raise TextRefusedError("a character came with the wrong parity")
            self._held = data[-1:] if data.endswith(_DAMAGED[:1]) else b""
            data = bytes(byte & 0x7F for byte in data.removesuffix(self._held))
        data = data.translate(None, _IGNORED)
        if not self.text:
            data = data[data.index(_MARK) :] if _MARK in data else b""
        self.text += data
        if len(self.text) > LONGEST:
            raise TextRefusedError("it does not end")
