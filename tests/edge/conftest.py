"""A running FTP server for tests: real sockets on loopback, every event kept."""

from __future__ import annotations

import ftplib
import random
import socket
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from deployer.core.ftp.session import GREETING, NoLogin
from deployer.edge.files import stamp_of
from deployer.edge.ftp.server import FtpLimits, FtpServer, UploadVerdict
from deployer.events import ClientGone, Event
from deployer.model import UPLOAD_LIMITS, Blob, Entry, Share, Slice
from tests.waiting import PATIENCE, until

USER, TOKEN = "D7F3A21C", "secret77"
GO = b"@ECHO OFF\r\nECHO hello\r\n"


def pattern(length: int, seed: int = 7) -> bytes:
    """Bytes in which every damage shows: line ends of all kinds, 1Ah, telnet signs, no period."""
    generator = random.Random(seed)
    head = b"\r\n\n\r\x1a\xff\xf4\xff\xf2\0"
    return (head + generator.randbytes(max(0, length - len(head))))[:length]


def cut(path: Path, name: str, offset: int, length: int, **more: Any) -> Entry:
    """A part: a slice of a file as it is now."""
    now = path.stat()
    return Entry(name, Slice(str(path), offset, length, stamp_of(now)), **more)


@dataclass
class Authorizer:
    """Knows one deployment and what an anonymous guest sees."""

    share: Share
    guest: Share | None
    asked: list[tuple[str, str, str]] = field(default_factory=list)
    verdicts: list[UploadVerdict] = field(default_factory=list)
    refusal: NoLogin = NoLogin.UNKNOWN
    awaited: tuple[str, ...] = ("127.0.0.1",)
    thread: threading.Thread | None = None
    not_written: list[tuple[str, str, str]] = field(default_factory=list)

    def login(self, user: str, password: str, peer: str, at: str) -> Share | NoLogin:
        del at
        self.asked.append((user, password, peer))
        self.thread = threading.current_thread()
        if user == "D0000BAD":
            raise RuntimeError("the authorizer fell over")
        if user == "anonymous":
            return self.guest or NoLogin.NOTHING
        return self.share if (user, password) == (USER, TOKEN) else self.refusal

    def awaits(self, peer: str) -> bool:
        return peer in self.awaited

    def takes(self, deployment: str, peer: str, at: str) -> bool:
        del deployment, peer, at
        return True

    def unkept(self, deployment: str, name: str, why: str) -> None:
        self.not_written.append((deployment, name, why))

    def accepts(self, deployment: str, name: str, data: bytes) -> UploadVerdict:
        if name == "RESULT.TXT" and data.startswith(b"mangled"):
            return UploadVerdict.NOT_WHOLE
        return self.verdicts.pop(0) if self.verdicts else UploadVerdict.KEEP


@dataclass
class Served:
    """A server, the share that it serves, and what it told."""

    server: FtpServer
    port: int
    authorizer: Authorizer
    inbox: Path
    model: Path
    events: list[Event]

    def told(self, kind: type, **fields: Any) -> list[Any]:
        """The events of a kind with these fields."""
        return [
            event
            for event in tuple(self.events)
            if isinstance(event, kind)
            and all(getattr(event, name) == value for name, value in fields.items())
        ]

    def wait(self, kind: type, count: int = 1, **fields: Any) -> Any:
        """The last of `count` such events, as soon as they are there."""
        until(
            lambda: len(self.told(kind, **fields)) >= count,
            lambda: f"{kind.__name__} {fields} in {self.events}",
        )
        return self.told(kind, **fields)[-1]

    def client(self, *, passive: bool = True, login: bool = True) -> ftplib.FTP:
        """ftplib's client, logged in."""
        ftp = ftplib.FTP(timeout=PATIENCE)
        ftp.connect("127.0.0.1", self.port)
        ftp.set_pasv(passive)
        if login:
            ftp.login(USER, TOKEN)
        return ftp

    def talk(self, *, login: bool = True) -> Talk:
        """A control connection on which anything can be said."""
        talk = Talk(socket.create_connection(("127.0.0.1", self.port), PATIENCE))
        assert talk.line() == GREETING
        if login:
            assert talk.say(f"USER {USER}")[:3] == "331"
            assert talk.say(f"PASS {TOKEN}")[:3] == "230"
        return talk

    def all_gone(self, count: int = 1) -> None:
        """Wait until the sessions have ended."""
        self.wait(ClientGone, count)


class Talk:
    """A control connection, byte by byte; every reply must be one line."""

    def __init__(self, sock: socket.socket) -> None:
        self.sock = sock
        self._buffer = b""

    def send(self, data: bytes) -> None:
        self.sock.sendall(data)

    def line(self) -> str:
        """The next line; "" at the end of the connection."""
        while b"\n" not in self._buffer:
            try:
                data = self.sock.recv(4096)
            except ConnectionError:
                data = b""
            if not data:
                return ""
            self._buffer += data
        line, _, self._buffer = self._buffer.partition(b"\n")
        assert line.endswith(b"\r"), line
        text = line[:-1].decode("ascii")
        assert text[:3].isdecimal(), text
        assert text[3] == " ", text
        assert len(text) <= 100, text
        return text

    def say(self, command: str | bytes) -> str:
        data = command if isinstance(command, bytes) else command.encode()
        self.send(data + b"\r\n")
        return self.line()

    def quiet(self, seconds: float = 0.05) -> bool:
        """True when nothing more comes for a moment."""
        self.sock.settimeout(seconds)
        try:
            self._buffer += self.sock.recv(4096)
        except TimeoutError:
            pass
        finally:
            self.sock.settimeout(PATIENCE)
        return not self._buffer

    def listen(self) -> socket.socket:
        """Listen as FTP.EXE does, and say PORT."""
        sock = socket.create_server(("127.0.0.1", 0))
        sock.settimeout(PATIENCE)
        port = sock.getsockname()[1]
        assert self.say(f"PORT 127,0,0,1,{port >> 8},{port & 255}")[:3] == "200"
        return sock

    def fetch(self, command: str) -> tuple[list[str], bytes]:
        """The replies and the bytes of a transfer in active mode."""
        with self.listen() as door:
            first = self.say(command)
            if not first.startswith("1"):
                return [first], b""
            data, _ = door.accept()
            with data:
                got = read_all(data)
            return [first, self.line()], got

    def close(self) -> None:
        self.sock.close()

    def __enter__(self) -> Talk:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


def read_all(sock: socket.socket) -> bytes:
    """Everything until the other side ends."""
    pieces = []
    while data := sock.recv(1 << 16):
        pieces.append(data)
    return b"".join(pieces)


Serve = Callable[..., Served]


@pytest.fixture
def serve(tmp_path: Path) -> Iterator[Serve]:
    """Start servers on loopback; they are closed after the test."""
    running: list[FtpServer] = []

    def start(*more: Entry, limits: FtpLimits | None = None, length: int = 300_000) -> Served:
        model = tmp_path / "stories.bin"
        if not model.exists():
            model.write_bytes(pattern(length))
        half = length // 2
        share = Share(
            USER,
            (
                Entry("GO.BAT", Blob(GO), text=True),
                Entry("DEPLOY98.EXE", Blob(b"MZ" + pattern(9000))),
                cut(model, "STORI260.001", 0, half),
                cut(model, "STORI260.002", half, length - half, long_name="stories.part two"),
                Entry("EMPTY.TXT", Blob(b""), text=True),
                Entry("SUB/INNER.BIN", Blob(b"inner\n"), long_name="sub/Inner File.bin"),
                *more,
            ),
            UPLOAD_LIMITS,
            mtime=1_700_000_000.0,
        )
        guest = Share("", (Entry("GO.BAT", Blob(GO), text=True),), mtime=1_700_000_000.0)
        authorizer = Authorizer(share, guest)
        told: list[Event] = []
        server = FtpServer(
            address="127.0.0.1",
            port=0,
            authorizer=authorizer,
            inbox_dir=tmp_path / "inbox",
            emit=told.append,
            limits=limits or FtpLimits(refusal_delay=0.0),
        )
        port = server.start()
        running.append(server)
        return Served(server, port, authorizer, tmp_path / "inbox", model, told)

    yield start
    for server in running:
        server.close()
