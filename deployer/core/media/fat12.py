"""Images of floppy disks: FAT12 with one directory, made and read.

The layout is that of MS-DOS: a boot sector, two FATs, the root directory, clusters. A disk that is
left in the drive says so instead of starting a PC. Lengths are bytes.
"""

from __future__ import annotations

import struct
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

SECTOR = 512
_END = 0xFFF
_VOLUME, _DIRECTORY, _DELETED = 0x08, 0x10, 0xE5
_ENTRY = struct.Struct("<11sB10xHHHI")
_BOOT = struct.Struct("<3s8sHBHBHHBHHHIIBBBI11s8s")
_SAYS = b"\r\nThis disk does not start a PC. Take it out, and press a key.\r\n\0"
_CODE = bytes.fromhex("31c08ed8be597cac08c07409b40ebb0700cd10ebf231c0cd16cd19")
"""Shows the text after it through the BIOS, waits for a key, and starts again (INT 19h)."""


@dataclass(frozen=True, slots=True)
class Geometry:
    """A kind of floppy disk, as its boot sector tells it."""

    kib: int
    sectors: int
    per_track: int
    per_cluster: int
    per_fat: int
    root_entries: int
    media: int

    @property
    def cluster(self) -> int:
        """Bytes that a file takes at least."""
        return self.per_cluster * SECTOR

    @property
    def data_start(self) -> int:
        """The first sector of the clusters."""
        return 1 + 2 * self.per_fat + self.root_entries * 32 // SECTOR

    @property
    def clusters(self) -> int:
        """How many clusters there are for files."""
        return (self.sectors - self.data_start) // self.per_cluster

    def need(self, length: int) -> int:
        """Clusters of a file."""
        return -(-length // self.cluster)


GEOMETRIES: Mapping[int, Geometry] = {
    1440: Geometry(1440, 2880, 18, 1, 9, 224, 0xF0),
    1200: Geometry(1200, 2400, 15, 1, 7, 224, 0xF9),
    720: Geometry(720, 1440, 9, 2, 3, 112, 0xF9),
}
"""By size in KiB, as FORMAT of MS-DOS makes them."""


def image(
    geometry: Geometry, label: str, files: Sequence[tuple[str, bytes]], *, date: int, serial: int
) -> bytes:
    """A disk with these files, named as 8.3, in this order, none in two pieces.

    `label` has at most 11 characters; `date` is as FAT has it (the day in the upper 16 bits).
    Raises ValueError when they do not fit.
    """
    need = sum(geometry.need(len(data)) for _name, data in files)
    if need > geometry.clusters or len(files) + 1 > geometry.root_entries:
        raise ValueError(f"{len(files)} files of {need} clusters do not fit on {geometry.kib} KiB")
    chain = [0xF00 | geometry.media, _END]
    root = [_entry(label.ljust(11).encode("ascii"), _VOLUME, 0, 0, date)]
    clusters = bytearray()
    for name, data in files:
        count = geometry.need(len(data))
        first = len(chain) if count else 0
        chain += [*range(first + 1, first + count), _END] if count else []
        base, _, extension = name.partition(".")
        packed = base.ljust(8).encode("ascii") + extension.ljust(3).encode("ascii")
        root.append(_entry(packed, 0x20, first, len(data), date))
        clusters += data.ljust(count * geometry.cluster, b"\0")
    fat = _packed(chain).ljust(geometry.per_fat * SECTOR, b"\0")
    directory = b"".join(root).ljust(geometry.root_entries * 32, b"\0")
    whole = _boot_sector(geometry, label, serial) + fat + fat + directory + clusters
    return whole.ljust(geometry.sectors * SECTOR, b"\xf6")


def files_of(data: bytes) -> dict[str, bytes]:
    """The files in the root directory of an image, by 8.3 name.

    Raises ValueError for what is no FAT12 image, or a damaged one.
    """
    if len(data) < SECTOR or data[510:512] != b"\x55\xaa":
        raise ValueError("it is no image of a floppy disk")
    fields = struct.unpack_from("<HBHBHHBH", data, 11)
    sector, per_cluster, reserved, fats, entries, _sectors, _media, per_fat = fields
    if sector != SECTOR or not per_cluster or not fats or not per_fat:
        raise ValueError("it is no image of a FAT12 disk")
    fat = data[reserved * sector : (reserved + per_fat) * sector]
    root = (reserved + fats * per_fat) * sector
    start, size = root + entries * 32, per_cluster * sector
    found = {}
    for at in range(root, min(start, len(data) - 31), 32):
        name, attributes, _time, _day, first, length = _ENTRY.unpack_from(data, at)
        if name[0] == 0:
            break
        if name[0] == _DELETED or attributes & (_VOLUME | _DIRECTORY):
            continue
        chain = _chain(fat, first, -(-length // size))
        content = b"".join(data[start + (n - 2) * size :][:size] for n in chain)[:length]
        if len(content) != length:
            raise ValueError("a file of it is cut off")
        base, extension = (part.decode("cp437").rstrip() for part in (name[:8], name[8:]))
        found[f"{base}.{extension}" if extension else base] = content
    return found


def _chain(fat: bytes, first: int, count: int) -> Sequence[int]:
    chain = []
    for _turn in range(count):
        if first < 2 or first * 3 // 2 + 1 >= len(fat):
            raise ValueError("a file of it has no place")
        chain.append(first)
        pair = int.from_bytes(fat[first * 3 // 2 :][:2], "little")
        first = pair >> 4 if first & 1 else pair & 0xFFF
    return chain


def _packed(chain: Sequence[int]) -> bytes:
    """Numbers of 12 bits, two in three bytes."""
    padded = [*chain, 0] if len(chain) % 2 else chain
    pairs = zip(padded[::2], padded[1::2], strict=True)
    return b"".join((low | high << 12).to_bytes(3, "little") for low, high in pairs)


def _entry(name: bytes, attributes: int, first: int, length: int, date: int) -> bytes:
    return _ENTRY.pack(name, attributes, date & 0xFFFF, date >> 16, first, length)


def _boot_sector(geometry: Geometry, label: str, serial: int) -> bytes:
    head = _BOOT.pack(
        b"\xeb\x3c\x90", b"DEPLOYER", SECTOR, geometry.per_cluster, 1, 2, geometry.root_entries,
        geometry.sectors, geometry.media, geometry.per_fat, geometry.per_track, 2, 0, 0,
        0, 0, 0x29, serial, label.ljust(11).encode("ascii"), b"FAT12   ",
    )  # fmt: skip
    return (head + _CODE + _SAYS).ljust(510, b"\0") + b"\x55\xaa"
