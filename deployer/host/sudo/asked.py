"""What the user's process asks the first one for: the wire, its ports, who is heard on it."""

from __future__ import annotations

import os
import queue
import socket
import threading
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import msgspec

from deployer.core.wire.devices import NamedTarget, Sighting
from deployer.edge import ports
from deployer.host import wire
from deployer.host.forms import error_from_plain, from_plain, to_plain

LONGEST = 1 << 16
"""Bytes of one message."""
_GONE = 3
"""Exit code when the first process has ended before this one."""


class First:
    """The first process, asked from any thread of this one, one question at a time."""

    def __init__(self, line: socket.socket) -> None:
        self._line = line
        self._lock = threading.Lock()
        self._answers: queue.SimpleQueue[tuple[dict[str, Any], list[int]]] = queue.SimpleQueue()
        self.say: Callable[[str], object] = lambda _line: None
        self.tell: wire.TellWire | None = None
        threading.Thread(target=self._hear, name="first", daemon=True).start()

    def ask(self, question: Mapping[str, object]) -> tuple[dict[str, Any], list[int]]:
        """Its answer, and the files that came with it. Raises the error that it answers."""
        with self._lock:
            self._line.send(msgspec.json.encode(question))
            answer, files = self._answers.get()
        if "error" in answer:
            raise error_from_plain(answer)
        return answer, files

    def open(self, address: str, port: int) -> socket.socket:
        """A listening port that only root may open. Raises what `ports.bind` raises."""
        _answer, files = self.ask({"bind": [address, port]})
        return socket.socket(fileno=files[0])

    def _hear(self) -> None:
        """What it says by itself, and its answers. With it the wire goes, and so does this one."""
        while True:
            data, files, _flags, _peer = socket.recv_fds(self._line, LONGEST, 1)
            if not data:
                os._exit(_GONE)
            message = msgspec.json.decode(data)
            match message:
                case {"say": str(line)}:
                    self.say(line)
                case {"news": [str(kind), value]}:
                    if self.tell is not None:
                        self.tell(wire.news(kind, value))
                case _:
                    self._answers.put((message, files))


class OwnByFirst:
    """Our address on the wire, as `wire.Own` has it, set and given back by the first process."""

    def __init__(
        self,
        first: First,
        wanted: wire.Wanted | None,
        address: str,
        say: Callable[[str], object],
        *,
        target: str = "",
    ) -> None:
        self._first = first
        self._question = {"wanted": wanted, "address": address, "target": target}
        first.say = say

    def take(self) -> str:
        """Set it; our second address, "" for none. Raises what `wire.Own.take` raises."""
        answer, _files = self._first.ask({"take": to_plain(self._question)})
        return str(answer["beside"])

    def follow(self, tell: wire.TellWire) -> None:
        """Tell, in a thread, what becomes of it, from when it is taken."""
        self._first.tell = tell

    def give_back(self) -> None:
        """Undo it."""
        self._first.ask({"give back": True})


Listen = Callable[[str | None, Sequence[NamedTarget], float], Sequence[Sighting]]
"""Who is heard on the wire in so many seconds, see `devices.heard`."""

_FIRST: list[First] = []
"""The first process of this one, if there is one."""


def begin(line: socket.socket) -> None:
    """From now on the process at the other end of `line` is asked for what only root may do."""
    _FIRST.append(First(line))
    ports.BY_ROOT.append(_FIRST[0].open)


def own(
    wanted: wire.Wanted | None, address: str, say: Callable[[str], object], *, target: str = ""
) -> wire.Own | OwnByFirst:
    """Our address on the wire: this process sets it, unless another one has root's rights."""
    if _FIRST:
        return OwnByFirst(_FIRST[0], wanted, address, say, target=target)
    return wire.Own(wanted, address, say, target=target)


def by_root() -> bool:
    """Is there a first process, which does for this one what only root may do?"""
    return bool(_FIRST)


def heard(
    listen: Listen, interface: str | None, named: Sequence[NamedTarget], seconds: float
) -> Sequence[Sighting]:
    """Who is heard on the wire, by the first process where there is one. Raises OSError."""
    if not _FIRST:
        return listen(interface, named, seconds)
    question = {"interface": interface, "named": to_plain(named), "seconds": seconds}
    answer, _files = _FIRST[0].ask({"listen": question})
    if "deaf" in answer:
        raise OSError(answer["deaf"])
    return list(from_plain(answer["heard"], list[Sighting]))
