"""How data connections come about: we call the client (PORT), or it comes to us (PASV).

A socket has one owner at any time. The caller and the listener give theirs away and forget its
number before the data channel exists, so that no later close of theirs can touch it; in pyftpdlib
2.2 both keep the number, and the stale one freezes other clients (its issue 548).
"""

from __future__ import annotations

import contextlib
import socket
import sys
from typing import TYPE_CHECKING, Any

from pyftpdlib.handlers import FTPHandler

from deployer.edge.ftp.desk import Desk

if TYPE_CHECKING:
    from deployer.edge.ftp.control import Control

_IP_BIND_ADDRESS_NO_PORT = 24  # Linux: choose the source port at connect, so none run out


def keep_alive(sock: socket.socket) -> None:
    """Let the system notice within about two minutes that the other machine is off."""
    with contextlib.suppress(OSError):
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
        for option, value in (("TCP_KEEPIDLE", 60), ("TCP_KEEPINTVL", 10), ("TCP_KEEPCNT", 6)):
            if hasattr(socket, option):
                sock.setsockopt(socket.IPPROTO_TCP, getattr(socket, option), value)


def give_up(channel: Any, desk: Desk) -> None:
    """Leave the closing of a channel's socket to the end of this round of events."""
    if channel.socket is not None:
        channel.del_channel()
        channel._fileno = None  # noqa: SLF001 - the number is not this channel's any more
        desk.closing.append(channel.socket)
        channel.socket = None


class Caller(FTPHandler.active_dtp):  # type: ignore[misc]
    """Calls the client back (PORT, EPRT) and hands the socket over."""

    socket: Any

    def __init__(self, host: str, port: int, control: Control) -> None:
        self.timeout = 0
        super().__init__(host, port, control)

    def __repr__(self) -> str:
        return f"<Caller {self._fileno}>"

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
        self.cmd_channel.data_connected(sock)

    def handle_close(self) -> None:
        """The client could not be reached."""
        if not self._closed:
            self.close()
            self.cmd_channel.data_failed()

    def close(self) -> None:
        """Close what was not handed over."""
        if not self._closed:
            give_up(self, self.cmd_channel.desk)
            super().close()

    def handle_error(self) -> None:
        """Anything unforeseen ends the session, and only that."""
        self.close()
        self.cmd_channel.handle_error()


class Listening(FTPHandler.passive_dtp):  # type: ignore[misc]
    """Waits for the client on a port of ours (PASV, EPSV) and hands the socket over."""

    timeout = 0
    backlog = 5

    def __repr__(self) -> str:
        return f"<Listening {self._fileno}>"

    def handle_accepted(self, sock: socket.socket, addr: tuple[Any, ...]) -> None:
        """Take the client's connection; anybody else's is closed without a word to either.

        A word on the control connection would be a reply to a question the client never asked.
        """
        control = self.cmd_channel
        if addr[0] != control.remote_ip:
            sock.close()
            control.stranger(addr[0])
            return
        self.close()
        control.data_connected(sock)

    def close(self) -> None:
        """Close the port, at once for those who would come."""
        if not self._closed:
            with contextlib.suppress(OSError):
                self.socket.shutdown(socket.SHUT_RDWR)
            give_up(self, self.cmd_channel.desk)
            super().close()

    def handle_error(self) -> None:
        """Anything unforeseen ends the session, and only that."""
        self.close()
        self.cmd_channel.handle_error()
