"""NetBIOS over UDP (RFC 1002) as far as it shows who a PC is: its name, and that it is there.

Windows 9x registers its names on port 137 when it starts, asks there for others' names, and sends
announcements of itself on port 138. Anything else is None; nothing raises.
"""

from __future__ import annotations

import struct

NAMES, DATAGRAMS = 137, 138
"""The ports."""

_HEADER = struct.Struct("!6H")
_DATAGRAM = struct.Struct("!BBH4sHHH")
_REGISTER, _REFRESH, _ALSO = 5, 8, 9
_OWN = (0x00, 0x20)
"""The last byte of a computer's own name: as a workstation, and as a server of files."""
_GROUP = 0x8000
_ENCODED = 32


def computer(port: int, data: bytes) -> str | None:
    """The name of the PC that has sent this; "" where it speaks NetBIOS without saying its own.

    None for what is no NetBIOS.
    """
    if port == NAMES:
        return _registered(data)
    return _announced(data) if port == DATAGRAMS else None


def _registered(data: bytes) -> str | None:
    """A PC registers its own names; in a question stands another's."""
    if len(data) < _HEADER.size:
        return None
    _number, flags, questions, _answers, _authority, more = _HEADER.unpack_from(data)
    if flags >> 15 or questions != 1:
        return None
    found = _name(data, _HEADER.size)
    if found is None:
        return None
    if flags >> 11 & 15 not in (_REGISTER, _REFRESH, _ALSO) or more != 1:
        return ""
    groups = struct.unpack_from("!H", data, len(data) - 6)[0] if len(data) >= 68 else _GROUP
    return found[0] if found[1] in _OWN and not groups & _GROUP else ""


def _announced(data: bytes) -> str | None:
    """Every datagram begins with the name of its sender."""
    if len(data) < _DATAGRAM.size or data[0] not in (0x10, 0x11, 0x12):
        return None
    found = _name(data, _DATAGRAM.size)
    if found is None:
        return None
    return found[0] if found[1] in _OWN else ""


def _name(data: bytes, at: int) -> tuple[str, int] | None:
    """A name of 15 characters and its last byte: each half byte is a letter from A on."""
    if data[at : at + 1] != bytes((_ENCODED,)):
        return None
    letters = data[at + 1 : at + 1 + _ENCODED]
    if len(letters) != _ENCODED or any(not 0 <= each - 0x41 < 16 for each in letters):
        return None
    halves = [each - 0x41 for each in letters]
    raw = bytes(high << 4 | low for high, low in zip(halves[::2], halves[1::2], strict=True))
    return raw[:15].decode("latin-1").rstrip(" \0"), raw[15]
