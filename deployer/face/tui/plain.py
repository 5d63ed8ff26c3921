"""The plain mode: whole lines in, whole lines out, for screen readers, pipes and dumb terminals.

Nothing moves on the screen and nothing is drawn; every change is a sentence. Commands are words.
"""

from __future__ import annotations

import asyncio
import shlex
import time
from collections.abc import AsyncIterator, Callable, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path

from deployer import settings
from deployer.core.view import Row, View, fold
from deployer.errors import DeployerError, WrongUse
from deployer.events import TransferStarted, TransferTick
from deployer.face import estimate, modelcard, proofs, push_again, text, words
from deployer.face.card import followed, hints
from deployer.host.launch import DaemonNotStarted
from deployer.host.models import sending
from deployer.host.requests import Host, Order, Request, Say
from deployer.model import LINE, LineSettings
from deployer.settings import Settings

_RETURN = 2.0
"""Seconds between two looks for a daemon that has gone."""

HELP = (
    "push TARGET FILE [FILE...]   send files; TARGET is an address, a name, or sim",
    "push serial:PORT [--speed=9600] [--flow=xonxoff] FILE...   the same over a serial line",
    "look FILE [FILE...]          what the files are, and whether they fit",
    "list [WORDS]                 deployments, those that are open first",
    "status [ID]                  what one does now",
    "pause ID, resume ID          hold the next part back, let it go",
    "cancel ID, retry ID          end one, offer it again",
    "card ID, proof ID, copy ID   what to type there; its proof; its command line",
    "help, quit",
)


_OF_ONE = ("status", "pause", "resume", "cancel", "retry", "card", "proof", "copy")
_ROWS = 200
"""How many deployments it begins with, besides those that are open."""


@dataclass(slots=True)
class Plain:
    """One session of the plain mode. ID may be left out: the newest deployment is meant.

    `address` is what old PCs call; "" for where the host serves.
    """

    host: Host
    config: Settings
    say: Say
    clock: Callable[[], float] = time.time
    address: str = ""
    rows: View = field(default_factory=dict)
    _leaving: bool = False
    _seen: int | None = None

    async def watch(self) -> None:
        """Say what happens, until cancelled; when a daemon goes away, its return is waited for."""
        gone = False
        while True:
            try:
                if self._seen is None:
                    await self._begin()
                else:
                    await self.host.last_seq()
                if gone:
                    self.say("Connected again.")
                gone = False
                await self._watch()
            except DaemonNotStarted as error:
                self.say(f"{error.what}\n{error.remedy}")
                return
            except DeployerError as error:
                if not gone:
                    self.say(f"{error.what}\n{error.remedy}")
                gone = True
                await asyncio.sleep(_RETURN)

    async def _begin(self) -> None:
        """What was before the first time is only counted."""
        before = await self.host.before(_ROWS)
        self.rows = {row.deployment: row for row in before.rows}
        self._seen = before.seq
        if before.count:
            told = text.count(before.count, "deployment")
            self.say(f"{told} so far. Type help for the commands.")
        else:
            self.say("Nothing has been pushed yet. Try: push sim FILE")

    async def _watch(self) -> None:
        async for seq, event in self.host.subscribe(self._seen):
            self._seen = seq or self._seen
            self.rows = fold(self.rows, event)
            if not isinstance(event, TransferTick | TransferStarted):
                row = self.rows.get(event.deployment)
                said = words.sentence(event, len(row.parts) if row else 0)
                if said:
                    self.say(f"{event.deployment or 'host'}: {said}")

    async def obey(self, lines: AsyncIterator[str]) -> None:
        """Do what the lines say, until `quit` or their end."""
        async for line in lines:
            try:
                await self.do(line)
            except DeployerError as error:
                self.say(f"{error.what}\n{error.remedy}")
            if self._leaving:
                return

    async def do(self, line: str) -> None:
        """One command. Raises WrongUse for one that is not known, and what the request raises."""
        try:
            typed = shlex.split(line)
        except ValueError as error:
            raise WrongUse(what=f"{line}: {error}.", remedy="Close the quotes.") from error
        if not typed:
            return
        verb, *rest = typed
        if verb in _OF_ONE and rest:
            await self._look_up(rest[0].upper())
        simple: Mapping[str, Callable[[list[str]], None]] = {
            "help": self._help, "list": self._list, "status": self._status, "card": self._card,
            "quit": self._quit,
        }  # fmt: skip
        if verb in simple:
            simple[verb](rest)
            return
        await self._request(verb, rest)

    async def _look_up(self, deployment: str) -> None:
        """One that was before the rows which a face begins with."""
        if deployment not in self.rows and (row := await self.host.row(deployment)) is not None:
            self.rows = {deployment: row, **self.rows}

    async def _request(self, verb: str, rest: list[str]) -> None:
        match verb:
            case "push" if len(rest) >= 2:
                await self._push(rest[0], rest[1:])
            case "look" if rest:
                await self._look(rest)
            case "pause":
                await self.host.pause(self._row(rest).deployment)
            case "resume":
                await self.host.resume(self._row(rest).deployment)
            case "cancel":
                await self.host.cancel(self._row(rest).deployment)
            case "retry":
                await self.host.retry(self._row(rest).deployment)
            case "proof":
                row = self._row(rest)
                checks = await self.host.recheck(row.deployment)
                self.say("\n".join(proofs.lines(row, checks)))
            case "copy":
                row = self._row(rest)
                self.say(push_again.push_again(row, await self.host.sources(row.deployment)))
            case _:
                raise WrongUse(what=f"{verb}: not understood.", remedy="Type help.")

    async def _push(self, word: str, rest: list[str]) -> None:
        target = settings.resolve_target(word, self.config)
        line, names = LineSettings(), rest
        if target.startswith(LINE):
            line, names = _line(rest)
        request = Request(files=tuple(Path(name) for name in names))
        request, sent = await asyncio.to_thread(
            sending.ready, request, Path(self.config.state_dir), target
        )
        for one in sent:
            self.say(modelcard.sentence(one))
        await self.host.push(Order(request, target, self.config.directory, self.address, line))

    def _row(self, rest: list[str]) -> Row:
        if not self.rows:
            raise WrongUse(what="There is no deployment yet.", remedy="Type: push sim FILE")
        if not rest:
            return max(self.rows.values(), key=lambda row: row.at)
        found = self.rows.get(rest[0].upper())
        if found is None:
            raise WrongUse(what=f"There is no deployment {rest[0]}.", remedy="Type list.")
        return found

    def _help(self, _rest: list[str]) -> None:
        self.say("\n".join(HELP))

    def _quit(self, _rest: list[str]) -> None:
        self._leaving = True

    def _list(self, rest: list[str]) -> None:
        hay = [row for row in self.rows.values() if not rest or rest[0] in str(row)]
        for row in sorted(hay, key=lambda row: (row.state.final, -row.at)):
            self.say(f"{row.deployment} for {row.target}: {self._doing(row)}")
        if not hay:
            self.say("None.")

    def _status(self, rest: list[str]) -> None:
        row = self._row(rest)
        now, known = self.clock(), estimate.habits(self.rows.values(), row.target)
        proved = sum(part.state == "proved" for part in row.parts.values())
        pieces = [
            f"{row.deployment} for {words.machine(row.target)}: {self._doing(row)}",
            f"{proved} of {len(row.parts)} parts proved",
            words.rate(row),
            words.time_left(row, known, now),
        ]
        self.say("; ".join(piece for piece in pieces if piece) + ".")
        for line in hints(row, now):
            self.say(line)

    def _doing(self, row: Row) -> str:
        known = estimate.habits(self.rows.values(), row.target)
        return words.doing(row, known, self.clock())

    def _card(self, rest: list[str]) -> None:
        self.say("\n".join(followed(self._row(rest))))

    async def _look(self, rest: list[str]) -> None:
        seen = await self.host.recognise(Request(files=tuple(Path(name) for name in rest)))
        _fit, line = estimate.fit_line(
            seen.load, self.rows.values(), "sim", profile=seen.profile, model=seen.model
        )
        self.say("\n".join((*seen.lines, line)))


def _line(rest: list[str]) -> tuple[LineSettings, list[str]]:
    """How a serial line is set, by the options of `deployer push`, and the other words.

    Raises WrongUse for a speed or a flow control that there is not.
    """
    line, names = LineSettings(), []
    for word in rest:
        option, _, value = word.partition("=")
        if option == "--speed" and value.isdecimal():
            line = replace(line, speed=int(value))
        elif option == "--flow" and value in ("rtscts", "xonxoff", "none"):
            line = replace(line, flow=value)
        elif option in ("--speed", "--flow"):
            raise WrongUse(
                what=f"{word}: not understood.",
                remedy="Write --speed=9600, and --flow=rtscts, --flow=xonxoff or --flow=none.",
            )
        else:
            names.append(word)
    return line, names
