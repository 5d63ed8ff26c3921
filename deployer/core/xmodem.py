"""XMODEM (checksum, CRC, 1K) and YMODEM: both sides, without I/O. `transfer` tells how to drive."""

from __future__ import annotations

from deployer.core.transfer_side import CANCEL
from deployer.core.xmodem_frames import Flavour
from deployer.core.xmodem_receive import Receiver, ReceiveSettings
from deployer.core.xmodem_send import Sender, SendSettings

__all__ = ["CANCEL", "Flavour", "ReceiveSettings", "Receiver", "SendSettings", "Sender"]
