"""A host for AGENT98 that is as small as it can be: orders, answers and files by FTP on loopback.

It keeps the agent's protocol as the real server does, and it can harm a connection: `cut` says
after how many bytes (both ways, on all connections) every connection is closed at once.
"""

from __future__ import annotations

import contextlib
import hashlib
import socket
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from urllib.parse import unquote_to_bytes

ID, TOKEN = "A-0BADCAFE", "0123456789abcdef0123456789abcdef"


def words(*arguments: str | int) -> str:
    """Arguments of an order, coded."""
    return " ".join(_coded(str(argument)) for argument in arguments)


def _coded(text: str) -> str:
    plain = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789._-:"
    return "".join(c if c in plain else f"%{c.encode('cp1252')[0]:02X}" for c in text)


@dataclass(slots=True)
class Order:
    """One order, and what came of it."""

    id: str
    text: str
    carried: bytes = field(default=b"", repr=False)
    given: int = 0
    answer: str | None = None
    answers: int = 0


@dataclass(slots=True)
class Host:
    """The host's side. All fields may be read at any time; `wait_for` waits for a change."""

    port: int = 0
    orders: list[Order] = field(default_factory=list)
    hellos: list[dict[str, str]] = field(default_factory=list)
    byes: list[str] = field(default_factory=list)
    uploads: dict[str, bytearray] = field(default_factory=dict)
    files: dict[str, bytes] = field(default_factory=dict)
    shares: dict[str, dict[str, bytes]] = field(default_factory=dict)
    """What a deployment is, by its login."""
    logins: dict[str, str] = field(default_factory=lambda: {ID: TOKEN})
    cut: int | None = None
    cuts: int = 0
    wait_seconds: float = 50.0
    limit: int = 64 << 20
    ask: bool = False
    worker: bytes = b""
    change: threading.Condition = field(default_factory=threading.Condition)
    sockets: set[socket.socket] = field(default_factory=set)
    closing: bool = False
    lines: list[str] = field(default_factory=list)

    def give(self, verb: str, *arguments: str | int, carried: bytes = b"") -> Order:
        """Give an order."""
        with self.change:
            number = f"{len(self.orders) + 1:08X}"
            order = Order(number, f"{verb} {words(*arguments)}".rstrip(), carried)
            self.orders.append(order)
            self.change.notify_all()
        return order

    def wait_for(self, ready: Callable[[], object], seconds: float = 30.0) -> bool:
        """Whether `ready` came true in time; asked when something came, and now and then."""
        end = time.monotonic() + seconds
        with self.change:
            while not ready():
                if time.monotonic() > end:
                    return False
                self.change.wait(0.05)
        return True

    def answer(self, order: Order, seconds: float = 30.0) -> str:
        """The answer to an order, in words; AssertionError when none comes."""
        assert self.wait_for(lambda: order.answer is not None, seconds), (order, self.lines[-20:])
        return str(order.answer)

    def do(
        self, verb: str, *arguments: str | int, carried: bytes = b"", seconds: float = 30.0
    ) -> str:
        """Give an order and wait for its answer."""
        return self.answer(self.give(verb, *arguments, carried=carried), seconds)

    def upload(self, order: Order, kind: str = "A") -> bytes:
        """What came of an order: its answer (A) or its output (O)."""
        return bytes(self.uploads.get(f"{kind}.{order.id}", b""))

    # -- the wire --------------------------------------------------------------------------------

    def count(self, size: int) -> None:
        """Bytes have come or gone; every connection is closed when it is time for it."""
        with self.change:
            if self.cut is None:
                return
            self.cut -= size
            if self.cut >= 0:
                return
            self.cut = None
            self.cuts += 1
        self.hang_up()

    def hang_up(self) -> None:
        """Close every connection."""
        for sock in list(self.sockets):
            with contextlib.suppress(OSError):
                sock.shutdown(socket.SHUT_RDWR)


def _fields(text: str) -> dict[str, str]:
    pairs = (word.partition("=") for word in text.split())
    return {key: unquote_to_bytes(value).decode("cp1252") for key, _, value in pairs}


class Session:
    """One control connection."""

    def __init__(self, host: Host, sock: socket.socket) -> None:
        self.host, self.sock = host, sock
        self.user = ""
        self.agent = False
        self.told: set[str] = set()
        self.busy = ""
        self.listener: socket.socket | None = None
        self.rest = 0
        self.buffer = b""

    def say(self, text: str) -> None:
        line = text.encode("cp1252") + b"\r\n"
        self.sock.sendall(line)
        self.host.count(len(line))

    def line(self, timeout: float | None = None) -> str | None:
        """The next line; None at the end of the connection. TimeoutError."""
        self.sock.settimeout(timeout)
        while b"\n" not in self.buffer:
            data = self.sock.recv(4096)
            self.host.count(len(data))
            if not data:
                return None
            self.buffer += data
        line, _, self.buffer = self.buffer.partition(b"\n")
        return line.rstrip(b"\r").decode("cp1252")

    def serve(self) -> None:
        self.say("220 Here.")
        while (line := self.line()) is not None:
            with self.host.change:
                self.host.lines.append(line)
                self.host.change.notify_all()
            verb, _, argument = line.partition(" ")
            if verb == "QUIT":
                self.say("221 Bye.")
                return
            self.obey(verb, argument)

    def obey(self, verb: str, argument: str) -> None:
        host = self.host
        match verb:
            case "USER":
                self.user = argument
                self.say("331 Password.")
            case "PASS":
                known = host.logins.get(self.user) == argument
                self.say("230 In." if known else "530 fetch GO.BAT again")
            case "TYPE":
                self.say("200 Binary.")
            case "PASV":
                self.listener = socket.create_server(("127.0.0.1", 0))
                port = self.listener.getsockname()[1]
                self.say(f"227 Passive (127,0,0,1,{port >> 8},{port & 255}).")
            case "SIZE":
                size = self.size(argument)
                self.say("550 None." if size is None else f"213 {size}")
            case "REST":
                self.rest = int(argument)
                self.say("350 Yes.")
            case "STOR":
                self.store(argument)
            case "RETR":
                self.retrieve(argument)
            case "SITE":
                self.site(argument)
            case _:
                self.say("500 No.")

    def size(self, name: str) -> int | None:
        content = self.content(name)
        if content is not None:
            return len(content)
        return len(self.host.uploads[name]) if name in self.host.uploads else None

    def content(self, name: str) -> bytes | None:
        if self.user in self.host.shares:
            return self.host.shares[self.user].get(name)
        kind, _, number = name.partition(".")
        if kind == "F":
            return next((o.carried for o in self.host.orders if o.id == number), None)
        if name == "AGENT98W.EXE":
            return self.host.worker
        return self.host.files.get(name)

    def data(self) -> socket.socket:
        assert self.listener is not None
        self.listener.settimeout(10)
        sock = self.listener.accept()[0]
        self.listener.close()
        self.listener = None
        self.host.sockets.add(sock)
        return sock

    def store(self, name: str) -> None:
        host = self.host
        rest, self.rest = self.rest, 0
        self.say("150 Go on.")
        with self.data() as sock:
            login = f"{self.user}/" if self.user in host.shares else ""
            kept = host.uploads.setdefault(login + name, bytearray())
            if name.startswith("O."):
                del kept[rest:]
            else:
                kept.clear()
            while data := sock.recv(65536):
                host.count(len(data))
                with host.change:
                    kept += data
                    host.change.notify_all()
                if len(kept) > host.limit:
                    self.say("552 Too much.")
                    return
            host.sockets.discard(sock)
        self.say("226 Kept.")

    def retrieve(self, name: str) -> None:
        content = self.content(name)
        if content is None:
            self.say("550 None.")
            return
        self.say("150 Here.")
        with self.data() as sock:
            at = 0
            while at < len(content):
                cut = self.host.cut
                some = content[at : at + (4096 if cut is None else max(1, min(4096, cut + 1)))]
                sock.sendall(some)
                self.host.count(len(some))
                at += len(some)
            self.host.sockets.discard(sock)
        self.say("226 Sent.")

    def site(self, argument: str) -> None:
        host = self.host
        word, _, rest = argument.partition(" ")
        match word:
            case "HELLO":
                self.agent = True
                said = _fields(rest.partition(" ")[2])
                self.busy = said["state"].partition(":")[2]
                with host.change:
                    host.hellos.append(said)
                    host.change.notify_all()
                told = f"{len(host.worker)} {hashlib.sha256(host.worker).hexdigest()}"
                self.say(f"200 HELLO {told}")
            case "WAIT":
                self.wait()
            case "DONE":
                number, _, answer = rest.partition(" ")
                with host.change:
                    for order in host.orders:
                        if order.id == number:
                            order.answer = unquote_to_bytes(answer).decode("cp1252")
                            order.answers += 1
                    host.change.notify_all()
                self.say(f"200 DONE {number}")
            case "BYE":
                with host.change:
                    host.byes.append(rest)
                    host.change.notify_all()
                self.say("200 BYE")
            case _:
                self.say("501 No.")

    def wait(self) -> None:
        """Answer when there is an order, or when the agent says something else."""
        host, end = self.host, time.monotonic() + self.host.wait_seconds
        while time.monotonic() < end:
            with host.change:
                for order in host.orders:
                    if order.answer is None and order.id not in self.told and order.id != self.busy:
                        self.told.add(order.id)
                        order.given += 1
                        host.change.notify_all()
                        text = "ASK" if host.ask and order.given > 1 else order.text
                        self.say(f"200 ORDER {order.id} {text}")
                        return
            self.sock.settimeout(0.02)
            try:
                data = self.sock.recv(4096)
            except TimeoutError:
                continue
            host.count(len(data))
            self.buffer += data
            break
        self.say("200 NONE")


@contextlib.contextmanager
def hosting(**settings: object) -> Iterator[Host]:
    """A host on a port of loopback."""
    host = Host(**settings)  # type: ignore[arg-type]
    server = socket.create_server(("127.0.0.1", 0), backlog=64)
    host.port = server.getsockname()[1]

    def one(sock: socket.socket) -> None:
        session = Session(host, sock)
        try:
            with sock:
                session.serve()
        except (OSError, AssertionError, ValueError):
            pass
        finally:
            host.sockets.discard(sock)
            if session.listener is not None:
                session.listener.close()

    def accept() -> None:
        while True:
            try:
                sock = server.accept()[0]
            except OSError:
                return
            host.sockets.add(sock)
            threading.Thread(target=one, args=(sock,), daemon=True).start()

    thread = threading.Thread(target=accept, daemon=True)
    thread.start()
    try:
        yield host
    finally:
        with contextlib.suppress(OSError):
            server.shutdown(socket.SHUT_RDWR)
        server.close()
        host.hang_up()


def settings_text(port: int, *, stay: int = 1, name: str = "") -> bytes:
    """AGENT98.INI."""
    lines = ["[AGENT98]", "host=127.0.0.1", f"port={port}", f"id={ID}", f"token={TOKEN}"]
    return "\r\n".join([*lines, f"name={name}", f"stay={stay}", ""]).encode("cp1252")
