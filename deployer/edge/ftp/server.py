"""The FTP server: pyftpdlib's loop in one thread, bound to the personality of `core.policy`.

It listens on no address but those that it is given, and everything it does is told through `emit`.
Nothing in it is configured through class attributes, so several servers can live in one process.
"""

from __future__ import annotations

import contextlib
import functools
import logging
import socket
import threading
import time
import warnings
from collections import deque
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, Self

with warnings.catch_warnings():
    warnings.simplefilter("ignore", DeprecationWarning)
    from pyftpdlib.ioloop import AsyncChat, IOLoop
    from pyftpdlib.servers import FTPServer

    from deployer.edge.ftp.control import Control

from deployer.core.ftp import session as said
from deployer.edge.ftp.files import sweep_leftovers
from deployer.edge.ftp.state import (
    Agents,
    Authorizer,
    FtpLimits,
    ServerState,
    UploadVerdict,
    everybody,
)
from deployer.edge.ports import bind
from deployer.events import CommandRefused, Event
from deployer.model import State

__all__ = ["Authorizer", "FtpLimits", "FtpServer", "UploadVerdict"]

_TRANSFER_SWEEP = 0.1
_SESSION_SWEEP = 0.25
_ACCEPTS_AT_ONCE = 64


class FtpServer:
    """An FTP server that hands out shares and takes reports back.

    `authorizer`, `emit` and `clock` are called in its thread. `start` returns the port that
    it really listens on (`port` may be 0), or raises PortBusy, PortForbidden or AddressMissing.
    """

    def __init__(
        self,
        *,
        address: str,
        port: int,
        authorizer: Authorizer,
        inbox_dir: str | Path,
        emit: Callable[[Event], None],
        clock: Callable[[], float] = time.time,
        limits: FtpLimits | None = None,
        listening: Sequence[socket.socket] = (),
        admits: Callable[[socket.socket], bool] = everybody,
        secret: bytes = b"",
        agents: Agents | None = None,
    ) -> None:
        """`listening` are open ports to use, of one number, in place of one at `address`.

        `admits`, `secret` and `agents`: see `ServerState`.
        """
        self._address = address
        self._port = port
        self._listening = listening
        self._state = ServerState(
            authorizer=authorizer,
            inbox=Path(inbox_dir),
            emit=emit,
            clock=clock,
            limits=limits or FtpLimits(),
            admits=admits,
            secret=secret,
            agents=agents,
            call=self._call,
        )
        self._work: deque[Callable[[], None]] = deque()
        self._thread: threading.Thread | None = None
        self._wake: socket.socket | None = None
        self._stopping = False

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(self, *_exc: object) -> None:
        self.close()

    @property
    def port(self) -> int:
        """The port, known after `start`."""
        return self._port

    def start(self) -> int:
        """Listen and serve in a thread of its own."""
        socks = self._listening or (bind(self._address, self._port),)
        self._port = int(socks[0].getsockname()[1])
        _silence_pyftpdlib()
        sweep_leftovers(self._state.inbox, time.time())
        loop = IOLoop.factory()
        self._wake, heard = socket.socketpair()
        self._wake.setblocking(False)  # when it is full, the loop wakes anyway
        _Waker(heard, loop)
        listeners = tuple(_Listener(sock, loop, self._state) for sock in socks)
        self._stopping = False
        self._thread = threading.Thread(
            target=self._serve, args=(loop, listeners), name="ftp", daemon=True
        )
        self._thread.start()
        return self._port

    def close(self) -> None:
        """Say goodbye to every client, close everything, wait for the thread."""
        thread, self._thread = self._thread, None
        if thread is None or self._wake is None:
            return
        self._stopping = True
        with contextlib.suppress(OSError):
            self._wake.send(b"!")
        if thread is not threading.current_thread():
            thread.join(timeout=10)
        self._wake.close()

    def hold(self, deployments: frozenset[str]) -> None:
        """Let downloads of these deployments wait, and those of all others go on.

        Only a download that has not begun waits: FTP.EXE has no time-out, so nothing breaks.
        """
        self._state.held = deployments

    def end(self, deployment: str, state: State) -> None:
        """A deployment has ended: who is logged in for it gets nothing more of it, from now on.

        May be called in any thread; returns at once.
        """
        self._call(functools.partial(self._end_logins, deployment, state))

    def _call(self, work: Callable[[], None]) -> None:
        """Have work done in the server's thread, from any thread; returns at once."""
        self._work.append(work)
        if self._wake is not None:
            with contextlib.suppress(OSError):
                self._wake.send(b"!")

    def _end_logins(self, deployment: str, state: State) -> None:
        for client in tuple(self._state.connections):
            if client.deployment == deployment:
                try:
                    client.end_login(state)
                except Exception:
                    client.handle_error()

    def _serve(self, loop: Any, listeners: tuple[_Listener, ...]) -> None:
        state = self._state
        soonest: float | None = None
        next_transfers = next_sessions = 0.0
        monotonic = time.monotonic
        try:
            while not self._stopping:
                if state.moving:  # written out: this is passed for every chunk of every download
                    if soonest is None or soonest > _TRANSFER_SWEEP:
                        soonest = _TRANSFER_SWEEP
                elif state.connections or any(each.resting for each in listeners):
                    soonest = _sooner(soonest, _SESSION_SWEEP)
                try:
                    loop.poll(soonest)
                    soonest = loop.sched.poll()
                except Exception:
                    listeners[0].handle_error()
                    soonest = 0.0
                while self._work:
                    self._work.popleft()()
                now = monotonic()
                if now >= next_transfers:
                    next_transfers = now + _TRANSFER_SWEEP
                    _sweep(tuple(state.moving), now)
                if now >= next_sessions:
                    next_sessions = now + _SESSION_SWEEP
                    _sweep(tuple(state.connections), now)
                    for listener in listeners:
                        listener.wake()
                if state.closing:
                    state.close_sockets()
        finally:
            for connection in tuple(state.connections):
                with contextlib.suppress(Exception):
                    connection.shut(said.CLOSING, "the server was closed")
            loop.close()
            state.close_sockets()


def _silence_pyftpdlib() -> None:
    """What happens is told as events; without a handler, logging would print errors on stderr."""
    log = logging.getLogger("pyftpdlib")
    if not log.handlers:
        log.addHandler(logging.NullHandler())


def _sooner(soonest: float | None, most: float) -> float:
    """How long to wait: until the loop's next task, but no longer than `most`."""
    return most if soonest is None else min(soonest, most)


def _sweep(channels: tuple[Any, ...], now: float) -> None:
    """Give every channel its look; one that fails is closed, the others are not touched."""
    for channel in channels:
        try:
            channel.sweep(now)
        except Exception:
            channel.handle_error()


class _Listener(FTPServer):  # type: ignore[misc]
    """Accepts clients within the limits; rests a moment when there are no more descriptors."""

    def __init__(self, sock: socket.socket, loop: Any, state: ServerState) -> None:
        self._state = state
        self.resting = False
        handler = functools.partial(Control, state=state)
        super().__init__(sock, handler, ioloop=loop, backlog=state.limits.backlog)
        self.max_cons_per_ip = 0  # counted by `make_room`
        self._room = True

    def __repr__(self) -> str:
        return f"<Listener {self._fileno}>"

    def handle_accepted(self, sock: socket.socket, addr: tuple[Any, ...]) -> None:
        """Serve whom the kernel's word and the limits let in."""
        address = addr[0].removeprefix("::ffff:")
        if not self._state.admits(sock):
            sock.close()
            line = "it did not come over the wire, nor from the user who serves"
            self._state.emit(CommandRefused(self._state.clock(), "", address, "connect", line))
            return
        self._room = self._state.make_room(address)
        super().handle_accepted(sock, addr)

    def _accept_new_cons(self) -> bool:
        return self._room

    def handle_accept(self) -> None:
        """Take all that wait, up to a fair number."""
        for _ in range(_ACCEPTS_AT_ONCE):
            try:
                pair = self.accept()
            except OSError:
                # no more descriptors: waiting here would spin, so look again in a moment
                self.ioloop.unregister(self._fileno)
                self.resting = True
                return
            if pair is None:
                return
            self.handle_accepted(*pair)

    def wake(self) -> None:
        """Accept again after a rest."""
        if self.resting:
            self.resting = False
            self.ioloop.register(self._fileno, self, self.ioloop.READ)

    def handle_error(self) -> None:
        """The listener stays, whatever happened."""


class _Waker(AsyncChat):  # type: ignore[misc]
    """Lets `close` end a wait of the loop."""

    def handle_read_event(self) -> None:
        """Only the waking counts."""
        with contextlib.suppress(OSError):
            self.socket.recv(64)
