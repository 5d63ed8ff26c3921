"""Drive C: of the simulated PC: a directory of the modern machine under the rules of FAT.

`Disk(root)` shows the directory `root` as `C:\\`. Whoever plays the target (COMMAND.COM, FTP.EXE,
Win32 programs) reads and writes files only through it:

    disk = Disk(Path("/tmp/c"), capacity=64 << 20)
    path = disk.absolute("sub\\\\x.txt", cwd="C:\\\\DEPLOY")  # C:\\DEPLOY\\sub\\x.txt
    disk.mkdir("C:\\\\DEPLOY"); disk.exists(path); disk.is_dir(path)
    disk.write_bytes(path, b"..."); disk.read_bytes(path); disk.append_bytes(path, b"...")
    disk.stat(path)           -> Entry(short, long, size, mtime, directory, attributes)
    disk.listdir("C:\\\\")      -> tuple of Entry, in a fixed order, without . and ..
    disk.find("C:\\\\*.TXT")    -> the entries whose long or short name fits the pattern
    disk.rename(old, new); disk.delete(path); disk.rmdir(path); disk.free(); disk.total
    with disk.open(path, Open.CREATE_ALWAYS, write=True) as f:
        f.write(b"..."); f.seek(0); f.read(9)
    device_name("sub\\\\NUL.X") -> "NUL"   # ask before opening; CON, NUL ... are no files

Rules kept:
- Names are case-blind; long names keep their case and get a generated alias (`LONGNA~1.EXT`); a
  path may use either. Names that FAT or Windows 98's code page cannot hold do not exist here, nor
  do symbolic links and other special files of the modern directory, nor anything outside it.
- Times are in steps of 2 s (facts C9). Files end at 4 GiB - 2 (FAT32) or 2 GiB - 1 (FAT16, C1).
- Space is counted in clusters and runs out: `File.write` stores what fits and answers how much.
- An open file may be deleted (facts F9) but not renamed.
- Power off: growth of an open file that was neither flushed nor closed is lost, as its directory
  entry has the old length.

Every change calls `on_step(Step)` first. It may raise `DiskError` (Code.DISK_FULL, ...) or
`PowerOff`; after `PowerOff` every call raises it again until `power_on()`.

Every failure is a `DiskError` whose `code` is the number that DOS and Win32 give to it. Aliases are
given in sorted order when a `Disk` first sees a directory, and stay as long as the `Disk` lives.
Not thread-safe.
"""

from __future__ import annotations

import os
import re
import stat as st
import time
from collections.abc import Callable
from functools import lru_cache
from pathlib import Path

from deployer.sim.disk.directories import Directories, Name, below
from deployer.sim.disk.files import File, Node, Volume
from deployer.sim.disk.names import (
    MAX_PATH,
    device_name,
    dir_entries,
    fold,
    is_short,
    is_valid,
    matches,
)
from deployer.sim.disk.values import (
    Attribute,
    Code,
    DirectoryEntry,
    DiskChange,
    DiskError,
    FileSystem,
    Open,
)

#: Entries of 32 bytes that a directory other than the root can have (facts C5).
MAX_ENTRIES = 65_536
_SETTABLE = Attribute.READ_ONLY | Attribute.HIDDEN | Attribute.SYSTEM | Attribute.ARCHIVE
_UNFIT = re.compile(r'[<>|":\x00-\x1f]')
_EMPTIES = (Open.CREATE_ALWAYS, Open.TRUNCATE_EXISTING)


@lru_cache(maxsize=4096)
def absolute_path(path: str, cwd: str) -> str:
    """`path` seen from `cwd`, in the form `C:\\DIR\\name`; see `Disk.absolute`."""
    text = path.replace("/", "\\")
    if text[1:2] == ":":
        if text[0] not in "cC":
            raise DiskError(Code.INVALID_DRIVE, path)
        text = text[2:]
    if text.startswith("\\\\"):
        raise DiskError(Code.PATH_NOT_FOUND, path)
    if not text.startswith("\\"):
        text = cwd[2:] + "\\" + text
    parts: list[str] = []
    for part in text.split("\\"):
        name = part.rstrip(". ")
        if part == "..":
            del parts[-1:]
        elif name:
            parts.append(name)
        elif len(part) > 2:  # "..." is nobody's parent here
            raise DiskError(Code.PATH_NOT_FOUND, path)
    result = "C:\\" + "\\".join(parts)
    if _UNFIT.search(result, 2):
        raise DiskError(Code.INVALID_NAME, path)
    if len(result) >= MAX_PATH:
        raise DiskError(Code.PATH_NOT_FOUND, path)
    return result


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
        on_step: Callable[[DiskChange], None] | None = None,
    ) -> None:
        self.root = root.resolve(strict=True)
        self._volume = Volume(cluster, capacity // cluster, file_system, clock, on_step)
        self._dirs = Directories(str(self.root))
        self._attributes: dict[str, int] = {}
        self.free()

    @property
    def cluster(self) -> int:
        """Bytes in a cluster."""
        return self._volume.cluster

    @property
    def file_system(self) -> FileSystem:
        """The kind of volume."""
        return self._volume.file_system

    @property
    def steps(self) -> int:
        """How many changes there were, or were tried."""
        return self._volume.steps

    @property
    def on_step(self) -> Callable[[DiskChange], None] | None:
        """Who is told of each change before it happens."""
        return self._volume.on_step

    @on_step.setter
    def on_step(self, listener: Callable[[DiskChange], None] | None) -> None:
        self._volume.on_step = listener

    # -- paths -----------------------------------------------------------------------------------

    def absolute(self, path: str, cwd: str = "C:\\") -> str:
        r"""`path` as `C:\DIR\name`, seen from `cwd`; drive added, `.`, `..` and `\\` gone.

        The spelling is kept. Raises INVALID_DRIVE for another drive than C:, INVALID_NAME for
        characters that no path has, PATH_NOT_FOUND for one too long. `..` stops at the root.
        """
        return absolute_path(path, cwd)

    def short_path(self, path: str) -> str:
        """The absolute path of something that exists, in 8.3 names."""
        return self._spell(path, lambda name: name.short)

    def long_path(self, path: str) -> str:
        """The absolute path of something that exists, in long names."""
        return self._spell(path, lambda name: name.host)

    # -- looking ---------------------------------------------------------------------------------

    def exists(self, path: str) -> bool:
        """Whether a file, a directory or (in any directory) a device has this path."""
        self._volume.check_power()
        if device_name(path):
            return True
        try:
            self._dirs.locate(self.absolute(path))
        except DiskError:
            return False
        return True

    def is_dir(self, path: str) -> bool:
        """Whether `path` is an existing directory."""
        try:
            return self.stat(path).directory
        except DiskError:
            return False

    def stat(self, path: str) -> DirectoryEntry:
        """The entry of a file or directory; FILE_NOT_FOUND or PATH_NOT_FOUND when there is none."""
        self._volume.check_power()
        full = self.absolute(path)
        if full == "C:\\":
            return DirectoryEntry("", "", 0, 0, True, Attribute.DIRECTORY)
        parent, name = self._dirs.split(full)
        found = self._dirs.names(parent).get(fold(name))
        if found is None:
            raise DiskError(Code.FILE_NOT_FOUND, full)
        return self._entry(parent, found)

    def listdir(self, path: str) -> tuple[DirectoryEntry, ...]:
        """The entries of a directory, sorted by short name."""
        self._volume.check_power()
        host = self._dirs.locate(self.absolute(path))
        if not os.path.isdir(host):
            raise DiskError(Code.PATH_NOT_FOUND, path)
        return tuple(self._entry(host, name) for name in self._dirs.unique(host))

    def find(self, pattern: str) -> tuple[DirectoryEntry, ...]:
        """The entries whose long or short name fits the last part of a path with `*` and `?`."""
        self._volume.check_power()
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
        return self._volume.clusters * self.cluster

    def free(self) -> int:
        """Free bytes, counted anew in whole clusters."""
        self._volume.check_power()
        used, folders = 0, [str(self.root)]
        while folders:
            with os.scandir(folders.pop()) as entries:
                for entry in entries:
                    info = entry.stat(follow_symlinks=False)
                    if st.S_ISDIR(info.st_mode):
                        folders.append(entry.path)
                        used += 1
                    elif st.S_ISREG(info.st_mode):
                        used += self._volume.need(info.st_size)
        self._volume.used = used
        return max(0, self._volume.clusters - used) * self.cluster

    def leave_free(self, free: int) -> None:
        """Shrink the volume so that at most `free` bytes are left on it."""
        used = self._volume.clusters - self.free() // self.cluster
        self._volume.clusters = min(self._volume.clusters, used + free // self.cluster)

    # -- whole files -----------------------------------------------------------------------------

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

    # -- changes ---------------------------------------------------------------------------------

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
        self._volume.check_power()
        full = self.absolute(path)
        if device_name(full) or full == "C:\\":
            raise DiskError(Code.ACCESS_DENIED, full)
        parent, name = self._dirs.split(full)
        found = self._dirs.names(parent).get(fold(name))
        if found is None:
            if disposition in (Open.OPEN_EXISTING, Open.TRUNCATE_EXISTING):
                raise DiskError(Code.FILE_NOT_FOUND, full)
            host = self._create(full, parent, name)
        else:
            host = below(parent, found.host)
            if disposition is Open.CREATE_NEW:
                raise DiskError(Code.FILE_EXISTS, full)
            if found.directory:
                raise DiskError(Code.ACCESS_DENIED, full)
            if (write or disposition in _EMPTIES) and self._bits(host) & Attribute.READ_ONLY:
                raise DiskError(Code.ACCESS_DENIED, full)
        node = self._volume.node(full, host)
        if node.refuses(read, write, deny_read, deny_write):
            raise DiskError(Code.SHARING_VIOLATION, full)
        file = File(node, read=read, write=write, deny_read=deny_read, deny_write=deny_write)
        file.made = found is None
        if found is not None and disposition in _EMPTIES:
            _empty(node, file)
        return file

    def is_open(self, path: str) -> bool:
        """Whether a program has this file open."""
        _full, parent, found = self._existing(path)
        return below(parent, found.host) in self._volume.nodes

    def delete(self, path: str) -> None:
        """Remove a file, even an open one; ACCESS_DENIED for a directory or a read-only file."""
        full, parent, found = self._existing(path)
        host = below(parent, found.host)
        if found.directory or self._bits(host) & Attribute.READ_ONLY:
            raise DiskError(Code.ACCESS_DENIED, full)
        self._volume.step("delete", full)
        self._volume.used -= self._volume.need(os.stat(host).st_size)
        os.unlink(host)
        self._forget(parent, found)
        if node := self._volume.nodes.pop(host, None):
            node.deleted = True

    def rename(self, old: str, new: str) -> None:
        """Move a file or directory; ALREADY_EXISTS when the new name is taken by something else."""
        full, parent, found = self._existing(old)
        target = self.absolute(new)
        new_parent, name = self._dirs.split(target)
        other = self._dirs.names(new_parent).get(fold(name))
        host, new_host = below(parent, found.host), below(new_parent, name)
        if other is not None and below(new_parent, other.host) != host:
            raise DiskError(Code.ALREADY_EXISTS, target)
        if not is_valid(name):
            raise DiskError(Code.INVALID_NAME, target)
        inside = below(host, "")
        if host in self._volume.nodes or any(
            open_host.startswith(inside) for open_host in self._volume.nodes
        ):
            raise DiskError(Code.SHARING_VIOLATION, full)
        if found.directory and below(new_parent, "").startswith(inside):
            raise DiskError(Code.SHARING_VIOLATION, target)
        self._volume.step("rename", full)
        bits = self._attributes.pop(host, 0)
        self._move(host, new_host, target)
        self._forget(parent, found)
        self._dirs.added(new_parent, name, directory=found.directory)
        if found.directory:
            self._dirs.changed_all()
        if bits:
            self._attributes[new_host] = bits

    def mkdir(self, path: str) -> None:
        """Make one directory; ALREADY_EXISTS, PATH_NOT_FOUND (parent), DISK_FULL, INVALID_NAME."""
        self._volume.check_power()
        full = self.absolute(path)
        if full == "C:\\" or device_name(full):
            raise DiskError(Code.ALREADY_EXISTS if full == "C:\\" else Code.ACCESS_DENIED, full)
        parent, name = self._dirs.split(full)
        if fold(name) in self._dirs.names(parent):
            raise DiskError(Code.ALREADY_EXISTS, full)
        self._admit(full, parent, name)
        if self._volume.used >= self._volume.clusters:
            raise DiskError(Code.DISK_FULL, full)
        self._volume.step("mkdir", full)
        try:
            os.mkdir(below(parent, name))
        except OSError as error:
            raise DiskError(Code.ACCESS_DENIED, full) from error
        self._volume.used += 1
        self._dirs.added(parent, name, directory=True)

    def rmdir(self, path: str) -> None:
        """Remove an empty directory; DIR_NOT_EMPTY otherwise, PATH_NOT_FOUND for a file."""
        full, parent, found = self._existing(path)
        host = below(parent, found.host)
        if not found.directory:
            raise DiskError(Code.PATH_NOT_FOUND, full)
        if self._dirs.names(host):
            raise DiskError(Code.DIR_NOT_EMPTY, full)
        self._volume.step("rmdir", full)
        try:
            os.rmdir(host)
        except OSError as error:  # something that FAT cannot show is in it
            raise DiskError(Code.DIR_NOT_EMPTY, full) from error
        self._volume.used -= 1
        self._forget(parent, found)

    def set_attributes(self, path: str, attributes: int) -> None:
        """Set the read-only, hidden, system and archive bits of a file or directory."""
        _, parent, found = self._existing(path)
        self._attributes[below(parent, found.host)] = attributes & _SETTABLE

    def set_mtime(self, path: str, when: float) -> None:
        """Set the time of last write (Unix time), rounded down to an even second."""
        _, parent, found = self._existing(path)
        os.utime(below(parent, found.host), (when, when // 2 * 2))

    # -- power -----------------------------------------------------------------------------------

    def power_off(self) -> None:
        """Cut the power: open files fall back to the length of their directory entries."""
        self._volume.power_off()

    def power_on(self) -> None:
        """Give the power back; nothing is open."""
        self._volume.off = False
        self._dirs.changed_all()
        self.free()

    # -- inside ----------------------------------------------------------------------------------

    def _spell(self, path: str, spelling: Callable[[Name], str]) -> str:
        self._volume.check_power()
        return "C:\\" + "\\".join(spelling(n) for n in self._dirs.walk(self.absolute(path)))

    def _existing(self, path: str) -> tuple[str, str, Name]:
        self._volume.check_power()
        full = self.absolute(path)
        if device_name(full):
            raise DiskError(Code.ACCESS_DENIED, full)
        parent, name = self._dirs.split(full)
        found = self._dirs.names(parent).get(fold(name))
        if found is None:
            raise DiskError(Code.FILE_NOT_FOUND, full)
        return full, parent, found

    def _bits(self, host: str) -> int:
        return self._attributes.get(host, Attribute.ARCHIVE)

    def _entry(self, parent: str, name: Name) -> DirectoryEntry:
        host = below(parent, name.host)
        try:
            info = os.lstat(host)
        except OSError as error:
            raise DiskError(Code.FILE_NOT_FOUND, name.host) from error
        node = self._volume.nodes.get(host)
        bits = self._bits(host)
        if name.directory:
            bits = bits & ~Attribute.ARCHIVE | Attribute.DIRECTORY
        size = 0 if name.directory else node.size if node else info.st_size
        when = int(info.st_mtime) // 2 * 2
        return DirectoryEntry(name.short, name.host, size, when, name.directory, int(bits))

    def _admit(self, full: str, parent: str, name: str) -> None:
        """Raise when the directory cannot take this new name (facts C4, C5)."""
        if not is_valid(name):
            raise DiskError(Code.INVALID_NAME, full)
        used = self._dirs.entries(parent)
        limit = self.file_system.root_entries if parent == self._dirs.root else MAX_ENTRIES
        if used + dir_entries(name, fold(name) if is_short(name) else "") > limit:
            raise DiskError(Code.CANNOT_MAKE, full)

    def _create(self, full: str, parent: str, name: str) -> str:
        self._admit(full, parent, name)
        self._volume.step("create", full)
        host = below(parent, name)
        try:
            os.close(os.open(host, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o666))
        except OSError as error:  # something that FAT cannot show has the name
            raise DiskError(Code.ACCESS_DENIED, full) from error
        self._volume.touch(host)
        self._dirs.added(parent, name)
        self._attributes.pop(host, None)
        return host

    def _move(self, host: str, new: str, target: str) -> None:
        if new != host and os.path.lexists(new) and not os.path.samefile(new, host):
            raise DiskError(Code.ACCESS_DENIED, target)  # FAT cannot show what has the name
        try:
            os.rename(host, new)
        except OSError as error:
            raise DiskError(Code.ACCESS_DENIED, target) from error

    def _forget(self, parent: str, name: Name) -> None:
        self._dirs.gone(parent, name)
        self._attributes.pop(below(parent, name.host), None)


def _empty(node: Node, file: File) -> None:
    """Cut a file that was opened to be made anew."""
    try:
        node.resize(0)
    except BaseException:
        file.close()
        raise
