"""Which parts of a payload stand on which disk."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from deployer.core.media.fat12 import Geometry
from deployer.errors import WrongUse
from deployer.model import Part

MOST_DISKS = 99
_PARTS_OF_A_DISK = 8
"""So little has to be copied again after one bad sector, and GO.BAT stays short."""
_RESULT, _RESULT_OF_A_FILE = 2048, 160
"""Bytes of RESULT.TXT at most, and of each file in it."""


@dataclass(frozen=True, slots=True)
class Medium:
    """One disk: its label, the file that tells it from all others, and the parts on it."""

    label: str
    marker: str
    parts: tuple[Part, ...]


def part_size(geometry: Geometry) -> int:
    """The length of a part, so that eight of them fill a disk."""
    return (geometry.clusters - 1) // _PARTS_OF_A_DISK * geometry.cluster


def label(deployment: str, number: int) -> str:
    """What people write on the disk, which is its volume's label too: D7F3A21C-03."""
    return f"{deployment}-{number:02d}"


def marker(deployment: str, number: int) -> str:
    """The name of the file that only this disk has."""
    return f"{deployment}.D{number:02d}"


def spread(
    deployment: str, parts: Sequence[Part], geometry: Geometry, *, first: int, files: int
) -> tuple[Medium, ...]:
    """The parts in their order on as few disks as that takes.

    `first` are clusters that our own files take on the first disk, with their four entries, and
    the last one has room for the report of that many files, which comes back on it. Raises WrongUse
    for more than 99 disks.
    """
    disks: list[list[Part]] = [[]]
    # The label and the marker are on each; the marker has one cluster.
    free, entries = geometry.clusters - 1 - first, geometry.root_entries - 6
    if free < 0:
        raise WrongUse(
            what=f"The list of {files:,} files does not fit on a disk of {geometry.kib} KB.",
            remedy="Use larger disks or --cd FILE.iso, or pack the files into one.",
        )
    for part in parts:
        need = geometry.need(part.length)
        if need > free or not entries:
            disks.append([])
            free, entries = geometry.clusters - 1, geometry.root_entries - 2
        disks[-1].append(part)
        free, entries = free - need, entries - 1
    if geometry.need(_RESULT + _RESULT_OF_A_FILE * files) > free or not entries:
        disks.append([])
    if len(disks) > MOST_DISKS:
        raise WrongUse(
            what=f"That takes {len(disks)} disks of {geometry.kib} KB, and {MOST_DISKS} are the "
            "most.",
            remedy="Use --cd FILE.iso, or push it over the network or a serial line.",
        )
    return tuple(
        Medium(label(deployment, number), marker(deployment, number), tuple(found))
        for number, found in enumerate(disks, 1)
    )


def level_1_names(names: Sequence[str]) -> dict[str, str]:
    """What parts are called on a CD, where level 1 of ISO 9660 has only `A-Z 0-9 _`."""
    found: dict[str, str] = {}
    taken = set(names)
    for name in names:
        plain, turn = name.replace("-", "_"), 0
        while plain != name and plain in taken:
            turn += 1
            plain = f"{name[:3].replace('-', '_')}{turn:05d}.{name.rpartition('.')[2]}"
        taken.add(plain)
        found[name] = plain
    return found
