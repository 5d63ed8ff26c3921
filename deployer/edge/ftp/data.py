"""A data connection: how the bytes of one transfer move, and how it ends.

pyftpdlib's own timers are off; the server's sweep watches all transfers, ten times a second.
"""

from __future__ import annotations

import contextlib
import socket
import struct
import sys
from typing import Any

from pyftpdlib.handlers import DTPHandler
from pyftpdlib.ioloop import AsyncChat

from deployer.core.ftp import session as said
from deployer.edge.ftp.connect import give_up, keep_alive
from deployer.edge.ftp.connection import Transfers
from deployer.edge.ftp.files import SourceAlteredError, TooLongError
from deployer.edge.ftp.jobs import Download, Job, OfAgent, Upload

_GRACE = 0.25
"""Seconds that a client which has everything may take to close, before it counts as done."""

_DISCARD = 64 << 10
_AT_ONCE = struct.pack("HH" if sys.platform == "win32" else "ii", 1, 0)
"""SO_LINGER with no time: closing sends an error to the other side instead of an end."""


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


class DataChannel(DTPHandler):  # type: ignore[misc]
    """One data connection. It does nothing until it is given a job, and closes with it."""

    socket: Any

    def __init__(self, sock: socket.socket, transfers: Transfers) -> None:
        self.timeout = 0
        self._transfers = transfers
        self._state = transfers.connection.state
        self.job: Job | None = None
        self._registered = False
        self._told = 0
        self._seen = 0
        self._seen_at = 0.0
        self._drained_at = 0.0
        self._discarded = 0
        keep_alive(sock)
        super().__init__(sock, transfers.connection)

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
        self._seen_at = self._state.now()
        self._state.moving.add(self)
        if isinstance(job, Upload):
            self._want(self.ioloop.READ)
        else:
            self._send(job)
            if self.job is not None and not self._registered:
                self._want(self.ioloop.WRITE)

    def handle_write_event(self) -> None:
        """The socket takes more."""
        job = self.job
        if isinstance(job, Download):
            self._send(job)

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
        self._drained_at = self._state.now()
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
            self.end(*job.unkept(self._state.authorizer, error))
        else:
            if isinstance(job, OfAgent):
                job.grew()

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
            self._transfers.moved(job, moved)
        if self._drained_at and not waiting and now - self._drained_at > _GRACE:
            self.end(said.COMPLETE)
        elif not job.patient and now - self._seen_at > self._state.limits.stall:
            self._transfers.stalled()

    # --- the end

    def end(self, line: str, why: str = "") -> None:
        """Close, then let the control connection say `line`; `why` is "" for success."""
        job, self.job = self.job, None
        self.close()
        if job is not None:
            self._transfers.over(job, line, why)

    def end_altered(self) -> None:
        """The source changed: the client must not take what it got for the file."""
        with contextlib.suppress(OSError):
            # linger 0: what still waits here is dropped and the client gets an error, not an end
            self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _AT_ONCE)
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
            give_up(self, self._state)
            AsyncChat.close(self)
            self._state.moving.discard(self)
