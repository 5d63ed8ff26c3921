"""The transfers of one control connection: from an answer to the reply at the end."""

from __future__ import annotations

import socket
from typing import assert_never

from deployer import events
from deployer.core.ftp import policy
from deployer.core.ftp import session as said
from deployer.core.ftp.session import Active, Passive, Receive, Send, Session, Show
from deployer.edge.ftp.connect import Connecting, PassivePort
from deployer.edge.ftp.connection import Connection
from deployer.edge.ftp.data import DataChannel
from deployer.edge.ftp.files import SourceAlteredError
from deployer.edge.ftp.jobs import Job, PlayedUpload, Upload, job_for, source_path

_SETTLE_EVERY = 0.02
"""Seconds between two looks whether a report may be kept by now."""


class Exchange:
    """Opens data connections, gives them their job, and says how it ended.

    `since` is when the transfer was asked for.
    """

    def __init__(self, connection: Connection) -> None:
        self.connection = connection
        self.since = 0.0
        self._job: Job | None = None
        self._job_began = 0.0
        self._settled_by = 0.0
        self._opening = ""
        self._channel: DataChannel | None = None
        self._port: PassivePort | None = None
        self._connecting: Connecting | None = None

    @property
    def busy(self) -> bool:
        """True while a transfer is going on or about to begin."""
        return self._job is not None

    @property
    def connecting(self) -> bool:
        """True while a transfer waits for its data connection."""
        return self._job is not None and self._channel is None and not self._settled_by

    def adopt(self, session: Session) -> None:
        """Take the new session, and close a port that it does not wait at any more."""
        before = self.connection.session.way
        if isinstance(before, Passive) and not isinstance(session.way, Passive):
            self._close_data()
        self.connection.session = session

    def _close_data(self) -> None:
        self._stop_connecting()
        if self._channel is not None:
            self._channel.close()
            self._channel = None

    def _stop_connecting(self) -> None:
        for opening in (self._port, self._connecting):
            if opening is not None:
                opening.close()
        self._port = self._connecting = None

    def listen(self, session: Session, extended: bool) -> None:
        """Open a port for the client and name it (PASV; EPSV when `extended`)."""
        self._close_data()
        try:
            port = PassivePort(self, extended)
        except OSError:
            self.adopt(policy.without_way(session))
            self.connection.respond(said.NOT_CONNECTED)
        else:
            if self.connection.closed:  # it took no replies, and this was one too many
                port.close()
                return
            self._port = port
            self.connection.session = session

    def transfer(self, answer: Send | Show | Receive) -> None:
        """Open what the answer names, then the data connection if it is not there yet."""
        connection = self.connection
        state = connection.state
        connection.session = answer.session
        deployment = answer.session.tree.share.deployment
        of_agent = bool(answer.session.agent)
        if isinstance(answer, Receive) and not (of_agent or state.may_upload(deployment)):
            self._close_data()
            connection.tell(
                events.CommandRefused(*connection.origin(), f"STOR {answer.name}", said.TOO_MUCH)
            )
            connection.respond(said.TOO_MUCH)
            return
        try:
            job = job_for(
                answer,
                deployment,
                inbox=state.inbox,
                chunk=state.limits.chunk,
                agents=state.agents,
            )
        except (SourceAlteredError, OSError, ValueError) as error:
            self._close_data()
            self._cannot(answer, error)
            return
        self._job, self._opening, self.since = job, said.opening(answer), state.now()
        match answer.way:
            case Active(host, port):
                self._connecting = None
                connecting = Connecting(host, port, self)
                if not (connecting.given or connection.closed):
                    self._connecting = connecting
            case Passive():
                if self._channel is not None:
                    self._begin()
                elif self._port is None:
                    self.data_failed()
                else:
                    connection.respond(self._opening)
                    self._opening = ""
            case _:
                assert_never(answer.way)

    def _cannot(self, answer: Send | Show | Receive, error: Exception) -> None:
        """Say that a transfer cannot even begin."""
        path = source_path(answer)
        if path:
            at, deployment, _peer = self.connection.origin()
            self._tell([events.SourceChanged(at, deployment, path)])
        if isinstance(answer, Receive) and isinstance(error, OSError) and not answer.session.agent:
            deployment, why = answer.session.tree.share.deployment, error.strerror or str(error)
            self.connection.state.authorizer.unkept(deployment, answer.name, why)
        if isinstance(error, SourceAlteredError):
            self.connection.respond(said.CHANGED)
        else:
            self.connection.respond(said.NOT_KEPT if isinstance(answer, Receive) else said.GONE)

    def data_connected(self, sock: socket.socket) -> None:
        """The data connection is there and belongs to the client."""
        called = self._connecting is not None  # else it came to us, and has shown the secret
        self._connecting = self._port = None
        secret = self.connection.state.secret if called else b""
        if self.connection.closed or (secret and not _sent(sock, secret)):
            sock.close()
            if self._job is not None and not self.connection.closed:
                self.data_failed()
            return
        channel = DataChannel(sock, self)
        if channel.given_up:
            if self._job is not None:
                self.data_failed()
            return
        self._channel = channel
        if self._job is not None:
            self._begin()

    def data_failed(self) -> None:
        """The data connection did not come about."""
        self._stop_connecting()
        self._drop(said.NOT_CONNECTED, "")
        self.connection.go_on()

    def data_refused(self, address: str) -> None:
        """Somebody else came to the port that was opened for this client."""
        line = f"a data connection from {address} was closed"
        self.connection.tell(events.CommandRefused(*self.connection.origin(), "PASV", line))

    def _begin(self) -> None:
        job = self._job
        if job is None or self._channel is None:
            return
        if self._opening:
            self.connection.respond(self._opening)
        if self.connection.closed:
            return
        self._job_began = self.connection.state.now()
        self._tell(job.begun(self.connection.origin()))
        self._channel.start(job)

    def _tell(self, told: list[events.Event]) -> None:
        for event in told:
            self.connection.state.emit(event)

    def moved(self, job: Job, count: int) -> None:
        """So many bytes of a transfer have moved."""
        self._tell(job.moving(self.connection.origin(), count))

    def stalled(self) -> None:
        """Nothing moves: close both connections, so a client without time-out gets an error."""
        if self._channel is not None:
            seconds = f"{self.connection.state.limits.stall:g}"
            self._channel.end("", f"no data moved for {seconds} s")
        self.connection.dismiss(said.STALLED)

    def over(self, job: Job, line: str, why: str) -> None:
        """A transfer has ended: tell it, say `line`, take up what waited."""
        self._channel = None
        self._job = job
        self._settled_by = self.connection.state.now() + self.connection.state.limits.connect
        self._settle(job, line, why)

    def _settle(self, job: Job, line: str, why: str) -> None:
        """End a transfer. A report waits, but not long, until the last one was read."""
        connection = self.connection
        if self._job is not job:
            return
        try:
            if not why:
                line, why = job.finish(connection.state.authorizer)
        except BaseException:
            self._let_go(job)
            raise
        if line == said.BEING_READ and connection.state.now() < self._settled_by:
            connection.call_later(_SETTLE_EVERY, self._settle, job, "", "")
            return
        self._let_go(job)
        if isinstance(job, Upload) and not (why or isinstance(job, PlayedUpload)):
            connection.session = policy.received(connection.session, job.name)
        self._tell_end(job, why)
        connection.heard = connection.state.now()
        if job.last:
            connection.hang_up()
            return
        if line:
            connection.respond(line)
        connection.go_on()

    def _let_go(self, job: Job) -> None:
        self._job = None
        self._settled_by = 0.0
        job.close()
        if isinstance(job, Upload) and not (job.of_agent or job.taken):
            self.connection.state.uploaded(job.deployment, job.moved)

    def _tell_end(self, job: Job, why: str) -> None:
        seconds = self.connection.state.now() - self._job_began
        self.connection.moved(job.moved)
        self._tell(job.ended(self.connection.origin(), seconds, why))

    def _drop(self, line: str, why: str) -> None:
        """Let go of a transfer, moving or not; `why` is "" when it had not begun."""
        job, channel = self._job, self._channel
        begun = channel is not None or self._settled_by > 0
        self._channel = None
        if channel is not None:
            channel.job = None
            channel.close()
        if job is None:
            return
        self._let_go(job)
        if begun:
            self._tell_end(job, why)
        if line:
            self.connection.respond(line)

    def end(self) -> None:
        """The deployment has ended: stop what moves, unless it is still there in the new session,
        as the receipt is for a report that has just arrived.
        """
        job = self._job
        names = {entry.name for entry in self.connection.session.tree.files.values()}
        if job is not None and (isinstance(job, Upload) or job.name not in names):
            self.drop(said.WHY_ENDED, said.CUT_BY_END)

    def drop(self, why: str, line: str = "") -> None:
        """Stop the transfer that is going on or about to begin, and say `line` if there is one."""
        self._stop_connecting()
        self._drop(line, why)


def _sent(sock: socket.socket, secret: bytes) -> bool:
    """Whether the first line of a data connection could be sent; there is always room for it."""
    try:
        return sock.send(secret + b"\n") > len(secret)
    except OSError:
        return False
