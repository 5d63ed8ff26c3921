"""The directories of drive C:: which names there are, long and short, and where they really lie."""

from __future__ import annotations

import os
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from deployer.sim.disk.names import fold, is_valid, make_alias
from deployer.sim.disk.values import Code, DiskError

#: A directory of the modern machine that changed so lately may change again under the same stamp.
_GRAIN_NS = 50_000_000


@dataclass(frozen=True, slots=True)
class Name:
    """A name in a directory: as the modern machine has it (the long name), and its 8.3 alias."""

    host: str
    short: str
    directory: bool


@dataclass(slots=True)
class _Listing:
    stamp: int
    names: dict[str, Name]


class Directories:
    """The names below `root`. Nothing outside, no symbolic link, no special file is ever named."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self._listings: dict[Path, _Listing] = {}
        self._aliases: dict[Path, dict[str, str]] = {}

    def names(self, host: Path) -> dict[str, Name]:
        """A directory's names, folded, long and short ones; read again only after a change."""
        try:
            stamp = host.stat().st_mtime_ns
        except OSError as error:
            raise DiskError(Code.PATH_NOT_FOUND, host.name) from error
        cached = self._listings.get(host)
        if cached is not None and cached.stamp == stamp:
            return cached.names
        names = self._read(host)
        if time.time_ns() - stamp > _GRAIN_NS:
            self._listings[host] = _Listing(stamp, names)
        return names

    def unique(self, host: Path) -> list[Name]:
        """Each name of a directory once, sorted by alias."""
        names = {name.host: name for name in self.names(host).values()}
        return sorted(names.values(), key=lambda name: name.short)

    def locate(self, full: str, missing: Code = Code.FILE_NOT_FOUND) -> Path:
        """Where an absolute path lies; `missing` is the error when its last part is not there."""
        host = self.root
        parts = [part for part in full[2:].split("\\") if part]
        for i, part in enumerate(parts):
            found = self.names(host).get(fold(part))
            last = i == len(parts) - 1
            if found is None or not (last or found.directory):
                raise DiskError(missing if last else Code.PATH_NOT_FOUND, full)
            host = host / found.host
        return host

    def walk(self, full: str) -> Iterator[Name]:
        """The names along an absolute path, which must exist."""
        host = self.root
        for part in (part for part in full[2:].split("\\") if part):
            found = self.names(host).get(fold(part))
            if found is None:
                raise DiskError(Code.FILE_NOT_FOUND, full)
            yield found
            host = host / found.host

    def split(self, full: str) -> tuple[Path, str]:
        """Where the directory of an absolute path lies, and the path's last part."""
        folder, _, name = full.rpartition("\\")
        if not name:
            raise DiskError(Code.ACCESS_DENIED, full)
        parent = self.locate(folder + "\\", Code.PATH_NOT_FOUND)
        if not parent.is_dir():
            raise DiskError(Code.PATH_NOT_FOUND, full)
        return parent, name

    def changed(self, host: Path, gone: Name | None = None) -> None:
        """Something was added to a directory, or is gone with its alias."""
        self._listings.pop(host, None)
        if gone is not None:
            self._aliases.get(host, {}).pop(gone.host, None)

    def changed_all(self) -> None:
        """Anything may have changed."""
        self._listings.clear()

    def _read(self, host: Path) -> dict[str, Name]:
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
        return names
