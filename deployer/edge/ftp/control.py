"""One control connection: a line in, one answer of `core.ftp.policy`, and what the answer asks for.

pyftpdlib keeps the buffers and the loop; none of its own commands is reachable, since every line
goes to `obey`. While a transfer is going on, only what the table of verbs says is answered at once;
the other lines wait in order for its end.
"""

from __future__ import annotations

import hmac
import math
import socket
import sys
from collections import deque
from typing import Any, assert_never

from pyftpdlib.handlers import FTPHandler

from deployer import events
from deployer.core.agents import words
from deployer.core.agents.words import WaitForOrder, Word
from deployer.core.ftp import manners, policy
from deployer.core.ftp import session as said
from deployer.core.ftp import tree as trees
from deployer.core.ftp.manners import HeardTalk
from deployer.core.ftp.session import (
    Abort,
    Leave,
    Listen,
    Login,
    NoLogin,
    Receive,
    Refuse,
    RefuseAscii,
    Reply,
    Said,
    Send,
    Session,
    Show,
    Silent,
)
from deployer.edge.ftp.connect import give_up, keep_alive
from deployer.edge.ftp.connection import Refusal
from deployer.edge.ftp.exchange import Exchange
from deployer.edge.ftp.jobs import Origin
from deployer.edge.ftp.state import ServerState
from deployer.events import LoginCause
from deployer.model import Share, State

_WHY = {
    NoLogin.UNKNOWN: "this name and password are not known now",
    NoLogin.OLDER: "its GO.BAT is of an older push; fetch GO.BAT again there, then start it",
    NoLogin.NOTHING: "its GO.BAT is of an older push, and nothing waits for this machine now",
    NoLogin.TAKEN: "another machine asked first, and has what waited for whoever comes",
    NoLogin.STRANGE_AGENT: "it is the agent of another host, or one that was removed here",
    NoLogin.NOT_NOW: "nothing can be written on this computer now",
}
_CAUSE: dict[NoLogin, LoginCause] = {
    NoLogin.UNKNOWN: "unknown",
    NoLogin.OLDER: "older-push",
    NoLogin.NOTHING: "nothing-waits",
    NoLogin.TAKEN: "taken",
    NoLogin.STRANGE_AGENT: "strange-agent",
    NoLogin.NOT_NOW: "not-now",
}
_ROUGHLY = 30
"""Seconds in which it is told how long a survey's FTP.EXE waited."""
_OF_FILES = frozenset(("RETR", "STOR", "SIZE"))


class Control(FTPHandler):  # type: ignore[misc]
    """The session of one client."""

    ac_in_buffer_size = 4096
    encoding = "ascii"
    unicode_errors = "replace"

    _in_buffer_len: int
    _in_buffer: list[bytes]
    socket: Any
    remote_ip: str

    def __init__(
        self, sock: socket.socket, server: Any, ioloop: Any = None, *, state: ServerState
    ) -> None:
        self.timeout = 0
        self.state = state
        self.session = Session("")
        self.exchange = Exchange(self)
        self.began = self.heard = state.now()
        self.leaving = 0.0
        self._verb = ""
        self._tries = 0
        self._locked = bool(state.secret)
        self._refusals = 0
        self._pausing = self._parked = False
        self._asking = self._open_wait = self._known_here = False
        self._talk: HeardTalk | None = None
        self._silent_since = 0.0
        self._waiting: deque[tuple[str, str]] = deque()
        super().__init__(sock, server, ioloop=ioloop)
        self.set_terminator(b"\n")
        if not self._closed:
            keep_alive(sock)
            self.session = Session(self.remote_ip.removeprefix("::ffff:"), state.clock())

    def __repr__(self) -> str:
        return f"<Control {self.remote_ip}:{self.remote_port}>"

    @property
    def closed(self) -> bool:
        """True when nothing can be said any more."""
        return bool(self._closed)

    @property
    def deployment(self) -> str:
        """The deployment whose share the client sees."""
        return self.session.tree.share.deployment

    @property
    def address(self) -> str:
        """Of the machine at the other end."""
        return self.session.peer

    @property
    def logged_in(self) -> bool:
        """True after an accepted login."""
        return bool(self.session.login)

    @property
    def idle(self) -> bool:
        """True while nothing is transferred."""
        return not self.exchange.busy

    @property
    def agent(self) -> str:
        """The agent that has logged in, "" for anybody else."""
        return self.session.agent

    def origin(self) -> Origin:
        """The first fields of an event that happens now."""
        return Origin(self.state.clock(), self.deployment, self.session.peer)

    def handle(self) -> None:
        """Greet a client that was let in."""
        self.state.connections.add(self)
        agents = self.state.agents
        self._known_here = agents is not None and agents.awaits(self.session.peer)
        if not self._known_here:  # an agent calls often, and is told of by itself
            self.state.emit(events.ClientConnected(self.state.clock(), "", self.session.peer))
        if not self._locked:
            self.respond(said.GREETING)

    def handle_max_cons(self) -> None:
        """Turn a client away."""
        self.tell_refusal("connect", said.TOO_MANY)
        self.respond(said.TOO_MANY)
        self.close()

    handle_max_cons_per_ip = handle_max_cons

    # --- lines in

    def collect_incoming_data(self, data: bytes) -> None:
        """Keep a line up to its limit; the rest of a longer one is counted and dropped."""
        self._in_buffer_len += len(data)
        if self._in_buffer_len <= self.state.limits.line:
            self._in_buffer.append(data)
            return
        self._in_buffer.clear()
        if self._in_buffer_len > self.state.limits.flood:
            self.dismiss(said.LINE_TOO_LONG)

    def found_terminator(self) -> None:
        """A line is complete."""
        length, self._in_buffer_len = self._in_buffer_len, 0
        line = b"".join(self._in_buffer)
        self._in_buffer.clear()
        if self._closed or self.leaving:
            return
        if self._locked:
            self._unlock(line)
            return
        self.heard = self.state.now()
        if length > self.state.limits.line:
            self.respond(said.LINE_TOO_LONG)
            return
        verb, argument = policy.parse(line)
        at_once = policy.is_during(verb, others_wait=bool(self._waiting))
        if self._pausing or self._asking or (self.exchange.busy and not at_once):
            self._waiting.append((verb, argument))
            if self._open_wait and self.state.agents is not None:
                self._open_wait = False
                self.state.agents.interrupted(self)
            if len(self._waiting) > self.state.limits.waiting:
                self.dismiss(said.TOO_MANY_COMMANDS)
            return
        self.obey(verb, argument)

    def _unlock(self, line: bytes) -> None:
        """Greet who knows the secret, and hang up on anybody else."""
        if not hmac.compare_digest(line, self.state.secret):
            self.close()
            return
        self._locked = False
        self.respond(said.GREETING)

    def go_on(self) -> None:
        """Take up the lines that waited."""
        while self._waiting and not (
            self.exchange.busy or self._pausing or self._asking or self._closed
        ):
            self.obey(*self._waiting.popleft())

    # --- lines out

    def respond(self, resp: str, logfun: Any = None) -> None:  # noqa: ARG002 - pyftpdlib's signature
        """Say one line. A client that lets its replies pile up is let go."""
        if self._closed:
            return
        self.push(resp + "\r\n")
        if not self._closed and len(self.producer_fifo) > self.state.limits.unread_replies:
            self.close()

    respond_w_warning = respond

    def dismiss(self, line: str) -> None:
        """Say one last line and close as soon as it has left."""
        if not self.leaving:
            self.leaving = self.state.now()
            self.respond(line)
            self.exchange.drop("the session was ended")
            if not self._closed:
                self.close_when_done()

    def log(self, *_: Any, **__: Any) -> None:
        """What happens is told as events, not logged."""

    logline = logerror = log_cmd = log_transfer = log_exception = log

    def tell_refusal(self, command: str, line: str) -> None:
        """Tell the people who watch that a command was refused."""
        self.tell(events.CommandRefused(*self.origin(), command, line))

    def tell(self, refusal: Refusal) -> None:
        """Tell of a refusal, a bounded number of times per session."""
        self._refusals += 1
        if self._refusals <= self.state.limits.refusals_told:
            self.state.emit(refusal)

    # --- answers

    def obey(self, verb: str, argument: str) -> None:
        """Ask the policy, and do what it answers."""
        if verb == "RETR" and self.deployment in self.state.held:
            self._waiting.appendleft((verb, argument))
            self._pausing = self._parked = True
            return
        self._verb = verb if verb != "PASS" else "PASS ..."
        if self.agent and verb in _OF_FILES and self.state.agents is not None:
            tree = trees.grow(self.state.agents.share(self.agent))
            self.exchange.adopt(policy.renewed(self.session, tree))
        answer = policy.answer(self.session, verb, argument)
        self._note(answer.session, manners.heard(verb, argument))
        match answer:
            case Reply(session, line):
                self.exchange.adopt(session)
                self.respond(line)
            case Refuse(session, line):
                self.exchange.adopt(session)
                self.tell_refusal(said.say(f"{verb} {argument}".strip()), line)
                self.respond(line)
            case RefuseAscii(session, line, name):
                self.exchange.adopt(session)
                self.tell(events.AsciiRefused(*self.origin(), name))
                self.respond(line)
            case Login(session, user, password):
                self.exchange.adopt(session)
                self._log_in(user, password)
            case Listen(session, extended):
                self.exchange.listen(session, extended)
            case Send(session=session) if not self._may_take(session):
                self.exchange.adopt(session)
                self.tell_refusal(f"RETR {answer.entry.name}", said.TAKEN)
                self.respond(said.TAKEN)
            case Send() | Show() | Receive():
                self.exchange.transfer(answer)
            case Silent(session):
                self.exchange.adopt(session)
                self._pausing, self._silent_since = True, self.state.now()
            case Said(session, word):
                self.exchange.adopt(session)
                self._ask(word)
            case Abort(session, line, idle):
                moving = self.exchange.busy
                self.exchange.drop("the client stopped it", said.CUT)
                self.exchange.adopt(session)
                self.respond(line if moving else idle)
                self.go_on()
            case Leave(session, line):
                self.exchange.adopt(session)
                self.dismiss(line)
            case _:
                assert_never(answer)

    # --- surveys

    def _note(self, session: Session, line: str) -> None:
        """Keep what a survey's session says while the server plays something for it."""
        if manners.manner_of(session) is None:
            return
        if self._talk is None:
            self._talk = self.state.begin_talk(session.tree.share.deployment)
        self._talk.note(line)

    def hang_up(self) -> None:
        """See `Connection`."""
        self.leaving = self.state.now()
        self.close()

    def moved(self, count: int) -> None:
        """See `Connection`."""
        if self._talk is not None:
            self._talk.note(f"{count} bytes")

    def _note_end(self) -> None:
        """Keep how a survey's session ended, unless it said QUIT."""
        if self._talk is None or self.leaving:
            return
        if not self._silent_since:
            self._talk.note("ended by FTP.EXE")
            return
        waited = self.state.now() - self._silent_since
        if waited > self.state.limits.silence:
            self._talk.note("ended by the server, which said nothing")
        else:
            within = _ROUGHLY * math.ceil(waited / _ROUGHLY)
            self._talk.note(f"ended by FTP.EXE within {within} s")

    # --- agents

    def _ask(self, word: Word) -> None:
        """Let who knows of agents answer, which may take as long as a WAIT lasts."""
        if self.state.agents is None:
            self.respond(said.INTERNAL)
            return
        self._asking, self._open_wait = True, isinstance(word, WaitForOrder)
        self.state.agents.said(self.agent, self, word)

    def answer(self, line: str) -> None:
        """See `Caller`."""
        self.state.call(lambda: self._answered(line))

    def _answered(self, line: str) -> None:
        if self._asking:
            self._asking = self._open_wait = False
            self.respond(line)
            self.go_on()

    def dismiss_later(self, line: str) -> None:
        """See `Caller`."""
        self.state.call(lambda: self.dismiss(line))

    # --- login

    @property
    def _called(self) -> str:
        """The address of ours that the client has called."""
        return str(self.socket.getsockname()[0])

    def _may_take(self, session: Session) -> bool:
        """A guest gets GO.BAT alone, and that may be for the first one that asks."""
        if session.login.lower() != said.ANONYMOUS:
            return True
        share = session.tree.share.deployment
        return self.state.authorizer.takes(share, session.peer, self._called)

    def _log_in(self, user: str, password: str) -> None:
        if words.is_agent(user) and self.state.agents is not None:
            self._log_agent_in(self.state.agents.login(user, password, self.session.peer), user)
            return
        peer = self.session.peer
        share = self.state.authorizer.login(user, password, peer, self._called)
        if isinstance(share, Share):
            welcome = policy.admit(self.session, user, self.state.tree(share))
            self.exchange.adopt(welcome.session)
            self.state.emit(events.LoginAccepted(self.state.clock(), share.deployment, peer, user))
            self.respond(welcome.line)
            return
        self._refuse_login(user, share)

    def _log_agent_in(self, share: Share | NoLogin, user: str) -> None:
        if isinstance(share, Share):
            welcome = policy.admit_agent(self.session, user, trees.grow(share))
            self.exchange.adopt(welcome.session)
            self.respond(welcome.line)
            return
        self._refuse_login(user, share)

    def _refuse_login(self, user: str, why: NoLogin) -> None:
        self._tries += 1
        peer, shown = self.session.peer, said.say(said.quoted(user))
        if not (why == NoLogin.STRANGE_AGENT and self.state.told_lately(shown, peer)):
            at = self.state.clock()
            self.state.emit(events.LoginRefused(at, "", peer, shown, _WHY[why], _CAUSE[why]))
        self._pausing = True
        self.call_later(self.state.limits.refusal_delay, self._reject, user, why)

    def _reject(self, user: str, why: NoLogin) -> None:
        self._pausing = False
        refusal = policy.reject(self.session, user, why)
        self.exchange.adopt(refusal.session)
        if why == NoLogin.NOT_NOW:
            self.dismiss(refusal.line)
            return
        if self._tries >= self.state.limits.login_tries:
            self.dismiss(said.TRIES_UP)
            return
        self.respond(refusal.line)
        self.go_on()

    # --- the end

    def end_login(self, state: State) -> None:
        """The deployment has ended that the login was for: nothing of it is served any more."""
        if not (self._closed or self.leaving):
            self.exchange.adopt(policy.end(self.session, state))
            self.exchange.end()
            self.go_on()

    def _unpark(self, now: float) -> None:
        """Take a download up that was held; as long as it is, nobody counts the time."""
        self.heard = now
        if self.deployment not in self.state.held:
            self._pausing = self._parked = False
            self.go_on()

    def sweep(self, now: float) -> None:
        """Look after time-outs; called about once a second."""
        if self._parked:
            self._unpark(now)
        limits = self.state.limits
        if self.leaving:
            if now - self.leaving > limits.farewell:
                self.close()
        elif not self.session.login and now - self.began > limits.login_seconds:
            self.dismiss(said.IDLE)
        elif self._silent_since:
            if now - self._silent_since > limits.silence:
                self.close()
        elif self.exchange.connecting:
            if now - self.exchange.since > limits.connect:
                self.exchange.data_failed()
        elif not self.exchange.busy and now - self.heard > limits.idle:
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

    def shut(self, line: str, why: str) -> None:
        """Say one last line and close at once; `why` a transfer that was going on was cut."""
        self.exchange.drop(why)
        self.respond(line)
        self.close()

    def close(self) -> None:
        """Close both connections and tell that the client is gone."""
        if self._closed:
            return
        self._note_end()
        try:
            self.exchange.drop("the control connection ended")
        finally:
            give_up(self, self.state)
            super().close()
            if self in self.state.connections:
                self.state.connections.discard(self)
                if self.agent and self.state.agents is not None:
                    self.state.agents.gone(self.agent, self)
                elif not self._known_here or self.deployment:
                    self.state.emit(events.ClientGone(*self.origin()))
