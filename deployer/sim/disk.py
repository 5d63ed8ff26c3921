"""Drive C: of the simulated PC: a directory of the modern machine under the rules of FAT.

`Disk(root)` shows the directory `root` as `C:\\`. Whoever plays the target (COMMAND.COM, FTP.EXE,
Win32 programs) reads and writes files only through it:

    disk = Disk(Path("/tmp/c"), capacity=64 << 20)
    path = disk.absolute("sub\\\\x.txt", cwd="C:\\\\DEPLOY")   # 'C:\\\\DEPLOY\\\\sub\\\\x.txt'
    disk.mkdir("C:\\\\DEPLOY"); disk.exists(path); disk.is_dir(path)
    disk.write_bytes(path, b"..."); disk.read_bytes(path); disk.append_bytes(path, b"...")
    disk.stat(path)         -> Entry(short, long, size, mtime, directory, attributes)
    disk.listdir("C:\\\\")    -> tuple of Entry, in a fixed order, without . and ..
    disk.find("C:\\\\*.TXT")  -> the entries whose long or short name fits the pattern
    disk.rename(old, new); disk.delete(path); disk.rmdir(path); disk.free(); disk.total
    with disk.open(path, Open.CREATE_ALWAYS, write=True) as f: f.write(b"..."); f.seek(0); f.read(9)
    device_name("sub\\\\NUL.X") -> "NUL"   # ask before opening; CON, NUL ... are not files

Rules kept:
- Names are case-blind; long names keep their case and get a generated alias (`LONGNA~1.EXT`); a path may use
  either. Names that FAT or Windows 98's code page cannot hold do not exist here, nor do symbolic links and other
  special files of the modern directory, nor anything outside it.
- Times are in steps of 2 s, local time (facts C9). Files end at 4 GiB - 2 (FAT32) or 2 GiB - 1 (FAT16), facts C1.
- Space is counted in clusters and runs out: `File.write` then stores what fits and returns the smaller number.
- An open file may be deleted (facts F9) but not renamed.
- Power off: growth of an open file that was neither flushed nor closed is lost, as its directory entry is.

Every change calls `on_step(Step)` first. It may raise `DiskError` (Code.DISK_FULL, ...) or `PowerOff`;
after `PowerOff` every call raises it again until `power_on()`.

Every failure is a `DiskError` whose `code` is the number that DOS and Win32 give to it. Aliases are given in
sorted order when a `Disk` first sees a directory, and stay as long as the `Disk` lives. Not thread-safe.
"""

from __future__ import annotations

import os
import stat as st
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from enum import Enum, IntEnum
from pathlib import Path
from types import TracebackType
from typing import Self

from deployer.sim.fatnames import (
    MAX_PATH,
    device_name,
    dir_entries,
    fold,
    is_valid,
    make_alias,
    matches,
)

__all__ = [
    "Attribute", "Code", "Disk", "DiskError", "Entry", "File", "FileSystem", "Open", "PowerOff", "Step",
    "device_name", "matches",
]  # fmt: skip


class Code(IntEnum):
    """Error numbers, the same in DOS and in Win32's GetLastError."""

    FILE_NOT_FOUND = 2
    PATH_NOT_FOUND = 3
    TOO_MANY_OPEN_FILES = 4
    ACCESS_DENIED = 5
    INVALID_HANDLE = 6
    INVALID_DRIVE = 15
    CURRENT_DIRECTORY = 16
    WRITE_FAULT = 29
    READ_FAULT = 30
    SHARING_VIOLATION = 32
    FILE_EXISTS = 80
    CANNOT_MAKE = 82
    INVALID_PARAMETER = 87
    DISK_FULL = 112
    INVALID_NAME = 123
    NEGATIVE_SEEK = 131
    DIR_NOT_EMPTY = 145
    ALREADY_EXISTS = 183


class DiskError(Exception):
    """The disk refused; `code` says why in the target's numbers."""

    def __init__(self, code: Code, path: str = "") -> None:
        super().__init__(f"{code.name.lower().replace('_', ' ')}: {path}")
        self.code = code
        self.path = path


class PowerOff(Exception):  # noqa: N818 - an event, not an error
    """The target lost its power; of the write at hand, `kept` bytes had reached the disk."""

    def __init__(self, kept: int = 0) -> None:
        super().__init__("the simulated PC is switched off")
        self.kept = kept


class Open(IntEnum):
    """What to do about a file that is there or not; Win32's numbers."""

    CREATE_NEW = 1
    CREATE_ALWAYS = 2
    OPEN_EXISTING = 3
    OPEN_ALWAYS = 4
    TRUNCATE_EXISTING = 5


class Attribute(IntEnum):
    """Bits of `Entry.attributes`."""

    READ_ONLY = 0x01
    HIDDEN = 0x02
    SYSTEM = 0x04
    DIRECTORY = 0x10
    ARCHIVE = 0x20


class FileSystem(Enum):
    """Kinds of volume: (longest file in bytes, entries in the root directory)."""

    FAT16 = (2**31 - 1, 512)
    FAT32 = (2**32 - 2, 65_536)

    @property
    def max_file(self) -> int:
        """The longest file, in bytes."""
        return self.value[0]


@dataclass(frozen=True, slots=True)
class Entry:
    """One file or directory as a directory listing shows it; `mtime` is Unix time, even seconds."""

    short: str
    long: str
    size: int
    mtime: int
    directory: bool
    attributes: int


@dataclass(frozen=True, slots=True)
class Step:
    """One change of the disk that is about to happen; `number` counts from 1.

    `kind`: create, write, truncate, delete, rename, mkdir, rmdir. `path` is absolute;
    `offset` and `length` are set for write, `length` (the new size) for truncate.
    """

    number: int
    kind: str
    path: str
    offset: int = 0
    length: int = 0


@dataclass(frozen=True, slots=True)
class _Name:
    host: str
    short: str
    directory: bool


@dataclass(slots=True)
class _Listing:
    stamp: int
    names: dict[str, _Name]  # folded long and short names


@dataclass(slots=True, eq=False)
class _Node:
    """One open file, shared by its handles."""

    path: str
    host: Path
    raw: int
    size: int
    durable: int  # length in the directory entry, which a power cut goes back to
    readers: int = 0
    dirty: bool = False
    deleted: bool = False
    handles: int = 0
    deny_read: int = 0
    deny_write: int = 0
    writers: int = 0


class File:
    """An open file with its own position. Reads and writes raise `DiskError` or `PowerOff`."""

    def __init__(
        self, disk: Disk, node: _Node, *, read: bool, write: bool, deny: tuple[bool, bool]
    ) -> None:
        self._disk = disk
        self._node = node
        self._read, self._write, self._deny = read, write, deny
        self._open = True
        self.position = 0
        node.handles += 1
        node.readers += read
        node.writers += write
        node.deny_read += deny[0]
        node.deny_write += deny[1]

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
        count = left if count < 0 else min(count, left)
        os.lseek(self._node.raw, self.position, os.SEEK_SET)
        pieces: list[bytes] = []
        while count and (piece := os.read(self._node.raw, count)):
            pieces.append(piece)
            count -= len(piece)
        data = b"".join(pieces)
        self.position += len(data)
        return data

    def write(self, data: bytes) -> int:
        """Store `data` at the position; the number of bytes stored is smaller when the disk is full."""
        self._check(self._write)
        if not data:
            return 0
        count = self._disk._write(self._node, self.position, data)
        self.position += count
        return count

    def seek(self, offset: int, whence: int = os.SEEK_SET) -> int:
        """Move the position (it may lie behind the end); the new position."""
        self._check(True)
        base = (0, self.position, self._node.size)[whence]
        if base + offset < 0:
            raise DiskError(Code.NEGATIVE_SEEK, self.path)
        self.position = base + offset
        return self.position

    def truncate(self) -> None:
        """Make the file end at the position; new bytes hold whatever the clusters held before."""
        self._check(self._write)
        self._disk._resize(self._node, self.position)

    def flush(self) -> None:
        """Make what was written survive a power cut."""
        self._check(True)
        self._disk._settle(self._node)

    def set_mtime(self, when: float) -> None:
        """Give the file a time of last write; it is rounded down to an even second."""
        self._check(self._write)
        self._disk._settle(self._node)
        os.utime(self._node.raw, (when, when // 2 * 2))

    def close(self) -> None:
        """Flush and let go; closing twice is harmless."""
        if not self._open:
            return
        self._open = False
        self._disk._close(self._node, self._read, self._write, self._deny)

    def _check(self, allowed: bool) -> None:
        self._disk._check_power()
        if not self._open:
            raise DiskError(Code.INVALID_HANDLE, self.path)
        if not allowed:
            raise DiskError(Code.ACCESS_DENIED, self.path)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, value: BaseException | None, tb: TracebackType | None
    ) -> None:
        self.close()


class Disk:
    """A directory of the modern machine seen as drive C:. See the module's text."""

    def __init__(
        self,
        root: Path,
        *,
        capacity: int = 2_000_000_000,
        cluster: int = 4096,
        file_system: FileSystem = FileSystem.FAT32,
        clock: Callable[[], float] = time.time,
        on_step: Callable[[Step], None] | None = None,
    ) -> None:
        self.root = root.resolve(strict=True)
        self.cluster = cluster
        self.file_system = file_system
        self.on_step = on_step
        self.steps = 0
        self._clock = clock
        self._clusters = capacity // cluster
        self._used = 0
        self._off = False
        self._nodes: dict[Path, _Node] = {}
        self._listings: dict[Path, _Listing] = {}
        self._aliases: dict[Path, dict[str, str]] = {}
        self._attributes: dict[Path, int] = {}
        self.free()

    # -- paths ---------------------------------------------------------------------------------

    def absolute(self, path: str, cwd: str = "C:\\") -> str:
        """`path` as `C:\\DIR\\name`: drive added, `.`, `..` and doubled separators gone, seen from `cwd`.

        The spelling is kept. Raises INVALID_DRIVE for another drive than C:, INVALID_NAME for
        characters that no path has, PATH_NOT_FOUND for one that is too long. `..` stops at the root.
        """
        text = path.replace("/", "\\")
        if len(text) > 1 and text[1] == ":":
            if text[0] not in "cC":
                raise DiskError(Code.INVALID_DRIVE, path)
            text = text[2:]
        if text.startswith("\\\\"):
            raise DiskError(Code.PATH_NOT_FOUND, path)
        if not text.startswith("\\"):
            text = cwd[2:] + "\\" + text
        parts: list[str] = []
        for part in text.split("\\"):
            if part == ".." :
                del parts[-1:]
            elif part and (name := part.rstrip(". ")):
                if any(c in '<>|":' or ord(c) < 32 for c in name):
                    raise DiskError(Code.INVALID_NAME, path)
                parts.append(name)
            elif part.strip(". ") == "" and len(part) > 2:
                raise DiskError(Code.PATH_NOT_FOUND, path)
        result = "C:\\" + "\\".join(parts)
        if len(result) >= MAX_PATH:
            raise DiskError(Code.PATH_NOT_FOUND, path)
        return result

    def host_path(self, path: str) -> Path:
        """Where an existing file or directory lies on the modern machine; for tests and reports."""
        return self._locate(self.absolute(path))

    def short_path(self, path: str) -> str:
        """The absolute path of something that exists, in 8.3 names."""
        return self._spell(path, lambda name: name.short)

    def long_path(self, path: str) -> str:
        """The absolute path of something that exists, in long names."""
        return self._spell(path, lambda name: name.host)

    # -- looking -------------------------------------------------------------------------------

    def exists(self, path: str) -> bool:
        """Whether a file, a directory or (in any directory) a device has this path."""
        self._check_power()
        if device_name(path):
            return True
        try:
            self._locate(self.absolute(path))
        except DiskError:
            return False
        return True

    def is_dir(self, path: str) -> bool:
        """Whether `path` is an existing directory."""
        try:
            return self.stat(path).directory
        except DiskError:
            return False

    def stat(self, path: str) -> Entry:
        """The entry of a file or directory; FILE_NOT_FOUND or PATH_NOT_FOUND when there is none."""
        self._check_power()
        full = self.absolute(path)
        if full == "C:\\":
            return Entry("", "", 0, 0, True, Attribute.DIRECTORY)
        parent, name = self._split(full)
        found = self._names(parent).get(fold(name))
        if found is None:
            raise DiskError(Code.FILE_NOT_FOUND, full)
        return self._entry(parent, found)

    def listdir(self, path: str) -> tuple[Entry, ...]:
        """The entries of a directory, sorted by short name."""
        self._check_power()
        host = self._locate(self.absolute(path))
        if not host.is_dir():
            raise DiskError(Code.PATH_NOT_FOUND, path)
        unique = {name.host: name for name in self._names(host).values()}
        return tuple(
            self._entry(host, name) for name in sorted(unique.values(), key=lambda n: n.short)
        )

    def find(self, pattern: str) -> tuple[Entry, ...]:
        """The entries whose long or short name fits the last part of an absolute path with `*` and `?`."""
        self._check_power()
        folder, _, last = self.absolute(pattern).rpartition("\\")
        if pattern.endswith("."):
            last += "."
        folder += "\\"
        if not any(c in last for c in "*?"):
            try:
                return (self.stat(folder + last),)
            except DiskError as error:
                if error.code is Code.FILE_NOT_FOUND:
                    return ()
                raise
        return tuple(
            e for e in self.listdir(folder) if matches(last, e.long) or matches(last, e.short)
        )

    @property
    def total(self) -> int:
        """The volume's size in bytes."""
        return self._clusters * self.cluster

    def free(self) -> int:
        """Free bytes, counted anew in whole clusters."""
        self._check_power()
        used = 0
        for folder, dirs, files in os.walk(self.root):
            dirs[:] = [d for d in dirs if not os.path.islink(os.path.join(folder, d))]
            used += len(dirs)
            for name in files:
                info = os.lstat(os.path.join(folder, name))
                used += self._need(info.st_size) if st.S_ISREG(info.st_mode) else 0
        self._used = used
        return max(0, self._clusters - used) * self.cluster

    # -- whole files ---------------------------------------------------------------------------

    def read_bytes(self, path: str) -> bytes:
        """The whole file."""
        with self.open(path) as file:
            return file.read()

    def write_bytes(self, path: str, data: bytes) -> None:
        """Make or replace a file; DISK_FULL leaves what fitted."""
        with self.open(path, Open.CREATE_ALWAYS, write=True) as file:
            if file.write(data) < len(data):
                raise DiskError(Code.DISK_FULL, path)

    def append_bytes(self, path: str, data: bytes) -> None:
        """Write at the end of a file that is made when missing."""
        with self.open(path, Open.OPEN_ALWAYS, write=True) as file:
            file.seek(0, os.SEEK_END)
            if file.write(data) < len(data):
                raise DiskError(Code.DISK_FULL, path)

    # -- changes -------------------------------------------------------------------------------

    def open(
        self,
        path: str,
        disposition: Open = Open.OPEN_EXISTING,
        *,
        read: bool = True,
        write: bool = False,
        deny_read: bool = False,
        deny_write: bool = False,
    ) -> File:
        """Open a file; `deny_*` keep others (and are kept by others) from opening it so meanwhile.

        Raises FILE_NOT_FOUND, PATH_NOT_FOUND, ACCESS_DENIED (a directory, a device, read-only),
        FILE_EXISTS (CREATE_NEW), SHARING_VIOLATION, INVALID_NAME.
        """
        self._check_power()
        full = self.absolute(path)
        if device_name(full) or full == "C:\\":
            raise DiskError(Code.ACCESS_DENIED, full)
        parent, name = self._split(full)
        found = self._names(parent).get(fold(name))
        if found is None:
            if disposition in (Open.OPEN_EXISTING, Open.TRUNCATE_EXISTING):
                raise DiskError(Code.FILE_NOT_FOUND, full)
            host = self._create(full, parent, name)
        else:
            host = parent / found.host
            if disposition is Open.CREATE_NEW:
                raise DiskError(Code.FILE_EXISTS, full)
            if found.directory:
                raise DiskError(Code.ACCESS_DENIED, full)
            empties = disposition in (Open.CREATE_ALWAYS, Open.TRUNCATE_EXISTING)
            if (write or empties) and self._bits(host) & Attribute.READ_ONLY:
                raise DiskError(Code.ACCESS_DENIED, full)
        node = self._node(full, host)
        if (read and node.deny_read) or (write and node.deny_write) or (
            (deny_read and node.readers) or (deny_write and node.writers)
        ):
            raise DiskError(Code.SHARING_VIOLATION, full)
        file = File(self, node, read=read, write=write, deny=(deny_read, deny_write))
        if found is not None and disposition in (Open.CREATE_ALWAYS, Open.TRUNCATE_EXISTING):
            try:
                self._resize(node, 0)
                node.dirty = True
            except BaseException:
                file.close()
                raise
        return file

    def delete(self, path: str) -> None:
        """Remove a file, even an open one; ACCESS_DENIED for a directory or a read-only file."""
        full, parent, found = self._existing(path)
        host = parent / found.host
        if found.directory or self._bits(host) & Attribute.READ_ONLY:
            raise DiskError(Code.ACCESS_DENIED, full)
        self._step("delete", full)
        self._used -= self._need(host.stat().st_size)
        host.unlink()
        self._forget(parent, found)
        if node := self._nodes.pop(host, None):
            node.deleted = True

    def rename(self, old: str, new: str) -> None:
        """Move a file or directory; ALREADY_EXISTS when the new name is taken by something else."""
        full, parent, found = self._existing(old)
        target = self.absolute(new)
        new_parent, name = self._split(target)
        other = self._names(new_parent).get(fold(name))
        if other is not None and (new_parent / other.host) != (parent / found.host):
            raise DiskError(Code.ALREADY_EXISTS, target)
        if not is_valid(name):
            raise DiskError(Code.INVALID_NAME, target)
        host = parent / found.host
        if host in self._nodes or any(host in open_host.parents for open_host in self._nodes):
            raise DiskError(Code.SHARING_VIOLATION, full)
        if found.directory and (new_parent == host or host in new_parent.parents):
            raise DiskError(Code.SHARING_VIOLATION, target)
        self._step("rename", full)
        bits = self._attributes.pop(host, 0)
        os.rename(host, new_parent / name)
        self._forget(parent, found)
        self._listings.pop(new_parent, None)
        if bits:
            self._attributes[new_parent / name] = bits

    def mkdir(self, path: str) -> None:
        """Make one directory; ALREADY_EXISTS, PATH_NOT_FOUND (parent), DISK_FULL, INVALID_NAME."""
        self._check_power()
        full = self.absolute(path)
        if full == "C:\\" or device_name(full):
            raise DiskError(Code.ALREADY_EXISTS if full == "C:\\" else Code.ACCESS_DENIED, full)
        parent, name = self._split(full)
        if fold(name) in self._names(parent):
            raise DiskError(Code.ALREADY_EXISTS, full)
        self._admit(full, parent, name)
        if self._used >= self._clusters:
            raise DiskError(Code.DISK_FULL, full)
        self._step("mkdir", full)
        (parent / name).mkdir()
        self._used += 1
        self._listings.pop(parent, None)

    def rmdir(self, path: str) -> None:
        """Remove an empty directory; DIR_NOT_EMPTY otherwise, PATH_NOT_FOUND for a file."""
        full, parent, found = self._existing(path)
        host = parent / found.host
        if not found.directory:
            raise DiskError(Code.PATH_NOT_FOUND, full)
        if self._names(host):
            raise DiskError(Code.DIR_NOT_EMPTY, full)
        self._step("rmdir", full)
        try:
            host.rmdir()
        except OSError as error:  # something that FAT cannot show is in it
            raise DiskError(Code.DIR_NOT_EMPTY, full) from error
        self._used -= 1
        self._forget(parent, found)
        self._listings.pop(host, None)

    def set_attributes(self, path: str, attributes: int) -> None:
        """Set the read-only, hidden, system and archive bits of a file or directory."""
        _, parent, found = self._existing(path)
        kept = Attribute.READ_ONLY | Attribute.HIDDEN | Attribute.SYSTEM | Attribute.ARCHIVE
        self._attributes[parent / found.host] = attributes & kept

    def set_mtime(self, path: str, when: float) -> None:
        """Set the time of last write (Unix time), rounded down to an even second."""
        _, parent, found = self._existing(path)
        os.utime(parent / found.host, (when, when // 2 * 2))

    # -- power ---------------------------------------------------------------------------------

    def power_off(self) -> None:
        """Cut the power: open files fall back to the length of their directory entries."""
        self._off = True
        for node in list(self._nodes.values()):
            if node.dirty and node.size > node.durable:
                os.ftruncate(node.raw, node.durable)
            os.close(node.raw)
            node.raw = -1
        self._nodes.clear()

    def power_on(self) -> None:
        """Give the power back; nothing is open."""
        self._off = False
        self._listings.clear()
        self.free()

    # -- inside --------------------------------------------------------------------------------

    def _check_power(self) -> None:
        if self._off:
            raise PowerOff

    def _step(self, kind: str, path: str, offset: int = 0, length: int = 0) -> None:
        self.steps += 1
        if self.on_step is None:
            return
        try:
            self.on_step(Step(self.steps, kind, path, offset, length))
        except PowerOff:
            if kind != "write":
                self.power_off()
            raise

    def _need(self, size: int) -> int:
        return -(-size // self.cluster)

    def _names(self, host: Path) -> dict[str, _Name]:
        """The directory's names, folded, long and short; read again only after a change."""
        try:
            stamp = host.stat().st_mtime_ns
        except OSError as error:
            raise DiskError(Code.PATH_NOT_FOUND, str(host.name)) from error
        cached = self._listings.get(host)
        if cached is not None and cached.stamp == stamp:
            return cached.names
        names = self._read_names(host)
        # A directory changed within the clock's grain may change again under the same stamp.
        if time.time_ns() - stamp > 50_000_000:
            self._listings[host] = _Listing(stamp, names)
        return names

    def _read_names(self, host: Path) -> dict[str, _Name]:
        with os.scandir(host) as entries:
            found = sorted(
                (e.name, e.is_dir(follow_symlinks=False))
                for e in entries
                if is_valid(e.name)
                and (e.is_file(follow_symlinks=False) or e.is_dir(follow_symlinks=False))
            )
        known = self._aliases.setdefault(host, {})
        names: dict[str, _Name] = {}
        longs: dict[str, tuple[str, bool]] = {}
        for name, directory in found:
            longs.setdefault(fold(name), (name, directory))
        taken = set(longs) | {known[n] for n, _ in longs.values() if n in known}
        for folded, (name, directory) in longs.items():
            short = known.get(name)
            if short is None:
                short = make_alias(name, lambda a, own=folded: a in taken and a != own)  # type: ignore[misc]
                known[name] = short
                taken.add(short)
            names[folded] = names[short] = _Name(name, short, directory)
        return names

    def _split(self, full: str) -> tuple[Path, str]:
        """The host directory of an absolute path's parent, and the last name."""
        folder, _, name = full.rpartition("\\")
        if not name:
            raise DiskError(Code.ACCESS_DENIED, full)
        parent = self._locate(folder + "\\", Code.PATH_NOT_FOUND)
        if not parent.is_dir():
            raise DiskError(Code.PATH_NOT_FOUND, full)
        return parent, name

    def _locate(self, full: str, missing: Code = Code.FILE_NOT_FOUND) -> Path:
        host = self.root
        parts = [part for part in full[2:].split("\\") if part]
        for i, part in enumerate(parts):
            found = self._names(host).get(fold(part))
            last = i == len(parts) - 1
            if found is None or not (last or found.directory):
                raise DiskError(missing if last else Code.PATH_NOT_FOUND, full)
            host = host / found.host
        return host

    def _walk(self, full: str) -> Iterator[_Name]:
        host = self.root
        for part in (part for part in full[2:].split("\\") if part):
            found = self._names(host).get(fold(part))
            if found is None:
                raise DiskError(Code.FILE_NOT_FOUND, full)
            yield found
            host = host / found.host

    def _spell(self, path: str, spelling: Callable[[_Name], str]) -> str:
        self._check_power()
        return "C:\\" + "\\".join(spelling(n) for n in self._walk(self.absolute(path)))

    def _existing(self, path: str) -> tuple[str, Path, _Name]:
        self._check_power()
        full = self.absolute(path)
        if device_name(full):
            raise DiskError(Code.ACCESS_DENIED, full)
        parent, name = self._split(full)
        found = self._names(parent).get(fold(name))
        if found is None:
            raise DiskError(Code.FILE_NOT_FOUND, full)
        return full, parent, found

    def _bits(self, host: Path) -> int:
        return self._attributes.get(host, Attribute.ARCHIVE)

    def _entry(self, parent: Path, name: _Name) -> Entry:
        host = parent / name.host
        try:
            info = host.lstat()
        except OSError as error:
            raise DiskError(Code.FILE_NOT_FOUND, name.host) from error
        node = self._nodes.get(host)
        bits = self._bits(host)
        if name.directory:
            bits = bits & ~Attribute.ARCHIVE | Attribute.DIRECTORY
        size = 0 if name.directory else node.size if node else info.st_size
        return Entry(
            name.short, name.host, size, int(info.st_mtime) // 2 * 2, name.directory, int(bits)
        )

    def _admit(self, full: str, parent: Path, name: str) -> None:
        """Raise when the directory cannot take this new name."""
        if not is_valid(name):
            raise DiskError(Code.INVALID_NAME, full)
        unique = {n.host: n for n in self._names(parent).values()}
        used = sum(dir_entries(n.host, n.short) for n in unique.values())
        limit = self.file_system.value[1] if parent == self.root else 65_536
        if used + dir_entries(name, fold(name) if len(name) < 13 else "") > limit:
            raise DiskError(Code.CANNOT_MAKE, full)

    def _create(self, full: str, parent: Path, name: str) -> Path:
        self._admit(full, parent, name)
        self._step("create", full)
        host = parent / name
        os.close(os.open(host, os.O_RDWR | os.O_CREAT | os.O_EXCL | getattr(os, "O_BINARY", 0), 0o666))
        self._touch(host)
        self._listings.pop(parent, None)
        self._attributes.pop(host, None)
        return host

    def _touch(self, host: Path | int) -> None:
        now = self._clock()
        os.utime(host, (now, now // 2 * 2))

    def _node(self, full: str, host: Path) -> _Node:
        node = self._nodes.get(host)
        if node is None:
            flags = getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_BINARY", 0)
            try:
                raw = os.open(host, os.O_RDWR | flags)
            except PermissionError:
                try:
                    raw = os.open(host, os.O_RDONLY | flags)
                except OSError as error:
                    raise DiskError(Code.ACCESS_DENIED, full) from error
            size = os.fstat(raw).st_size
            node = self._nodes[host] = _Node(full, host, raw, size, size)
        return node

    def _write(self, node: _Node, offset: int, data: bytes) -> int:
        try:
            self._step("write", node.path, offset, len(data))
        except PowerOff as cut:
            self._store(node, offset, data[: cut.kept])
            self.power_off()
            raise
        return self._store(node, offset, data)

    def _store(self, node: _Node, offset: int, data: bytes) -> int:
        room = self._room(node)
        if offset > room:
            return 0
        data = data[: room - offset]
        if not data:
            return 0
        if offset > node.size:
            self._fill(node, offset)
        os.lseek(node.raw, offset, os.SEEK_SET)
        view = memoryview(data)
        while view:
            view = view[os.write(node.raw, view) :]
        self._grow(node, max(node.size, offset + len(data)))
        node.dirty = True
        return len(data)

    def _room(self, node: _Node) -> int:
        """The greatest length that the file can have now."""
        spare = max(0, self._clusters - self._used)
        return min(self.file_system.max_file, (self._need(node.size) + spare) * self.cluster)

    def _grow(self, node: _Node, size: int) -> None:
        if not node.deleted:
            self._used += self._need(size) - self._need(node.size)
        node.size = size

    def _fill(self, node: _Node, size: int) -> None:
        """Lengthen a file as FAT does: the new bytes are old rubbish, not zeros (first 16 MiB of them)."""
        end = min(size, node.size + (16 << 20))
        os.lseek(node.raw, node.size, os.SEEK_SET)
        for start in range(node.size, end, 1 << 20):
            os.write(node.raw, b"\xf6" * min(1 << 20, end - start))
        os.ftruncate(node.raw, size)
        self._grow(node, size)

    def _resize(self, node: _Node, size: int) -> None:
        self._step("truncate", node.path, 0, size)
        if size > self._room(node):
            raise DiskError(Code.DISK_FULL, node.path)
        if size > node.size:
            self._fill(node, size)
        elif size < node.size:
            os.ftruncate(node.raw, size)
            self._grow(node, size)
            node.durable = min(node.durable, size)
        node.dirty = True

    def _settle(self, node: _Node) -> None:
        if node.dirty:
            self._touch(node.raw)
            node.durable = node.size
            node.dirty = False

    def _close(self, node: _Node, read: bool, write: bool, deny: tuple[bool, bool]) -> None:
        node.handles -= 1
        node.readers -= read
        node.writers -= write
        node.deny_read -= deny[0]
        node.deny_write -= deny[1]
        if node.raw < 0:
            return
        self._settle(node)
        if node.handles == 0:
            os.close(node.raw)
            node.raw = -1
            if not node.deleted:
                self._nodes.pop(node.host, None)

    def _forget(self, parent: Path, name: _Name) -> None:
        self._listings.pop(parent, None)
        self._aliases.get(parent, {}).pop(name.host, None)
        self._attributes.pop(parent / name.host, None)
