"""The transfers of one control connection: from an answer to the reply at the end."""

from __future__ import annotations

import socket
from typing import Any, assert_never

from deployer import events
from deployer.core.ftp import policy
from deployer.core.ftp import session as said
from deployer.core.ftp.session import Call, Door, Receive, Send, Session, Show
from deployer.edge.ftp.data import DataChannel
from deployer.edge.ftp.desk import Desk
from deployer.edge.ftp.files import SourceAlteredError
from deployer.edge.ftp.jobs import Job, Upload, job_for, source_path
from deployer.edge.ftp.lines import Lines
from deployer.edge.ftp.ways import Caller, Listening


class Exchange(Lines):
    """Opens data connections, gives them their job, and says how it ended."""

    data_channel: DataChannel | None
    _dtp_acceptor: Listening | None
    _dtp_connector: Caller | None

    def __init__(self, sock: socket.socket, server: Any, ioloop: Any = None, *, desk: Desk) -> None:
        self.since = desk.now()
        self._job_began = 0.0
        self._opening = ""
        super().__init__(sock, server, ioloop, desk=desk)

    def adopt(self, session: Session) -> None:
        """Take the new session, and close a port that it does not wait at any more."""
        if isinstance(self.session.way, Door) and not isinstance(session.way, Door):
            self._close_ways()
        self.session = session

    def _close_ways(self) -> None:
        self._shutdown_connecting_dtp()
        if self.data_channel is not None:
            self.data_channel.close()
            self.data_channel = None

    def listen_passively(self, session: Session, extended: bool) -> None:
        self._close_ways()
        try:
            self._dtp_acceptor = Listening(self, extended)
        except OSError:
            self._dtp_acceptor = None
            self.adopt(policy.without_way(session))
            self.respond(said.NOT_CONNECTED)
        else:
            self.session = session

    def transfer(self, answer: Send | Show | Receive) -> None:
        """Open what the answer names, then the data connection if it is not there yet."""
        self.session = answer.session
        try:
            job = job_for(answer, self.desk, self.deployment)
        except (SourceAlteredError, OSError, ValueError) as error:
            self._close_ways()
            self._cannot(answer, error)
            return
        self._job, self._opening, self.since = job, said.opening(answer), self.desk.now()
        match answer.way:
            case Call(host, port):
                self._dtp_connector = None
                connector = Caller(host, port, self)
                if not (connector.given or self._closed):
                    self._dtp_connector = connector
            case Door():
                if self.data_channel is not None:
                    self._begin()
                elif self._dtp_acceptor is None:
                    self.data_failed()
                else:
                    self.respond(self._opening)
                    self._opening = ""
            case _:
                assert_never(answer.way)

    def _cannot(self, answer: Send | Show | Receive, error: Exception) -> None:
        """Say that a transfer cannot even begin."""
        path = source_path(answer)
        if path:
            self.desk.emit(events.SourceChanged(self.desk.clock(), self.deployment, path))
        if isinstance(error, SourceAlteredError):
            self.respond(said.CHANGED)
        else:
            self.respond(said.NOT_KEPT if isinstance(answer, Receive) else said.GONE)

    def data_connected(self, sock: socket.socket) -> None:
        """The data connection is there and ours."""
        self._dtp_connector = self._dtp_acceptor = None
        if self._closed:
            sock.close()
            return
        channel = DataChannel(sock, self)
        if channel.given_up:
            if self._job is not None:
                self.data_failed()
            return
        self.data_channel = channel
        if self._job is not None:
            self._begin()

    def data_failed(self) -> None:
        """The data connection did not come about."""
        self._shutdown_connecting_dtp()
        self._drop(said.NOT_CONNECTED, "")
        self.go_on()

    def _begin(self) -> None:
        job = self._job
        if job is None or self.data_channel is None:
            return
        if self._opening:
            self.respond(self._opening)
        if self._closed:
            return
        self._job_began = self.desk.now()
        self._tell(job.begun(self.who()))
        self.data_channel.start(job)

    def _tell(self, told: list[events.Event]) -> None:
        for event in told:
            self.desk.emit(event)

    def tick(self, job: Job, moved: int) -> None:
        """Tell how far a transfer is."""
        self._tell(job.moving(self.who(), moved))

    def stalled(self, channel: DataChannel) -> None:
        """Nothing moves: close both connections, so a client without time-out gets an error."""
        seconds = f"{self.desk.limits.stall:g}"
        channel.end("", f"no data moved for {seconds} s")
        self.dismiss(said.STALLED)

    def over(self, job: Job, line: str, why: str) -> None:
        """A transfer is over: tell it, say `line`, take up what waited."""
        self.data_channel = self._job = None
        try:
            if not why:
                line, why = job.finish(self.desk.authorizer)
        finally:
            job.close()
        if isinstance(job, Upload) and not why:
            self.session = policy.received(self.session, job.name)
        self._tell(job.ended(self.who(), self.desk.now() - self._job_began, why))
        self.heard = self.desk.now()
        if line:
            self.respond(line)
        self.go_on()

    def _drop(self, line: str, why: str) -> None:
        """Let go of a transfer, moving or not; `why` is "" when it had not begun."""
        job, channel = self._job, self.data_channel
        self._job = self.data_channel = None
        if channel is not None:
            channel.job = None
            channel.close()
        if job is None:
            return
        job.close()
        if channel is not None:
            self._tell(job.ended(self.who(), self.desk.now() - self._job_began, why))
        if line:
            self.respond(line)

    def drop_job(self, why: str, line: str = "") -> None:
        """Stop the transfer that is going on or about to begin."""
        self._shutdown_connecting_dtp()
        self._drop(line, why)
