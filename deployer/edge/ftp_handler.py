"""One control connection: lines in, one answer of `core.policy` for each, and its transfers.

pyftpdlib keeps the buffers and the loop; none of its own commands is reachable, since every line
goes to the policy. While a transfer is going on, only what the table says is answered at once; the
other lines wait in order for its end.
"""

from __future__ import annotations

import socket
import sys
from collections import deque
from pathlib import Path
from typing import Any, assert_never

from pyftpdlib.handlers import FTPHandler

from deployer import events
from deployer.core import ftp_session as said
from deployer.core import policy
from deployer.core.ftp_session import (
    Abort,
    Call,
    Door,
    Leave,
    Listen,
    Login,
    Receive,
    Refuse,
    RefuseAscii,
    Reply,
    Send,
    Session,
    Show,
)
from deployer.edge.ftp_desk import Desk
from deployer.edge.ftp_files import BytesSource, Inbox, SliceSource, SourceAlteredError
from deployer.edge.ftp_transfer import (
    Caller,
    DataChannel,
    Download,
    Job,
    Listening,
    Upload,
    give_up,
    keep_alive,
)
from deployer.model import Blob, Slice


class Control(FTPHandler):  # type: ignore[misc]
    """The session of one client."""

    ac_in_buffer_size = 4096
    encoding = "ascii"
    unicode_errors = "replace"

    data_channel: DataChannel | None
    _dtp_acceptor: Listening | None
    _dtp_connector: Caller | None
    _in_buffer_len: int
    _in_buffer: list[bytes]
    socket: Any

    def __init__(self, sock: socket.socket, server: Any, ioloop: Any = None, *, desk: Desk) -> None:
        self.timeout = 0
        self.desk = desk
        self.session = Session("")
        self.began = self.heard = self.since = desk.now()
        self.leaving = 0.0
        self._verb = ""
        self._tries = 0
        self._refusals = 0
        self._overlong = 0
        self._pausing = False
        self._job: Job | None = None
        self._job_began = 0.0
        self._opening = ""
        self._waiting: deque[tuple[str, str]] = deque()
        super().__init__(sock, server, ioloop=ioloop)
        self.set_terminator(b"\n")
        if not self._closed:
            keep_alive(sock)
            self.session = Session(self.remote_ip.removeprefix("::ffff:"), desk.clock())

    def __repr__(self) -> str:
        return f"<Control {self.remote_ip}:{self.remote_port}>"

    @property
    def deployment(self) -> str:
        """The deployment whose shelf the client sees."""
        return self.session.tree.shelf.deployment

    def handle(self) -> None:
        """Greet a client that was let in."""
        self.desk.controls.add(self)
        self.desk.emit(events.ClientConnected(self.desk.clock(), "", self.session.peer))
        self.respond(said.GREETING)

    def handle_max_cons(self) -> None:
        """Turn a client away."""
        self.respond(said.TOO_MANY)
        self.close()

    handle_max_cons_per_ip = handle_max_cons

    # --- lines

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
        if self._pausing or (self._job is not None and not policy.is_during(verb)):
            self._waiting.append((verb, argument))
            if len(self._waiting) > self.desk.limits.waiting:
                self.dismiss(said.TOO_MANY_COMMANDS)
            return
        self._obey(verb, argument)

    def _go_on(self) -> None:
        """Take up the lines that waited."""
        while self._waiting and self._job is None and not (self._pausing or self._closed):
            self._obey(*self._waiting.popleft())

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

    # --- answers

    def _obey(self, verb: str, argument: str) -> None:
        self._verb = verb if verb != "PASS" else "PASS ..."
        answer = policy.answer(self.session, verb, argument)
        match answer:
            case Reply(session, line):
                self._adopt(session)
                self.respond(line)
            case Refuse(session, line):
                self._adopt(session)
                self._tell_refusal(said.say(f"{verb} {argument}".strip()), line)
                self.respond(line)
            case RefuseAscii(session, line, name):
                self._adopt(session)
                self.desk.emit(
                    events.AsciiRefused(self.desk.clock(), self.deployment, session.peer, name)
                )
                self.respond(line)
            case Login(session, user, password):
                self._adopt(session)
                self._log_in(user, password)
            case Listen(session, extended):
                self._listen(session, extended)
            case Send() | Show() | Receive():
                self._transfer(answer)
            case Abort(session, line, idle):
                moving = self._job is not None
                self.drop_job("the client stopped it", said.CUT)
                self._adopt(session)
                self.respond(line if moving else idle)
                self._go_on()
            case Leave(session, line):
                self._adopt(session)
                self.dismiss(line)
            case _:
                assert_never(answer)

    def _adopt(self, session: Session) -> None:
        """Take the new session, and close a port that it does not wait at any more."""
        if isinstance(self.session.way, Door) and not isinstance(session.way, Door):
            self._close_ways()
        self.session = session

    def _close_ways(self) -> None:
        self._shutdown_connecting_dtp()
        if self.data_channel is not None:
            self.data_channel.close()
            self.data_channel = None

    def _tell_refusal(self, command: str, line: str) -> None:
        self._refusals += 1
        if self._refusals <= self.desk.limits.refusals_told:
            self.desk.emit(
                events.CommandRefused(
                    self.desk.clock(), self.deployment, self.session.peer, command, line
                )
            )

    def stranger(self, address: str) -> None:
        """Somebody else came to the port that was opened for this client."""
        self._tell_refusal("PASV", f"a data connection from {address} was closed")

    # --- login

    def _log_in(self, user: str, password: str) -> None:
        peer = self.session.peer
        shelf = self.desk.library.login(user, password, peer)
        if shelf is not None:
            welcome = policy.admit(self.session, user, self.desk.tree(shelf))
            self._adopt(welcome.session)
            self.desk.emit(events.LoginAccepted(self.desk.clock(), shelf.deployment, peer, user))
            self.respond(welcome.line)
            return
        self._tries += 1
        why = "this name and password are not known now"
        self.desk.emit(
            events.LoginRefused(self.desk.clock(), "", peer, said.say(said.quoted(user)), why)
        )
        self._pausing = True
        self.call_later(self.desk.limits.refusal_delay, self._reject, user)

    def _reject(self, user: str) -> None:
        self._pausing = False
        refusal = policy.reject(self.session, user)
        self._adopt(refusal.session)
        if self._tries >= self.desk.limits.login_tries:
            self.dismiss(said.TRIES_UP)
            return
        self.respond(refusal.line)
        self._go_on()

    # --- data connections

    def _listen(self, session: Session, extended: bool) -> None:
        self._close_ways()
        try:
            self._dtp_acceptor = Listening(self, extended)
        except OSError:
            self._dtp_acceptor = None
            self._adopt(policy.without_way(session))
            self.respond(said.NOT_CONNECTED)
        else:
            self.session = session

    def _transfer(self, answer: Send | Show | Receive) -> None:
        """Open what the answer names, then the data connection if it is not there yet."""
        self.session = answer.session
        try:
            job = self._job_for(answer)
        except SourceAlteredError:
            self._close_ways()
            self._tell_altered(answer)
            self.respond(said.CHANGED)
            return
        except (OSError, ValueError):
            self._close_ways()
            if isinstance(answer, Receive):
                self.respond(said.NOT_KEPT)
            else:
                self._tell_altered(answer)
                self.respond(said.GONE)
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

    def _job_for(self, answer: Send | Show | Receive) -> Job:
        chunk = self.desk.limits.chunk
        match answer:
            case Send(entry=entry, offset=offset):
                match entry.source:
                    case Blob() as blob:
                        return Download(entry.name, BytesSource(blob, offset, chunk))
                    case Slice() as cut:
                        return Download(entry.name, SliceSource(cut, offset, chunk), cut.path)
                    case _:
                        assert_never(entry.source)
            case Show(data=data):
                return Download("", BytesSource(Blob(data), 0, chunk))
            case Receive(name=name, limit=limit):
                inbox = Inbox(self.desk.inbox, self.deployment or "_", name, limit)
                return Upload(name, inbox, limit)
            case _:
                assert_never(answer)

    def _tell_altered(self, answer: Send | Show | Receive) -> None:
        if isinstance(answer, Send) and isinstance(answer.entry.source, Slice):
            self._tell_changed(answer.entry.source.path)

    def _tell_changed(self, path: str) -> None:
        self.desk.emit(events.SourceChanged(self.desk.clock(), self.deployment, path))

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
        self._go_on()

    def _begin(self) -> None:
        job = self._job
        if job is None or self.data_channel is None:
            return
        if self._opening:
            self.respond(self._opening)
        if self._closed:
            return
        self._job_began = self.desk.now()
        if job.name:
            length = 0 if job.upload else job.length
            self.desk.emit(
                events.TransferStarted(
                    self.desk.clock(),
                    self.deployment,
                    self.session.peer,
                    job.name,
                    length,
                    job.upload,
                )
            )
        self.data_channel.start(job)

    def tick(self, job: Job, moved: int) -> None:
        """Tell how far a transfer is."""
        if job.name and not job.upload:
            self.desk.emit(
                events.TransferTick(
                    self.desk.clock(),
                    self.deployment,
                    self.session.peer,
                    job.name,
                    moved,
                    job.length,
                )
            )

    def stalled(self, channel: DataChannel) -> None:
        """Nothing moves: close both connections, so a client without time-out gets an error."""
        seconds = f"{self.desk.limits.stall:g}"
        channel.end("", f"no data moved for {seconds} s")
        self.dismiss(said.STALLED)

    def over(self, job: Job, line: str, why: str) -> None:
        """A transfer is over: tell it, say `line`, take up what waited."""
        self.data_channel = None
        self._job = None
        path: Path | None = None
        if isinstance(job, Upload) and not why:
            try:
                if self.desk.library.accepts(job.name, job.inbox.content()):
                    path = job.inbox.keep()
                    self.session = policy.received(self.session, job.name)
                else:
                    line, why = said.NOT_WHOLE, "it did not arrive whole"
            except OSError as error:
                line, why = said.NOT_KEPT, f"cannot be kept on this computer ({error.strerror})"
        job.close()
        self._tell_over(job, why, path)
        self.heard = self.desk.now()
        if line:
            self.respond(line)
        self._go_on()

    def _tell_over(self, job: Job, why: str, path: Path | None) -> None:
        if not job.name:
            return
        at, whose, peer = self.desk.clock(), self.deployment, self.session.peer
        if why:
            length = 0 if job.upload else job.length
            self.desk.emit(
                events.TransferCut(at, whose, peer, job.name, job.moved, length, why, job.upload)
            )
            if isinstance(job, Download) and why == said.WHY_CHANGED:
                self._tell_changed(job.path)
            return
        seconds = self.desk.now() - self._job_began
        self.desk.emit(
            events.TransferDone(at, whose, peer, job.name, job.moved, seconds, job.upload)
        )
        if path is not None:
            self.desk.emit(events.UploadReceived(at, whose, peer, job.name, job.moved, str(path)))

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
            self._tell_over(job, why, None)
        if line:
            self.respond(line)

    def drop_job(self, why: str, line: str = "") -> None:
        """Stop the transfer that is going on or about to begin."""
        self._shutdown_connecting_dtp()
        self._drop(line, why)

    # --- the end

    def sweep(self, now: float) -> None:
        """Look after time-outs; called about once a second."""
        limits = self.desk.limits
        if self.leaving:
            if now - self.leaving > limits.farewell:
                self.close()
        elif not self.session.login and now - self.began > limits.login_seconds:
            self.dismiss(said.IDLE)
        elif self._job is not None and self.data_channel is None:
            if now - self.since > limits.connect:
                self.data_failed()
        elif self._job is None and now - self.heard > limits.idle:
            self.dismiss(said.IDLE)

    def handle_error(self) -> None:
        """An exception that nobody foresaw ends this session and is told; the server goes on."""
        error = sys.exc_info()[1]
        self._refusals = 0
        self._tell_refusal(self._verb, f"{said.INTERNAL} ({type(error).__name__}: {error})")
        try:
            self.respond(said.INTERNAL)
        finally:
            self.close()

    def close(self) -> None:
        """Close both connections and tell that the client is gone."""
        if self._closed:
            return
        try:
            self.drop_job("the control connection ended")
        finally:
            give_up(self, self.desk)
            super().close()
            if self in self.desk.controls:
                self.desk.controls.discard(self)
                self.desk.emit(
                    events.ClientGone(self.desk.clock(), self.deployment, self.session.peer)
                )
