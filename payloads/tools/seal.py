"""Seals a built DEPLOY98 so that the CRC-32 of the whole file is what SELF expects.

Usage: seal.py FILE. The last four bytes become the CRC-32 of all bytes before them. In an .EXE they are
padding behind the last section's data, and must be zero; to a program of this machine four bytes
are added. Sealing twice is harmless.
"""

import sys
import zlib
from pathlib import Path

SEAL = 0x2144DF1C
"""The CRC-32 of any bytes with their own CRC-32 behind them."""


def sealed(data: bytes) -> bytes:
    """The same program with its seal. Raises ValueError when an .EXE has no padding for it."""
    if zlib.crc32(data) == SEAL:
        return data
    if data[:2] == b"MZ":
        data, padding = data[:-4], data[-4:]
        if padding != bytes(4):
            raise ValueError("the last four bytes of the .EXE are in use")
    return data + zlib.crc32(data).to_bytes(4, "little")


def main() -> None:
    if len(sys.argv) != 2:
        sys.exit(__doc__)
    path = Path(sys.argv[1])
    path.write_bytes(sealed(path.read_bytes()))


if __name__ == "__main__":
    main()
