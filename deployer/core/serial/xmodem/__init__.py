"""XMODEM (checksum, CRC, 1K) and YMODEM: both sides, without I/O. `transfer` says how to drive."""

from __future__ import annotations

from deployer.core.serial.side import CANCEL
from deployer.core.serial.xmodem.frames import Flavour
from deployer.core.serial.xmodem.receive import XmodemReceiver, XmodemReceiveSettings
from deployer.core.serial.xmodem.send import XmodemSender, XmodemSendSettings

__all__ = [
    "CANCEL",
    "Flavour",
    "XmodemReceiveSettings",
    "XmodemReceiver",
    "XmodemSendSettings",
    "XmodemSender",
]
