"""The sockets of a simulated PC: real ones, on its cable with its faults, that never block."""

from __future__ import annotations

import contextlib
import select
import socket
from dataclasses import dataclass

from deployer.sim.cable import Cut, Link, LinkLost, Stalled

PIECE = 8192


@dataclass(frozen=True, slots=True)
class Interest:
    """The sockets of the modern machine that somebody waits for."""

    reads: tuple[socket.socket, ...] = ()
    writes: tuple[socket.socket, ...] = ()


NOBODY = Interest()


class TargetSocket:
    """One socket of a program of the target. OSError when its connection is gone.

    When the cable is pulled the connections of all programs are gone at once.
    """

    def __init__(self, link: Link) -> None:
        self._link = link
        self.blocking = True
        self.sock: socket.socket | None = None
        self.refused = False
        self._secret = b""
        self._ended = self._deaf = False
        self._came = b""

    def connect(self, host: str, port: int) -> None:
        """Begin to connect."""
        self.sock, self._secret = self._link.begin(host, port)

    def connected(self) -> bool:
        """Whether it is connected by now; `refused` when it never will be."""
        if self.sock is None or self.refused:
            return False
        if self._is_gone:
            return True
        if not select.select([], [self.sock], [], 0)[1]:
            return False
        if self.sock.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR):
            self.refused = True
            return False
        if self._secret:
            self.sock.sendall(self._secret)
            self._secret = b""
        return True

    @property
    def _is_gone(self) -> bool:
        """Whether the connection is gone; whoever reads or writes next hears of it."""
        return self.sock is not None and self.sock.fileno() < 0

    def readable(self) -> bool:
        """Whether there is something to read, or an end."""
        if self._came or self._ended or self._is_gone:
            return True
        if self.sock is None or self._deaf:
            return False
        return bool(select.select([self.sock], [], [], 0)[0])

    def receive(self, size: int) -> bytes | None:
        """Some bytes, b"" at the end, None when nothing is there now."""
        if self._came:
            data, self._came = self._came[:size], self._came[size:]
            return data
        if self._ended:
            return b""
        if self.sock is None or self._deaf:
            return None
        try:
            data = self.sock.recv(min(size, PIECE))
        except (BlockingIOError, TimeoutError):
            return None
        if not data:
            self._ended = True
            return b""
        return self._passed(data, size)

    def _passed(self, data: bytes, size: int) -> bytes | None:
        """What the cable lets through of them."""
        try:
            data = self._link.cable.received(data)
        except LinkLost:
            self._link.reset_all()
            raise ConnectionResetError from None
        except Cut as cut:
            data, self._ended = cut.data, True
        except Stalled as stalled:
            data, self._deaf = stalled.data, True
        self._came = data
        return self.receive(size) if data else (b"" if self._ended else None)

    def send(self, data: bytes) -> int | None:
        """How many bytes were taken; None when none are now."""
        if self.sock is None or self._is_gone:
            raise ConnectionResetError
        if self._deaf:
            return len(data)
        if not select.select([], [self.sock], [], 0)[1]:
            return None
        data = data[:PIECE]
        try:
            passed = self._link.cable.sent(data)
        except (LinkLost, Cut):
            self._link.reset_all()
            raise ConnectionResetError from None
        except Stalled:
            self._deaf = True
            return len(data)
        self.sock.settimeout(self._link.patience)
        try:
            self.sock.sendall(passed)
        finally:
            with contextlib.suppress(OSError):
                self.sock.settimeout(0)
        return len(data)

    def close(self) -> None:
        """Close it."""
        if self.sock is not None:
            self._link.leave(self.sock)
            self.sock = None
