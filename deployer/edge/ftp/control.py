"""One control connection: a line in, one answer of `core.policy`, and what the answer asks for."""

from __future__ import annotations

import socket
import sys
from typing import Any, assert_never

from deployer import events
from deployer.core.ftp import policy
from deployer.core.ftp import session as said
from deployer.core.ftp.session import (
    Abort,
    Leave,
    Listen,
    Login,
    Receive,
    Refuse,
    RefuseAscii,
    Reply,
    Send,
    Show,
)
from deployer.edge.ftp.desk import Desk
from deployer.edge.ftp.exchange import Exchange
from deployer.edge.ftp.ways import give_up


class Control(Exchange):
    """The session of one client."""

    def __init__(self, sock: socket.socket, server: Any, ioloop: Any = None, *, desk: Desk) -> None:
        self._verb = ""
        self._tries = 0
        self._parked = False
        super().__init__(sock, server, ioloop, desk=desk)

    def __repr__(self) -> str:
        return f"<Control {self.remote_ip}:{self.remote_port}>"

    def handle(self) -> None:
        """Greet a client that was let in."""
        self.desk.controls.add(self)
        self.desk.emit(events.ClientConnected(self.desk.clock(), "", self.session.peer))
        self.respond(said.GREETING)

    def handle_max_cons(self) -> None:
        """Turn a client away."""
        self.tell_refusal("connect", said.TOO_MANY)
        self.respond(said.TOO_MANY)
        self.close()

    handle_max_cons_per_ip = handle_max_cons

    # --- answers

    def obey(self, verb: str, argument: str) -> None:
        """Ask the policy, and do what it answers."""
        if verb == "RETR" and self.deployment in self.desk.held:
            self._waiting.appendleft((verb, argument))
            self._pausing = self._parked = True
            return
        self._verb = verb if verb != "PASS" else "PASS ..."
        answer = policy.answer(self.session, verb, argument)
        match answer:
            case Reply(session, line):
                self.adopt(session)
                self.respond(line)
            case Refuse(session, line):
                self.adopt(session)
                self.tell_refusal(said.say(f"{verb} {argument}".strip()), line)
                self.respond(line)
            case RefuseAscii(session, line, name):
                self.adopt(session)
                self.tell(events.AsciiRefused(*self.who(), name))
                self.respond(line)
            case Login(session, user, password):
                self.adopt(session)
                self._log_in(user, password)
            case Listen(session, extended):
                self.listen_passively(session, extended)
            case Send() | Show() | Receive():
                self.transfer(answer)
            case Abort(session, line, idle):
                moving = self._job is not None
                self.drop_job("the client stopped it", said.CUT)
                self.adopt(session)
                self.respond(line if moving else idle)
                self.go_on()
            case Leave(session, line):
                self.adopt(session)
                self.dismiss(line)
            case _:
                assert_never(answer)

    # --- login

    def _log_in(self, user: str, password: str) -> None:
        peer = self.session.peer
        share = self.desk.authorizer.login(user, password, peer)
        if share is not None:
            welcome = policy.admit(self.session, user, self.desk.tree(share))
            self.adopt(welcome.session)
            self.desk.emit(events.LoginAccepted(self.desk.clock(), share.deployment, peer, user))
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
        self.adopt(refusal.session)
        if self._tries >= self.desk.limits.login_tries:
            self.dismiss(said.TRIES_UP)
            return
        self.respond(refusal.line)
        self.go_on()

    # --- the end

    def _unpark(self, now: float) -> None:
        """Take a download up that was held; as long as it is, nobody counts the time."""
        self.heard = now
        if self.deployment not in self.desk.held:
            self._pausing = self._parked = False
            self.go_on()

    def sweep(self, now: float) -> None:
        """Look after time-outs; called about once a second."""
        if self._parked:
            self._unpark(now)
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
        self.tell_refusal(self._verb, f"{said.INTERNAL} ({type(error).__name__}: {error})")
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
                self.desk.emit(events.ClientGone(*self.who()))
