"""Data connections: how they come about, and how the bytes of one transfer move.

A socket has one owner at any time. The connector and the listener give theirs away and forget its
number before the data channel exists, so that no later close of theirs can touch it; in pyftpdlib
2.2 both keep the number, and the stale one freezes other clients (its issue 548).

pyftpdlib's own timers are off; the server's sweep watches all transfers, ten times a second.
"""

from __future__ import annotations

import contextlib
import socket
import struct
import sys
from typing import TYPE_CHECKING, Any

from pyftpdlib.handlers import DTPHandler
from pyftpdlib.handlers.ftp.dispatchers import ActiveDTP, PassiveDTP
from pyftpdlib.ioloop import AsyncChat

from deployer.core import ftp_session as said
from deployer.edge.ftp_desk import Desk
from deployer.edge.ftp_files import (
    BytesSource,
    Inbox,
    SliceSource,
    SourceAlteredError,
    TooLongError,
)

if TYPE_CHECKING:
    from deployer.edge.ftp_handler import Control

_GRACE = 0.25
"""Seconds that a client which has everything may take to close, before it counts as done."""

_IP_BIND_ADDRESS_NO_PORT = 24  # Linux: choose the source port at connect, so none run out
_DISCARD = 64 << 10


def unacknowledged(sock: socket.socket) -> int:
    """Bytes the other side has not confirmed yet, its end mark counted as one; 0 where unknown."""
    if sys.platform != "linux":
        return 0
    import fcntl  # noqa: PLC0415 - exists on this platform only
    import termios  # noqa: PLC0415

    try:
        return int(struct.unpack("i", fcntl.ioctl(sock.fileno(), termios.TIOCOUTQ, b"\0" * 4))[0])
    except (OSError, ValueError):
        return 0


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


class Download:
    """A file or a listing on its way out. `name` is "" for a listing, which nobody is told of."""

    upload = False

    def __init__(self, name: str, source: BytesSource | SliceSource, path: str = "") -> None:
        self.name = name
        self.source = source
        self.path = path
        self.length = source.left
        self.moved = 0

    def close(self) -> None:
        """Let the source go."""
        self.source.close()


class Upload:
    """A report on its way in; `length` is what it may have at most."""

    upload = True

    def __init__(self, name: str, inbox: Inbox, limit: int) -> None:
        self.name = name
        self.inbox = inbox
        self.length = limit
        self.moved = 0

    def close(self) -> None:
        """Drop what was not kept."""
        self.inbox.close()


Job = Download | Upload


class DataChannel(DTPHandler):  # type: ignore[misc]
    """One data connection. It does nothing until it is given a job, and closes with it."""

    socket: Any

    def __init__(self, sock: socket.socket, control: Control) -> None:
        self.timeout = 0
        self.job: Job | None = None
        self._registered = False
        self._told = 0
        self._seen = 0
        self._seen_at = 0.0
        self._drained_at = 0.0
        self._discarded = 0
        keep_alive(sock)
        super().__init__(sock, control)

    def __repr__(self) -> str:
        return f"<DataChannel {self._fileno}>"

    def add_channel(self, map: Any = None, events: int | None = None) -> None:  # noqa: A002
        """Register with the loop, but not before there is something to wait for."""
        if events is not None:
            super().add_channel(map, events)
            self._registered = True

    def _want(self, events: int) -> None:
        if self._registered:
            self.ioloop.modify(self._fileno, events)
        else:
            self.add_channel(events=events)

    @property
    def given_up(self) -> bool:
        """True when the client was gone before anything could begin."""
        return bool(self._closed)

    def readable(self) -> bool:
        """Exactly what is wanted is registered."""
        return True

    def writable(self) -> bool:
        """Exactly what is wanted is registered."""
        return True

    # --- the course of a transfer

    def start(self, job: Job) -> None:
        """Begin to move bytes."""
        self.job = job
        desk = self.cmd_channel.desk
        self._seen_at = desk.now()
        desk.moving.add(self)
        if isinstance(job, Upload):
            self._want(self.ioloop.READ)
        else:
            self._send(job)
            if self.job is not None and not self._registered:
                self._want(self.ioloop.WRITE)

    def handle_write_event(self) -> None:
        """The socket takes more."""
        if isinstance(self.job, Download):
            self._send(self.job)

    def _send(self, job: Download) -> None:
        try:
            job.moved += job.source.send(self.socket)
            if not job.source.left:
                job.source.check()
                self._send_end()
        except (BlockingIOError, InterruptedError):
            pass
        except SourceAlteredError:
            self.end_altered()
        except OSError as error:
            self.end(said.CUT, f"the data connection broke ({error.strerror or error})")

    def _send_end(self) -> None:
        """All is handed over: say so with an end mark, then wait until the client has it all."""
        self.socket.shutdown(socket.SHUT_WR)
        self._drained_at = self.cmd_channel.desk.now()
        self._want(self.ioloop.READ)

    def handle_read_event(self) -> None:
        """An upload's bytes, or a download's client closing its side."""
        try:
            data = self.socket.recv(self.ac_in_buffer_size)
        except (BlockingIOError, InterruptedError):
            return
        except OSError as error:
            self.end(said.CUT, f"the data connection broke ({error.strerror or error})")
            return
        match self.job:
            case Upload() as job:
                self._receive(job, data)
            case Download():
                self._discarded += len(data)
                if not data:
                    self.end(said.COMPLETE)
                elif self._discarded > _DISCARD:
                    self.end(said.CUT, "the client sends where it should receive")
            case None:
                self.close()

    def _receive(self, job: Upload, data: bytes) -> None:
        if not data:
            self.end(said.COMPLETE)
            return
        job.moved += len(data)
        try:
            job.inbox.write(data)
        except TooLongError:
            self.end(said.TOO_LONG, f"more than {job.length} bytes")
        except OSError as error:
            self.end(said.NOT_KEPT, f"cannot be kept on this computer ({error.strerror})")

    def sweep(self, now: float) -> None:
        """Look after a transfer: progress, a standstill, a source that changed, an end unsaid."""
        job = self.job
        if job is None:
            return
        waiting = 0
        if isinstance(job, Download):
            waiting = unacknowledged(self.socket)
            try:
                job.source.check()
            except (SourceAlteredError, OSError):
                self.end_altered()
                return
        # the end mark counts as one unconfirmed byte
        moved = job.moved - max(0, waiting - (1 if self._drained_at else 0))
        if (moved, waiting) != (self._told, self._seen):
            self._seen, self._seen_at = waiting, now
        if moved > self._told:
            self._told = moved
            self.cmd_channel.tick(job, moved)
        if self._drained_at and not waiting and now - self._drained_at > _GRACE:
            self.end(said.COMPLETE)
        elif now - self._seen_at > self.cmd_channel.desk.limits.stall:
            self.cmd_channel.stalled(self)

    # --- the end

    def end(self, line: str, why: str = "") -> None:
        """Close, then let the control connection say `line`; `why` is "" for success."""
        job, self.job = self.job, None
        control = self.cmd_channel
        self.close()
        if job is not None:
            control.over(job, line, why)

    def end_altered(self) -> None:
        """The source changed: the client must not take what it got for the file."""
        with contextlib.suppress(OSError):
            # linger 0: what still waits here is dropped and the client gets an error, not an end
            self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.end(said.CHANGED, said.WHY_CHANGED)

    def handle_close(self) -> None:
        """The other side broke the connection."""
        self.end(said.CUT, "the client broke the data connection")

    def handle_error(self) -> None:
        """Anything unforeseen ends the session, and only that."""
        self.cmd_channel.handle_error()

    def close(self) -> None:
        """Close the socket. A job that is still there is the business of whoever closes."""
        if not self._closed:
            give_up(self, self.cmd_channel.desk)
            AsyncChat.close(self)
            self.cmd_channel.desk.moving.discard(self)


class Caller(ActiveDTP):  # type: ignore[misc]
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


class Listening(PassiveDTP):  # type: ignore[misc]
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
