"""The control connection as lines: one in, one out, within limits.

pyftpdlib keeps the buffers and the loop; none of its own commands is reachable, since every line
goes to `obey`. While a transfer is going on, only what the table of verbs says is answered at once;
the other lines wait in order for its end.
"""

from __future__ import annotations

import socket
from collections import deque
from typing import Any

from pyftpdlib.handlers import FTPHandler

from deployer import events
from deployer.core.ftp import policy
from deployer.core.ftp import session as said
from deployer.core.ftp.session import Session
from deployer.edge.ftp.desk import Desk
from deployer.edge.ftp.jobs import Job, Who
from deployer.edge.ftp.ways import keep_alive


class Lines(FTPHandler):  # type: ignore[misc]
    """Reads commands and says replies; what they mean is the business of those who build on it."""

    ac_in_buffer_size = 4096
    encoding = "ascii"
    unicode_errors = "replace"

    _in_buffer_len: int
    _in_buffer: list[bytes]
    socket: Any

    def __init__(self, sock: socket.socket, server: Any, ioloop: Any = None, *, desk: Desk) -> None:
        self.timeout = 0
        self.desk = desk
        self.session = Session("")
        self.began = self.heard = desk.now()
        self.leaving = 0.0
        self._pausing = False
        self._refusals = 0
        self._job: Job | None = None
        self._waiting: deque[tuple[str, str]] = deque()
        super().__init__(sock, server, ioloop=ioloop)
        self.set_terminator(b"\n")
        if not self._closed:
            keep_alive(sock)
            self.session = Session(self.remote_ip.removeprefix("::ffff:"), desk.clock())

    @property
    def deployment(self) -> str:
        """The deployment whose share the client sees."""
        return self.session.tree.share.deployment

    def who(self) -> Who:
        """The first fields of an event that happens now."""
        return Who(self.desk.clock(), self.deployment, self.session.peer)

    def obey(self, verb: str, argument: str) -> None:
        """Do what a command says."""
        raise NotImplementedError

    def drop_job(self, why: str, line: str = "") -> None:
        """Stop the transfer that is going on or about to begin."""
        raise NotImplementedError

    def collect_incoming_data(self, data: bytes) -> None:
        """Keep a line up to its limit; the rest of a longer one is counted and dropped."""
        self._in_buffer_len += len(data)
        if self._in_buffer_len <= self.desk.limits.line:
            self._in_buffer.append(data)
            return
        self._in_buffer.clear()
        if self._in_buffer_len > self.desk.limits.flood:
            self.dismiss(said.LINE_TOO_LONG)

    def found_terminator(self) -> None:
        """A line is complete."""
        length, self._in_buffer_len = self._in_buffer_len, 0
        line = b"".join(self._in_buffer)
        self._in_buffer.clear()
        if self._closed or self.leaving:
            return
        self.heard = self.desk.now()
        if length > self.desk.limits.line:
            self.respond(said.LINE_TOO_LONG)
            return
        verb, argument = policy.parse(line)
        at_once = policy.is_during(verb, others_wait=bool(self._waiting))
        if self._pausing or (self._job is not None and not at_once):
            self._waiting.append((verb, argument))
            if len(self._waiting) > self.desk.limits.waiting:
                self.dismiss(said.TOO_MANY_COMMANDS)
            return
        self.obey(verb, argument)

    def go_on(self) -> None:
        """Take up the lines that waited."""
        while self._waiting and self._job is None and not (self._pausing or self._closed):
            self.obey(*self._waiting.popleft())

    def respond(self, resp: str, logfun: Any = None) -> None:  # noqa: ARG002 - pyftpdlib's signature
        """Say one line. A client that lets its replies pile up is let go."""
        if self._closed:
            return
        self.push(resp + "\r\n")
        if not self._closed and len(self.producer_fifo) > self.desk.limits.unread_replies:
            self.close()

    respond_w_warning = respond

    def dismiss(self, line: str) -> None:
        """Say one last line and close as soon as it has left."""
        if not self.leaving:
            self.leaving = self.desk.now()
            self.respond(line)
            self.drop_job("the session was ended")
            if not self._closed:
                self.close_when_done()

    def log(self, *_: Any, **__: Any) -> None:
        """What happens is told as events, not logged."""

    logline = logerror = log_cmd = log_transfer = log_exception = log

    def tell_refusal(self, command: str, line: str) -> None:
        """Tell the people who watch that a command was refused."""
        self.tell(events.CommandRefused(*self.who(), command, line))

    def tell(self, refusal: events.CommandRefused | events.AsciiRefused) -> None:
        """Tell of a refusal, a bounded number of times per session."""
        self._refusals += 1
        if self._refusals <= self.desk.limits.refusals_told:
            self.desk.emit(refusal)

    def stranger(self, address: str) -> None:
        """Somebody else came to the port that was opened for this client."""
        self.tell_refusal("PASV", f"a data connection from {address} was closed")
