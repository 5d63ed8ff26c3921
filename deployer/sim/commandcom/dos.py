"""DOS below the shell: drives with their current directories, names, devices, searches.

A drive is a `Disk`; each `Disk` believes to be C:, so paths are translated on the way. Searches
go through a directory slot by slot, as FAT does: what is made meanwhile takes the first free slot,
what is renamed keeps its own. Failures are `DiskError` with DOS's numbers.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import suppress

from deployer.sim.commandcom.dialect import Dialect, NotModelled
from deployer.sim.commandcom.line import fcb
from deployer.sim.commandcom.line.text import upper
from deployer.sim.commandcom.streams import Console, ConsoleStream, FileStream, NulStream, Stream
from deployer.sim.disk import (
    Attribute,
    Code,
    DirectoryEntry,
    Disk,
    DiskError,
    Open,
    device_name,
    matches,
)

_CONCEALED = Attribute.HIDDEN | Attribute.SYSTEM


class Dos:
    """Drives by letter, and what COMMAND.COM asks of DOS."""

    def __init__(self, drives: Mapping[str, Disk], console: Console, dialect: Dialect) -> None:
        self.drives = {letter.upper(): disk for letter, disk in drives.items()}
        self.dialect = dialect
        self.console = ConsoleStream(console)
        self.drive = "C" if "C" in self.drives else min(self.drives)
        self.directories = {letter: f"{letter}:\\" for letter in self.drives}
        self._slots: dict[tuple[str, str], list[str | None]] = {}

    # -- paths ---------------------------------------------------------------------------------

    def full(self, path: str) -> str:
        """The absolute path, spelt as given; raises for an unknown drive or an impossible name."""
        letter, rest = self._split_drive(path)
        cwd = "C:" + self.directories[letter][2:]
        if not self.dialect.long_names:
            rest = "\\".join(_cut(part) for part in rest.replace("/", "\\").split("\\"))
        if not self.dialect.blind_dotdot:
            self._check_dots(letter, rest)
        return letter + self.drives[letter].absolute("C:" + rest, cwd)[1:]

    def _split_drive(self, path: str) -> tuple[str, str]:
        letter, rest = self.drive, path
        if path[1:2] == ":":
            letter, rest = upper(path[0]), path[2:]
        if letter not in self.drives:
            raise DiskError(Code.INVALID_DRIVE, path)
        return letter, rest

    def _check_dots(self, letter: str, rest: str) -> None:
        """Every part before a `..` must be a directory."""
        parts = rest.split("\\")
        for i, part in enumerate(parts):
            if part == ".." and i:
                before = "C:" + "\\".join(parts[:i])
                disk = self.drives[letter]
                if not disk.is_dir(disk.absolute(before, "C:" + self.directories[letter][2:])):
                    raise DiskError(Code.PATH_NOT_FOUND, rest)

    def _at(self, path: str) -> tuple[Disk, str, str]:
        """The disk, the disk's own path, and the absolute path."""
        full = self.full(path)
        return self.drives[full[0]], "C" + full[1:], full

    def truename(self, path: str) -> str:
        """The one spelling of a path: absolute, capitals, 8.3 where the parts exist."""
        if device := device_name(path):
            return device
        disk, inner, full = self._at(path)
        folder, _, last = inner.rpartition("\\")
        try:
            inner = disk.short_path(inner)
        except DiskError:
            with suppress(DiskError):
                inner = disk.short_path(folder + "\\").rstrip("\\") + "\\" + last
        return full[0] + upper(inner[1:])

    # -- looking -------------------------------------------------------------------------------

    def is_dir(self, path: str) -> bool:
        """Whether the path is a directory."""
        try:
            disk, inner, _ = self._at(path)
        except DiskError:
            return False
        return device_name(path) is None and disk.is_dir(inner)

    def device(self, path: str) -> str | None:
        """The device that a path names; its directory must exist (case if-exist)."""
        name = device_name(path)
        if name is None:
            return None
        folder = path.replace("/", "\\").rpartition("\\")[0]
        if "\\" in path and folder and not folder.endswith(":") and not self.is_dir(folder):
            return None
        return name

    def search(
        self, path: str, *, concealed: bool = False, directories: bool = False
    ) -> Iterator[DirectoryEntry]:
        """The entries that fit a path's last part, slot by slot; the path's rest must exist."""
        folder, name = split_path(path)
        wanted = _matcher(name, long_names=self.dialect.long_names)
        full = self.full(folder or ".")
        disk = self.drives[full[0]]
        if not disk.is_dir("C" + full[1:]):
            raise DiskError(Code.PATH_NOT_FOUND, path)
        steps, table, at = -1, list[DirectoryEntry | None](), 0
        while True:
            if steps != disk.steps:
                table, steps = self._table(full), disk.steps
            if at >= len(table):
                return
            entry = table[at]
            at += 1
            if entry is None or not wanted(entry):
                continue
            if entry.directory and not directories:
                continue
            if entry.attributes & _CONCEALED and not concealed:
                continue
            yield entry

    def listing(self, path: str) -> list[DirectoryEntry]:
        """All entries of a directory in the order of their slots."""
        return [entry for entry in self._table(self.full(path)) if entry is not None]

    def _table(self, full: str) -> list[DirectoryEntry | None]:
        disk, inner = self.drives[full[0]], "C" + full[1:]
        entries = {e.short: e for e in disk.listdir(inner)}
        slots = self._slots.setdefault((full[0], upper(full)), [])
        slots[:] = [name if name in entries else None for name in slots]
        known = set(slots)
        for entry in sorted(entries.values(), key=lambda e: (e.directory, e.short)):
            if entry.short in known:
                continue
            if None in slots:
                slots[slots.index(None)] = entry.short
            else:
                slots.append(entry.short)
        while slots and slots[-1] is None:
            slots.pop()
        return [entries[name] if name else None for name in slots]

    # -- files ---------------------------------------------------------------------------------

    def open(self, path: str) -> Stream:
        """Open a file or device for reading."""
        if stream := self._open_device(path):
            return stream
        disk, inner, _ = self._at(path)
        return FileStream(disk.open(inner))

    def create(self, path: str) -> Stream:
        """Make a file, or empty one that is there, or open a device."""
        if stream := self._open_device(path):
            return stream
        disk, inner, full = self._at(path)
        self._note(full)
        stream = FileStream(disk.open(_capital(inner), Open.CREATE_ALWAYS, write=True))
        self._note(full)
        return stream

    def update(self, path: str) -> Stream:
        """Open what exists for reading and writing."""
        if stream := self._open_device(path):
            return stream
        disk, inner, _ = self._at(path)
        return FileStream(disk.open(inner, write=True))

    def _open_device(self, path: str) -> Stream | None:
        name = self.device(path)
        if name is None:
            if device_name(path):
                raise DiskError(Code.PATH_NOT_FOUND, path)
            return None
        if name == "CON":
            return self.console
        if name == "NUL":
            return NulStream()
        raise NotModelled(f"the device {name}")

    def delete(self, path: str) -> None:
        """Remove a file."""
        disk, inner, full = self._at(path)
        self._note(full)
        disk.delete(inner)
        self._note(full)

    def rename(self, old: str, new: str) -> None:
        """Give a file another name; in the same directory it keeps its slot."""
        disk, inner, full = self._at(old)
        target_disk, target, target_full = self._at(new)
        if target_disk is not disk:
            raise DiskError(Code.ACCESS_DENIED, new)
        self._note(full)
        short = disk.stat(inner).short
        disk.rename(inner, _capital(target))
        folder, other = full.rpartition("\\")[0], target_full.rpartition("\\")[0]
        if upper(folder) == upper(other):
            slots = self._slots[(full[0], upper(self.full(folder + "\\")))]
            slots[slots.index(short)] = disk.stat(target).short
        self._note(target_full)

    def mkdir(self, path: str) -> None:
        """Make a directory."""
        disk, inner, full = self._at(path)
        self._note(full)
        disk.mkdir(_capital(inner))
        self._note(full)

    def rmdir(self, path: str) -> None:
        """Remove an empty directory that no drive stands in."""
        disk, inner, full = self._at(path)
        if upper(self.directories[full[0]]) == upper(full):
            raise DiskError(Code.CURRENT_DIRECTORY, full)
        self._note(full)
        disk.rmdir(inner)
        self._slots.pop((full[0], upper(full)), None)
        self._note(full)

    def chdir(self, path: str) -> None:
        """Change a drive's current directory."""
        if len(path) > 1 and path.endswith("\\") and path[-2] not in ":\\":
            raise DiskError(Code.PATH_NOT_FOUND, path)
        disk, inner, full = self._at(path)
        if device_name(path) or not disk.is_dir(inner):
            raise DiskError(Code.PATH_NOT_FOUND, path)
        self.directories[full[0]] = full[0] + disk.long_path(inner)[1:]

    def _note(self, full: str) -> None:
        """Bring the slots of a path's directory up to date around a change."""
        folder = full.rpartition("\\")[0] + "\\"
        with suppress(DiskError):
            self._table(self.full(folder))


def split_path(path: str) -> tuple[str, str]:
    """Everything up to the last separator or colon, and the last part."""
    at = max(path.rfind("\\"), path.rfind("/"), path.rfind(":"))
    return path[: at + 1], path[at + 1 :]


def is_pattern(name: str) -> bool:
    """Whether a name has `*` or `?`."""
    return "*" in name or "?" in name


def _cut(part: str) -> str:
    """A part of a path as DOS without long names keeps it: 8 and 3 characters."""
    if part in ("", ".", "..") or is_pattern(part):
        return part
    base, dot, extension = part.partition(".")
    return base[:8] + dot + extension[:3]


def _capital(path: str) -> str:
    """The path with its last part in capitals when it is of 8.3 shape, as it is stored."""
    folder, _, name = path.rpartition("\\")
    return f"{folder}\\{upper(name) if fcb.fits(name) else name}"


class _matcher:  # noqa: N801 - used as a function
    """Whether an entry fits a name or pattern; 8.3 patterns fit short names only."""

    def __init__(self, name: str, *, long_names: bool) -> None:
        self._long = name if long_names and not fcb.fits(name) and name else ""
        parsed = fcb.parse(name)
        self._short = parsed.name
        self._bad = not self._long and parsed.end < len(name)

    def __call__(self, entry: DirectoryEntry) -> bool:
        if self._long:
            return matches(self._long, entry.long)
        return not self._bad and fcb.matches(self._short, fcb.pack(entry.short))
