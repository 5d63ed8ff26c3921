"""One FTP client for all servers: many sessions in one event loop, so that its cost is the same.

Received bytes are dropped inside the kernel where it can (MSG_TRUNC), so the figures are those of
the servers. What arrives is checked beforehand, once per server, by `fetch`.
"""

from __future__ import annotations

import select
import socket
import sys
import time
from collections.abc import Callable, Generator
from dataclasses import dataclass, field
from typing import Literal

Wait = Literal["line", "data", "gate"]
Script = Generator[Wait, str, None]

_TRUNCATE = getattr(socket, "MSG_TRUNC", 0) if sys.platform == "linux" else 0
_BUFFER = bytearray(1 << 20)


class UnexpectedReplyError(Exception):
    """A reply that is not what the script expects."""


@dataclass
class Outcome:
    """What one round gave. `stalled` sessions made no progress for the patience of the round."""

    seconds: float
    finished: int = 0
    stalled: int = 0
    failed: int = 0
    moved: int = 0
    why: set[str] = field(default_factory=set)
    gates: list[float] = field(default_factory=list)

    @property
    def between_gates(self) -> float:
        """Seconds from the first gate to the last."""
        return self.gates[-1] - self.gates[0] if len(self.gates) > 1 else float("inf")


class Session:
    """One client: a control connection, a listening socket, a data connection, and its script.

    It comes from the address `source`, or from the one that the system chooses.
    """

    def __init__(self, loop: Loop, script: Callable[[Session], Script], source: str = "") -> None:
        self.loop = loop
        self.control = socket.socket()
        self.control.setblocking(False)
        self.control.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        if source:
            self.control.bind((source, 0))
        self.door: socket.socket | None = None
        self.data: socket.socket | None = None
        self.text = b""
        self.moved = 0
        self.data_done = False
        self.reads = True
        self.heard = time.monotonic()
        self.script = script(self)
        self.waits: Wait | None = None
        self.control.connect_ex(loop.address)
        loop.watch(self.control, self._on_control)
        self.step(None)

    def step(self, value: str | None) -> None:
        """Go on to the script's next wait, and over those that are fulfilled already."""
        try:
            while True:
                self.waits = self.script.send(value)  # type: ignore[arg-type]
                if self.waits == "line" and b"\n" in self.text:
                    value = self._line()
                elif self.waits == "data" and self.data_done:
                    value = ""
                else:
                    return
        except StopIteration:
            self.loop.over(self, "")
        except UnexpectedReplyError as failure:
            self.loop.over(self, str(failure))

    def say(self, line: str) -> None:
        try:
            self.control.send(line.encode() + b"\r\n")
        except OSError as error:
            raise UnexpectedReplyError(str(error)) from error

    def expect(self, line: str, codes: str) -> str:
        if line[:3] not in codes.split():
            raise UnexpectedReplyError(line)
        return line

    def listen(self) -> None:
        """Open a port and say PORT."""
        self.door = socket.socket()
        # thousands of sessions a second leave no port that has rested for a minute
        self.door.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        self.door.bind((self.loop.address[0], 0))
        self.door.listen(1)
        self.door.setblocking(False)
        port = self.door.getsockname()[1]
        self.data_done = False
        self.loop.watch(self.door, self._on_door)
        self.say(f"PORT {self.loop.address[0].replace('.', ',')},{port >> 8},{port & 255}")

    def call(self, line: str) -> None:
        """Call the port that PASV named."""
        numbers = line.split("(")[1].split(")", maxsplit=1)[0].split(",")
        self.data = socket.socket()
        self.data.setblocking(False)
        self.data_done = False
        self.data.connect_ex((self.loop.address[0], int(numbers[4]) * 256 + int(numbers[5])))
        self.loop.watch(self.data, self._on_data)

    def close(self) -> None:
        for sock in (self.control, self.door, self.data):
            if sock is not None:
                self.loop.forget(sock)
        self.door = self.data = None

    def _line(self) -> str:
        """The last line of the next reply: replies of several lines are read over."""
        while b"\n" in self.text:
            line, _, self.text = self.text.partition(b"\n")
            if line[:3].isdigit() and line[3:4] == b" ":
                return line.decode("latin-1").rstrip()
        return ""

    def _on_control(self) -> None:
        self.heard = self.loop.now
        try:
            data = self.control.recv(4096)
        except BlockingIOError:
            return
        except OSError as error:
            self.loop.over(self, str(error))
            return
        if not data:
            self.loop.over(self, "the server closed the connection")
            return
        self.text += data
        if self.waits == "line" and b"\n" in self.text and (line := self._line()):
            self.step(line)

    def _on_door(self) -> None:
        if self.door is None:
            return
        self.heard = self.loop.now
        self.data, _ = self.door.accept()
        self.data.setblocking(False)
        self.loop.forget(self.door)
        self.door = None
        if self.reads:
            self.loop.watch(self.data, self._on_data)

    def _on_data(self) -> None:
        if self.data is None:
            return
        self.heard = self.loop.now
        try:
            got = self.data.recv_into(_BUFFER, len(_BUFFER), _TRUNCATE)
        except BlockingIOError:
            return
        except OSError as error:
            self.loop.over(self, str(error))
            return
        self.moved += got
        if not got:
            self.loop.forget(self.data)
            self.data = None
            self.data_done = True
            if self.waits == "data":
                self.step("")


class Loop:
    """Runs sessions until all are over, or until a deadline."""

    def __init__(
        self,
        address: tuple[str, int],
        patience: float,
        at_gate: Callable[[int], None] = lambda _: None,
    ) -> None:
        self.address = address
        self.patience = patience
        self.now = time.monotonic()
        self.outcome = Outcome(0.0)
        self.open: set[Session] = set()
        self._poll = select.epoll()
        self._calls: dict[int, Callable[[], None]] = {}
        self._at_gate = at_gate

    def watch(self, sock: socket.socket, call: Callable[[], None]) -> None:
        self._calls[sock.fileno()] = call
        self._poll.register(sock.fileno(), select.EPOLLIN)

    def forget(self, sock: socket.socket) -> None:
        if sock.fileno() in self._calls:
            del self._calls[sock.fileno()]
            self._poll.unregister(sock.fileno())
        sock.close()

    def over(self, session: Session, why: str) -> None:
        if session not in self.open and session.control.fileno() < 0:
            return
        session.close()
        self.open.discard(session)
        self.outcome.moved += session.moved
        if why:
            self.outcome.failed += 1
            self.outcome.why.add(why)
        else:
            self.outcome.finished += 1

    def run(
        self, script: Callable[[Session], Script], *, at_once: int, total: int, limit: float
    ) -> Outcome:
        """Keep `at_once` sessions going until `total` have begun and ended."""
        begun = 0
        start = time.monotonic()
        while (begun < total or self.open) and time.monotonic() - start < limit:
            while begun < total and len(self.open) < at_once:
                session = Session(self, script)
                if session.control.fileno() >= 0:
                    self.open.add(session)
                begun += 1
            self.turn()
            if begun == total:
                self._open_gate()
        self.outcome.seconds = time.monotonic() - start
        for session in tuple(self.open):
            self.outcome.stalled += 1
            self.over(session, "the round was over")
            self.outcome.failed -= 1
        self._poll.close()
        return self.outcome

    def _open_gate(self) -> None:
        """When all sessions wait at a gate, note the time and let them through together."""
        waiting = tuple(self.open)
        if waiting and all(session.waits == "gate" for session in waiting):
            self._at_gate(len(self.outcome.gates))
            self.outcome.gates.append(time.monotonic())
            for session in waiting:
                session.heard = time.monotonic()
                session.step("")

    def turn(self) -> None:
        """One round of events; sessions that stand still are given up."""
        events = self._poll.poll(0.2)
        self.now = time.monotonic()
        for number, _ in events:
            if call := self._calls.get(number):
                call()
        if len(events) < len(self.open):
            for session in tuple(self.open):
                if session.waits != "gate" and self.now - session.heard > self.patience:
                    self.outcome.stalled += 1
                    self.over(session, "stood still")
                    self.outcome.failed -= 1


def log_in(session: Session) -> Script:
    """Greeting, name, password, binary."""
    session.expect((yield "line"), "220")
    session.say("USER anonymous")
    session.expect((yield "line"), "331 230")
    session.say("PASS bench@")
    session.expect((yield "line"), "230")
    session.say("TYPE I")
    session.expect((yield "line"), "200")


def get(session: Session, name: str, *, passive: bool) -> Script:
    """One download."""
    if passive:
        session.say("PASV")
        session.call(session.expect((yield "line"), "227"))
    else:
        session.listen()
        session.expect((yield "line"), "200")
    session.say(f"RETR {name}")
    session.expect((yield "line"), "125 150")
    yield "data"
    session.expect((yield "line"), "226")


def whole_session(name: str, *, passive: bool) -> Callable[[Session], Script]:
    """Login, one file, quit: what FTP.EXE does with a script."""

    def script(session: Session) -> Script:
        yield from log_in(session)
        yield from get(session, name, passive=passive)
        session.say("QUIT")
        session.expect((yield "line"), "221")

    return script


def together(name: str) -> Callable[[Session], Script]:
    """All log in, then all get a file at the same time in active mode, then all quit."""

    def script(session: Session) -> Script:
        yield from log_in(session)
        yield "gate"
        yield from get(session, name, passive=False)
        yield "gate"
        session.say("QUIT")
        session.expect((yield "line"), "221")

    return script


def held(name: str) -> Callable[[Session], Script]:
    """All log in and begin to get a file without reading it, then all go."""

    def script(session: Session) -> Script:
        yield from log_in(session)
        session.reads = False
        session.listen()
        session.expect((yield "line"), "200")
        session.say(f"RETR {name}")
        session.expect((yield "line"), "125 150")
        yield "gate"

    return script


def only_login() -> Callable[[Session], Script]:
    """Login and quit."""

    def script(session: Session) -> Script:
        yield from log_in(session)
        session.say("QUIT")
        session.expect((yield "line"), "221")

    return script
