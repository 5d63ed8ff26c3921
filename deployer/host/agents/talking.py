"""A conversation with a model on an old PC, through its agent: lines go there, words come here.

LLAMA98.EXE runs there with `--chat --marks`: its figures are records, which `Records` takes apart.
What was said is kept there, not here.
"""

from __future__ import annotations

import asyncio
import codecs
import contextlib
import re
import signal
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from typing import Protocol

from deployer.core.agents.verbs import MOST_FED
from deployer.errors import ChatEnded
from deployer.host.agents.errand import Errand, ask, follow, give

LONGEST = 2048
"""Bytes of a line that the engine takes."""
QUIT = "/quit"
_ESC, _END = b"\x1b", b"\x1a\n"
_RECORD = b"\x1e"


@dataclass(frozen=True, slots=True)
class Spoken:
    """Some of an answer."""

    text: str


@dataclass(frozen=True, slots=True)
class Invited:
    """A line is waited for."""


@dataclass(frozen=True, slots=True)
class Reading:
    """So many per cent of what was said are before the model."""

    percent: int


@dataclass(frozen=True, slots=True)
class AnswerEnd:
    """An answer has ended."""

    tokens: int
    rate: float


Told = Spoken | Invited | Reading | AnswerEnd


class Records:
    """What LLAMA98.EXE prints, piece by piece, as values. Whatever comes, nothing is raised."""

    def __init__(self) -> None:
        self._decode = codecs.getincrementaldecoder("utf-8")("replace").decode
        self._rest = b""

    def take(self, data: bytes) -> list[Told]:
        """What these bytes complete."""
        found: list[Told] = []
        self._rest += data
        while self._rest:
            text, mark, after = self._rest.partition(_RECORD)
            if text and (shown := self._decode(text)):
                found.append(Spoken(shown))
            record, end, rest = after.partition(b"\n")
            if mark and not end:  # the rest of the record comes later
                self._rest = mark + after if len(after) < 64 else b""
                break
            self._rest = rest
            if (told := _record(record)) is not None:
                found.append(told)
        return found


def _record(record: bytes) -> Told | None:
    if record == b"R":
        return Invited()
    if match := re.fullmatch(rb"P ([0-9]{1,3})", record):
        return Reading(int(match[1]))
    if match := re.fullmatch(rb"A ([0-9]{1,9}) ([0-9]{1,9}(?:\.[0-9]{1,9})?)", record):
        return AnswerEnd(int(match[1]), float(match[2]))
    return None


class ChatScreen(Protocol):
    """Where a conversation is shown."""

    def ask(self) -> None:
        """A line is waited for."""

    def heard(self, line: str) -> None:
        """This line is said to the model."""

    def refuse(self, line: str) -> None:
        """This line is too long for it."""

    def show(self, told: Spoken | Reading | AnswerEnd) -> None:
        """Something came from there."""


@dataclass(slots=True)
class Conversation:
    """One conversation. `typed` are the lines that the user types, to their end."""

    errand: Errand
    screen: ChatScreen
    typed: AsyncIterator[str]
    order: str = ""
    answering: bool = False
    _records: Records = field(default_factory=Records)
    _ready: asyncio.Event = field(default_factory=asyncio.Event)
    _tasks: set[asyncio.Task[None]] = field(default_factory=set)

    async def hold(self, directory: str, command: str) -> None:
        """Start the program there, and talk until either side ends it. Raises what that means."""
        self.order = await give(self.errand, "RUN", directory, "0", "2", command)
        loop = asyncio.get_running_loop()
        with contextlib.suppress(NotImplementedError, RuntimeError):
            loop.add_signal_handler(signal.SIGINT, self._interrupted)
        talking = asyncio.create_task(self._talk())
        self._tasks.add(talking)
        try:
            heard = await follow(self.errand, self.order, command, self._came)
        finally:
            with contextlib.suppress(NotImplementedError, RuntimeError):
                loop.remove_signal_handler(signal.SIGINT)
            for task in self._tasks:
                task.cancel()
            await asyncio.gather(*self._tasks, return_exceptions=True)
        if heard.code:
            raise ChatEnded(target=self.errand.agent.called, code=heard.code)

    def _came(self, data: bytes) -> None:
        for told in self._records.take(data):
            if isinstance(told, Invited):
                self.answering = False
                self._ready.set()
                continue
            self.screen.show(told)

    async def _talk(self) -> None:
        while True:
            await self._ready.wait()
            self._ready.clear()
            self.screen.ask()
            line = await self._next()
            if line is None:
                await self._feed(_END)
                return
            self.screen.heard(line)
            self.answering = True
            await self._feed(line.encode() + b"\n")

    async def _next(self) -> str | None:
        """The next line that can be said, None for the end."""
        async for given in self.typed:
            line = "".join(c if c.isprintable() else " " for c in given).strip()
            if line == QUIT:
                return None
            if len(line.encode()) > LONGEST:
                self.screen.refuse(line)
            elif line:
                return line
        return None

    async def _feed(self, data: bytes) -> None:
        for start in range(0, len(data), MOST_FED):
            piece = data[start : start + MOST_FED]
            await ask(self.errand, "FEED", self.order, piece.hex())

    def _interrupted(self) -> None:
        """Ctrl-C: it ends an answer; where none is coming, the conversation."""
        end = _ESC if self.answering else _END
        task = asyncio.get_running_loop().create_task(self._feed(end))
        self._tasks.add(task)
