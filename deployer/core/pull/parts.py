"""A part: bytes of files with their numbers in the list, closed by its own CRC-32.

part=D7F3A21C 5A77C0DE            deployment, CRC-32 of the list that the numbers are of
file=17 1048576 4096              number, offset in it, length; then so many bytes
end=8C3A11F0                      CRC-32 of all bytes before it
"""

from __future__ import annotations

import mmap
import re
import zlib
from dataclasses import dataclass

PART_SIZE = 1 << 20
"""Bytes of files in a part; headers come on top."""
LINE_PART_SIZE = 64 << 10
"""The same over a serial line: what a cut or a damaged byte costs, some 6 s at 115200 bit/s."""

_HEAD = re.compile(rb"part=(D[0-9A-F]{7}) ([0-9A-F]{8})\r\n")
_FILE = re.compile(rb"file=([0-9]{1,7}) ([0-9]{1,10}) ([0-9]{1,10})\r\n")
_END = re.compile(rb"end=([0-9A-F]{8})\r\n")
_LONGEST_HEADER = 48
MAX_PART = PART_SIZE + (64 << 10)
"""Bytes of a part's file; the helper counts headers in, so that this is never reached."""

NAMES = tuple(f"PA{chr(ord('A') + n)}" for n in range(16))
"""Extensions of the parts of one round."""


class PartRefusedError(ValueError):
    """The part is damaged or of another pull; the text says why."""


@dataclass(frozen=True, slots=True)
class Extent:
    """Bytes `offset .. offset + length` of file number `index`, which begin at `at` in the part."""

    index: int
    offset: int
    length: int
    at: int


@dataclass(frozen=True, slots=True)
class SentPart:
    """What a part brings, and the list that its numbers are of."""

    list_crc: int
    extents: tuple[Extent, ...]


def parse(data: bytes, deployment: str) -> SentPart:
    """The part that a PC has sent. Raises PartRefusedError unless every byte of it is right."""
    part, stop = first(data, 0, deployment)
    if stop != len(data):
        raise PartRefusedError("something follows it")
    return part


def first(data: bytes | mmap.mmap, at: int, deployment: str) -> tuple[SentPart, int]:
    """The part that begins there in `data`, and where it ends. Raises PartRefusedError."""
    begin = at
    head = _HEAD.match(data, at)
    if not head or head[1].decode() != deployment:
        raise PartRefusedError("it is of another pull, or cut")
    at = head.end()
    extents = []
    while file := _FILE.match(data, at, at + _LONGEST_HEADER):
        index, offset, length = (int(number) for number in file.groups())
        extents.append(Extent(index, offset, length, file.end()))
        at = file.end() + length
    end = _END.match(data, min(at, len(data)))
    with memoryview(data) as whole, whole[begin:at] as body:
        if not end or int(end[1], 16) != zlib.crc32(body):
            raise PartRefusedError("it came damaged, or cut")
    return SentPart(int(head[2], 16), tuple(extents)), end.end()
