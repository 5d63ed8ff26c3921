"""What the parts of one client's session know of each other.

`Connection` is the control connection as its transfers see it; `Transfers` is who a data connection
says how it came about and how it ended.
"""

from __future__ import annotations

import socket
from collections.abc import Callable
from typing import Any, Protocol

from deployer import events
from deployer.core.ftp.session import Session
from deployer.edge.ftp.jobs import Job, Origin
from deployer.edge.ftp.state import ServerState, Swept

Refusal = events.CommandRefused | events.AsciiRefused


class Connection(Swept, Protocol):
    """The control connection of one client; pyftpdlib's classes take it as their `cmd_channel`."""

    state: ServerState
    session: Session
    socket: Any
    remote_ip: str
    heard: float

    @property
    def closed(self) -> bool:
        """True when nothing can be said any more."""

    def origin(self) -> Origin:
        """The first fields of an event that happens now."""

    def respond(self, resp: str, logfun: Any = None) -> None:
        """Say one line."""

    def dismiss(self, line: str) -> None:
        """Say one last line and close as soon as it has left."""

    def call_later(self, seconds: float, target: Callable[..., None], *arguments: Any) -> Any:
        """Call something later in the server's thread; pyftpdlib's."""

    def go_on(self) -> None:
        """Take up the commands that waited for the end of a transfer."""

    def tell(self, refusal: Refusal) -> None:
        """Tell the people who watch of a refusal."""

    def hang_up(self) -> None:
        """Close the connection without a word."""

    def moved(self, count: int) -> None:
        """A transfer of so many bytes has ended."""


class Transfers(Protocol):
    """The transfers of one client."""

    connection: Connection

    def data_connected(self, sock: socket.socket) -> None:
        """The data connection is there and belongs to the client."""

    def data_failed(self) -> None:
        """The data connection did not come about."""

    def data_refused(self, address: str) -> None:
        """Somebody else came to the port that was opened for this client."""

    def moved(self, job: Job, count: int) -> None:
        """So many bytes of a transfer have moved."""

    def stalled(self) -> None:
        """Nothing moves any more."""

    def over(self, job: Job, line: str, why: str) -> None:
        """A transfer has ended: `line` is the reply, `why` is "" for success."""
