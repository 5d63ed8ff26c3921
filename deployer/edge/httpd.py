"""The first-contact page on the wire, by the standard library's HTTP server in threads of its own.

Answers as HTTP/1.0 with Content-Length and closes, which every browser of that time understands;
reads nothing but the request line and headers. `HttpLimits` say how much of them, in what time, and
how many callers there may be; when they are too many, the one who has taken longest makes room, and
of those the one for whom nothing waits. What is answered to whom is `core.page`'s decision.
"""

from __future__ import annotations

import contextlib
import io
import socket
import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, Protocol

from deployer.core.target import page
from deployer.core.target.page import PageAnswer, Waiting
from deployer.edge.ports import bind
from deployer.events import Event, TransferCut, TransferDone
from deployer.model import GO_BAT


@dataclass(frozen=True, slots=True)
class HttpLimits:
    """How much one server takes: callers, callers of one address, seconds and bytes of a request,
    seconds that the answer may take to leave.
    """

    callers: int = 32
    per_address: int = 8
    request_seconds: float = 10.0
    request_bytes: int = 16 << 10
    answer_seconds: float = 20.0


DEFAULT = HttpLimits()


def everybody(_sock: socket.socket) -> bool:
    """Admits whoever has connected."""
    return True


class PageSource(Protocol):
    """Tells what waits for whom. Called from the server's threads."""

    def waiting(self, peer: str, at: str) -> Sequence[Waiting]:
        """What waits for the machine at `peer`, newest last; `at` is our address that it called."""

    def awaits(self, peer: str) -> bool:
        """Whether something waits for the machine at this address."""

    def takes(self, deployment: str, peer: str, at: str) -> bool:
        """Whether the machine at `peer` may have GO.BAT: it may wait for the first that asks."""

    def agent(self, peer: str, at: str) -> bytes:
        """An agent for the machine at `peer`, which has called our address `at`; b"" for none."""

    def taken(self) -> str:
        """The machine that has what waited for whoever comes; "" for none."""


class HttpServer:
    """Serves the page from `start` to `close`."""

    def __init__(
        self,
        *,
        address: str,
        port: int,
        source: PageSource,
        emit: Callable[[Event], None],
        clock: Callable[[], float] = time.time,
        listening: Sequence[socket.socket] = (),
        admits: Callable[[socket.socket], bool] = everybody,
        bounds: HttpLimits = DEFAULT,
    ) -> None:
        """`listening` are open ports to use, of one number, in place of one at `address`.

        `admits` says of a connection that has just come whether it may be served at all.
        """
        self.admits = admits
        self.bounds = bounds
        self._listening = listening
        self._address = address
        self._port = port
        self._source = source
        self._emit = emit
        self._clock = clock
        self._servers: list[tuple[_Server, threading.Thread]] = []
        self.lock = threading.Lock()
        self.callers: dict[socket.socket, str] = {}  # the oldest first

    def start(self) -> int:
        """Open the port (0: any) and serve; the port. Raises PortBusy, PortForbidden or
        AddressMissing.
        """
        for sock in self._listening or (bind(self._address, self._port),):
            server = _Server(sock, self)
            thread = threading.Thread(
                target=server.serve_forever, args=(0.1,), name="http", daemon=True
            )
            thread.start()
            self._servers.append((server, thread))
        return int(self._servers[0][0].server_address[1])

    def close(self) -> None:
        """Take no more requests; those that are being answered are answered."""
        for server, thread in self._servers:
            server.shutdown()
            thread.join()
            server.server_close()

    def answer(self, path: str, peer: str, at: str, *, body: bool) -> PageAnswer:
        """What `peer` gets for `path` of our address `at`; who asks for no `body` takes nothing."""
        source = self._source
        found = page.answer(path, peer, source.waiting(peer, at), source.taken())
        if found.deployment and body and not source.takes(found.deployment, peer, at):
            return page.answer(path, peer, (), source.taken())
        if found.agent and body:
            image = source.agent(peer, at)
            return replace(found, body=image, status=200 if image else 503)
        return found

    def awaits(self, peer: str) -> bool:
        """Whether something waits for the machine at this address."""
        return self._source.awaits(peer)

    def told(self, answer: PageAnswer, peer: str, started: float, *, why: str = "") -> None:
        """GO.BAT has left this computer, or was cut off (`why`)."""
        at, length = self._clock(), len(answer.body)
        if why:
            self._emit(TransferCut(at, answer.deployment, peer, GO_BAT, 0, length, why))
        else:
            seconds = at - started
            self._emit(TransferDone(at, answer.deployment, peer, GO_BAT, length, seconds))

    def now(self) -> float:
        """Seconds since 1970."""
        return self._clock()


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    block_on_close = True
    allow_reuse_address = True
    request_queue_size = 64

    def __init__(self, listening: socket.socket, owner: HttpServer) -> None:
        self.owner = owner
        super().__init__(listening.getsockname()[:2], _Handler, bind_and_activate=False)
        self.socket.close()
        self.socket = listening

    def verify_request(self, request: Any, client_address: Any) -> bool:
        """Whether a caller is served: admitted, and there is a place or one can be made."""
        if not self.owner.admits(request):
            return False
        peer, bounds = client_address[0], self.owner.bounds
        awaited = self.owner.awaits(peer)
        with self.owner.lock:
            here = [sock for sock, address in self.owner.callers.items() if address == peer]
            if len(here) >= bounds.per_address:
                self._cut(here[0])
            elif len(self.owner.callers) >= bounds.callers:
                awaits = self.owner.awaits
                unknown = [
                    sock for sock, address in self.owner.callers.items() if not awaits(address)
                ]
                if not (unknown or awaited):
                    return False
                self._cut(next(iter(unknown or self.owner.callers)))
            self.owner.callers[request] = peer
        return True

    def _cut(self, sock: socket.socket) -> None:
        """End what a caller is about; its thread notices at once, and closes."""
        del self.owner.callers[sock]
        with contextlib.suppress(OSError):
            sock.shutdown(socket.SHUT_RDWR)

    def process_request_thread(self, request: Any, client_address: Any) -> None:
        try:
            super().process_request_thread(request, client_address)
        finally:
            with self.owner.lock:
                self.owner.callers.pop(request, None)

    def handle_error(self, request: Any, client_address: Any) -> None:
        """A client that goes away in the middle is no news."""


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.0"
    server_version = "deployer"
    sys_version = ""
    error_content_type = "text/html"
    error_message_format = "<HTML><TITLE>%(code)d</TITLE><H1>%(message)s</H1></HTML>\r\n"
    server: _Server
    raw_requestline: bytes

    def setup(self) -> None:
        """Read within bounds; see `_Bounded`."""
        super().setup()
        self.rfile = io.BufferedReader(_Bounded(self.connection, self.server.owner.bounds), 1024)

    def parse_request(self) -> bool:
        """Refuse a line that has no end within the bounds."""
        if self.raw_requestline.endswith(b"\n"):
            return super().parse_request()
        self.requestline, self.request_version, self.command = "", "HTTP/1.0", ""
        if len(self.raw_requestline) >= self.server.owner.bounds.request_bytes:
            self.send_error(414)
        return False

    def do_GET(self) -> None:
        """Answer with the body."""
        self._reply(body=True)

    def do_HEAD(self) -> None:
        """Answer with the headers alone."""
        self._reply(body=False)

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002
        """What matters goes out as events."""

    def _reply(self, *, body: bool) -> None:
        peer, owner = self.client_address[0], self.server.owner
        called = self.connection.getsockname()[0]
        answer = owner.answer(self.path, peer, called, body=body)
        self.connection.settimeout(owner.bounds.answer_seconds)
        started = owner.now()
        self.send_response(answer.status)
        self.send_header("Content-Type", answer.kind)
        self.send_header("Content-Length", str(len(answer.body)))
        self.end_headers()
        if not body:
            return
        try:
            self.wfile.write(answer.body)
            self.connection.shutdown(socket.SHUT_WR)
        except OSError as error:
            if answer.deployment:
                owner.told(answer, peer, started, why=error.strerror or str(error))
            return
        if answer.deployment:
            owner.told(answer, peer, started)


class _Bounded(io.RawIOBase):
    """What a caller sends, up to so many bytes and until its time is up; then it ends."""

    def __init__(self, sock: socket.socket, bounds: HttpLimits) -> None:
        self._sock = sock
        self._left = bounds.request_bytes
        self._until = time.monotonic() + bounds.request_seconds

    def readable(self) -> bool:
        """It is."""
        return True

    def readinto(self, buffer: Any) -> int:
        """Some bytes. Raises TimeoutError, which the handler takes for the end."""
        seconds = self._until - time.monotonic()
        if seconds <= 0:
            raise TimeoutError
        self._sock.settimeout(seconds)
        count = self._sock.recv_into(buffer, min(len(buffer), self._left)) if self._left else 0
        self._left -= count
        return count
