"""What is pulled, on this computer's disk: parts as they arrive, and the folder made of them.

A part is a file of its own, under its number, from the moment it is whole; so a stop at any point
loses nothing that was confirmed to the PC. The folder gets its name when all in it has been read
back.
"""

from __future__ import annotations

import contextlib
import hashlib
import os
import shutil
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

_BLOCK = 1 << 20


@dataclass(frozen=True, slots=True)
class Stretch:
    """`length` bytes of a file from `start` on; they lie in the file `path` from `at` on."""

    start: int
    length: int
    path: Path
    at: int


def write_whole(path: Path, data: bytes) -> None:
    """Put a file in its place, whole or not at all, and on the disk itself. Raises OSError."""
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    half = path.with_name(f"{path.name}.half")
    with half.open("wb") as file:
        file.write(data)
        file.flush()
        os.fsync(file.fileno())
    half.replace(path)
    _flush_folder(path.parent)


def _flush_folder(folder: Path) -> None:
    if os.name == "posix":
        handle = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(handle)
        finally:
            os.close(handle)


def whole_files(folder: Path) -> Iterator[Path]:
    """The files of a folder in the order of their names; none where there is no folder."""
    if folder.is_dir():
        yield from sorted(path for path in folder.iterdir() if path.suffix != ".half")


def read(stretches: Sequence[Stretch], start: int) -> Iterator[bytes]:
    """The bytes of a file from `start` on, as far as they lie without a gap, in blocks.

    Raises OSError.
    """
    at = start
    for one in sorted(stretches, key=lambda each: each.start):
        if one.start > at:
            return
        skip = at - one.start
        left = one.length - skip
        if left <= 0:
            continue
        with one.path.open("rb") as file:
            file.seek(one.at + skip)
            while left and (data := file.read(min(left, _BLOCK))):
                left -= len(data)
                at += len(data)
                yield data
        if left:
            return


def free(path: Path) -> int:
    """Bytes free for us on the disk on which a folder lies or will lie."""
    while not path.exists() and path != path.parent:
        path = path.parent
    return shutil.disk_usage(path).free


def unwritable(place: Path, mark: str) -> str:
    """Why a folder cannot be made there, as far as that is known before it is; "" else."""
    try:
        place.with_name(f".{place.name}.{mark}").lstat()
    except FileNotFoundError:
        pass
    except OSError as error:
        return error.strerror or str(error)
    there = next(path for path in place.parents if path.exists())
    return "" if os.access(there, os.W_OK | os.X_OK) else f"{there}: this user may not write"


def on_one_disk(*paths: Path) -> bool:
    """Whether what is or will be at these paths lies on one disk."""
    there = (next(p for p in (path, *path.parents) if p.exists()) for path in paths)
    return len({place.stat().st_dev for place in there}) == 1


def sha256_of(path: Path) -> str:
    """The SHA-256 of a file as it is on the disk now; "" where it cannot be read."""
    try:
        with path.open("rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest()
    except OSError:
        return ""


class Building:
    """A folder in the making, beside its place and under another name. Raises OSError."""

    def __init__(self, place: Path, mark: str) -> None:
        """What an earlier try of the same mark has left goes."""
        self._place = place
        self._folder = place.with_name(f".{place.name}.{mark}")
        self.clear()
        self._folder.mkdir(parents=True)
        self._dates: list[tuple[Path, float]] = []

    def clear(self) -> None:
        """Leave nothing."""
        shutil.rmtree(self._folder, ignore_errors=True)

    def folder(self, path: str, modified: float | None) -> None:
        """A folder in it; its date is set when all else is there."""
        made = self._folder / path
        made.mkdir(parents=True, exist_ok=True)
        if modified is not None:
            self._dates.append((made, modified))

    def file(self, path: str, blocks: Iterable[bytes], modified: float | None) -> Path:
        """A file in it, from its bytes."""
        made = self._new(path)
        with made.open("xb") as file:
            for block in blocks:
                file.write(block)
            file.flush()
            os.fsync(file.fileno())
        return _dated(made, modified)

    def same(self, path: str, before: Path, modified: float | None) -> Path:
        """A file of an earlier folder, in this one too; the very same where it has that date."""
        made = self._new(path)
        if modified is None or int(before.stat().st_mtime) == int(modified):
            with contextlib.suppress(OSError):
                made.hardlink_to(before)
                return made
        shutil.copyfile(before, made)
        return _dated(made, modified)

    def _new(self, path: str) -> Path:
        made = self._folder / path
        made.parent.mkdir(parents=True, exist_ok=True)
        return made

    def done(self, *, again: bool) -> None:
        """All is there: the folder gets its name. With `again` an earlier one of it goes."""
        for folder, modified in reversed(self._dates):
            os.utime(folder, (modified, modified))
        if again:
            shutil.rmtree(self._place, ignore_errors=True)
        with contextlib.suppress(FileNotFoundError):
            self._place.rmdir()  # an empty one
        self._folder.rename(self._place)
        _flush_folder(self._place.parent)


def _dated(path: Path, modified: float | None) -> Path:
    if modified is not None:
        os.utime(path, (modified, modified))
    return path
