"""What is on images of floppy disks (FAT12) and CDs (ISO 9660, Joliet), as this PC reads them.

Nothing here is shared with what makes such images.
"""

from __future__ import annotations

import struct
from dataclasses import dataclass

SECTOR, BLOCK = 512, 2048


class ImageError(ValueError):
    """It is no image that this PC can read."""


@dataclass(frozen=True, slots=True)
class Stored:
    """A file of an image: its name, its bytes, and the sectors that hold them."""

    name: str
    data: bytes
    sectors: tuple[int, ...] = ()


class Floppy:
    """A FAT12 disk with one directory; `put` and `drop` change it."""

    def __init__(self, data: bytes) -> None:
        if len(data) < SECTOR or data[510:512] != b"\x55\xaa" or data[11:13] != b"\0\2":
            raise ImageError("not a floppy disk with sectors of 512 bytes")
        self.data = bytearray(data)
        reserved, fats, entries = struct.unpack_from("<HBH", data, 14)
        total, _media, self._fat_size = struct.unpack_from("<HBH", data, 19)
        self.per_cluster = data[13]
        self._fats = [reserved + n * self._fat_size for n in range(fats)]
        self._root = reserved + fats * self._fat_size
        self._entries = entries
        self._first = self._root + entries * 32 // SECTOR
        self.clusters = (total - self._first) // self.per_cluster
        if total * SECTOR != len(data):
            raise ImageError(
                f"its boot sector tells of {total} sectors, it has {len(data) / SECTOR}"
            )

    @property
    def label(self) -> str:
        """The volume's label."""
        for at in self._slots():
            if self.data[at + 11] & 0x08 and self.data[at] not in (0, 0xE5):
                return self.data[at : at + 11].decode("cp437").rstrip()
        return ""

    def files(self) -> list[Stored]:
        """What is in its directory."""
        found = []
        for at in self._slots():
            if self.data[at] == 0:
                break
            if self.data[at] == 0xE5 or self.data[at + 11] & 0x18:
                continue
            base, extension = (
                self.data[a:b].decode("cp437").rstrip()
                for a, b in ((at, at + 8), (at + 8, at + 11))
            )
            first, length = struct.unpack_from("<HI", self.data, at + 26)
            sectors = tuple(
                self._first + (cluster - 2) * self.per_cluster + n
                for cluster in self._chain(first)
                for n in range(self.per_cluster)
            )
            content = b"".join(self.data[s * SECTOR :][:SECTOR] for s in sectors)
            if len(content) < length:
                raise ImageError(f"{base}.{extension} is longer than its chain")
            name = f"{base}.{extension}" if extension else base
            found.append(Stored(name, content[:length], sectors))
        return found

    def put(self, name: str, content: bytes) -> None:
        """Write a file, which replaces one of that name. ImageError when there is no room."""
        self.drop(name)
        size = self.per_cluster * SECTOR
        need = -(-len(content) // size)
        free = [n for n in range(2, self.clusters + 2) if self._get(n) == 0][:need]
        at = next((at for at in self._slots() if self.data[at] in (0, 0xE5)), None)
        if len(free) < need or at is None:
            raise ImageError(f"no room for {name}")
        for number, cluster in enumerate(free):
            self._set(cluster, free[number + 1] if number + 1 < need else 0xFFF)
            start = (self._first + (cluster - 2) * self.per_cluster) * SECTOR
            piece = content[number * size : (number + 1) * size].ljust(size, b"\0")
            self.data[start : start + size] = piece
        base, _, extension = name.partition(".")
        packed = base.ljust(8).encode("cp437") + extension.ljust(3).encode("cp437")
        self.data[at : at + 32] = packed + struct.pack(
            "<B14xHI", 0x20, free[0] if free else 0, len(content)
        )

    def drop(self, name: str) -> None:
        """Delete a file, if there is one of that name."""
        for at in self._slots():
            base, extension = self.data[at : at + 8], self.data[at + 8 : at + 11]
            whole = (base.rstrip() + b"." + extension.rstrip()).rstrip(b".").decode("cp437")
            if whole == name and not self.data[at + 11] & 0x18:
                for cluster in self._chain(struct.unpack_from("<H", self.data, at + 26)[0]):
                    self._set(cluster, 0)
                self.data[at] = 0xE5

    def _slots(self) -> range:
        return range(self._root * SECTOR, self._root * SECTOR + self._entries * 32, 32)

    def _chain(self, cluster: int) -> list[int]:
        found: list[int] = []
        while 2 <= cluster < 0xFF0:
            if len(found) > self.clusters:
                raise ImageError("a chain that goes round")
            found.append(cluster)
            cluster = self._get(cluster)
        return found

    def _get(self, cluster: int) -> int:
        at = self._fats[0] * SECTOR + cluster * 3 // 2
        pair = int.from_bytes(self.data[at : at + 2], "little")
        return pair >> 4 if cluster % 2 else pair & 0xFFF

    def _set(self, cluster: int, value: int) -> None:
        for fat in self._fats:
            at = fat * SECTOR + cluster * 3 // 2
            pair = int.from_bytes(self.data[at : at + 2], "little")
            pair = pair & 0xF | value << 4 if cluster % 2 else pair & 0xF000 | value
            self.data[at : at + 2] = pair.to_bytes(2, "little")


def cd_files(data: bytes) -> list[Stored]:
    """What is in a CD's one directory, by the long names of Joliet where it has them."""
    found: dict[bool, tuple[int, int]] = {}
    for block in range(16, 64):
        head = data[block * BLOCK : (block + 1) * BLOCK]
        if head[1:6] != b"CD001" or head[0] == 255:
            break
        if head[0] in (1, 2):
            joliet = head[0] == 2 and head[88:91] in (b"%/@", b"%/C", b"%/E")
            found[joliet] = struct.unpack_from("<I4xI", head, 156 + 2)
    if not found:
        raise ImageError("not a CD")
    joliet = True in found
    extent, length = found[joliet]
    directory, at, files = data[extent * BLOCK : extent * BLOCK + length], 0, []
    while at < len(directory):
        size = directory[at]
        if not size:  # no record goes over the end of a block
            at = (at // BLOCK + 1) * BLOCK
            continue
        where, count = struct.unpack_from("<I4xI", directory, at + 2)
        raw = directory[at + 33 : at + 33 + directory[at + 32]]
        if not directory[at + 25] & 2:
            name = raw.decode("utf-16-be" if joliet else "ascii").partition(";")[0].rstrip(".")
            sectors = tuple(range(where, where + -(-count // BLOCK)))
            files.append(Stored(name, data[where * BLOCK : where * BLOCK + count], sectors))
        at += size
    return files


def is_cd(data: bytes) -> bool:
    """Whether an image is that of a CD."""
    return data[16 * BLOCK + 1 : 16 * BLOCK + 6] == b"CD001"
