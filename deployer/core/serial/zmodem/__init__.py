"""ZMODEM: both sides, without I/O. See `transfer` for how they are driven.

`detect` says to a terminal that the other side has begun a session.
"""

from __future__ import annotations

from typing import Literal

from deployer.core.serial.zmodem.frames import CANCEL, HeaderType, hex_header
from deployer.core.serial.zmodem.receive import ZmodemReceiver, ZmodemReceiveSettings
from deployer.core.serial.zmodem.send import ZmodemSender, ZmodemSendSettings

__all__ = [
    "CANCEL",
    "ZmodemReceiveSettings",
    "ZmodemReceiver",
    "ZmodemSendSettings",
    "ZmodemSender",
    "begins",
    "detect",
]

_SENDER = hex_header(HeaderType.ZRQINIT, bytes(4))[1:18]
_RECEIVER = b"*\x18B01"


def detect(data: bytes) -> Literal["sender", "receiver"] | None:
    """Who speaks ZMODEM in what a terminal got: a sender that wants to begin, a receiver, nobody.

    A sender must have come whole, so that the end of its header is not shown as text.
    """
    if _SENDER in data:
        return "sender"
    return "receiver" if _RECEIVER in data else None


def begins(data: bytes) -> int | None:
    """Where in it a sender's session begins; None when none does."""
    place = data.find(_SENDER)
    return None if place < 0 else place - data[:place].endswith(b"*")
