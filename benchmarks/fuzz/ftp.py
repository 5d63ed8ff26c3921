"""Sessions of FTP as nobody should hold them: anything, in any order, on several connections."""

from __future__ import annotations

import contextlib
import re
import select
import socket
import struct
from dataclasses import dataclass, field

from hypothesis import strategies as st
from hypothesis.stateful import Bundle, RuleBasedStateMachine, consumes, invariant, rule

from benchmarks.fuzz.known import GO_BAT, MODEL, TOKEN, USER
from benchmarks.fuzz.world import PATIENCE, Served, WellBehaved
from deployer.core.ftp.policy import TABLE

_REPLY = re.compile(rb"[1-5][0-9][0-9] [ -~]{1,96}\r\n")
_RESET = struct.pack("ii", 1, 0)
_SERVED = (GO_BAT, MODEL, b"inner\r\n", b"got it\r\n")
_MOST_OPEN = 12

NAMES = st.sampled_from(
    ["GO.BAT", "model.001", "MODEL.002", "SUB\\INNER.TXT", "/SUB/INNER.TXT", "GOTIT.TXT", "SUB",
     "RESULT.TXT", "OUTPUT.TXT", "INFO.TXT", "..", "../../etc/passwd", "C:\\CON", "*.*", "-al *",
     "A" * 300, "\xe4\xf6", "%s%n", ""]
)  # fmt: skip
ARGUMENTS = NAMES | st.text(max_size=20) | st.integers(-9, 1 << 70).map(str)
LINES = st.tuples(st.sampled_from(sorted(TABLE)), ARGUMENTS).map(" ".join)
BYTES = (
    st.binary(max_size=60)
    | LINES.map(lambda line: line.encode("utf-8", "replace") + b"\r\n")
    | st.sampled_from([b"\r\n" * 40, b"A" * 5000, b"\xff\xf4\xff\xf2ABOR\r\n", b"\0\n", b"NOOP\n"])
)


@dataclass
class Session:
    """A control connection, and the sockets that belong to it."""

    sock: socket.socket
    listening: list[socket.socket] = field(default_factory=list)
    data: list[socket.socket] = field(default_factory=list)
    heard: bytes = b""
    ended: bool = False

    def send(self, data: bytes) -> None:
        """As much as the server takes."""
        try:
            self.sock.send(data)
        except BlockingIOError:
            pass
        except OSError:
            self.ended = True

    def hear(self, seconds: float = 0.0) -> list[bytes]:
        """The replies that are there, or that come until something does; each must be one line."""
        if not self.ended and select.select([self.sock], [], [], seconds)[0]:
            try:
                data = self.sock.recv(1 << 16)
            except OSError:
                data = b""
            self.ended = not data
            self.heard += data
        *lines, self.heard = self.heard.split(b"\n")
        for line in lines:
            assert _REPLY.fullmatch(line + b"\n"), line
        return lines

    def close(self, *, reset: bool) -> None:
        """All of it."""
        for sock in (self.sock, *self.listening, *self.data):
            with contextlib.suppress(OSError):
                if reset:
                    sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _RESET)
            sock.close()
        self.ended = True


class FtpSessions(RuleBasedStateMachine):
    """`served` and `client` are set for the whole run."""

    served: Served
    client: WellBehaved
    steps = 0

    sessions = Bundle("sessions")

    def __init__(self) -> None:
        super().__init__()
        self.open: list[Session] = []

    @invariant()
    def everything_is_well(self) -> None:
        """The server lives, its replies are replies, and the well-behaved client is served."""
        type(self).steps += 1
        self.client.check()
        assert self.served.process.poll() is None, self.served.said
        for session in self.open:
            session.hear()

    @rule(target=sessions, last=st.integers(2, 9))
    def call(self, last: int) -> Session:
        """Connect: 127.0.0.2 is awaited as the well-behaved client is, the others are not."""
        if len(self.open) >= _MOST_OPEN:
            self.open.pop(0).close(reset=False)
        place = ("127.0.0.1", self.served.ports["ftp"])
        address = (f"127.0.0.{last if last > 4 else 2}", 0)
        sock = socket.create_connection(place, PATIENCE, source_address=address)
        sock.setblocking(False)
        session = Session(sock)
        self.open.append(session)
        return session

    @rule(session=sessions, data=BYTES)
    def say_anything(self, session: Session, data: bytes) -> None:
        """Whole lines, halves of them, and no lines at all."""
        session.send(data)

    @rule(session=sessions, right=st.booleans())
    def log_in(self, session: Session, right: bool) -> None:
        """As GO.BAT does."""
        session.send(f"USER {USER}\r\nPASS {TOKEN if right else 'guess'}\r\nTYPE I\r\n".encode())

    @rule(session=sessions, verb=st.sampled_from(["RETR", "STOR", "LIST", "NLST"]), name=NAMES)
    def transfer_to_a_port(self, session: Session, verb: str, name: str) -> None:
        """Listen, say where, and ask."""
        with contextlib.suppress(OSError):
            listening = socket.create_server((session.sock.getsockname()[0], 0))
            listening.setblocking(False)
            session.listening.append(listening)
            host, port = listening.getsockname()
            where = f"{host.replace('.', ',')},{port >> 8},{port & 255}"
            session.send(f"PORT {where}\r\n{verb} {name}\r\n".encode("latin-1"))

    @rule(session=sessions, verb=st.sampled_from(["RETR", "STOR", "LIST"]), name=NAMES)
    def transfer_by_pasv(self, session: Session, verb: str, name: str) -> None:
        """Ask for a port, and go there if it is named."""
        session.send(b"PASV\r\n")
        for line in session.hear(0.01):
            if found := re.search(rb"\((?:[0-9]+,){4}([0-9]+),([0-9]+)\)", line):
                port = int(found[1]) * 256 + int(found[2])
                source = (session.sock.getsockname()[0], 0)
                with contextlib.suppress(OSError):
                    sock = socket.create_connection(("127.0.0.1", port), 5, source_address=source)
                    sock.setblocking(False)
                    session.data.append(sock)
        session.send(f"{verb} {name}\r\n".encode("latin-1"))

    @rule(session=sessions)
    def take_data(self, session: Session) -> None:
        """Take the server's call, and some of what it sends: nothing but what it may."""
        for listening in session.listening:
            with contextlib.suppress(OSError):
                sock, _ = listening.accept()
                sock.setblocking(False)
                session.data.append(sock)
        for sock in session.data:
            with contextlib.suppress(OSError):
                got = sock.recv(3000)
                listing = b"deployer deployer" in got or re.fullmatch(rb"[ -~\r\n]*", got)
                assert listing or any(got in whole for whole in _SERVED), got[:80]

    @rule(session=sessions, data=st.binary(max_size=200) | st.just(bytes(200_000)))
    def send_data(self, session: Session, data: bytes) -> None:
        """An upload's bytes, or bytes where none are wanted."""
        for sock in session.data:
            with contextlib.suppress(OSError):
                sock.send(data)

    @rule(session=sessions, reset=st.booleans())
    def end_data(self, session: Session, reset: bool) -> None:
        """Close the data connections, politely or not."""
        for sock in session.data:
            with contextlib.suppress(OSError):
                if reset:
                    sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _RESET)
            sock.close()
        session.data.clear()

    @rule(session=sessions)
    def stop_and_ask(self, session: Session) -> None:
        """Whatever went on: ABOR and NOOP are answered, or the server has hung up."""
        session.send(b"\r\nABOR\r\nNOOP\r\n")
        lines: list[bytes] = []
        for _ in range(200):
            if session.ended or b"200 Here.\r" in lines:
                return
            lines += session.hear(PATIENCE / 4)
        raise AssertionError(f"no answer to NOOP, but {lines}")

    @rule(session=consumes(sessions), reset=st.booleans())
    def hang_up(self, session: Session, reset: bool) -> None:
        """Close everything."""
        session.close(reset=reset)
        if session in self.open:
            self.open.remove(session)

    def teardown(self) -> None:
        """Nothing stays open."""
        for session in self.open:
            session.close(reset=True)
