"""Prints the table of deployer/core/model/letters.py: run it with a Python that has Unicode 15.0.

That is Python 3.12. llama.cpp splits text by Unicode 15, and a container must not depend on the
Python that made it.
"""

from __future__ import annotations

import base64
import sys
import unicodedata
import zlib

BLANKS = {*range(9, 14), 32, 0x85, 0xA0, 0x1680, *range(0x2000, 0x200B), 0x2028, 0x2029, 0x202F,
          0x205F, 0x3000}  # fmt: skip


def class_of(point: int) -> int:
    """Bits: 1 letter, 2 number, 4 white space, 8 punctuation."""
    kind = unicodedata.category(chr(point))[0]
    return {"L": 1, "N": 2, "P": 8}.get(kind, 0) | (4 if point in BLANKS else 0)


def table() -> str:
    """Ranges as differences: how many code points, and their class."""
    data, start = bytearray(), 0
    for point in range(1, 0x110001):
        if point == 0x110000 or class_of(point) != class_of(start):
            data += f"{point - start:x}{'.lnxsxxxp'[class_of(start)]}".encode()
            start = point
    return base64.b85encode(zlib.compress(bytes(data), 9)).decode()


if __name__ == "__main__":
    assert unicodedata.unidata_version == "15.0.0", "another Unicode"
    text = table()
    lines = [text[at : at + 92] for at in range(0, len(text), 92)]
    sys.stdout.write("\n".join(f'    "{line}"' for line in lines) + "\n")
