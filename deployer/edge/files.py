"""Files of the host: measured in one pass, written atomically."""

from __future__ import annotations

import contextlib
import hashlib
import itertools
import os
import secrets
import stat
import time
import zlib
from collections.abc import Callable, Iterable
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

from deployer.edge.folders import odd
from deployer.errors import (
    DirectoryForbidden,
    FileChanged,
    FileEmpty,
    FileMissing,
    FileUnreadable,
    NotAFile,
    PathNoText,
)
from deployer.model import FileStamp, Slice

_BLOCK = 1 << 20
_PRIVATE = 0o700
_FINE, _COARSE = 50_000_000, 2_100_000_000
_ROUND = 10_000_000
"""Nanoseconds: what may pass between two ticks of a file's clock, and of which all are multiples
where that is long (FAT)."""


@dataclass(frozen=True, slots=True)
class Measured:
    """A file's sums. `crcs` has the CRC-32 of each part of `part_size` bytes."""

    path: str
    length: int
    stamp: FileStamp
    settled: bool
    sha256: str
    part_size: int
    crcs: tuple[int, ...]


def stamp_of(status: os.stat_result) -> FileStamp:
    """The stamp of a file."""
    return FileStamp(
        status.st_dev, status.st_ino, status.st_size, status.st_mtime_ns, status.st_ctime_ns
    )


def is_settled(stamp: FileStamp, now_ns: int) -> bool:
    """Whether a file had been left alone at that time for longer than the grain of its clock.

    A younger one may be written to without another stamp. A file system whose times are all round
    counts in steps of up to two seconds; one whose clock is ahead of ours is never sure.
    """
    grain = _COARSE if stamp.changed_ns % _ROUND == 0 else _FINE
    return now_ns - max(stamp.changed_ns, stamp.mtime_ns) > grain


class Unchanged:
    """Whether a slice of an open file still has the bytes that were measured.

    By the file's stamp; where that is another (its rights were changed, or it was replaced by one
    with the same content) by the CRC-32 of the slice.
    """

    def __init__(self, cut: Slice) -> None:
        self._cut = cut
        self._known = cut.stamp

    def holds(self, fd: int) -> bool:
        """Look now. Raises OSError."""
        status = os.fstat(fd)
        now = stamp_of(status)
        if now == self._known:
            return True
        cut = self._cut
        if not stat.S_ISREG(status.st_mode) or now.length != cut.stamp.length or cut.crc32 is None:
            return False
        if _crc_of(fd, cut.offset, cut.length) != cut.crc32:
            return False
        self._known = now
        return True


def _crc_of(fd: int, offset: int, length: int) -> int:
    """The CRC-32 of bytes of an open file, which is left where it is."""
    crc = 0
    before = os.lseek(fd, 0, os.SEEK_CUR)
    try:
        os.lseek(fd, offset, os.SEEK_SET)
        while length and (block := os.read(fd, min(length, _BLOCK))):
            crc = zlib.crc32(block, crc)
            length -= len(block)
    finally:
        os.lseek(fd, before, os.SEEK_SET)
    return crc


def attributes_of(status: os.stat_result) -> int:
    """What FAT calls the attributes of a file: 1 read-only, 2 hidden, 4 system.

    Only Windows knows the last two.
    """
    if (known := getattr(status, "st_file_attributes", None)) is not None:
        return int(known) & 7
    return 0 if status.st_mode & stat.S_IWUSR else 1


def as_text(path: Path) -> str:
    """The path as events and the store keep it. Raises PathNoText for bytes that are no UTF-8."""
    text = str(path)
    try:
        text.encode()
    except UnicodeEncodeError as error:
        shown = os.fsencode(path).decode("utf-8", "backslashreplace")
        raise PathNoText(path=shown) from error
    return text


def length_of(path: Path, *, empty_allowed: bool = False) -> int:
    """Bytes of a regular file that can be read.

    Raises FileMissing, FileUnreadable, NotAFile, or FileEmpty unless that is allowed.
    """
    try:
        if kind := odd(path.stat().st_mode):
            raise NotAFile(path=path, what=kind, more="")  # a pipe is not even opened: that waits
        with path.open("rb") as file:
            length = os.fstat(file.fileno()).st_size
    except FileNotFoundError as error:
        raise FileMissing(path=path) from error
    except IsADirectoryError as error:
        raise FileUnreadable(path=path, why="it is a directory") from error
    except OSError as error:
        raise FileUnreadable(path=path, why=error.strerror) from error
    if length == 0 and not empty_allowed:
        raise FileEmpty(path=path)
    return length


def measure(
    path: Path,
    part_size: int,
    progress: Callable[[int], None] = lambda _bytes: None,
    *,
    start: int = 0,
    length: int | None = None,
) -> Measured:
    """CRC-32 of each part and SHA-256 of the whole, in one read with flat memory.

    With `start` and `length` that slice of the file is the whole. `progress` is told the bytes of
    each block read. Raises FileChanged when the file is written to meanwhile or ends before the
    slice does, FileMissing and FileUnreadable.
    """
    try:
        now = time.time_ns()
        with path.open("rb", buffering=0) as file:
            before = stamp_of(os.fstat(file.fileno()))
            if length is None:
                length = before.length - start
            file.seek(start)
            sha, crcs = _sums(file.readinto, length, part_size, progress)
            after = stamp_of(os.fstat(file.fileno()))
        named = stamp_of(path.stat())
    except FileNotFoundError as error:
        raise FileMissing(path=path) from error
    except OSError as error:
        raise FileUnreadable(path=path, why=error.strerror) from error
    if (
        not before == after == named
        or len(crcs) != -(-length // part_size)
        or start + length > after.length
    ):
        raise FileChanged(path=path)
    settled = is_settled(after, now)
    return Measured(as_text(path), length, after, settled, sha, part_size, tuple(crcs))


def _sums(
    read_into: Callable[[memoryview], int | None],
    length: int,
    part_size: int,
    progress: Callable[[int], None],
) -> tuple[str, list[int]]:
    """SHA-256 of the first `length` bytes and the CRC-32 of each part of them.

    Never reads on, so that a file that somebody appends to for ever comes to an end. The CRC-32 of
    a block is worked out in a second thread while this one is at its SHA-256 (both leave the
    interpreter's lock), and two blocks take turns.
    """
    sha, crcs = hashlib.sha256(), _PartSums(part_size)
    blocks = [memoryview(bytearray(min(_BLOCK, max(length, 1)))) for _ in range(2)]
    if length <= _BLOCK:
        while length and (count := read_into(blocks[0][:length])):
            crcs.feed(blocks[0][:count])
            sha.update(blocks[0][:count])
            length -= count
            progress(count)
        return sha.hexdigest(), crcs.sums()
    before: Future[None] | None = None
    with ThreadPoolExecutor(1, thread_name_prefix="crc") as worker:
        while length and (count := read_into(blocks[0][: min(_BLOCK, length)])):
            piece = blocks[0][:count]
            if before is not None:
                before.result()
            before = worker.submit(crcs.feed, piece)
            sha.update(piece)
            length -= count
            progress(count)
            blocks.reverse()
    return sha.hexdigest(), crcs.sums()


class _PartSums:
    """The CRC-32 of each part of bytes that come in pieces of any length."""

    def __init__(self, part_size: int) -> None:
        self._part_size = part_size
        self._left = part_size
        self._crc = 0
        self._done: list[int] = []

    def feed(self, piece: memoryview) -> None:
        """The next bytes."""
        while piece:
            cut = piece[: self._left]
            self._crc = zlib.crc32(cut, self._crc)
            self._left -= len(cut)
            piece = piece[len(cut) :]
            if not self._left:
                self._done.append(self._crc)
                self._crc, self._left = 0, self._part_size

    def sums(self) -> list[int]:
        """Of all parts, the last of which may be short."""
        return [*self._done, self._crc] if self._left < self._part_size else self._done


def read_bounded(path: Path, limit: int) -> bytes:
    """At most `limit` bytes of a file. Raises FileMissing or FileUnreadable."""
    try:
        with path.open("rb") as file:
            return file.read(limit)
    except FileNotFoundError as error:
        raise FileMissing(path=path) from error
    except OSError as error:
        raise FileUnreadable(path=path, why=error.strerror) from error


def write_atomically(path: Path, data: bytes) -> None:
    """Write a file so that it holds either the old or the new bytes, whatever happens.

    Raises DirectoryForbidden when the directory cannot be written to.
    """
    temporary = path.with_name(f".{path.name}.{secrets.token_hex(4)}")
    try:
        with temporary.open("xb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        temporary.replace(path)
    except OSError as error:
        with contextlib.suppress(OSError):
            temporary.unlink()
        raise DirectoryForbidden(path=path.parent, why=error.strerror) from error


def copy_slice(source: Path, offset: int, length: int, to: Path) -> None:
    """Copy bytes `offset .. offset + length` of a file into a new file, with flat memory.

    The directory is made if need be. Raises FileChanged when the source is shorter by now,
    DirectoryForbidden when writing fails.
    """
    with source.open("rb") as file:
        file.seek(offset)
        try:
            to.parent.mkdir(parents=True, exist_ok=True)
            with to.open("xb") as copy:
                while length and (block := file.read(min(length, _BLOCK))):
                    copy.write(block)
                    length -= len(block)
        except OSError as error:
            raise DirectoryForbidden(path=to.parent, why=error.strerror) from error
    if length:
        raise FileChanged(path=source)


def copy_slices(cuts: Iterable[Slice], to: Path) -> None:
    """Copy slices one after the other into a new file. Raises as `copy_slice` does."""
    try:
        to.parent.mkdir(parents=True, exist_ok=True)
        with to.open("xb") as copy:
            for cut in cuts:
                with Path(cut.path).open("rb") as file:
                    file.seek(cut.offset)
                    data = file.read(cut.length)
                if len(data) < cut.length:
                    raise FileChanged(path=cut.path)
                copy.write(data)
    except OSError as error:
        raise DirectoryForbidden(path=to.parent, why=error.strerror) from error


def take_back(top: Path, names: Iterable[str], *, whole: bool) -> None:
    """Remove files below `top` and directories that are empty then; `top` too if `whole`.

    As far as the disk lets it: there is a failure already that is to be told.
    """
    paths = [top / name for name in names]
    for path in paths:
        with contextlib.suppress(OSError):
            path.unlink()
    above = [path.parents[: len(path.relative_to(top).parts) - 1] for path in paths]
    for directory in [*itertools.chain.from_iterable(above), *([top] if whole else [])]:
        with contextlib.suppress(OSError):
            directory.rmdir()


def make_directory(path: Path, *, private: bool = False) -> Path:
    """The directory, made if need be; with `private` nobody but its user can look into a new one.

    One that is there already stays as it is. Raises DirectoryForbidden when it cannot be used.
    """
    try:
        if not path.is_dir():
            path.parent.mkdir(parents=True, exist_ok=True)
            path.mkdir(mode=_PRIVATE if private else 0o777, exist_ok=True)
        probe = path / f".probe-{secrets.token_hex(4)}"
        probe.touch()
        probe.unlink()
    except OSError as error:
        raise DirectoryForbidden(path=path, why=error.strerror) from error
    return path


def close_directory(path: Path) -> Path:
    """A directory of ours, made if need be, that nobody but its user can look into.

    One of another user stays as it is. Raises DirectoryForbidden when it cannot be used.
    """
    make_directory(path, private=True)
    _close(path)
    return path


def private_file(path: Path) -> bool:
    """A file that nobody but its user can read or write; whether it was made just now."""
    try:
        os.close(os.open(path, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600))
    except FileExistsError:
        _close(path)
        return False
    return True


def _close(path: Path) -> None:
    """Take the rights of group and others away, where that is ours to do."""
    with contextlib.suppress(OSError):
        status = path.stat()
        ours = not hasattr(os, "geteuid") or status.st_uid == os.geteuid()
        if ours and status.st_mode & 0o077:
            path.chmod(stat.S_IMODE(status.st_mode) & ~0o077)
