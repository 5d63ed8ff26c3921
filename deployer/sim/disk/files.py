"""Open files of drive C:, and the volume whose space and power they share."""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Self

from deployer.sim.disk.values import Code, DiskChange, DiskError, FileSystem, PowerOff

_BINARY = getattr(os, "O_BINARY", 0)
_NO_LINK = getattr(os, "O_NOFOLLOW", 0)


@dataclass(slots=True, eq=False)
class Volume:
    """Clusters, power, and the count of changes; every change passes `step` first."""

    cluster: int
    clusters: int
    file_system: FileSystem
    clock: Callable[[], float]
    on_step: Callable[[DiskChange], None] | None
    used: int = 0
    steps: int = 0
    off: bool = False
    nodes: dict[str, Node] = field(default_factory=dict)

    def check_power(self) -> None:
        """Raise `PowerOff` when there is none."""
        if self.off:
            raise PowerOff

    def step(self, kind: str, path: str, offset: int = 0, length: int = 0) -> None:
        """Announce a change; whoever listens may raise instead."""
        self.check_power()
        self.steps += 1
        if self.on_step is None:
            return
        try:
            self.on_step(DiskChange(self.steps, kind, path, offset, length))
        except PowerOff:
            if kind != "write":  # of a write a part may still reach the disk
                self.power_off()
            raise

    def need(self, size: int) -> int:
        """How many clusters so many bytes take."""
        return -(-size // self.cluster)

    def touch(self, host: str | int) -> None:
        """Set the time of last write to now, in FAT's steps."""
        now = self.clock()
        os.utime(host, (now, now // 2 * 2))

    def node(self, path: str, host: str) -> Node:
        """The open file at `host`, opened when it is the first time."""
        if host not in self.nodes:
            try:
                raw = os.open(host, os.O_RDWR | _NO_LINK | _BINARY)
            except PermissionError:
                raw = self._open_read_only(path, host)
            size = os.fstat(raw).st_size
            self.nodes[host] = Node(self, path, host, raw, size, size)
        return self.nodes[host]

    def _open_read_only(self, path: str, host: str) -> int:
        try:
            return os.open(host, os.O_RDONLY | _NO_LINK | _BINARY)
        except OSError as error:
            raise DiskError(Code.ACCESS_DENIED, path) from error

    def power_off(self) -> None:
        """Cut the power: open files fall back to the length of their directory entries."""
        self.off = True
        for node in self.nodes.values():
            node.lose_power()
        self.nodes.clear()


@dataclass(slots=True, eq=False)
class Node:
    """One open file, shared by its handles. `durable` is the length that its entry holds."""

    volume: Volume
    path: str
    host: str
    raw: int
    size: int
    durable: int
    dirty: bool = False
    deleted: bool = False
    handles: int = 0
    readers: int = 0
    writers: int = 0
    deny_read: int = 0
    deny_write: int = 0

    def refuses(self, read: bool, write: bool, deny_read: bool, deny_write: bool) -> bool:
        """Whether those who have the file open forbid, or are forbidden by, another one."""
        return bool(
            (read and self.deny_read)
            or (write and self.deny_write)
            or (deny_read and self.readers)
            or (deny_write and self.writers)
        )

    def read(self, offset: int, count: int) -> bytes:
        """Up to `count` bytes."""
        os.lseek(self.raw, offset, os.SEEK_SET)
        pieces: list[bytes] = []
        while count and (piece := os.read(self.raw, count)):
            pieces.append(piece)
            count -= len(piece)
        return b"".join(pieces)

    def write(self, offset: int, data: bytes) -> int:
        """Store what fits; how much that was."""
        try:
            self.volume.step("write", self.path, offset, len(data))
        except PowerOff as cut:
            self._store(offset, data[: cut.kept])
            self.volume.power_off()
            raise
        return self._store(offset, data)

    def resize(self, size: int) -> None:
        """Cut or lengthen; DISK_FULL changes nothing."""
        self.volume.step("truncate", self.path, 0, size)
        if size > self._room():
            raise DiskError(Code.DISK_FULL, self.path)
        if size > self.size:
            self._fill(size)
        elif size < self.size:
            os.ftruncate(self.raw, size)
            self._grow(size)
            self.durable = min(self.durable, size)
        self.dirty = True

    def settle(self) -> None:
        """Bring length and time into the directory entry."""
        if self.dirty:
            self.volume.touch(self.raw)
            self.durable = self.size
            self.dirty = False

    def let_go(self) -> None:
        """A handle is gone; with the last one the file is closed."""
        if self.raw < 0:
            return
        self.settle()
        if self.handles == 0:
            os.close(self.raw)
            self.raw = -1
            if not self.deleted:
                self.volume.nodes.pop(self.host, None)

    def lose_power(self) -> None:
        """What was not yet in the directory entry is gone."""
        if self.dirty and self.size > self.durable:
            os.ftruncate(self.raw, self.durable)
        os.close(self.raw)
        self.raw = -1

    def _room(self) -> int:
        """The greatest length that the file can have now."""
        volume = self.volume
        spare = max(0, volume.clusters - volume.used)
        return min(volume.file_system.max_file, (volume.need(self.size) + spare) * volume.cluster)

    def _store(self, offset: int, data: bytes) -> int:
        data = data[: max(0, self._room() - offset)]
        if not data:
            return 0
        if offset > self.size:
            self._fill(offset)
        os.lseek(self.raw, offset, os.SEEK_SET)
        view = memoryview(data)
        try:
            while view:
                view = view[os.write(self.raw, view) :]
        except OSError as error:  # the modern disk's own trouble
            raise DiskError(Code.WRITE_FAULT, self.path) from error
        self._grow(max(self.size, offset + len(data)))
        self.dirty = True
        return len(data)

    def _fill(self, size: int) -> None:
        """Lengthen as FAT does: the new bytes are old rubbish, not zeros (the first 16 MiB)."""
        end = min(size, self.size + (16 << 20))
        os.lseek(self.raw, self.size, os.SEEK_SET)
        for start in range(self.size, end, 1 << 20):
            os.write(self.raw, b"\xf6" * min(1 << 20, end - start))
        os.ftruncate(self.raw, size)
        self._grow(size)

    def _grow(self, size: int) -> None:
        if not self.deleted:
            self.volume.used += self.volume.need(size) - self.volume.need(self.size)
        self.size = size


class File:
    """An open file with its own position. Reads and writes raise `DiskError` or `PowerOff`."""

    def __init__(
        self, node: Node, *, read: bool, write: bool, deny_read: bool, deny_write: bool
    ) -> None:
        self._node = node
        self._read, self._write = read, write
        self._deny_read, self._deny_write = deny_read, deny_write
        self._open = True
        self.made = False
        """Whether there was no such file before."""
        self.position = 0
        self._count(1)

    def _count(self, by: int) -> None:
        node = self._node
        node.handles += by
        node.readers += by * self._read
        node.writers += by * self._write
        node.deny_read += by * self._deny_read
        node.deny_write += by * self._deny_write

    # An open file forwards to its node, as a disk does to its volume.

    @property
    def path(self) -> str:
        """The absolute path under which the file was opened."""
        return self._node.path

    @property
    def size(self) -> int:
        """The present length in bytes."""
        return self._node.size

    def read(self, count: int = -1) -> bytes:
        """Up to `count` bytes from the position on (all when negative); empty at the end."""
        self._check(self._read)
        left = max(0, self._node.size - self.position)
        data = self._node.read(self.position, left if count < 0 else min(count, left))
        self.position += len(data)
        return data

    def write(self, data: bytes) -> int:
        """Store `data` at the position; answers fewer bytes than given when the disk is full."""
        self._check(self._write)
        count = self._node.write(self.position, data) if data else 0
        self.position += count
        return count

    def seek(self, offset: int, whence: int = os.SEEK_SET) -> int:
        """Move the position (it may lie after the end); the new position."""
        self._check(True)
        base = (0, self.position, self._node.size)[whence]
        if base + offset < 0:
            raise DiskError(Code.NEGATIVE_SEEK, self.path)
        self.position = base + offset
        return self.position

    def truncate(self) -> None:
        """Make the file end at the position; new bytes hold whatever the clusters held before."""
        self._check(self._write)
        self._node.resize(self.position)

    def flush(self) -> None:
        """Make what was written survive a power cut."""
        self._check(True)
        self._node.settle()

    def set_mtime(self, when: float) -> None:
        """Give the file a time of last write; it is rounded down to an even second."""
        self._check(self._write)
        self._node.settle()
        os.utime(self._node.raw, (when, when // 2 * 2))

    def close(self) -> None:
        """Flush and let go; closing twice is harmless."""
        if self._open:
            self._open = False
            self._count(-1)
            self._node.let_go()

    def _check(self, allowed: bool) -> None:
        self._node.volume.check_power()
        if not self._open or self._node.raw < 0:
            raise DiskError(Code.INVALID_HANDLE, self.path)
        if not allowed:
            raise DiskError(Code.ACCESS_DENIED, self.path)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_exc: object) -> None:
        self.close()
