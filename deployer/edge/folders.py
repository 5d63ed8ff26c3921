"""Directories of the host as payloads: every file with its place, and what cannot go."""

from __future__ import annotations

import os
import stat
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from deployer.core.target.places import normal
from deployer.errors import DirectoryEmpty, FileUnreadable, NotAFile

_KINDS = (
    (stat.S_ISLNK, "a symbolic link"),
    (stat.S_ISFIFO, "a named pipe"),
    (stat.S_ISSOCK, "a socket"),
    (stat.S_ISBLK, "a device"),
    (stat.S_ISCHR, "a device"),
)


@dataclass(frozen=True, slots=True)
class Item:
    """A file that goes, and where: `place` is its path below the deployment's directory.

    A file that was named by itself has no place: it keeps an 8.3 name.
    """

    path: Path
    place: str = ""


@dataclass(frozen=True, slots=True)
class Folder:
    """What is in a directory: files in the order of their places, and directories without any."""

    items: tuple[Item, ...]
    empty: tuple[str, ...] = ()


def walk(top: Path) -> Folder:
    """Every file below `top`, its place relative to `top`. Nothing is followed, nothing left out.

    Raises NotAFile for links, pipes, sockets and devices, FileUnreadable for what cannot be read
    (each names the first and counts the others), DirectoryEmpty when there is no file at all.
    """
    items: list[Item] = []
    empty: list[str] = []
    strange: list[tuple[str, str]] = []
    closed: list[tuple[str, str]] = []
    for directory, entries, error in _directories(top):
        if error:
            closed.append((str(directory), error))
        elif not entries and directory != top:
            empty.append(normal(_below(directory, top)))
        above = "" if directory == top else f"{_below(directory, top)}/"
        for entry in entries:
            if kind := odd(entry.stat(follow_symlinks=False).st_mode):
                strange.append((entry.path, kind))
            elif not entry.is_dir(follow_symlinks=False):
                items.append(Item(Path(entry.path), normal(above + entry.name)))
                if not os.access(entry.path, os.R_OK):
                    closed.append((entry.path, "Permission denied"))
    if strange:
        more = _others(strange, " The same: ", ".")
        raise NotAFile(path=strange[0][0], what=strange[0][1], more=more)
    if closed:
        raise FileUnreadable(path=closed[0][0], why=closed[0][1] + _others(closed, "; the same: "))
    if not items:
        raise DirectoryEmpty(path=top)
    return Folder(tuple(sorted(items, key=lambda item: item.place)), tuple(sorted(empty)))


def _directories(top: Path) -> Iterator[tuple[Path, list[os.DirEntry[str]], str]]:
    """Each directory with its entries, or with why it cannot be read. No recursion: no limit."""
    waiting = [top]
    while waiting:
        directory = waiting.pop()
        try:
            with os.scandir(directory) as found:
                entries = sorted(found, key=lambda entry: entry.name)
        except OSError as error:
            yield directory, [], error.strerror or str(error)
            continue
        waiting += [Path(e.path) for e in reversed(entries) if e.is_dir(follow_symlinks=False)]
        yield directory, entries, ""


def _below(path: Path, top: Path) -> str:
    return path.relative_to(top).as_posix()


def odd(mode: int) -> str:
    """What it is that Windows 98 has not; "" for files and directories."""
    if stat.S_ISREG(mode) or stat.S_ISDIR(mode):
        return ""
    return next((name for test, name in _KINDS if test(mode)), "")


def _others(found: list[tuple[str, str]], before: str, after: str = "") -> str:
    if len(found) == 1:
        return ""
    named = ", ".join(path for path, _why in found[1:4])
    left = len(found) - 4
    return f"{before}{named}{f' and {left} more' if left > 0 else ''}{after}"
