"""The directories of drive C:: which names there are, long and short, and where they really lie.

Paths of the modern machine are text here: making a `Path` takes longer than what is done with it.
"""

from __future__ import annotations

import os
import time
import weakref
from collections.abc import Iterator
from dataclasses import dataclass

try:
    import fcntl
except ImportError:  # Windows has no such locks: there every directory is read again
    fcntl = None  # type: ignore[assignment]

from deployer.sim.disk.names import dir_entries, fold, is_valid, make_alias
from deployer.sim.disk.values import Code, DiskError

#: A directory of the modern machine that changed so lately may change again under the same stamp.
_GRAIN_NS = 50_000_000
#: After a change of ours it is believed to be ours alone for so long, where nobody else is seen.
_OURS_NS = 250_000_000
#: While we change a directory again and again it is looked at so often for what others put there.
_LOOK_NS = 1_000_000_000


@dataclass(frozen=True, slots=True)
class Name:
    """A name in a directory: as the modern machine has it (the long name), and its 8.3 alias."""

    host: str
    short: str
    directory: bool


@dataclass(slots=True)
class _Listing:
    """`stamp` is the directory's, `read` when it was read; it has `entries` of 32 bytes."""

    stamp: int
    read: int
    names: dict[str, Name]
    entries: int

    def holds(self, stamp: int, users: _Users) -> bool:
        """Whether it is still what is there: read well after the last change, or changed by us.

        A change of others may have the stamp of one of ours, so it is ours only where we are alone.
        """
        if stamp != self.stamp:
            return False
        if self.read - stamp > _GRAIN_NS:
            return True
        now = time.time_ns()
        return now - stamp <= _OURS_NS and now - self.read < _LOOK_NS and users.alone()


class _Users:
    """Who shows the same directory as a drive: an agent's PC and one that fetches have one each.

    Each has a shared lock on the directory as long as it lives.
    """

    def __init__(self, root: str) -> None:
        self._file = -1
        if fcntl is not None:
            self._file = os.open(root, os.O_RDONLY)
            weakref.finalize(self, os.close, self._file)
            fcntl.flock(self._file, fcntl.LOCK_SH)

    def alone(self) -> bool:
        """Whether there is nobody else, in this process or in another one."""
        if fcntl is None:
            return False
        try:
            fcntl.flock(self._file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            fcntl.flock(self._file, fcntl.LOCK_SH)  # the kernel may have taken it away
            return False
        fcntl.flock(self._file, fcntl.LOCK_SH)
        return True


def below(host: str, name: str) -> str:
    """Where a name of that directory lies."""
    return f"{host}{os.sep}{name}"


class Directories:
    """The names below `root`. Nothing outside, no symbolic link, no special file is ever named."""

    def __init__(self, root: str) -> None:
        self.root = root
        self._listings: dict[str, _Listing] = {}
        self._aliases: dict[str, dict[str, str]] = {}
        self._users = _Users(root)

    def names(self, host: str) -> dict[str, Name]:
        """A directory's names, folded, long and short ones; read again only after a change."""
        try:
            stamp = os.stat(host).st_mtime_ns
        except OSError as error:
            raise DiskError(Code.PATH_NOT_FOUND, os.path.basename(host)) from error
        cached = self._listings.get(host)
        if cached is None or not cached.holds(stamp, self._users):
            cached = self._listings[host] = self._read(host, stamp)
        return cached.names

    def entries(self, host: str) -> int:
        """How many entries of 32 bytes the names of a directory take."""
        self.names(host)
        return self._listings[host].entries

    def unique(self, host: str) -> list[Name]:
        """Each name of a directory once, sorted by alias."""
        names = {name.host: name for name in self.names(host).values()}
        return sorted(names.values(), key=lambda name: name.short)

    def locate(self, full: str, missing: Code = Code.FILE_NOT_FOUND) -> str:
        """Where an absolute path lies; `missing` is the error when its last part is not there."""
        host = self.root
        parts = [part for part in full[2:].split("\\") if part]
        for i, part in enumerate(parts):
            found = self.names(host).get(fold(part))
            last = i == len(parts) - 1
            if found is None or not (last or found.directory):
                raise DiskError(missing if last else Code.PATH_NOT_FOUND, full)
            host = below(host, found.host)
        return host

    def walk(self, full: str) -> Iterator[Name]:
        """The names along an absolute path, which must exist."""
        host = self.root
        for part in (part for part in full[2:].split("\\") if part):
            found = self.names(host).get(fold(part))
            if found is None:
                raise DiskError(Code.FILE_NOT_FOUND, full)
            yield found
            host = below(host, found.host)

    def split(self, full: str) -> tuple[str, str]:
        """Where the directory of an absolute path lies, and the path's last part."""
        folder, _, name = full.rpartition("\\")
        if not name:
            raise DiskError(Code.ACCESS_DENIED, full)
        host = self.root
        for part in (part for part in folder[2:].split("\\") if part):
            found = self.names(host).get(fold(part))
            if found is None or not found.directory:
                raise DiskError(Code.PATH_NOT_FOUND, full)
            host = below(host, found.host)
        return host, name

    def added(self, host: str, name: str, *, directory: bool = False) -> None:
        """A name is new in a directory."""
        listing = self._listings.get(host)
        if listing is None:
            return
        known = self._aliases.setdefault(host, {})
        folded = fold(name)
        if folded in listing.names:  # the modern machine tells more names apart
            del self._listings[host]
            return
        if name not in known:
            known[name] = make_alias(name, listing.names.keys())
        entry = Name(name, known[name], directory)
        listing.names[folded] = listing.names[entry.short] = entry
        listing.entries += dir_entries(entry.host, entry.short)
        listing.stamp = os.stat(host).st_mtime_ns

    def gone(self, host: str, name: Name) -> None:
        """A name is gone, with its alias and with what was below it."""
        self._aliases.get(host, {}).pop(name.host, None)
        self._listings.pop(below(host, name.host), None)
        listing = self._listings.get(host)
        if listing is not None:
            for key in {fold(name.host), name.short}:
                listing.names.pop(key, None)
            listing.entries -= dir_entries(name.host, name.short)
            listing.stamp = os.stat(host).st_mtime_ns

    def changed_all(self) -> None:
        """Anything may have changed."""
        self._listings.clear()

    def _read(self, host: str, stamp: int) -> _Listing:
        read = time.time_ns()
        with os.scandir(host) as entries:
            found = sorted(
                (e.name, e.is_dir(follow_symlinks=False))
                for e in entries
                if is_valid(e.name)
                and (e.is_file(follow_symlinks=False) or e.is_dir(follow_symlinks=False))
            )
        known = self._aliases.setdefault(host, {})
        longs: dict[str, tuple[str, bool]] = {}
        for name, directory in found:
            longs.setdefault(fold(name), (name, directory))
        taken = set(longs) | {known[name] for name, _ in longs.values() if name in known}
        names: dict[str, Name] = {}
        for folded, (name, directory) in longs.items():
            if name not in known:
                known[name] = make_alias(name, taken - {folded})
                taken.add(known[name])
            names[folded] = names[known[name]] = Name(name, known[name], directory)
        taken_up = sum(dir_entries(name.host, name.short) for name in set(names.values()))
        return _Listing(stamp, read, names, taken_up)
