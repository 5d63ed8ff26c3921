"""How data connections come about: we call the client (PORT), or it comes to us (PASV).

A socket has one owner at any time. Both classes give theirs away and forget its number before the
data channel exists, so that no later close of theirs can touch it; in pyftpdlib 2.2 both keep the
number, and the stale one freezes other clients (its issue 548).
"""

from __future__ import annotations

import contextlib
import hmac
import socket
import sys
from typing import Any

from pyftpdlib.handlers import FTPHandler
from pyftpdlib.ioloop import AsyncChat

from deployer.edge.ftp.connection import Transfers
from deployer.edge.ftp.state import ServerState

_IP_BIND_ADDRESS_NO_PORT = 24  # Linux: choose the source port at connect, so none run out


def keep_alive(sock: socket.socket) -> None:
    """Let the system notice within about two minutes that the other machine is off."""
    with contextlib.suppress(OSError):
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
        for option, value in (("TCP_KEEPIDLE", 60), ("TCP_KEEPINTVL", 10), ("TCP_KEEPCNT", 6)):
            if hasattr(socket, option):
                sock.setsockopt(socket.IPPROTO_TCP, getattr(socket, option), value)


def give_up(channel: Any, state: ServerState) -> None:
    """Leave the closing of a channel's socket to the end of this round of events."""
    if channel.socket is not None:
        channel.del_channel()
        channel._fileno = None  # noqa: SLF001 - the number is not this channel's any more
        state.closing.append(channel.socket)
        channel.socket = None


class Connecting(FTPHandler.active_dtp):  # type: ignore[misc]
    """Calls the client back (PORT, EPRT) and hands the socket over."""

    socket: Any

    def __init__(self, host: str, port: int, transfers: Transfers) -> None:
        self.timeout = 0
        self._transfers = transfers
        super().__init__(host, port, transfers.connection)

    def __repr__(self) -> str:
        return f"<Connecting {self._fileno}>"

    def create_socket(self, *arguments: Any, **named: Any) -> None:
        """A socket whose source port is chosen only when it connects."""
        super().create_socket(*arguments, **named)
        self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        if sys.platform == "linux":
            with contextlib.suppress(OSError):
                self.socket.setsockopt(socket.IPPROTO_IP, _IP_BIND_ADDRESS_NO_PORT, 1)

    def handle_write_event(self) -> None:
        """The connection is there, or it failed."""
        if self.socket.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR):
            self.handle_close()
        else:
            self.handle_connect()

    @property
    def given(self) -> bool:
        """True when there is nothing to wait for any more."""
        return bool(self._closed)

    def handle_connect(self) -> None:
        """Give the socket to the data channel; from here on it is not ours."""
        sock, self.socket = self.socket, None
        self.del_channel()
        self._fileno = None
        self._closed = True
        self._transfers.data_connected(sock)

    def handle_close(self) -> None:
        """The client could not be reached."""
        if not self._closed:
            self.close()
            self._transfers.data_failed()

    def close(self) -> None:
        """Close what was not handed over."""
        if not self._closed:
            give_up(self, self._transfers.connection.state)
            super().close()

    def handle_error(self) -> None:
        """Anything unforeseen ends the session, and only that."""
        self.close()
        self.cmd_channel.handle_error()


class PassivePort(FTPHandler.passive_dtp):  # type: ignore[misc]
    """Waits for the client on a port of ours (PASV, EPSV) and hands the socket over."""

    timeout = 0
    backlog = 5

    def __init__(self, transfers: Transfers, extended: bool) -> None:
        """Raises OSError when no port can be opened."""
        self._transfers = transfers
        self.state = transfers.connection.state
        self.unlocking: list[Unlocking] = []
        super().__init__(transfers.connection, extended)

    def __repr__(self) -> str:
        return f"<PassivePort {self._fileno}>"

    def handle_accepted(self, sock: socket.socket, addr: tuple[Any, ...]) -> None:
        """Take the client's connection; any other is closed without a word to either side.

        A word on the control connection would be a reply to a question the client never asked.
        """
        connection = self._transfers.connection
        secret = connection.state.secret
        if addr[0] != connection.remote_ip or not (secret or connection.state.admits(sock)):
            sock.close()
            self._transfers.data_refused(addr[0])
            return
        if secret:
            Unlocking(sock, self, secret)
        else:
            self.accepted(sock)

    def accepted(self, sock: socket.socket) -> None:
        """It is the client's."""
        self.close()
        self._transfers.data_connected(sock)

    def close(self) -> None:
        """Close the port, at once for those who would come."""
        for each in self.unlocking:
            each.close()
        if not self._closed:
            with contextlib.suppress(OSError):
                self.socket.shutdown(socket.SHUT_RDWR)
            give_up(self, self.state)
            super().close()

    def handle_error(self) -> None:
        """Anything unforeseen ends the session, and only that."""
        self.close()
        self.cmd_channel.handle_error()


class Unlocking(AsyncChat):  # type: ignore[misc]
    """A data connection to a port of ours that has to show the secret first.

    Who has not shown it keeps nobody out: the port goes on waiting for the client.
    """

    socket: Any

    def __init__(self, sock: socket.socket, port: PassivePort, secret: bytes) -> None:
        self._port = port
        self._left = secret + b"\n"
        self._state = port.state
        super().__init__(sock, port.ioloop)
        self.add_channel(events=self.ioloop.READ)
        port.unlocking.append(self)

    def handle_read_event(self) -> None:
        """Take the secret, and nothing of what comes after it."""
        try:
            data = self.socket.recv(len(self._left))
        except (BlockingIOError, InterruptedError):
            return
        except OSError:
            data = b""
        if not data or not hmac.compare_digest(data, self._left[: len(data)]):
            self.close()
            return
        self._left = self._left[len(data) :]
        if not self._left:
            sock = self.socket
            self.del_channel()
            self.socket = None
            self._port.accepted(sock)

    def handle_error(self) -> None:
        """Anything unforeseen ends this connection, and only that."""
        self.close()

    def close(self) -> None:
        """Close what was not handed over."""
        if self.socket is not None:
            give_up(self, self._state)
