"""The first-contact page on the wire, by the standard library's HTTP server in threads of its own.

Answers as HTTP/1.0 with Content-Length and closes, which every browser of that time understands;
reads nothing but the request line and headers, of bounded size, within a bounded time. What is
answered to whom is `core.page`'s decision.
"""

from __future__ import annotations

import socket
import threading
import time
from collections.abc import Callable, Sequence
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, Protocol

from deployer.core.target import page
from deployer.core.target.page import Answer, Waiting
from deployer.edge.ports import bind
from deployer.events import Event, TransferCut, TransferDone
from deployer.model import GO_BAT

_PATIENCE = 20.0
_MOST_CLIENTS = 32


class PageSource(Protocol):
    """Tells what waits for whom. Called from the server's threads."""

    def waiting(self, peer: str) -> Sequence[Waiting]:
        """The deployments that wait for the machine at this address, newest last."""


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
        listening: socket.socket | None = None,
    ) -> None:
        self._listening = listening
        self._address = address
        self._port = port
        self._source = source
        self._emit = emit
        self._clock = clock
        self._server: _Server | None = None
        self._thread: threading.Thread | None = None

    def start(self) -> int:
        """Open the port (0: any) and serve; the port. Raises PortBusy, PortForbidden or
        AddressMissing.
        """
        sock = self._listening or bind(self._address, self._port)
        self._server = _Server(sock, self)
        self._thread = threading.Thread(
            target=self._server.serve_forever, args=(0.1,), name="http", daemon=True
        )
        self._thread.start()
        return int(self._server.server_address[1])

    def close(self) -> None:
        """Take no more requests; those that are being answered are answered."""
        if self._server is not None and self._thread is not None:
            self._server.shutdown()
            self._thread.join()
            self._server.server_close()

    def answer(self, path: str, peer: str) -> Answer:
        """What `peer` gets for `path`."""
        return page.answer(path, peer, self._source.waiting(peer))

    def told(self, answer: Answer, peer: str, started: float, *, why: str = "") -> None:
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
        self._room = threading.BoundedSemaphore(_MOST_CLIENTS)
        super().__init__(listening.getsockname()[:2], _Handler, bind_and_activate=False)
        self.socket.close()
        self.socket = listening

    def process_request(self, request: Any, client_address: Any) -> None:
        """One thread per client, and never more than there is room for."""
        if not self._room.acquire(blocking=False):
            self.shutdown_request(request)
            return
        super().process_request(request, client_address)

    def process_request_thread(self, request: Any, client_address: Any) -> None:
        try:
            super().process_request_thread(request, client_address)
        finally:
            self._room.release()

    def handle_error(self, request: Any, client_address: Any) -> None:
        """A client that goes away in the middle is no news."""


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.0"
    server_version = "deployer"
    sys_version = ""
    timeout = _PATIENCE
    error_content_type = "text/html"
    error_message_format = "<HTML><TITLE>%(code)d</TITLE><H1>%(message)s</H1></HTML>\r\n"
    server: _Server

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
        answer = owner.answer(self.path, peer)
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
