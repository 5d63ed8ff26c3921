"""From BMP to PNG: every depth that a screen of that time has, and nothing strange gets through."""

from __future__ import annotations

import contextlib
import struct
import zlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from deployer.core.agents.picture import png_of_bmp

RED, BLUE = (255, 0, 0), (0, 0, 255)


def bmp(bits: int, rows: list[bytes], palette: bytes = b"", packed: int = 0) -> bytes:
    """A picture of 3 x 2 points; `rows` from the lowest up."""
    body = b"".join(row.ljust((3 * bits + 31) // 32 * 4, b"\0") for row in rows)
    start = 54 + len(palette)
    head = struct.pack("<2sIHHI", b"BM", start + len(body), 0, 0, start)
    info = struct.pack("<IiiHHIIiiII", 40, 3, 2, 1, bits, packed, 0, 0, 0, len(palette) // 4, 0)
    return head + info + palette + body


def points(png: bytes) -> list[tuple[int, ...]]:
    """All points of a PNG of ours, from the top left one on."""
    width, height = struct.unpack_from(">II", png, 16)
    (length,) = struct.unpack_from(">I", png, 33)
    raw = zlib.decompress(png[41 : 41 + length])
    step = 1 + 3 * width
    return [
        tuple(raw[y * step + 1 + 3 * x : y * step + 4 + 3 * x])
        for y in range(height)
        for x in range(width)
    ]


PALETTE = bytes((0, 0, 255, 0, 255, 0, 0, 0))
"""Red, then blue."""


@pytest.mark.parametrize(
    "picture",
    [
        bmp(1, [b"\xe0", b"\x00"], PALETTE),
        bmp(4, [b"\x11\x10", b"\x00\x00"], PALETTE),
        bmp(8, [b"\1\1\1", b"\0\0\0"], PALETTE),
        bmp(16, [struct.pack("<3H", *[0x001F] * 3), struct.pack("<3H", *[0x7C00] * 3)]),
        bmp(
            16,
            [struct.pack("<3H", *[0x001F] * 3), struct.pack("<3H", *[0xF800] * 3)],
            struct.pack("<3I", 0xF800, 0x07E0, 0x001F),
            packed=3,
        ),
        bmp(24, [b"\xff\0\0" * 3, b"\0\0\xff" * 3]),
        bmp(32, [b"\xff\0\0\0" * 3, b"\0\0\xff\0" * 3]),
    ],
    ids=["1", "4", "8", "16", "16-565", "24", "32"],
)
def test_a_picture_of_each_depth_is_red_above_and_blue_below(picture: bytes) -> None:
    assert points(png_of_bmp(picture)) == [RED] * 3 + [BLUE] * 3


@given(st.binary(max_size=400) | st.binary(max_size=400).map(lambda data: b"BM" + data))
def test_whatever_comes_is_a_picture_or_a_refusal(data: bytes) -> None:
    with contextlib.suppress(ValueError):
        png_of_bmp(data)


@given(st.integers(0, 53), st.binary(min_size=1, max_size=4))
def test_no_damaged_header_gets_through(at: int, damage: bytes) -> None:
    good = bmp(24, [b"\xff\0\0" * 3, b"\0\0\xff" * 3])
    with contextlib.suppress(ValueError):
        png_of_bmp(good[:at] + damage + good[at + len(damage) :])
