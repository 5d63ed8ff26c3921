"""The servers that hand out what the grants allow: FTP, and the page on the wire."""

from __future__ import annotations

import asyncio
import secrets
import socket
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from deployer.edge import arrival
from deployer.edge.ftp.server import FtpLimits, FtpServer
from deployer.edge.ftp.state import Agents
from deployer.edge.httpd import HttpServer
from deployer.edge.ports import bind
from deployer.errors import AddressMissing, DeployerError, PortBusy, PortForbidden
from deployer.events import Event
from deployer.host.grants import Grants
from deployer.host.requests import Say, nobody
from deployer.model import State

LOOPBACK = "127.0.0.1"
_REHEARSAL = FtpLimits(stall=10.0, silence=6.0)
"""Loopback never makes anybody wait; only a simulated PC that hangs does."""


@dataclass(frozen=True, slots=True)
class OpenPorts:
    """Ports on the wire that are open already, on each address of ours; no `http`: no page."""

    ftp: tuple[socket.socket, ...]
    http: tuple[socket.socket, ...]

    @property
    def beside(self) -> str:
        """The second address that is listened on, "" for none."""
        return str(self.ftp[1].getsockname()[0]) if len(self.ftp) > 1 else ""


def open_beside(beside: str, first: socket.socket, say: Say) -> tuple[socket.socket, ...]:
    """The first port, and the same one on our second address; where that cannot be, it is said."""
    port = int(first.getsockname()[1])
    try:
        return (first, bind(beside, port)) if beside else (first,)
    except (PortBusy, PortForbidden, AddressMissing) as error:
        say(f"port {port} is served on the first address only: {error.what}")
        return (first,)


@dataclass(frozen=True, slots=True)
class Place:
    """Where the servers for real targets are to be.

    `opened` are ports that were opened before; else they are opened with the first offer to a real
    PC: `ftp_port`, and `http_port` for the page, if that may be (None: no page). `before_wire` is
    called first, in a thread; what it raises is what the request raises. It gives our second
    address on the wire, "" for none. `say` gets lines for people.
    """

    address: str
    ftp_port: int
    http_port: int | None = None
    limits: FtpLimits | None = None
    opened: OpenPorts | None = None
    before_wire: Callable[[], str] | None = None
    say: Say = nobody


class Servers:
    """The FTP server for real targets, the one for simulated PCs, and the page. One loop's thread.

    Simulated PCs are let in by `secret`, which only they are told: every user of this computer can
    reach their server.

    `emit` is called in the servers' threads.
    """

    def __init__(
        self,
        place: Place,
        grants: Grants,
        inbox: Path,
        emit: Callable[[Event], None],
        clock: Callable[[], float],
        *,
        agents: Agents | None = None,
    ) -> None:
        self._agents = agents
        self._place = place
        self._grants = grants
        self._inbox = inbox
        self._emit = emit
        self._clock = clock
        self._ftp: dict[bool, FtpServer] = {}
        self._http: HttpServer | None = None
        self._page_tried = False
        self.page_port = 0
        self.beside = place.opened.beside if place.opened is not None else ""
        self.secret = secrets.token_hex(16).encode("ascii")
        self._held: frozenset[str] = frozenset()
        self._starting = asyncio.Lock()

    @property
    def ftp_port(self) -> int:
        """Where the server for real targets listens; 0 before it was started."""
        return self._ftp[False].port if False in self._ftp else 0

    @property
    def simulated_port(self) -> int:
        """Where the server for simulated PCs listens; 0 before it was started."""
        return self._ftp[True].port if True in self._ftp else 0

    async def close(self) -> None:
        """Serve nobody any more."""
        if self._http is not None:
            await asyncio.to_thread(self._http.close)
        for server in self._ftp.values():
            await asyncio.to_thread(server.close)

    def hold(self, deployments: frozenset[str]) -> None:
        """Hold back the next part of these deployments, and of no other."""
        self._held = deployments
        for server in self._ftp.values():
            server.hold(deployments)

    def end(self, deployment: str, state: State) -> None:
        """A deployment has ended: who is logged in for it gets nothing more of it."""
        for server in self._ftp.values():
            server.end(deployment, state)

    async def serve(self, *, emulated: bool) -> int:
        """Serve on the wire, or for simulated PCs on loopback; the FTP port.

        Raises PortBusy, PortForbidden, AddressMissing, and what `before_wire` raises.
        """
        async with self._starting:  # of two pushes at once, one waits for the other's server
            if emulated not in self._ftp:
                if not emulated and self._place.before_wire is not None:
                    self.beside = await asyncio.to_thread(self._place.before_wire)
                server = self._server_for(emulated=emulated)
                await asyncio.to_thread(server.start)
                server.hold(self._held)
                self._ftp[emulated] = server
            return self._ftp[emulated].port

    def _server_for(self, *, emulated: bool) -> FtpServer:
        place = self._place
        opened: tuple[socket.socket, ...] = ()
        if not emulated:
            opened = place.opened.ftp if place.opened else self._open(place.ftp_port)
        return FtpServer(
            address=LOOPBACK if emulated else place.address,
            port=0 if emulated else place.ftp_port,
            authorizer=self._grants,
            inbox_dir=self._inbox,
            emit=self._emit,
            clock=self._clock,
            limits=place.limits or (_REHEARSAL if emulated else None),
            listening=opened,
            admits=arrival.admitted,
            secret=self.secret if emulated else b"",
            agents=self._agents,
        )

    def _open(self, port: int) -> tuple[socket.socket, ...]:
        first = bind(self._place.address, port)
        found = open_beside(self.beside, first, self._place.say)
        self.beside = self.beside if len(found) > 1 else ""
        return found

    async def open_page(self) -> None:
        """Serve the page, on a port that is open already or on one that may be opened.

        It is one of several ways to start: where the port is taken or forbidden, there is no page.
        """
        async with self._starting:
            place = self._place
            opened = place.opened.http if place.opened else ()
            if self._page_tried or not (opened or place.http_port is not None):
                return
            self._page_tried = True
            try:
                if not opened:
                    first = bind(place.address, place.http_port or 0)
                    opened = open_beside(self.beside, first, place.say)
                http = HttpServer(
                    address=place.address,
                    port=0,
                    source=self._grants,
                    emit=self._emit,
                    clock=self._clock,
                    listening=opened,
                    admits=arrival.admitted,
                )
                self.page_port = await asyncio.to_thread(http.start)
            except (DeployerError, OSError):
                return
            self._http = http
