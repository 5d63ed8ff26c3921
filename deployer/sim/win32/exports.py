"""What KERNEL32.DLL of Windows 98 exports, from `kernel32_98.txt` (facts F2)."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from importlib import resources


@dataclass(frozen=True, slots=True)
class Export:
    """One exported function: how many arguments it pops (None: unknown), since which system."""

    name: str
    arguments: int | None
    since: str


@cache
def kernel32() -> dict[str, Export]:
    """All named exports of Windows 98's KERNEL32.DLL, in the file's order."""
    text = resources.files(__package__).joinpath("kernel32_98.txt").read_text("ascii")
    rows = (line.split() for line in text.splitlines() if line and not line.startswith("#"))
    return {
        name: Export(name, None if count == "-" else int(count), since)
        for name, count, since in rows
    }
