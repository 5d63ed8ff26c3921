"""How ZMODEM and YMODEM announce a file: `name NUL length mtime-in-octal mode ... NUL`.

Everything after the name may be missing.
"""

from __future__ import annotations

import re

from deployer.core.serial.transfer import MAX_LENGTH, MAX_NAME, FileOffer

_NUMBER = re.compile(rb"[0-9]{1,10}")
_OCTAL = re.compile(rb"[0-7]{1,12}")


def announce(offer: FileOffer, more: str = "") -> bytes:
    """An offer as it is announced; `more` are the fields after its mode."""
    name = offer.name.encode("utf-8", "surrogateescape")
    return name + b"\0" + f"{offer.length} {offer.mtime:o} 100644{more}".encode("ascii") + b"\0"


def parse_offer(data: bytes, max_length: int = MAX_LENGTH) -> FileOffer | None:
    """The file that is announced; None when it is none we take."""
    name, found, rest = data.partition(b"\0")
    if not found or not 0 < len(name) <= MAX_NAME:
        return None
    fields = rest.partition(b"\0")[0].split()
    length: int | None = None
    if fields:
        if not _NUMBER.fullmatch(fields[0]):
            return None
        length = int(fields[0])
        if length > max_length:
            return None
    mtime = int(fields[1], 8) if len(fields) > 1 and _OCTAL.fullmatch(fields[1]) else 0
    return FileOffer(name.decode("utf-8", "surrogateescape"), length, mtime)
