"""The cable as the simulated PC's programs meet it: connections, replies, and what may go wrong.

`Cable` sees every chunk of a data connection and may change it or raise: `LinkLost` (both
connections are gone), `Cut` (the data connection ends early), `Stalled` (nothing moves until the
other side closes). `Link` opens connections through `routes`: what the target calls 192.168.1.1 may
really be a port of 127.0.0.1.
"""

from __future__ import annotations

import contextlib
import errno
import socket
import struct
import time
from collections import deque
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import TypeVar

_T = TypeVar("_T")
_POLL = 0.1
_SECRET_WITHIN = 5.0
MAX_REPLY = 4096
CONTROL_PORT = 21
_MOST_LEFT = 16


class LinkLost(Exception):  # noqa: N818 - an event on the wire
    """The connection is gone; `data` still came through."""

    def __init__(self, data: bytes = b"") -> None:
        super().__init__("the link is lost")
        self.data = data


class Cut(Exception):  # noqa: N818 - an event on the wire
    """The data connection ends here as if all were said; `data` still came through."""

    def __init__(self, data: bytes = b"") -> None:
        super().__init__("the transfer is cut")
        self.data = data


class Stalled(Exception):  # noqa: N818 - an event on the wire
    """Nothing comes any more, and nobody says so; `data` still came through."""

    def __init__(self, data: bytes = b"") -> None:
        super().__init__("the transfer stalls")
        self.data = data


class Hang(Exception):  # noqa: N818 - what the user sees
    """A program waits for something that never comes (facts A14); only the user can end it."""


class Cable:
    """A good cable: bytes pass as they are. Faults override both methods."""

    def received(self, data: bytes) -> bytes:
        """What the target gets of `data`."""
        return data

    def sent(self, data: bytes) -> bytes:
        """What the other side gets of `data`."""
        return data


def _never() -> bool:
    return False


@dataclass(slots=True)
class Link:
    """How the target reaches others; after `patience` real seconds without progress, `Hang`.

    With a `secret`, each control connection begins with it, and each data connection that comes
    without it is somebody else's.
    """

    routes: Mapping[str, tuple[str, int]] = field(default_factory=dict)
    cable: Cable = field(default_factory=Cable)
    source: str | None = None
    patience: float = 60.0
    cancelled: Callable[[], bool] = _never
    secret: bytes = b""
    open_sockets: list[socket.socket] = field(default_factory=list)
    _left: deque[socket.socket] = field(default_factory=deque)

    @property
    def address(self) -> str:
        """The target's own address; one that begins with 169.254 it has given itself (facts D1)."""
        return self.source or "192.168.1.2"

    def connect(self, host: str, port: int) -> socket.socket:
        """A connection to a host by its number; OSError when nobody answers."""
        with self._socket() as sock:
            if self.source:
                sock.bind((self.source, 0))
            sock.settimeout(min(self.patience, 20.0))
            sock.connect(self.really(host, port))
            if self.secret:
                sock.sendall(self.secret + b"\n")
        return sock

    def really(self, host: str, port: int) -> tuple[str, int]:
        """What a port of a host really is: routed as `host:port`, or as the host's FTP port.

        The other ports of a host that is routed have the same numbers on the machine that it is.
        """
        if found := self.routes.get(f"{host}:{port}"):
            return found
        real, control = self.routes.get(host, (host, port))
        return real, control if port == CONTROL_PORT else port

    def begin(self, host: str, port: int) -> tuple[socket.socket, bytes]:
        """A socket that never blocks, on its way to a host, and what is to be said first there."""
        with self._socket() as sock:
            if self.source:
                sock.bind((self.source, 0))
            sock.settimeout(0)
            error = sock.connect_ex(self.really(host, port))
            if error not in (0, errno.EINPROGRESS, errno.EWOULDBLOCK):
                raise OSError(error, "no way there")
        sock.settimeout(0)
        return sock, self.secret + b"\n" if self.secret else b""

    def listen(self, beside: socket.socket) -> socket.socket:
        """A listening socket on the address that the control connection has (facts A27)."""
        with self._socket() as sock:
            sock.bind((beside.getsockname()[0], 0))
            sock.listen(1)
        return sock

    @contextlib.contextmanager
    def _socket(self) -> Iterator[socket.socket]:
        """A new socket, closed again when what is done with it fails, else one of ours."""
        sock = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
        try:
            yield sock
            sock.settimeout(_POLL)
        except OSError:
            sock.close()
            raise
        self.open_sockets.append(sock)

    def accept(self, listener: socket.socket) -> socket.socket:
        """The server's call; waits as long as it takes, since the client has no time-out."""

        def call() -> socket.socket:
            return listener.accept()[0]

        while True:
            sock = self.waiting(call, "the server's data connection")
            if not self.secret or self._knows_secret(sock):
                sock.settimeout(_POLL)
                self.open_sockets.append(sock)
                return sock
            sock.close()

    def _knows_secret(self, sock: socket.socket) -> bool:
        """Whether the first line is the secret; it comes at once from whoever knows it."""
        line, wanted = b"", self.secret + b"\n"
        sock.settimeout(_SECRET_WITHIN)
        with contextlib.suppress(OSError):
            while wanted.startswith(line) and line != wanted and (byte := sock.recv(1)):
                line += byte
        return line == wanted

    def receive(self, sock: socket.socket, size: int, within: float | None = None) -> bytes:
        """Some bytes; empty when the other side has closed or reset the connection.

        Empty as well when nothing comes `within` so many seconds.
        """
        end = None if within is None else time.monotonic() + within

        def call() -> bytes:
            try:
                return sock.recv(size)
            except TimeoutError:
                if end is None or time.monotonic() < end:
                    raise
                return b""

        try:
            return self.waiting(call, "an answer")
        except OSError:
            return b""

    def send(self, sock: socket.socket, data: bytes) -> None:
        """Send all bytes; OSError when the other side has closed."""
        view = memoryview(data)

        def call() -> int:
            return sock.send(view)

        while view:
            view = view[self.waiting(call, "room to send") :]

    def wait_closed(self, sock: socket.socket) -> None:
        """Wait, deaf, until the other side closes the connection."""
        while self.receive(sock, 65536):
            continue

    def waiting(self, step: Callable[[], _T], what: str) -> _T:
        """Repeat a socket call until it answers; `Hang` when patience is over."""
        end = time.monotonic() + self.patience
        while True:
            try:
                return step()
            except TimeoutError:
                if self.cancelled() or time.monotonic() > end:
                    raise Hang(f"FTP.EXE waits for {what}") from None

    def leave(self, sock: socket.socket) -> None:
        """Close a connection of which all was said. The other side sees no difference.

        This computer's socket stays for a while: the host asks the kernel whose connection it is,
        and of one that is closed already nobody knows.
        """
        with contextlib.suppress(OSError):
            sock.shutdown(socket.SHUT_WR)
        self._left.append(sock)
        while len(self._left) > _MOST_LEFT:
            self.close(self._left.popleft())

    def close(self, sock: socket.socket, *, reset: bool = False) -> None:
        """Close a connection, or have it vanish with a reset."""
        with contextlib.suppress(ValueError):
            self.open_sockets.remove(sock)
        with contextlib.suppress(OSError):
            if reset:
                sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            sock.close()

    def reset_all(self) -> None:
        """What the restarted PC does with connections that it no longer knows."""
        while self._left:
            self.close(self._left.popleft())
        for sock in list(self.open_sockets):
            self.close(sock, reset=True)
