"""XMODEM's blocks: 128 or 1024 bytes with a number, its complement, and a checksum or CRC-16.

YMODEM is XMODEM with CRC, a block 0 that names each file, and an empty block 0 at the end.
"""

from __future__ import annotations

from binascii import crc_hqx
from dataclasses import dataclass
from enum import StrEnum

SOH, STX, EOT, ACK, NAK, CAN, PAD = 0x01, 0x02, 0x04, 0x06, 0x15, 0x18, 0x1A
WANT_CRC = 0x43
SHORT, LONG = 128, 1024


class Flavour(StrEnum):
    """The protocols of the family. XMODEM's receivers choose CRC or checksum."""

    XMODEM = "xmodem"
    XMODEM_1K = "xmodem1k"
    YMODEM = "ymodem"


@dataclass(frozen=True, slots=True)
class Block:
    """A block whose check is right. `number` is modulo 256."""

    number: int
    data: bytes


def encode(number: int, data: bytes, *, crc: bool) -> bytes:
    """A block of `data`, padded with 1Ah to 128 or 1024 bytes."""
    size = SHORT if len(data) <= SHORT else LONG
    padded = data.ljust(size, bytes((PAD,)))
    start = SOH if size == SHORT else STX
    number &= 0xFF
    return bytes((start, number, 255 - number)) + padded + check(padded, crc=crc)


def check(data: bytes, *, crc: bool) -> bytes:
    """The bytes that prove a block's data."""
    return crc_hqx(data, 0).to_bytes(2, "big") if crc else bytes((sum(data) & 0xFF,))


def size_of(start: int, *, crc: bool) -> int:
    """Bytes of a whole block by its first byte."""
    return 3 + (SHORT if start == SOH else LONG) + (2 if crc else 1)


def decode(block: bytes, *, crc: bool) -> Block | None:
    """The block of as many bytes as `size_of` says; None when it is damaged."""
    data, proof = block[3 : -2 if crc else -1], block[-2 if crc else -1 :]
    if block[1] ^ block[2] != 0xFF or check(data, crc=crc) != proof:
        return None
    return Block(block[1], data)
