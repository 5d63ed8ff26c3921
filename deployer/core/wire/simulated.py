"""Where simulated PCs are: each has a loopback address, so that none is taken for another."""

from __future__ import annotations

import zlib

from deployer.model import SIM

_FIRST, _MOST = 127 << 24 | 64 << 16, 1 << 22
"""The quarter of 127/8 that the named ones share: four million addresses."""


def loopback(target: str) -> str:
    """The address that a simulated PC calls from: 127.0.0.1 for `sim`, else one by its name.

    Systems other than Linux have 127.0.0.1 alone until more are set.
    """
    if target == SIM:
        return "127.0.0.1"
    number = _FIRST + zlib.crc32(target.encode()) % _MOST
    return ".".join(str(number >> shift & 255) for shift in (24, 16, 8, 0))
