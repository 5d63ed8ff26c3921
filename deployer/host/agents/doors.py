"""What the FTP server's thread sees of the agents: who may log in, which files there are.

What an agent says is handed to the service's loop, which answers when it knows the answer.
"""

from __future__ import annotations

import asyncio
import contextlib
import hmac
import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from deployer.core.agents import overlay
from deployer.core.agents.words import Word
from deployer.core.ftp.session import NoLogin
from deployer.edge.files import stamp_of
from deployer.edge.ftp.state import Caller
from deployer.host.agents.worker import worker
from deployer.model import Entry, Share, Slice


@dataclass(frozen=True, slots=True)
class Files:
    """The files of one open order: what it fetches, and what it sends with the most bytes."""

    fetched: str = ""
    sent: str = ""
    limit: int = 0

    @property
    def streams(self) -> bool:
        """Whether what is sent comes as it is printed."""
        return self.sent.startswith("O.")


class Answers(Protocol):
    """Who answers, in the service's loop."""

    def said(self, agent: str, caller: Caller, word: Word) -> None:
        """See `edge.ftp.state.Agents`; so are the others."""

    def interrupted(self, caller: Caller) -> None: ...

    def gone(self, agent: str, caller: Caller) -> None: ...

    def began(self, agent: str, name: str) -> None: ...

    def grew(self, agent: str, name: str) -> None: ...

    def arrived(self, agent: str, name: str) -> None: ...


class Doors:
    """The snapshot that the server's thread reads; the loop replaces its parts."""

    def __init__(self, inbox: Path) -> None:
        self._inbox = inbox
        self._loop: asyncio.AbstractEventLoop | None = None
        self._room: Answers | None = None
        self._lock = threading.Lock()
        self._grown: set[tuple[str, str]] = set()
        self.secrets: Mapping[str, str] = {}
        self.addresses: frozenset[str] = frozenset()
        self.files: Mapping[str, tuple[Files, ...]] = {}
        self.not_now = False

    def open(self, loop: asyncio.AbstractEventLoop, room: Answers) -> None:
        """From now on what agents say is answered by this room."""
        self._loop, self._room = loop, room

    # --- in the server's thread

    def login(self, user: str, password: str, peer: str) -> Share | NoLogin:
        """See `edge.ftp.state.Agents`; so are the others."""
        del peer
        if self.not_now:
            return NoLogin.NOT_NOW
        known = self.secrets.get(user)
        if known is None:
            return NoLogin.STRANGE_AGENT
        right = hmac.compare_digest(known, overlay.fingerprint(password))
        return self.share(user) if right else NoLogin.UNKNOWN

    def awaits(self, peer: str) -> bool:
        """Whether an agent called from that address last."""
        return peer in self.addresses

    def share(self, agent: str) -> Share:
        """The files of its open orders, and how much is here of what it sends."""
        entries, uploads, arrived = [*worker().entries], {}, {}
        for each in self.files.get(agent, ()):
            if each.fetched:
                path = self._inbox / agent / each.fetched
                with contextlib.suppress(OSError):
                    stamp = stamp_of(path.stat())
                    cut = Slice(str(path), 0, stamp.length, stamp)
                    entries.append(Entry(each.fetched, cut))
            if each.sent:
                uploads[each.sent] = each.limit
            if each.streams:
                arrived[each.sent] = length_of(self._inbox / agent / each.sent)
        return Share(agent, tuple(entries), uploads, arrived=arrived)

    def said(self, agent: str, caller: Caller, word: Word) -> None:
        self._post(lambda room: room.said(agent, caller, word))

    def interrupted(self, caller: Caller) -> None:
        self._post(lambda room: room.interrupted(caller))

    def gone(self, agent: str, caller: Caller) -> None:
        self._post(lambda room: room.gone(agent, caller))

    def began(self, agent: str, name: str) -> None:
        self._post(lambda room: room.began(agent, name))

    def arrived(self, agent: str, name: str) -> None:
        self._post(lambda room: room.arrived(agent, name))

    def grew(self, agent: str, name: str, length: int) -> None:
        """The loop is told once, however much comes until it looks."""
        del length
        with self._lock:
            told = (agent, name) in self._grown
            self._grown.add((agent, name))
        if not told:
            self._post(lambda room: self._look(room, agent, name))

    def _look(self, room: Answers, agent: str, name: str) -> None:
        with self._lock:
            self._grown.discard((agent, name))
        room.grew(agent, name)

    def _post(self, work: Callable[[Answers], None]) -> None:
        room, loop = self._room, self._loop
        if room is not None and loop is not None:
            with contextlib.suppress(RuntimeError):  # the loop of the service is closed already
                loop.call_soon_threadsafe(work, room)


def length_of(path: Path) -> int:
    """Bytes of a file; 0 for none."""
    try:
        return path.stat().st_size
    except OSError:
        return 0
