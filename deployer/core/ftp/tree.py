"""The virtual tree of one login: how names, paths and wildcards of a client find a share's entries.

A path inside this module is folded: upper-case, `/` between segments, no slash at either end, so
the root is "". Whatever a client sends folds to such a path, `..` stops at the root, and only paths
that are keys of the tree lead anywhere: there is nothing else to reach.
"""

from __future__ import annotations

import re
from collections.abc import Container, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

from deployer.model import Entry, Share

MAX_PATTERN = 255
_HALF_A_YEAR = timedelta(days=180)
_MONTHS = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")


@dataclass(frozen=True, slots=True)
class Tree:
    """A share with its files and directories under their folded paths.

    `aliases` leads from folded long paths to the folded 8.3 path; an 8.3 name wins over a long one.
    """

    share: Share
    files: Mapping[str, Entry]
    directories: Mapping[str, str]
    aliases: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class ListedFile:
    """One line of a listing: a file, or a directory when `entry` is None."""

    name: str
    entry: Entry | None


def grow(share: Share, sent: Container[str] = ()) -> Tree:
    """The tree of a share. Slashes in entry names make directories.

    `sent` names what this session has uploaded: entries that come only after an upload need it.
    """
    files: dict[str, Entry] = {}
    directories = {"": ""}
    aliases: dict[str, str] = {}
    for entry in share.entries:
        shown = entry.name.strip("/")
        key = fold("", shown)
        if not key or (entry.after and entry.after not in sent):
            continue
        files.setdefault(key, entry)
        parent = shown
        while "/" in parent:
            parent = parent.rpartition("/")[0]
            directories.setdefault(fold("", parent), parent)
        if entry.long_name:
            above = "" if "/" in entry.long_name else key.rpartition("/")[0]
            aliases.setdefault(fold(above, entry.long_name), key)
    return Tree(share, files, directories, aliases)


def fold(base: str, path: str) -> str:
    """The folded path that `path` means in the folded directory `base`.

    Either slash separates; `.` and empty segments are nothing, `..` goes up and stops at the root;
    blanks around a name and dots at its end are no part of it, as on FAT.
    """
    path = path.strip().replace("\\", "/")
    if len(path) >= 2 and path[0] == path[-1] == '"':
        path = path[1:-1]
    segments = [] if path.startswith("/") or not base else base.split("/")
    for segment in map(_trimmed, path.upper().split("/")):
        match segment:
            case "" | ".":
                pass
            case "..":
                if segments:
                    segments.pop()
            case _:
                segments.append(segment)
    return "/".join(segments)


def _trimmed(segment: str) -> str:
    """A name without blanks around it and dots at its end; only dots stay as they are."""
    bare = segment.strip()
    bare = bare.rstrip(".") or bare
    return segment if bare == segment else _trimmed(bare)


def find(tree: Tree, directory: str, name: str) -> Entry | None:
    """The entry that `name` means in `directory`, by its 8.3 or its long name, in any case."""
    path = fold(directory, name)
    return tree.files.get(path) or tree.files.get(tree.aliases.get(path, ""))


def find_directory(tree: Tree, directory: str, name: str) -> str | None:
    """The folded path of the directory that `name` means, or None when there is none."""
    path = fold(directory, name)
    return path if path in tree.directories else None


def listing(tree: Tree, directory: str, pattern: str) -> tuple[ListedFile, ...] | None:
    """What `pattern` names, seen from `directory`: None when it names nothing that could exist.

    No pattern means the directory itself, a directory's name its content, a file's name that file;
    wildcards in the last segment may match nothing and still be answered. A row carries the path
    that was typed before the wildcards, so that its name can be fetched as it stands.
    """
    whole = find_directory(tree, directory, pattern)
    if whole is not None:
        return tuple(_rows(tree, whole))
    typed = pattern.strip().strip('"')
    cut = max(typed.rfind("/"), typed.rfind("\\")) + 1
    prefix, last = typed[:cut], typed[cut:]
    entry = find(tree, directory, typed)
    if entry is not None:
        return (ListedFile(prefix + _shown(entry), entry),)
    parent = find_directory(tree, directory, prefix or ".")
    if parent is None or not ("*" in last or "?" in last) or len(last) > MAX_PATTERN:
        return None
    matches = _matcher(last)
    return tuple(
        ListedFile(prefix + row.name, row.entry)
        for row in _rows(tree, parent)
        if matches.fullmatch(row.name) or _fits_long(matches, row.entry)
    )


def _rows(tree: Tree, directory: str) -> Iterator[ListedFile]:
    """Directories, then files of one directory, each in the order of the share."""
    for path, shown in tree.directories.items():
        if path and path.rpartition("/")[0] == directory:
            yield ListedFile(shown.rpartition("/")[2], None)
    for path, entry in tree.files.items():
        if path.rpartition("/")[0] == directory:
            yield ListedFile(_shown(entry), entry)


def _shown(entry: Entry) -> str:
    return entry.name.rpartition("/")[2]


def _fits_long(matches: re.Pattern[str], entry: Entry | None) -> bool:
    long_name = entry.long_name.rpartition("/")[2] if entry else ""
    return bool(long_name and matches.fullmatch(long_name))


def _matcher(pattern: str) -> re.Pattern[str]:
    """DOS wildcards, in any case: `*.*` is everything, `*.` names without extension, `[` itself.

    Each star takes the shortest text that lets the next literal follow and is never tried again, so
    that no pattern can take more than length of name x length of pattern steps.
    """
    if pattern == "*.*":
        pattern = "*"
    only_bare = pattern.endswith("*.")
    text = r"(?!.*\.)" + _translate(pattern[:-1]) if only_bare else _translate(pattern)
    return re.compile(text, re.IGNORECASE | re.DOTALL)


def _translate(pattern: str) -> str:
    first, *rest = re.split(r"\*+", pattern)
    literal = [re.escape(piece).replace(r"\?", ".") for piece in (first, *rest)]
    if not rest:
        return literal[0]
    middle = "".join(f"(?>.*?{piece})" for piece in literal[1:-1] if piece)
    return f"{literal[0]}{middle}.*{literal[-1]}"


def unix_lines(tree: Tree, rows: tuple[ListedFile, ...], now: float) -> bytes:
    """A listing as `ls -l` prints it: the one form that FTP.EXE, IE and all others read."""
    stamp = _stamp(tree.share.mtime, now)
    return "".join(_unix_line(row, stamp) for row in rows).encode("ascii", "replace")


def name_lines(rows: tuple[ListedFile, ...]) -> bytes:
    """A listing of bare names, one a line."""
    return "".join(f"{row.name}\r\n" for row in rows).encode("ascii", "replace")


def _unix_line(row: ListedFile, stamp: str) -> str:
    mode, links, length = "-r--r--r--", 1, 0
    if row.entry is None:
        mode, links = "dr-xr-xr-x", 2
    else:
        length = row.entry.length
    return f"{mode} {links:3d} deployer deployer {length:12d} {stamp} {row.name}\r\n"


def _stamp(mtime: float, now: float) -> str:
    """`Nov 22 13:38` within half a year of `now`, else `Nov 22  2025`; UTC."""
    when = _moment(mtime)
    month = _MONTHS[when.month - 1]
    if abs(_moment(now) - when) < _HALF_A_YEAR:
        return f"{month} {when.day:2d} {when.hour:02d}:{when.minute:02d}"
    return f"{month} {when.day:2d}  {when.year:04d}"


def modified(tree: Tree) -> str:
    """The date of everything on the share as MDTM gives it, UTC."""
    return f"{_moment(tree.share.mtime):%Y%m%d%H%M%S}"


def _moment(seconds: float) -> datetime:
    """A date between 1980 and 2099, what FAT can hold."""
    low, high = 315532800.0, 4102444799.0
    return datetime.fromtimestamp(max(low, min(seconds, high)), UTC)
