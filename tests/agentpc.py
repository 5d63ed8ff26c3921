"""An old PC with an agent on it, as the protocol has it: the tests' own AGENT98.EXE, in a thread.

It keeps a journal as the real one does, can be switched off at any step (`stop_at`), loses its
connections when told to (`cut`), and calls again by itself.
"""

from __future__ import annotations

import contextlib
import ftplib
import secrets
import select
import socket
import struct
import threading
from collections import deque
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

from deployer.core.agents import verbs
from deployer.core.agents.verbs import (
    Ask,
    Forget,
    Get,
    Go,
    Info,
    Keys,
    Kill,
    List,
    Power,
    Put,
    Remove,
    Run,
    Screen,
    Time,
    Upgrade,
    Verb,
)  # fmt: skip
from deployer.core.agents.words import encode
from tests.waiting import PATIENCE

STEPS = ("got", "taken", "done", "told")
"""Where it can be switched off: an order has come; the journal says so; it is done and the journal
says so; the host was told, and its reply is not awaited.
"""


class PowerOff(Exception):
    """The PC is switched off here."""


class Program:
    """A program that an order has started: what it prints leaves at once."""

    def __init__(self, pc: AgentPC, identity: str, run: Run, given: bytes) -> None:
        self.pc, self.identity, self.run, self.given = pc, identity, run, given
        self.printed = b""
        self.killed = threading.Event()
        self._lock = threading.Lock()
        self._ftp: ftplib.FTP | None = None
        self._data: socket.socket | None = None

    def write(self, data: bytes) -> None:
        """Print. What a lost connection has not carried goes over the next."""
        with self._lock:
            self.printed += data
            for _try in range(2000):
                try:
                    if self._data is None:
                        data = self._connect()
                    assert self._data is not None
                    self._data.sendall(data)
                except (OSError, EOFError, ftplib.Error):
                    self._drop()
                    if self.pc.off.wait(0.05):
                        raise PowerOff from None
                else:
                    return
            raise AssertionError("the output never left")

    def _connect(self) -> bytes:
        """A connection; what is left to send over it."""
        ftp = self._ftp = self.pc.second()
        name = f"O.{self.identity}"
        here = ftp.size(name) or 0
        self._data = ftp.transfercmd(f"STOR {name}", rest=here or None)
        return self.printed[here:]

    def _drop(self) -> None:
        for end in (self._data, self._ftp):
            if end is not None:
                end.close()
        self._data = self._ftp = None

    def close(self) -> None:
        """The end of the output, which the host has confirmed."""
        self.write(b"")
        with self._lock:
            assert self._data is not None
            assert self._ftp is not None
            self._data.shutdown(socket.SHUT_WR)  # the kernel knows whose it is until it is closed
            self._ftp.voidresp()
            self._drop()

    def cut(self) -> None:
        """Its connection breaks."""
        with contextlib.suppress(OSError):
            if self._data is not None:
                self._data.shutdown(socket.SHUT_RDWR)


Play = Callable[[Program], int]


@dataclass
class AgentPC:
    """Use it as a context manager: it is switched on within."""

    port: int
    agent: str
    token: str
    play: Play = lambda program: program.close() or 0
    go: Callable[[Go], None] = lambda _go: None
    name: str = "pentium"
    host: str = "127.0.0.1"
    files: dict[str, bytes] = field(default_factory=dict)
    screen: bytes = b""
    wait: int = 50
    stop_at: dict[str, str] = field(default_factory=dict)
    done: list[tuple[str, str]] = field(default_factory=list)
    journal: dict[str, str] = field(default_factory=dict)
    heard: list[str] = field(default_factory=list)
    refused: list[str] = field(default_factory=list)
    boot: str = ""
    page: int = 1252
    damaged: list[str] = field(default_factory=list)
    """What the next orders are refused with, before anything of them is done."""
    wakes: bool = False
    """Somebody switches it on again as soon as it is off."""

    def __post_init__(self) -> None:
        self.off = threading.Event()
        self.off.set()
        self.running: dict[str, Program] = {}
        self.silent = threading.Event()
        self._outbox: deque[tuple[str, str]] = deque()
        self._thread: threading.Thread | None = None
        self._sock: socket.socket | None = None

    def __enter__(self) -> AgentPC:
        self.switch_on()
        return self

    def __exit__(self, *_exc: object) -> None:
        self.switch_off()

    def switch_on(self) -> None:
        """Windows starts, and the agent with it."""
        self.switch_off()
        self.off.clear()
        self.boot = secrets.token_hex(4).upper()
        self.running = {}
        self._outbox.clear()
        self._thread = threading.Thread(target=self._live, daemon=True)
        self._thread.start()

    def switch_off(self) -> None:
        """At once, in whatever it is about."""
        self.off.set()
        self.cut()
        for program in tuple(self.running.values()):
            program.killed.set()
            program.cut()
        if self._thread is not None and self._thread is not threading.current_thread():
            self._thread.join(PATIENCE)
            self._thread = None

    def cut(self) -> None:
        """The control connection breaks; the agent calls again."""
        with contextlib.suppress(OSError):
            if self._sock is not None:
                self._sock.shutdown(socket.SHUT_RDWR)

    def second(self) -> ftplib.FTP:
        """A second connection, for data."""
        ftp = ftplib.FTP(timeout=PATIENCE)
        ftp.connect(self.host, self.port)
        ftp.login(self.agent, self.token)
        ftp.voidcmd("TYPE I")
        return ftp

    # --- its life

    def _live(self) -> None:
        while not self.off.is_set():
            with contextlib.suppress(OSError, EOFError):
                try:
                    self._call()
                except PowerOff:
                    self.off.set()
                    for program in tuple(self.running.values()):
                        program.killed.set()
                        program.cut()
                    return
            self.off.wait(0.05)

    def _call(self) -> None:
        with socket.create_connection((self.host, self.port), PATIENCE) as sock:
            self._sock = sock
            if self.off.is_set():
                return
            lines = _lines(sock)
            next(lines)
            for said in (f"USER {self.agent}", f"PASS {self.token}"):
                answer = self._say(sock, lines, said)
            if not answer.startswith("230"):
                self.refused.append(answer)
                self.off.wait(0.2)
                return
            self._say(sock, lines, self.hello())
            self._obey(sock)

    def hello(self) -> str:
        """What it says of itself."""
        busy = next(iter(self.running), "")
        state = f"busy:{busy}" if busy else "idle"
        return (
            f"SITE HELLO 1 boot={self.boot} ver=1 name={encode(self.name)} win=4.10.2222"
            f" cpu={encode('Pentium II 350')} mem=65536 free=2048000 state={state} new=thing"
        )

    def _say(self, sock: socket.socket, lines: Iterator[str], line: str) -> str:
        sock.sendall(line.encode("ascii") + b"\r\n")
        return next(lines)

    def _obey(self, sock: socket.socket) -> None:
        """Wait for orders; tell what has ended as soon as it has."""
        waits = deque[bool]()  # whether each reply that is to come is one to a WAIT
        buffer = b""
        sock.sendall(f"SITE WAIT {self.wait}\r\n".encode())
        waits.append(True)
        while not self.off.is_set():
            while self._outbox:
                identity, answer = self._outbox.popleft()
                if not identity:
                    sock.sendall(f"SITE BYE {answer}\r\nQUIT\r\n".encode())
                    while sock.recv(4096):
                        pass
                    self.off.set()
                    return
                sock.sendall(f"SITE DONE {identity} {answer}\r\n".encode("ascii"))
                waits.append(False)
                self._at("told", identity)
            if not select.select([sock], [], [], 0.02)[0]:
                continue
            if self.silent.is_set():
                self.off.wait(0.05)
                continue
            if not (data := sock.recv(4096)) or self.off.is_set():
                raise EOFError
            *whole, buffer = (buffer + data).split(b"\r\n")
            for line in whole:
                text = line.decode("ascii")
                self.heard.append(text)
                if not text.startswith("200"):
                    raise EOFError
                if waits.popleft():
                    if text != "200 NONE":
                        self._order(text)
                    if True in waits:
                        continue
                    sock.sendall(f"SITE WAIT {self.wait}\r\n".encode())
                    waits.append(True)

    # --- orders

    def _at(self, step: str, identity: str) -> None:
        if self.stop_at.pop(step, None) is not None:
            self.done.append((identity, f"-- off at {step}"))
            raise PowerOff

    def _order(self, line: str) -> None:
        identity, verb = verbs.understood(line, self.page)
        self._at("got", identity)
        before = self.journal.get(identity)
        if identity in self.running:
            self._outbox.append((identity, "NO 170 busy"))
        elif before is not None:
            self._outbox.append((identity, "LOST" if before == "TAKEN" else before))
        elif isinstance(verb, Ask):
            self._outbox.append((identity, "NO 1168 unknown"))
        else:
            self.journal[identity] = "TAKEN"
            self._at("taken", identity)
            if self.damaged:
                self._answered(identity, self.damaged.pop(0))
                return
            self.done.append((identity, type(verb).__name__))
            if isinstance(verb, Run | Go):
                self._start(identity, verb)
            else:
                self._answered(identity, self._carry_out(identity, verb))

    def _answered(self, identity: str, answer: str) -> None:
        self.journal[identity] = answer
        self._at("done", identity)
        self._outbox.append((identity, answer))

    def _start(self, identity: str, verb: Run | Go) -> None:
        given = b""
        if isinstance(verb, Run) and (verb.stdin or verb.command == "@"):
            given = self._fetched(identity)
        if isinstance(verb, Run) and verb.command == "@":
            command, _, given = given.partition(b"\r\n")
            verb = Run(verb.directory, verb.seconds, verb.stdin, command.decode(f"cp{self.page}"))
        run = verb if isinstance(verb, Run) else Run("C:\\", 0, False, "GO")
        program = self.running[identity] = Program(self, identity, run, given)
        boot = self.boot

        def work() -> None:
            try:
                if isinstance(verb, Go):
                    self.go(verb)
                    answer = "OK 0"
                else:
                    code = self.play(program)
                    answer = "NO 1223 killed" if program.killed.is_set() else f"OK {code}"
            except (PowerOff, OSError, EOFError, ftplib.Error, AssertionError) as error:
                answer = f"NO 5 {encode(str(error) or 'failed')}"
            if self.off.is_set() or self.boot != boot:  # it was switched off, and perhaps on again
                return
            self.journal[identity] = answer
            if self.stop_at.pop("done", None) is not None:
                self.done.append((identity, "-- off at done"))
                self.off.set()
                self.cut()
                return
            self.running.pop(identity, None)
            self._outbox.append((identity, answer))

        threading.Thread(target=work, daemon=True).start()

    def _fetched(self, identity: str) -> bytes:
        got = bytearray()
        with self.second() as ftp:
            ftp.retrbinary(f"RETR F.{identity}", got.extend)
        return bytes(got)

    def _send(self, identity: str, data: bytes) -> None:
        with self.second() as ftp, ftp.transfercmd(f"STOR A.{identity}") as sock:
            sock.sendall(data)
            sock.shutdown(socket.SHUT_WR)
            ftp.voidresp()

    def _carry_out(self, identity: str, verb: Verb) -> str:
        match verb:
            case List(path):
                folder = path.upper().partition("*")[0].rstrip("\\")
                found = [n for n in sorted(self.files) if n.upper().startswith(folder)]
                if not found:
                    return f"NO 3 {encode('The path does not exist')}"
                listing = "".join(
                    f"-a\t{len(self.files[n])}\t2001-02-03 04:05:06\t"
                    f"{n.rpartition(chr(92))[2].upper()}\t{n.rpartition(chr(92))[2]}\r\n"
                    for n in found
                )
                self._send(identity, listing.encode(f"cp{self.page}"))
                return f"OK {len(found)}"
            case Remove(path):
                return "OK 0" if self.files.pop(path, None) is not None else "NO 2 missing"
            case Get(path, offset, length):
                self._send(identity, self.files[path][offset : offset + length])
                return "OK 0"
            case Put(path, size, sha256):
                self.files[path] = self._fetched(identity)
                return "OK 0"
            case Screen() if not self.screen:
                return f"NO 170 {encode('A DOS program has the whole screen')}"
            case Screen():
                self._send(identity, self.screen)
                return "OK 0"
            case Kill(order):
                if order in self.running:
                    self.running[order].killed.set()
                return "OK 0"
            case Info():
                self._send(identity, b"windows=4.10.2222 A\r\n")
                return "OK 0"
            case Time() | Keys():
                return "OK 0"
            case Upgrade(size, sha256):
                self.files["AGENT98.EXE"] = self._fetched(identity)
                assert (len(self.files["AGENT98.EXE"]), len(sha256)) == (size, 64)
                return "OK 0"
            case Power(off):
                threading.Thread(target=self._restart, args=(off,), daemon=True).start()
                return "OK 0"
            case Forget():
                threading.Thread(target=self._leave, args=("remove",), daemon=True).start()
                return "OK 0"
            case _:
                return "NO 50 unknown"

    def _restart(self, off: bool) -> None:
        if self._leave("shutdown") and (self.wakes or not off):
            self.switch_on()

    def _leave(self, reason: str) -> bool:
        """Say goodbye, unless it was switched off before; whether it did."""
        thread = self._thread
        if self.off.wait(0.1):
            return False
        self._outbox.append(("", reason))
        if thread is not None:
            thread.join(PATIENCE)
        self._thread = None
        return True


def bitmap(width: int = 2, height: int = 2) -> bytes:
    """A picture of 24 bits a pixel, red above and blue below."""
    stride = (width * 3 + 3) // 4 * 4
    half = height // 2
    rows = [(b"\xff\0\0" * width).ljust(stride, b"\0")] * half
    rows += [(b"\0\0\xff" * width).ljust(stride, b"\0")] * (height - half)
    body = b"".join(rows)
    head = struct.pack("<2sIHHI", b"BM", 54 + len(body), 0, 0, 54)
    return (
        head
        + struct.pack("<IiiHHIIiiII", 40, width, height, 1, 24, 0, len(body), 0, 0, 0, 0)
        + body
    )


def _lines(sock: socket.socket) -> Iterator[str]:
    buffer = b""
    while data := sock.recv(1):
        buffer += data
        if buffer.endswith(b"\r\n"):
            yield buffer.decode("ascii").rstrip()
            buffer = b""
    raise EOFError
