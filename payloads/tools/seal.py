"""Seals a built DEPLOY98: writes its length and CRC-32 into the field that SELF checks.

Usage: seal.py FILE. The field is 16 bytes: the mark `D98SEAL\\0`, then the file's length and the
CRC-32 of the whole file with the CRC field zero, both u32 little-endian. Sealing twice is harmless.
"""

import struct
import sys
import zlib
from pathlib import Path

MARK = b"D98SEAL\0"


def sealed(data: bytes) -> bytes:
    """The same program with its seal. Raises ValueError unless the mark is there exactly once."""
    if data.count(MARK) != 1:
        raise ValueError(f"the mark is there {data.count(MARK)} times, not once")
    field = data.index(MARK) + len(MARK)
    blank = data[:field] + struct.pack("<II", len(data), 0) + data[field + 8 :]
    return blank[: field + 4] + struct.pack("<I", zlib.crc32(blank)) + blank[field + 8 :]


def main() -> None:
    if len(sys.argv) != 2:
        sys.exit(__doc__)
    path = Path(sys.argv[1])
    path.write_bytes(sealed(path.read_bytes()))


if __name__ == "__main__":
    main()
