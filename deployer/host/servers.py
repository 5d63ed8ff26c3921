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
from deployer.edge.httpd import HttpServer
from deployer.errors import DeployerError
from deployer.events import Event
from deployer.host.grants import Grants
from deployer.model import State

LOOPBACK = "127.0.0.1"
_REHEARSAL = FtpLimits(stall=10.0)
"""Loopback never makes anybody wait; only a simulated PC that hangs does."""


@dataclass(frozen=True, slots=True)
class OpenPorts:
    """Ports on the wire that are open already; `http` None: no page."""

    ftp: socket.socket
    http: socket.socket | None


@dataclass(frozen=True, slots=True)
class Place:
    """Where the servers for real targets are to be.

    `opened` are ports that were opened before; else they are opened with the first offer to a real
    PC: `ftp_port`, and `http_port` for the page, if that may be (None: no page). `before_wire` is
    called first, in a thread; what it raises is what the request raises.
    """

    address: str
    ftp_port: int
    http_port: int | None = None
    limits: FtpLimits | None = None
    opened: OpenPorts | None = None
    before_wire: Callable[[], None] | None = None


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
    ) -> None:
        self._place = place
        self._grants = grants
        self._inbox = inbox
        self._emit = emit
        self._clock = clock
        self._ftp: dict[bool, FtpServer] = {}
        self._http: HttpServer | None = None
        self._page_tried = False
        self.page_port = 0
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
                    await asyncio.to_thread(self._place.before_wire)
                server = self._server_for(emulated=emulated)
                await asyncio.to_thread(server.start)
                server.hold(self._held)
                self._ftp[emulated] = server
            return self._ftp[emulated].port

    def _server_for(self, *, emulated: bool) -> FtpServer:
        place = self._place
        opened = None if emulated or place.opened is None else place.opened.ftp
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
        )

    async def open_page(self) -> None:
        """Serve the page, on a port that is open already or on one that may be opened.

        It is one of several ways to start: where the port is taken or forbidden, there is no page.
        """
        async with self._starting:
            opened = self._place.opened.http if self._place.opened is not None else None
            if self._page_tried or (opened is None and self._place.http_port is None):
                return
            self._page_tried = True
            http = HttpServer(
                address=self._place.address,
                port=self._place.http_port or 0,
                source=self._grants,
                emit=self._emit,
                clock=self._clock,
                listening=opened,
                admits=arrival.admitted,
            )
            try:
                self.page_port = await asyncio.to_thread(http.start)
            except (DeployerError, OSError):
                return
            self._http = http
