"""HTTP for an ASGI application: uvicorn with bounds on time, connections and log lines.

What uvicorn itself bounds (bytes of headers, an idle connection after an answer) is left to it. It
has no time for headers that come slowly, no number of connections, and asyncio writes one traceback
for each connection that it cannot accept: those are bounded here.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import socket
import struct
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import uvicorn
from h11 import LocalProtocolError
from uvicorn.protocols.http.h11_impl import H11Protocol

_GRACE = 2
"""Seconds that watchers have to hang up when the daemon stops."""
_BACKLOG = 32
"""Also how often asyncio tries to accept in a row, whatever went wrong with the first."""


@dataclass(frozen=True, slots=True)
class AsgiLimits:
    """How much one server takes. Times are seconds.

    A connection that is not trusted yet has `prove` to show that it is, and the oldest of more than
    `unproved` such connections is closed; a request of a trusted one has `request` to arrive.
    """

    prove: float = 15.0
    unproved: int = 64
    request: float = 15.0
    connections: int = 256
    log_lines: int = 10
    log_period: float = 60.0


DEFAULT = AsgiLimits()


class HttpConnection(H11Protocol):
    """One connection; the application finds it as `connection` in a request's state.

    It calls `trust` when the other end has shown that it may ask.
    """

    def __init__(self, *arguments: Any, bounds: AsgiLimits, trusted: bool, **named: Any) -> None:
        super().__init__(*arguments, **named)
        self._bounds = bounds
        self.trusted = trusted
        self.began = 0.0
        self._timer: asyncio.TimerHandle | None = None
        self.app_state = {**self.app_state, "connection": self}

    @property
    def asker(self) -> int | None:
        """The user at the other end, as the kernel says; None where it does not, as over TCP."""
        sock = self.transport.get_extra_info("socket")
        if sys.platform != "linux" or sock is None or sock.family != socket.AF_UNIX:
            return None
        option = sock.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, struct.calcsize("3i"))
        _pid, uid, _gid = struct.unpack("3i", option)
        return int(uid)

    def trust(self) -> None:
        """The other end has shown that it may ask; from now on only its requests have a time."""
        self.trusted = True
        self._stop_waiting()

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """Take it, and let the oldest go that has shown nothing when there are too many."""
        super().connection_made(transport)
        self.began = self.loop.time()
        self._begin_to_wait(self._bounds.request if self.trusted else self._bounds.prove)
        others = [each for each in self.connections if isinstance(each, HttpConnection)]
        unproved = [each for each in others if not each.trusted]
        if len(unproved) > self._bounds.unproved:
            min(unproved, key=lambda each: each.began).give_up()
        elif len(others) > self._bounds.connections:
            self.give_up()

    def data_received(self, data: bytes) -> None:
        """Bytes of a request: the time runs until it is there whole."""
        if self.trusted and self._timer is None and not self._answering:
            self._begin_to_wait(self._bounds.request)
        super().data_received(data)
        if self.trusted and self._answering:
            self._stop_waiting()

    def send_400_response(self, msg: str) -> None:
        """Say that it is no request, unless the answer before it was the last: then hang up."""
        try:
            super().send_400_response(msg)
        except LocalProtocolError:
            self.give_up()

    def connection_lost(self, exc: Exception | None) -> None:
        """Gone."""
        self._stop_waiting()
        super().connection_lost(exc)

    def give_up(self) -> None:
        """Close at once; nothing that waits to be sent is sent."""
        self._stop_waiting()
        self.transport.abort()

    @property
    def _answering(self) -> bool:
        return self.cycle is not None and not self.cycle.response_complete

    def _begin_to_wait(self, seconds: float) -> None:
        self._timer = self.loop.call_later(seconds, self._time_is_up)

    def _stop_waiting(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _time_is_up(self) -> None:
        self._timer = None
        if not (self.trusted and self._answering):
            self.give_up()


class _Server(uvicorn.Server):
    """Signals are the business of the process."""

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        """Capture none."""
        yield


def server(application: Any, *, trusted: bool, bounds: AsgiLimits = DEFAULT) -> uvicorn.Server:
    """A server for an ASGI application. `trusted`: whoever can connect may ask, as on a Unix socket
    that the kernel lets nobody else use; else the application says so, by `HttpConnection.trust`.
    """

    def connection(*arguments: Any, **named: Any) -> HttpConnection:
        return HttpConnection(*arguments, bounds=bounds, trusted=trusted, **named)

    config = uvicorn.Config(
        application,
        http=connection,  # type: ignore[arg-type]  # what uvicorn calls is a factory
        ws="none",
        log_config=None,
        access_log=False,
        lifespan="off",
        backlog=_BACKLOG,
        timeout_graceful_shutdown=_GRACE,
    )
    return _Server(config)


class LineBudget(logging.Filter):
    """Lets so many lines pass in a period; the next one says how many were left out."""

    def __init__(
        self, bounds: AsgiLimits = DEFAULT, clock: Callable[[], float] = time.monotonic
    ) -> None:
        super().__init__()
        self._bounds = bounds
        self._clock = clock
        self._since = clock()
        self._passed = self._left_out = 0

    def take(self) -> int | None:
        """How many lines were left out before this one; None when this one is left out as well."""
        now = self._clock()
        if now - self._since >= self._bounds.log_period:
            self._since, self._passed = now, 0
        if self._passed >= self._bounds.log_lines:
            self._left_out += 1
            return None
        self._passed += 1
        left_out, self._left_out = self._left_out, 0
        return left_out

    def filter(self, record: logging.LogRecord) -> bool:
        """For Python's logging."""
        left_out = self.take()
        if left_out:
            record.msg = f"{record.msg} ({left_out} lines before this one were left out)"
        return left_out is not None


def bound_logs(loop: asyncio.AbstractEventLoop) -> None:
    """Let neither uvicorn nor asyncio write more than a few lines a minute."""
    logging.getLogger("uvicorn.error").addFilter(LineBudget())
    budget = LineBudget()

    def tell(loop: asyncio.AbstractEventLoop, context: dict[str, Any]) -> None:
        left_out = budget.take()
        if left_out is not None:
            if left_out:
                context["message"] += f" ({left_out} before this one were left out)"
            loop.default_exception_handler(context)

    loop.set_exception_handler(tell)
