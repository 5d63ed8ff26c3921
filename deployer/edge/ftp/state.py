"""What all connections of one FTP server share: its limits, its callbacks, its clock, what is open.

Everything here is used in the server's own thread only.
"""

from __future__ import annotations

import contextlib
import socket
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from deployer.core.ftp import tree as trees
from deployer.core.ftp.tree import Tree
from deployer.events import CommandRefused, Event
from deployer.model import Share

_KEPT_TREES = 64


@dataclass(frozen=True, slots=True)
class Limits:
    """How much one server takes. Times are seconds, sizes bytes.

    Two descriptors and one open file per connection must fit into the process' limit of open files,
    which is 1,024 on most systems. `chunk` is what one sendfile call moves: larger ones cost a bit
    less processor time where there is little of it, and on an idle machine keep a reader waiting
    (benchmarks/transfer, `--servers stock,deployer@65536,deployer@1048576`).
    """

    connections: int = 256
    per_address: int = 128
    backlog: int = 512
    login_tries: int = 3
    login_seconds: float = 60.0
    refusal_delay: float = 0.5
    idle: float = 900.0
    stall: float = 60.0
    connect: float = 20.0
    farewell: float = 5.0
    line: int = 1024
    flood: int = 256 << 10
    waiting: int = 32
    unread_replies: int = 64
    refusals_told: int = 20
    unknown_told: int = 500
    unknown_rate: float = 20.0
    chunk: int = 160 << 10


class Swept(Protocol):
    """A connection that is looked at now and then."""

    def sweep(self, now: float) -> None:
        """Look after time-outs."""

    def handle_error(self) -> None:
        """End what raised an exception, and nothing else."""


class Client(Swept, Protocol):
    """A control connection as the server knows it."""

    def shut(self, line: str, why: str) -> None:
        """Say one last line and close at once; `why` a transfer that was going on was cut."""


class Authorizer(Protocol):
    """Who may log in and what they see."""

    def login(self, user: str, password: str, peer: str) -> Share | None:
        """The share of a login, or None to refuse it. Must be quick; called in the server's thread.

        Anonymous guests come as user `anonymous`.
        """

    def accepts(self, name: str, data: bytes) -> bool:
        """Whether an upload is whole and may be kept; if not, the client is told to send again."""


class ServerState:
    """Limits, callbacks, open connections and moving transfers of one server.

    `held` are the deployments whose next download has to wait; another thread may replace it.
    """

    def __init__(
        self,
        *,
        authorizer: Authorizer,
        inbox: Path,
        emit: Callable[[Event], None],
        clock: Callable[[], float],
        limits: Limits,
    ) -> None:
        self.authorizer = authorizer
        self.inbox = inbox
        self.clock = clock
        self.limits = limits
        self.connections: set[Client] = set()
        self.moving: set[Swept] = set()
        self.closing: list[socket.socket] = []
        self.held: frozenset[str] = frozenset()
        self._emit = emit
        self._budget = float(limits.unknown_told)
        self._budget_at = time.monotonic()
        self._untold = 0
        self._trees: dict[int, Tree] = {}

    def emit(self, event: Event) -> None:
        """Tell an event. A watcher that fails must not take the server down with it.

        What clients do that have not logged in is told as long as it does not come too fast:
        every event is stored, and nobody on the wire may fill the host's disk.
        """
        if not event.deployment and not self._may_tell():
            self._untold += 1
            return
        with contextlib.suppress(Exception):  # the loop of the service may be closed already
            if self._untold:
                untold, self._untold = self._untold, 0
                line = f"{untold} events of clients that had not logged in came too fast to be told"
                self._emit(CommandRefused(self.clock(), "", "", "", line))
            self._emit(event)

    def _may_tell(self) -> bool:
        now = time.monotonic()
        passed, self._budget_at = now - self._budget_at, now
        refilled = self._budget + passed * self.limits.unknown_rate
        self._budget = min(refilled, float(self.limits.unknown_told))
        if self._budget < 1:
            return False
        self._budget -= 1
        return True

    def close_sockets(self) -> None:
        """Close what was given up since the last call.

        The loop calls this between two rounds of events, so that no number of a closed socket comes
        back within a round, where an event of the old one would hit the new one.
        """
        for sock in self.closing:
            with contextlib.suppress(OSError):
                sock.close()
        self.closing.clear()

    @staticmethod
    def now() -> float:
        """Seconds for measuring durations."""
        return time.monotonic()

    def tree(self, share: Share) -> Tree:
        """The tree of a share, grown once as long as the authorizer hands out the same share."""
        kept = self._trees.get(id(share))
        if kept is None or kept.share is not share:
            if len(self._trees) >= _KEPT_TREES:
                self._trees.clear()
            kept = self._trees[id(share)] = trees.grow(share)
        return kept
