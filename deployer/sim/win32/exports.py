"""What KERNEL32.DLL of Windows 98 exports (`kernel32_98.txt`, facts F2), and other libraries."""

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
    library: str = "KERNEL32"


def _rows(name: str) -> list[list[str]]:
    text = resources.files(__package__).joinpath(name).read_text("ascii")
    return [line.split() for line in text.splitlines() if line and not line.startswith("#")]


@cache
def kernel32() -> dict[str, Export]:
    """All named exports of Windows 98's KERNEL32.DLL, in the file's order."""
    return {
        name: Export(name, None if count == "-" else int(count), since)
        for name, count, since in _rows("kernel32_98.txt")
    }


@cache
def everything() -> dict[str, Export]:
    """The exports of KERNEL32, and what is here of other libraries; no name stands in two."""
    others = {
        name: Export(name, int(count), "95", library)
        for library, name, count in _rows("others_98.txt")
    }
    return {**kernel32(), **others}
