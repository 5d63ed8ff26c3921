"""The PCs of the wire as values: what a user calls one, and by what it is known again."""

from __future__ import annotations

import re
from dataclasses import dataclass

from deployer.errors import WrongUse
from deployer.model import ANY

_NAME = re.compile(r"[a-z][a-z0-9-]{0,30}")
_IDENTITY = re.compile(r"d[0-9a-f]{7}")


@dataclass(frozen=True, slots=True)
class NamedTarget:
    """A name that a user has given to a PC. `ip` is its last known address, `at` since when.

    `mac` is its network card's, "" where nobody knows it: the PC is then known by its address.
    """

    name: str
    ip: str
    mac: str = ""
    at: float = 0.0


def parse_name(text: str) -> str:
    """A name for a PC, in small letters. Raises WrongUse for what means something else."""
    name = text.lower()
    if not _NAME.fullmatch(name) or name in ("sim", ANY) or _IDENTITY.fullmatch(name):
        raise WrongUse(
            what=f"{text}: not a name for a PC.",
            remedy="Take a letter, then letters, digits and hyphens, up to 31, such as pentium.",
        )
    return name
