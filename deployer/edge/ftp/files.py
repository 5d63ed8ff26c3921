"""Where bytes come from and go to: memory, a slice of a user's file, the inbox."""

from __future__ import annotations

import contextlib
import os
import re
import socket
import tempfile
from collections.abc import Iterable
from pathlib import Path

from deployer.edge.files import Unchanged
from deployer.model import Blob, Slice, Slices

_FALLBACK_CHUNK = 64 << 10
_LEFT_OVER = 3600.0
_SAFE = re.compile(r"[A-Za-z0-9_-][A-Za-z0-9_.-]*")


class SourceAlteredError(Exception):
    """The file is not the one that was measured, so none of its bytes may leave."""


class TooLongError(Exception):
    """An upload brings more bytes than it may."""


class BytesSource:
    """Bytes in memory from `offset` on."""

    def __init__(self, blob: Blob, offset: int, chunk: int) -> None:
        self._rest = memoryview(blob.data)[offset:]
        self._chunk = chunk

    @property
    def left(self) -> int:
        """Bytes that have not been handed over."""
        return len(self._rest)

    def send(self, sock: socket.socket) -> int:
        """Hand over what the socket takes now. Raises OSError as the socket does."""
        sent = sock.send(self._rest[: self._chunk])
        self._rest = self._rest[sent:]
        return sent

    def check(self) -> None:
        """Nothing can change in memory."""

    def close(self) -> None:
        """Nothing is held."""
        self._rest = memoryview(b"")


class SliceSource:
    """A slice of a user's file, served only as long as the file is what was measured.

    Never a byte before or after the slice: the end is kept here, since sendfile itself would go on
    to the end of the file. `left` are the bytes that have not been handed over.
    """

    def __init__(self, cut: Slice, offset: int, chunk: int) -> None:
        """Raises OSError when it cannot be opened, SourceAlteredError when it has changed."""
        self._unchanged = Unchanged(cut)
        self._chunk = chunk
        self._position = cut.offset + offset
        self.left = cut.length - offset
        self._sendfile = hasattr(os, "sendfile")
        # O_NONBLOCK: should the path have become a named pipe, opening it must not wait
        flags = os.O_RDONLY | getattr(os, "O_CLOEXEC", 0) | getattr(os, "O_NONBLOCK", 0)
        self._fd = os.open(cut.path, flags | getattr(os, "O_BINARY", 0))
        try:
            self.check()
        except BaseException:
            self.close()
            raise

    def send(self, sock: socket.socket) -> int:
        """Hand over what the socket takes now, at most one chunk.

        Raises SourceAlteredError when the file ends too early, OSError as the socket does.
        """
        # called for every chunk of every download: as few Python steps as it takes
        left = self.left
        if not left:
            return 0
        count = self._chunk if left > self._chunk else left
        if self._sendfile:
            try:
                sent = os.sendfile(sock.fileno(), self._fd, self._position, count)
            except (BlockingIOError, InterruptedError, ConnectionError):
                raise
            except OSError:
                # some file systems and sockets know no sendfile; reading tells whether it was that
                self._sendfile = False
                sent = self._send_read(sock, count)
        else:
            sent = self._send_read(sock, count)
        if not sent:
            raise SourceAlteredError
        self._position += sent
        self.left = left - sent
        return sent

    def _send_read(self, sock: socket.socket, count: int) -> int:
        os.lseek(self._fd, self._position, os.SEEK_SET)
        data = os.read(self._fd, min(count, _FALLBACK_CHUNK))
        return sock.send(data) if data else 0

    def check(self) -> None:
        """Raise SourceAlteredError unless the slice is as it was measured."""
        if not self._unchanged.holds(self._fd):
            raise SourceAlteredError

    def close(self) -> None:
        """Let the file go."""
        if self._fd >= 0:
            os.close(self._fd)
            self._fd = -1


class SlicesSource:
    """Slices of the user's files one after the other, each opened when its turn comes.

    Raises as `SliceSource` does; `path` is the file that is at its turn.
    """

    def __init__(self, cuts: Slices, offset: int, chunk: int) -> None:
        self._waiting = list(reversed(cuts.slices))
        self._chunk = chunk
        self._current: SliceSource | None = None
        self.path = ""
        self.left = cuts.length - offset
        while self._waiting and offset >= self._waiting[-1].length:
            offset -= self._waiting.pop().length
        self._next(offset)

    def _next(self, offset: int) -> None:
        self.close()
        if self._waiting:
            cut = self._waiting.pop()
            self.path = cut.path
            self._current = SliceSource(cut, offset, self._chunk)

    def send(self, sock: socket.socket) -> int:
        """Hand over what the socket takes now, at most one chunk."""
        if self._current is None:
            return 0
        if not self._current.left:
            self._current.check()
            self._next(0)
            return self.send(sock)
        sent = self._current.send(sock)
        self.left -= sent
        return sent

    def check(self) -> None:
        """Raise SourceAlteredError unless the last slice is as it was measured."""
        if self._current is not None:
            self._current.check()

    def close(self) -> None:
        """Let the file go."""
        if self._current is not None:
            self._current.close()
            self._current = None


def sweep_leftovers(root: Path, now: float) -> None:
    """Remove what uploads of a server that was killed have left, an hour later or more."""
    for path in root.glob("*/*.part"):
        with contextlib.suppress(OSError):
            if now - path.stat().st_mtime > _LEFT_OVER:
                path.unlink()


def set_aside(root: Path, deployment: str, names: Iterable[str]) -> None:
    """Give the reports of an earlier try of a deployment other names, so that none replaces them.

    Raises OSError.
    """
    for name in names:
        path = root / deployment / name
        if path.exists():
            number = 1
            while (aside := path.with_name(f"{name}.{number}")).exists():
                number += 1
            path.rename(aside)


class OutputFile:
    """What a program prints, as it comes: each byte is in the file as soon as it has arrived.

    A connection that is lost is gone on with: what comes from `offset` on and is here already is
    dropped. `length` is what is here.
    """

    def __init__(self, root: Path, owner: str, name: str, limit: int, offset: int) -> None:
        """Raises OSError when it cannot be written, ValueError for an unsafe name or a gap."""
        if not _SAFE.fullmatch(name) or not _SAFE.fullmatch(owner):
            raise ValueError("not a name for a file")
        path = root / owner / name
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        flags = os.O_WRONLY | os.O_CREAT | os.O_APPEND | getattr(os, "O_BINARY", 0)
        self._fd = os.open(path, flags | getattr(os, "O_CLOEXEC", 0), 0o600)
        self.length = os.fstat(self._fd).st_size
        self._limit = limit
        self._known = self.length - offset
        if self._known < 0:
            self.close()
            raise ValueError("a gap")

    def write(self, data: bytes) -> None:
        """Add bytes. Raises TooLongError beyond the limit, OSError when the disk refuses."""
        new = data[self._known :]
        self._known = max(0, self._known - len(data))
        if self.length + len(new) > self._limit:
            raise TooLongError
        view = memoryview(new)
        while view:
            count = os.write(self._fd, view)
            self.length += count
            view = view[count:]

    def content(self) -> bytes:
        """Nothing: it is read where it lies."""
        return b""

    def keep(self) -> None:
        """It is complete."""
        os.fsync(self._fd)

    def close(self) -> None:
        """No more will come over this connection; what has come stays."""
        if self._fd >= 0:
            os.close(self._fd)
            self._fd = -1


class Inbox:
    """A report on its way in: a temporary file that takes its name only when it is complete."""

    def __init__(self, root: Path, deployment: str, name: str, limit: int) -> None:
        """Raises OSError when the directory cannot be written, ValueError for an unsafe name."""
        if not _SAFE.fullmatch(name) or not _SAFE.fullmatch(deployment):
            raise ValueError("not a name for a file")
        self._final = root / deployment / name
        self._left = limit
        self._final.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        fd, path = tempfile.mkstemp(".part", f"{name}.", self._final.parent)
        self._file = os.fdopen(fd, "wb")
        self._temporary = Path(path)

    def write(self, data: bytes) -> None:
        """Add bytes. Raises TooLongError beyond the limit, OSError when the disk refuses."""
        self._left -= len(data)
        if self._left < 0:
            raise TooLongError
        self._file.write(data)

    def content(self) -> bytes:
        """What has arrived so far."""
        self._file.flush()
        return self._temporary.read_bytes()

    def keep(self) -> Path:
        """Give the complete file its name, replacing an older one, and return its path.

        Raises OSError; then the older one is still there.
        """
        self._file.flush()
        os.fsync(self._file.fileno())
        self._file.close()
        self._temporary.replace(self._final)
        if os.name == "posix":
            folder = os.open(self._final.parent, os.O_RDONLY)
            try:
                os.fsync(folder)
            finally:
                os.close(folder)
        return self._final

    def close(self) -> None:
        """Drop what is not kept."""
        with contextlib.suppress(OSError):
            self._file.close()
        self._temporary.unlink(missing_ok=True)
