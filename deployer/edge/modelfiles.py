"""Model files on this computer's disk: read in place, written so that nothing is left half-done."""

from __future__ import annotations

import hashlib
import os
import secrets
from collections.abc import Callable
from pathlib import Path
from types import TracebackType

from deployer.edge import files
from deployer.errors import DirectoryForbidden, FileUnreadable

_BLOCK = 4 << 20


class ModelFile:
    """A file that is open to be read anywhere. Raises as `files.length_of` does."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.length = files.length_of(path)
        try:
            self._fd = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
        except OSError as error:
            raise FileUnreadable(path=path, why=error.strerror) from error

    def read(self, offset: int, count: int) -> bytes:
        """Bytes from an offset, fewer at the file's end. Raises FileUnreadable."""
        found = []
        try:
            while count > 0 and (block := os.pread(self._fd, min(count, _BLOCK), offset)):
                found.append(block)
                offset, count = offset + len(block), count - len(block)
        except OSError as error:
            raise FileUnreadable(path=self.path, why=error.strerror) from error
        return found[0] if len(found) == 1 else b"".join(found)

    def sha256(self) -> str:
        """The sum of the whole file. Raises FileUnreadable."""
        counted, at = hashlib.sha256(), 0
        while block := self.read(at, _BLOCK):
            counted.update(block)
            at += len(block)
        return counted.hexdigest()

    def __enter__(self) -> ModelFile:
        return self

    def __exit__(self, *_what: object) -> None:
        os.close(self._fd)


class Volumes:
    """Files that appear under their names when all of them are whole, and not before.

    A context: left by an exception, nothing is there. `name` gives the path of each volume, from
    their number.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._open: dict[int, tuple[int, Path]] = {}

    def write(self, volume: int, offset: int, data: bytes) -> None:
        """Write bytes of a volume. Raises DirectoryForbidden."""
        try:
            if volume not in self._open:
                path = self._folder / f".{secrets.token_hex(8)}.l98-part"
                mode = os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC
                self._open[volume] = (os.open(path, mode, 0o644), path)
            fd, view = self._open[volume][0], memoryview(data)
            while view:
                count = os.pwrite(fd, view, offset)
                offset, view = offset + count, view[count:]
        except OSError as error:
            raise DirectoryForbidden(path=self._folder, why=error.strerror) from error

    def finish(self, name: Callable[[int, int], Path]) -> tuple[Path, ...]:
        """Give every volume its name (from its number and their count); the paths."""
        found = []
        try:
            for volume in sorted(self._open):
                fd, path = self._open[volume]
                os.fsync(fd)
                found.append(name(volume, len(self._open)))
                path.replace(found[-1])
        except OSError as error:
            raise DirectoryForbidden(path=self._folder, why=error.strerror) from error
        return tuple(found)

    def __enter__(self) -> Volumes:
        return self

    def __exit__(
        self,
        _kind: type[BaseException] | None,
        _error: BaseException | None,
        _trace: TracebackType | None,
    ) -> None:
        for fd, path in self._open.values():
            os.close(fd)
            path.unlink(missing_ok=True)
