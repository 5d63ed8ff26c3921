"""A picture of an old PC's screen: from the BMP that Windows makes to a PNG.

Uncompressed BMP of 1, 4, 8, 16, 24 and 32 bits a pixel is read; the PNG has 8 bits of each colour.
"""

from __future__ import annotations

import struct
import zlib
from collections.abc import Callable

_SIGNATURE = b"\x89PNG\r\n\x1a\n"
_MOST_PIXELS = 1 << 24
_FIELDS = (0x7C00, 0x03E0, 0x001F)


def png_of_bmp(data: bytes) -> bytes:
    """The PNG of a BMP. Raises ValueError for anything that is no such BMP, or is cut."""
    try:
        return _png(data)
    except struct.error as error:
        raise ValueError("a BMP whose head is cut") from error


def shrunk(data: bytes, width: int, height: int) -> list[bytes]:
    """Rows of red, green and blue of a BMP, at most so many pixels wide and high, in proportion.

    Raises ValueError as `png_of_bmp`.
    """
    try:
        wide, rows = _rows(data)
    except struct.error as error:
        raise ValueError("a BMP whose head is cut") from error
    scale = max(wide / width, len(rows) / height, 1.0)
    columns = [int(x * scale) for x in range(max(int(wide / scale), 1))]
    lines = [int(y * scale) for y in range(max(int(len(rows) / scale) // 2 * 2, 2))]
    found = []
    for y in lines:
        row = rows[min(y, len(rows) - 1)]()
        found.append(b"".join(row[3 * x : 3 * x + 3] for x in columns))
    return found


def _png(data: bytes) -> bytes:
    width, rows = _rows(data)
    raw = b"".join(b"\0" + row() for row in rows)
    head = struct.pack(">IIBBBBB", width, len(rows), 8, 2, 0, 0, 0)
    return b"".join(
        (_SIGNATURE, _chunk(b"IHDR", head), _chunk(b"IDAT", zlib.compress(raw, 6)),
         _chunk(b"IEND", b""))
    )  # fmt: skip


def _rows(data: bytes) -> tuple[int, list[Callable[[], bytes]]]:
    """The width, and what gives each row from the top as red, green, blue, red ..."""
    if data[:2] != b"BM" or len(data) < 54:
        raise ValueError("not a BMP")
    (start,) = struct.unpack_from("<I", data, 10)
    header, width, height, planes, bits, packed = struct.unpack_from("<IiiHHI", data, 14)
    if header < 40 or planes != 1 or width <= 0 or height == 0:
        raise ValueError("not a BMP of Windows")
    if packed not in (0, 3) or width * abs(height) > _MOST_PIXELS:
        raise ValueError("a BMP that is packed, or too large")
    stride = (width * bits + 31) // 32 * 4
    if len(data) < start + stride * abs(height):
        raise ValueError("the BMP is cut")
    row = _reader(data, header, bits, width, packed)
    order = range(abs(height)) if height < 0 else range(height - 1, -1, -1)

    def at(y: int) -> Callable[[], bytes]:
        return lambda: row(data[start + y * stride : start + (y + 1) * stride])

    return width, [at(y) for y in order]


def _chunk(kind: bytes, body: bytes) -> bytes:
    return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))


def _reader(
    data: bytes, header: int, bits: int, width: int, packed: int
) -> Callable[[bytes], bytes]:
    """What turns one row of the BMP into red, green, blue, red ..."""
    match bits:
        case 24 | 32:
            step = bits // 8

            def whole(row: bytes) -> bytes:
                out = bytearray(3 * width)
                for colour in range(3):
                    out[colour::3] = row[2 - colour : width * step : step]
                return bytes(out)

            return whole
        case 16:
            fields = struct.unpack_from("<3I", data, 54) if packed == 3 else _FIELDS
            return _of_words(width, fields)
        case 1 | 4 | 8:
            count = struct.unpack_from("<I", data, 46)[0] or 1 << bits
            return _of_indices(data[14 + header : 14 + header + 4 * count], bits, width)
        case _:
            raise ValueError(f"a BMP of {bits} bits")


def _of_words(width: int, fields: tuple[int, ...]) -> Callable[[bytes], bytes]:
    scales = []
    for field in fields:
        if not field:
            raise ValueError("a BMP without one of its colours")
        shift = (field & -field).bit_length() - 1
        scales.append((shift, field >> shift))

    def read(row: bytes) -> bytes:
        values = struct.unpack_from(f"<{width}H", row)
        out = bytearray(3 * width)
        for colour, (shift, most) in enumerate(scales):
            out[colour::3] = bytes(((v >> shift) & most) * 255 // most for v in values)
        return bytes(out)

    return read


def _of_indices(table: bytes, bits: int, width: int) -> Callable[[bytes], bytes]:
    """Through one table of 256 for each colour; what it lacks is black."""
    tables = [table[2 - colour :: 4].ljust(256, b"\0")[:256] for colour in range(3)]
    mask, each = (1 << bits) - 1, 8 // bits

    def read(row: bytes) -> bytes:
        if bits < 8:
            row = bytes(
                (byte >> (8 - bits * (place + 1))) & mask for byte in row for place in range(each)
            )
        out = bytearray(3 * width)
        for colour in range(3):
            out[colour::3] = row[:width].translate(tables[colour])
        return bytes(out)

    return read
