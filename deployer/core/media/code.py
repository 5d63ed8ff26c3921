"""The proof as a short code: what GO.BAT shows when the helper has verified every file there.

It is of this deployment only, and stands nowhere that a person reads before: so whoever can name it
has seen the PC show it. The report in RESULT.TXT says more, and is sealed.
"""

from __future__ import annotations

import hashlib

_LETTERS = "ABCDEFGHJKMNPQRSTVWXYZ23456789"
"""None is taken for another."""


def of(manifest: bytes) -> str:
    """The code of a manifest, such as K3VM-8QXW."""
    number = int.from_bytes(hashlib.sha256(manifest + b"verified").digest(), "big")
    signs = []
    for _place in range(8):
        number, rest = divmod(number, len(_LETTERS))
        signs.append(_LETTERS[rest])
    return f"{''.join(signs[:4])}-{''.join(signs[4:])}"


def same(typed: str, code: str) -> bool:
    """Whether a code was typed, in any case, with or without its hyphen and blanks."""
    return "".join(filter(str.isalnum, typed.upper())) == code.replace("-", "")
