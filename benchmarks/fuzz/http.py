"""Requests of HTTP as nobody should make them, to the first-contact page and the control API."""

from __future__ import annotations

import contextlib
import select
import socket
import struct
from dataclasses import dataclass

from hypothesis import strategies as st
from hypothesis.stateful import Bundle, RuleBasedStateMachine, consumes, invariant, rule

from benchmarks.fuzz.known import USER
from benchmarks.fuzz.world import PATIENCE, Served, WellBehaved
from deployer.host.forms import REQUESTS

_RESET = struct.pack("ii", 1, 0)
_MOST_OPEN = 12

PATHS = st.sampled_from(
    ["/", "/GO.BAT", f"/{USER}/GO.BAT", "/../../etc/passwd", "/page.js", "/v1/status", "/v1/events",
     "/v1/events?since=-1", "http://x/GO.BAT", "*", "//", "/%00", "/?" + "a" * 9000]
    + [f"/v1/{name}" for name in REQUESTS]
)  # fmt: skip
METHODS = st.sampled_from(["GET", "HEAD", "POST", "PUT", "OPTIONS", "CONNECT", "get", "G\0T", ""])
VERSIONS = st.sampled_from(["HTTP/1.0", "HTTP/1.1", "HTTP/0.9", "HTTP/9.9", "", "HTTP/1.1 x"])
HEADERS = st.lists(
    st.sampled_from(
        ["Host: 127.0.0.1:{port}", "Host: elsewhere", "Authorization: Bearer guess",
         "Content-Length: 5", "Content-Length: -1", "Content-Length: 99999999999",
         "Transfer-Encoding: chunked", "Connection: keep-alive", "Upgrade: websocket",
         "Connection: upgrade", "Expect: 100-continue", "X: " + "y" * 8000, "no header",
         ": empty", " folded", "Origin: null", "Last-Event-ID: 9e9", "X: \xff"]
    ),
    max_size=6,
)  # fmt: skip
JUNK = st.binary(max_size=60) | st.sampled_from(
    [b"\r\n", b"\n\n\n", b"\x16\x03\x01\x02\0", b"5\r\nhello\r\n0\r\n\r\n", b"[]", b"A" * 70_000]
)


@dataclass
class Caller:
    """A connection, and whether it has shown the token."""

    where: str
    sock: socket.socket
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

    def hear(self, seconds: float = 0.0) -> None:
        """What is there, or what comes first; never more than what may be told to anybody."""
        if not self.ended and select.select([self.sock], [], [], seconds)[0]:
            try:
                data = self.sock.recv(1 << 16)
            except OSError:
                data = b""
            self.ended = not data
            self.heard += data
        assert b"HTTP/1.1 500" not in self.heard
        assert b"root:" not in self.heard
        assert b'"version"' not in self.heard
        assert b'"result"' not in self.heard
        self.heard = self.heard[-20:]


class HttpCallers(RuleBasedStateMachine):
    """`served` and `client` are set for the whole run. Nobody here knows the token."""

    served: Served
    client: WellBehaved
    steps = 0

    callers = Bundle("callers")

    def __init__(self) -> None:
        super().__init__()
        self.open: list[Caller] = []

    @invariant()
    def everything_is_well(self) -> None:
        """The server lives, tells nobody what it may not, and the well-behaved client is served."""
        type(self).steps += 1
        self.client.check()
        assert self.served.process.poll() is None, self.served.said
        for caller in self.open:
            caller.hear()

    @rule(target=callers, where=st.sampled_from(["page", "control"]), last=st.integers(2, 9))
    def call(self, where: str, last: int) -> Caller:
        """Connect to one of the two."""
        if len(self.open) >= _MOST_OPEN:
            self.open.pop(0).sock.close()
        place = ("127.0.0.1", self.served.ports[where])
        sock = socket.create_connection(place, PATIENCE, source_address=(f"127.0.0.{last}", 0))
        sock.setblocking(False)
        caller = Caller(where, sock)
        self.open.append(caller)
        return caller

    @rule(caller=callers, method=METHODS, path=PATHS, version=VERSIONS, headers=HEADERS)
    def ask(self, caller: Caller, method: str, path: str, version: str, headers: list[str]) -> None:
        """A request, more or less."""
        lines = [f"{method} {path} {version}".strip(), *headers, "", ""]
        text = "\r\n".join(lines).replace("{port}", str(self.served.ports[caller.where]))
        caller.send(text.encode("latin-1"))

    @rule(caller=callers, method=METHODS, path=PATHS)
    def half_ask(self, caller: Caller, method: str, path: str) -> None:
        """The beginning of one."""
        caller.send(f"{method} {path} HTTP/1.1\r\nHost".encode())

    @rule(caller=callers, data=JUNK)
    def say_anything(self, caller: Caller, data: bytes) -> None:
        """No request at all."""
        caller.send(data)

    @rule(caller=callers)
    def end_one_side(self, caller: Caller) -> None:
        """Send no more."""
        with contextlib.suppress(OSError):
            caller.sock.shutdown(socket.SHUT_WR)

    @rule(caller=consumes(callers), reset=st.booleans())
    def hang_up(self, caller: Caller, reset: bool) -> None:
        """Close, politely or not."""
        with contextlib.suppress(OSError):
            if reset:
                caller.sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _RESET)
        caller.sock.close()
        caller.ended = True
        if caller in self.open:
            self.open.remove(caller)

    def teardown(self) -> None:
        """Nothing stays open."""
        for caller in self.open:
            caller.sock.close()
