"""What all connections of one FTP server share: its limits, its callbacks, its clock, what is open.

Everything here is used in the server's own thread only.
"""

from __future__ import annotations

import contextlib
import socket
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from enum import Enum, auto
from pathlib import Path
from typing import Protocol

from deployer.core.agents.words import Word
from deployer.core.ftp import manners
from deployer.core.ftp import session as said
from deployer.core.ftp import tree as trees
from deployer.core.ftp.budget import Allowance, Budget, Budgets
from deployer.core.ftp.manners import HeardTalk
from deployer.core.ftp.session import NoLogin
from deployer.core.ftp.tree import Tree
from deployer.events import CommandRefused, Event, LoginRefused
from deployer.model import Share, State

_KEPT_TREES = 64
_TELL_AGAIN = 600.0
_UPLOADS = Allowance(500, 64 << 20)
_ALL_UPLOADS = Allowance(20_000, 1 << 30)


@dataclass(frozen=True, slots=True)
class FtpLimits:
    """How much one server takes. Times are seconds, sizes bytes.

    Two descriptors and one open file per connection must fit into the process' limit of open files,
    which is 1,024 on most systems. `chunk` is what one sendfile call moves: larger ones cost a bit
    less processor time where there is little of it, and on an idle machine keep a reader waiting
    (benchmarks/transfer, `--servers stock,deployer@65536,deployer@1048576`). `kept` are places that
    only machines get for which something waits; `uploads` is for each deployment, `all_uploads` for
    all together, `told_per_day` for the events of one deployment. `silence` is how long a survey is
    answered nothing where it asks for that: longer than NT's FTP.EXE waits, 270 s (facts A14).
    """

    connections: int = 256
    per_address: int = 128
    unknown_per_address: int = 8
    kept: int = 16
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
    unknown_per_day: int = 20_000
    told_per_day: int = 100_000
    silence: float = 300.0
    uploads: Allowance = _UPLOADS
    all_uploads: Allowance = _ALL_UPLOADS
    chunk: int = 160 << 10


class Swept(Protocol):
    """A connection that is looked at now and then."""

    def sweep(self, now: float) -> None:
        """Look after time-outs."""

    def handle_error(self) -> None:
        """End what raised an exception, and nothing else."""


class Client(Swept, Protocol):
    """A control connection as the server knows it. `heard` is when it said something last."""

    heard: float

    @property
    def address(self) -> str:
        """Of the machine at the other end."""

    @property
    def deployment(self) -> str:
        """The deployment whose share the client sees."""

    @property
    def logged_in(self) -> bool:
        """True after an accepted login."""

    @property
    def idle(self) -> bool:
        """True while nothing is transferred."""

    def end_login(self, state: State) -> None:
        """The deployment has ended that the login was for: nothing of it is served any more."""

    def shut(self, line: str, why: str) -> None:
        """Say one last line and close at once; `why` a transfer that was going on was cut."""


class UploadVerdict(Enum):
    """What becomes of an upload that has arrived."""

    KEEP = auto()
    TAKEN = auto()
    """It is kept already, by whom it is for."""
    NOT_WHOLE = auto()
    """It was mangled or cut on its way; the client is told to send it again."""
    BEING_READ = auto()
    """The last report has not been acted on yet, and nothing may take its place."""
    NOT_NOW = auto()
    """The host cannot write down what happens now; the client is told to send it later."""
    ENDED = auto()
    """Its deployment has ended; what it left as evidence is not replaced."""


class Authorizer(Protocol):
    """Who may log in and what they see. Must be quick: called in the server's thread."""

    def login(self, user: str, password: str, peer: str, at: str) -> Share | NoLogin:
        """The share of a login, or why it is refused. Guests come as user `anonymous`.

        `at` is the address of ours that the machine at `peer` has called.
        """

    def awaits(self, peer: str) -> bool:
        """Whether something waits for the machine at this address."""

    def takes(self, deployment: str, peer: str, at: str) -> bool:
        """Whether the machine at `peer` may have GO.BAT: it may wait for the first that asks."""

    def accepts(self, deployment: str, name: str, data: bytes) -> UploadVerdict:
        """Whether an upload may be kept."""

    def unkept(self, deployment: str, name: str, why: str) -> None:
        """An upload cannot be written on this computer."""


class Caller(Protocol):
    """A control connection of an agent, for who answers what it says. In any thread."""

    @property
    def address(self) -> str:
        """Of the machine at the other end."""

    def answer(self, line: str) -> None:
        """Answer what was said last, once; nothing happens when the connection has ended."""

    def dismiss_later(self, line: str) -> None:
        """Say one last line and close."""


class Agents(Protocol):
    """Who answers agents. Called in the server's thread; must be quick."""

    def login(self, user: str, password: str, peer: str) -> Share | NoLogin:
        """What the agent sees, or why it is refused."""

    def awaits(self, peer: str) -> bool:
        """Whether an agent may call from that address."""

    def share(self, agent: str) -> Share:
        """What an agent sees now: the files of its open orders."""

    def said(self, agent: str, caller: Caller, word: Word) -> None:
        """It has said something; `caller.answer` is called for it, now or later."""

    def interrupted(self, caller: Caller) -> None:
        """It said something else while it waits for an order: the waiting ends."""

    def gone(self, agent: str, caller: Caller) -> None:
        """A connection that has said something has ended."""

    def began(self, agent: str, name: str) -> None:
        """It begins to send or to fetch a file."""

    def grew(self, agent: str, name: str, length: int) -> None:
        """So many bytes of what it sends are here."""

    def arrived(self, agent: str, name: str) -> None:
        """What it has sent under this name is here, whole."""


def everybody(_sock: socket.socket) -> bool:
    """Admits whoever has connected."""
    return True


class ServerState:
    """Limits, callbacks, open connections and moving transfers of one server.

    `held` are the deployments whose next download has to wait; another thread may replace it.
    `admits` says of a connection that has just come whether it may be served at all. With `secret`,
    only those are served who send it as their first line, and data connections begin with it.
    `agents` answers agents, None where none is let in; `call` has work done in the server's thread.
    """

    def __init__(
        self,
        *,
        authorizer: Authorizer,
        inbox: Path,
        emit: Callable[[Event], None],
        clock: Callable[[], float],
        limits: FtpLimits,
        admits: Callable[[socket.socket], bool] = everybody,
        secret: bytes = b"",
        agents: Agents | None = None,
        call: Callable[[Callable[[], None]], None] = lambda _work: None,
    ) -> None:
        self.authorizer = authorizer
        self.agents = agents
        self.call = call
        self.inbox = inbox
        self.clock = clock
        self.limits = limits
        self.admits = admits
        self.secret = secret
        self.connections: set[Client] = set()
        self.moving: set[Swept] = set()
        self.closing: list[socket.socket] = []
        self.held: frozenset[str] = frozenset()
        self._emit = emit
        self._burst = float(limits.unknown_told)
        self._burst_at = time.monotonic()
        self._unknown = Budget(Allowance(limits.unknown_per_day))
        each = Allowance(limits.told_per_day)
        self._told = Budgets(each, Allowance(100 * limits.told_per_day))
        self._uploads = Budgets(limits.uploads, limits.all_uploads)
        self._untold = 0
        self._talks: dict[str, HeardTalk] = {}
        self._trees: dict[int, Tree] = {}
        self._refused: dict[tuple[str, str], float] = {}

    def emit(self, event: Event) -> None:
        """Tell an event. A watcher that fails must not take the server down with it.

        Every event is stored, and nobody may fill the host's disk: what clients do that have not
        logged in is told as long as it does not come too fast and is not too much for a day, what
        is done in one deployment as long as it is not too much for a day. The rest is counted.
        """
        if not self._may_tell(event):
            self._untold += 1
            return
        with contextlib.suppress(Exception):  # the loop of the service may be closed already
            if self._untold:
                untold, self._untold = self._untold, 0
                line = f"{untold} more events came too fast, or were too many, to be listed"
                self._emit(CommandRefused(self.clock(), "", "", "", line))
            self._emit(event)

    def _may_tell(self, event: Event) -> bool:
        now = time.monotonic()
        if event.deployment and not isinstance(event, LoginRefused):
            allowed = self._told.allows(event.deployment, now)
            self._told.spend(event.deployment)
            return allowed
        passed, self._burst_at = now - self._burst_at, now
        refilled = self._burst + passed * self.limits.unknown_rate
        self._burst = min(refilled, float(self.limits.unknown_told))
        if self._burst < 1 or not self._unknown.allows(now):
            return False
        self._burst -= 1
        self._unknown.spend()
        return True

    def told_lately(self, user: str, peer: str) -> bool:
        """Whether it was told within the last ten minutes that this one was refused; now it is.

        An agent of another host calls for ever.
        """
        now = self.now()
        before = self._refused.get((user, peer))
        if before is not None and now - before < _TELL_AGAIN:
            return True
        if len(self._refused) >= _KEPT_TREES:
            self._refused.clear()
        self._refused[user, peer] = now
        return False

    def may_upload(self, deployment: str) -> bool:
        """Whether one more report of a deployment is taken today."""
        return self._uploads.allows(deployment, time.monotonic())

    def uploaded(self, deployment: str, size: int) -> None:
        """A report has come, whole or not."""
        self._uploads.spend(deployment, size)

    def make_room(self, address: str) -> bool:
        """Whether one more connection from this address may be served.

        A machine that is awaited gets in as long as anybody idle can be sent away for it: one that
        is not awaited, or when it has too many itself, the one that it has said nothing on for
        longest (after a power cut nobody says goodbye on the old ones).
        """
        limits = self.limits
        here = [each for each in self.connections if each.address == address]
        full = len(self.connections) >= limits.connections
        if self._awaits(address):
            if len(here) >= limits.per_address:
                return self._send_away(here)
            return not full or self._send_away(self._unknown_clients()) or self._send_away(here)
        unknown = len(self._unknown_clients())
        most = min(limits.unknown_per_address, limits.per_address)
        return not full and len(here) < most and unknown < limits.connections - limits.kept

    def _unknown_clients(self) -> list[Client]:
        return [
            each for each in self.connections if not (each.logged_in or self._awaits(each.address))
        ]

    def _awaits(self, address: str) -> bool:
        known = self.agents is not None and self.agents.awaits(address)
        return known or self.authorizer.awaits(address)

    def _send_away(self, among: Iterable[Client]) -> bool:
        idle = [each for each in among if each.idle]
        if not idle:
            return False
        min(idle, key=lambda each: each.heard).shut(said.PLACE_NEEDED, "its place was needed")
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

    def begin_talk(self, deployment: str) -> HeardTalk:
        """What a survey's session says from now on; what an earlier one has said is forgotten."""
        self._talks.pop(deployment, None)
        while len(self._talks) >= _KEPT_TREES:
            self._talks.pop(next(iter(self._talks)))
        talk = self._talks[deployment] = HeardTalk([])
        return talk

    def tree(self, share: Share) -> Tree:
        """The tree of a share, grown once as long as the authorizer hands out the same share.

        That of a survey has what was heard since the login before, once.
        """
        if share.survey:
            talk = self._talks.pop(share.deployment, HeardTalk([]))
            return trees.grow(manners.with_talk(share, talk))
        kept = self._trees.get(id(share))
        if kept is None or kept.share is not share:
            if len(self._trees) >= _KEPT_TREES:
                self._trees.clear()
            kept = self._trees[id(share)] = trees.grow(share)
        return kept
