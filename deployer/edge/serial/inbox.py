"""Files that come over a line: written beside their final name, which appears only when whole.

What has come of a file lies in `NAME.<length>.part` in the same directory, so a broken transfer can
go on later. Nothing is ever written outside the directory or, unless allowed, over a file.
"""

from __future__ import annotations

import contextlib
import os
import zlib
from pathlib import Path
from typing import BinaryIO

from deployer.core.serial.received import safe_name
from deployer.core.serial.transfer import FileOffer
from deployer.edge.files import make_directory
from deployer.errors import DirectoryForbidden

_BLOCK = 1 << 20


class ReceiveFolder:
    """A directory that files are received into."""

    def __init__(self, directory: Path, *, overwrite: bool) -> None:
        self.directory = make_directory(directory)
        self._overwrite = overwrite

    def place(self, offer: FileOffer) -> Path | None:
        """Where an offered file will lie; None when its name cannot be used."""
        name = safe_name(offer.name)
        return None if name is None else self.directory / name

    def refuses(self, place: Path) -> bool:
        """Whether something lies there already that must stay."""
        return not self._overwrite and os.path.lexists(place)

    def open(self, place: Path, offer: FileOffer) -> Incoming:
        """The file that is being received there. Raises DirectoryForbidden."""
        length = "x" if offer.length is None else str(offer.length)
        partial = place.with_name(f"{place.name}.{length}.part")
        flags = os.O_RDWR | os.O_CREAT | getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_BINARY", 0)
        try:
            handle = os.fdopen(os.open(partial, flags, 0o644), "r+b")
        except OSError as error:
            raise DirectoryForbidden(path=place.parent, why=error.strerror) from error
        return Incoming(handle, partial, place, offer, overwrite=self._overwrite)


class Incoming:
    """A file on its way in."""

    def __init__(
        self, handle: BinaryIO, partial: Path, place: Path, offer: FileOffer, *, overwrite: bool
    ) -> None:
        self._handle = handle
        self._partial = partial
        self.place = place
        self.offer = offer
        self._overwrite = overwrite

    def held(self) -> int:
        """Bytes that an earlier try has left."""
        return os.fstat(self._handle.fileno()).st_size

    def checksum(self, length: int) -> int:
        """CRC-32 of the first `length` bytes."""
        return checksum_of(self._handle, length)

    def begin(self, position: int) -> None:
        """Go on from `position`; what lies after it is dropped."""
        self._handle.truncate(position)
        self._handle.seek(position)

    def write(self, data: bytes) -> None:
        """The next bytes. Raises OSError (disk full)."""
        self._handle.write(data)

    def finish(self) -> None:
        """All is here: give the file its name. Raises OSError, FileExistsError among them."""
        self._handle.flush()
        os.fsync(self._handle.fileno())
        self._handle.close()
        if self.offer.mtime:
            with contextlib.suppress(OSError, OverflowError):
                os.utime(self._partial, (self.offer.mtime, self.offer.mtime))
        if self._overwrite:
            self._partial.replace(self.place)
        elif os.path.lexists(self.place):
            raise FileExistsError(17, "a file of that name has appeared meanwhile", str(self.place))
        else:
            self._partial.rename(self.place)

    def leave(self) -> None:
        """Keep what has come for another try; an empty beginning is not kept."""
        with contextlib.suppress(OSError, ValueError):
            self._handle.close()
        with contextlib.suppress(OSError):
            if self._partial.stat().st_size == 0:
                self._partial.unlink()


def checksum_of(handle: BinaryIO, length: int) -> int:
    """CRC-32 of the first `length` bytes of a file; its place in it stays."""
    before = handle.tell()
    handle.seek(0)
    crc = 0
    while length and (block := handle.read(min(length, _BLOCK))):
        crc = zlib.crc32(block, crc)
        length -= len(block)
    handle.seek(before)
    return crc
