"""`deployer chat`: talk with a model on an old PC from here."""

from __future__ import annotations

import asyncio
import contextlib
import os
import sys
import threading
import time
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, assert_never

import typer

from deployer import settings
from deployer.errors import AgentUnknown, ChatWithoutAgent, WrongUse
from deployer.events import Event, StateChanged
from deployer.face import text
from deployer.face.cli.oldpc import Asked
from deployer.face.cli.options import number, shared, value, whole
from deployer.face.say import aside, raw, say_json
from deployer.model import State

if TYPE_CHECKING:
    from deployer.face.push import Face
    from deployer.host.agents.talking import AnswerEnd, Reading, Spoken
    from deployer.host.requests import AgentRow, Host, Order, Request

app = typer.Typer()
_SIM = "sim"


@app.command("chat")
@shared
def chat_command(
    asked: Asked,
    model: Annotated[
        Path | None,
        typer.Argument(
            metavar="MODEL", parser=Path, show_default=False,
            help="A GGUF file or a container. Without one: the model on the PC.",
        ),
    ] = None,
    *,
    system: Annotated[
        str, value("--system", "TEXT", "The system message, instead of its own.", default=False)
    ] = "",
    temperature: Annotated[
        float | None,
        value("--temperature", "T", "How freely it speaks. 0: the likeliest.", number(0, 100)),
    ] = None,
    steps: Annotated[
        int | None,
        value("--steps", "N", "How many tokens it remembers.", whole(16, 1 << 20)),
    ] = None,
    seed: Annotated[
        int | None, value("--seed", "N", "The seed of its random numbers.", whole(0, (1 << 63) - 1))
    ] = None,
) -> None:  # fmt: skip
    """Talk with a model on an old PC that has an agent.

    Words appear as the old PC finds them, and it remembers the conversation. Ctrl-C ends an
    answer; /quit, or the end of the input, ends the conversation. A MODEL is pushed there first,
    and proved. The TARGET sim is a simulated PC, with the same programs.
    """
    given = {"-t": temperature, "-n": steps, "-s": seed}
    options = [f"{name} {amount:g}" for name, amount in given.items() if amount is not None]
    if system:
        if '"' in system or not system.isascii() or not system.isprintable():
            raise WrongUse(
                what="--system has characters that no command line of the old PC can have.",
                remedy="Use plain letters, without quotes.",
            )
        options.append(f'--system "{system}"')
    config = settings.load()
    store = settings.expanded(asked.state_dir or config.state_dir)
    chat = _Chat(asked, store, "".join(f" {option}" for option in options), model)
    if asked.target != _SIM:
        asked.with_host(chat.on_real)
    elif model is not None:
        asyncio.run(chat.on_simulated())
    else:
        raise WrongUse(
            what="The simulated PC has no model yet.", remedy="Name one: deployer chat sim FILE"
        )


@dataclass(frozen=True, slots=True)
class _Chat:
    """What was asked for: with whom, with which options of the engine, with which model."""

    asked: Asked
    store: Path
    options: str
    model: Path | None

    async def on_simulated(self) -> None:
        """Talk with the model on a simulated PC that is switched on for it."""
        from deployer.host import connect

        request, first = self._to_bring()
        async with connect.open_simulated() as (host, target, its_host):
            order = self._order(request, target, its_host)
            name = await self._deliver(host, order, first)
            await self._talk(host, await host.find_agent(target), order.directory, name)

    async def on_real(self, host: Host, target: str) -> None:
        """Talk with the model on an old PC; one that is named is brought there first."""
        directory = settings.load().directory
        if self.model is None:
            directory, name = _there(self.store, target, self.asked.target)
            agent = await self._agent(host, target, directory, name)
        else:
            agent = await self._agent(host, target, directory, self.model.name)
            request, first = self._to_bring()
            name = await self._deliver(host, self._order(request, target, ""), first)
        await self._talk(host, agent, directory, name)

    def _to_bring(self) -> tuple[Request, Path]:
        """What is pushed, and the file of it that is named there."""
        from deployer.face import modelcard
        from deployer.host.models import sending

        assert self.model is not None
        with modelcard.progress(silent=self.asked.as_json) as told:
            request, first, sent = sending.to_talk(self.model, self.store, self.asked.target, told)
        for one in () if self.asked.as_json else sent:
            aside(modelcard.sentence(one))
        return request, first

    def _order(self, request: Request, target: str, its_host: str) -> Order:
        from deployer.host.requests import Order

        return Order(request, target, settings.load().directory, its_host)

    async def _deliver(self, host: Host, order: Order, model: Path) -> str:
        """Bring it there and have it proved; the name that the model has there."""
        from deployer.face.jsonl import JsonLines
        from deployer.face.progress import PushProgress, Terminal
        from deployer.face.push import Watching, push

        shown: Face = PushProgress(Terminal(), time.time)
        if self.asked.as_json:
            shown = JsonLines(raw)
        elif self.asked.target == _SIM:
            shown = _Quiet()  # nothing is to be done there by hand
        done = await push(host, order, Watching(shown, detach=False, say=aside))
        row = await host.row(done.deployment)
        assert row is not None
        return next(file.name for file in row.files if file.long_name == model.name)

    async def _agent(self, host: Host, target: str, directory: str, model: str) -> AgentRow:
        """The agent there. Raises ChatWithoutAgent: it says what to type at the old PC instead."""
        for known in (target, self.asked.target):
            with contextlib.suppress(AgentUnknown):
                return await host.find_agent(known)
        raise ChatWithoutAgent(
            target=self.asked.target, model=model, directory=directory,
            command=f"LLAMA98 {model} --chat",
        )  # fmt: skip

    async def _talk(self, host: Host, agent: AgentRow, directory: str, model: str) -> None:
        from deployer.host.agents.errand import Errand
        from deployer.host.agents.talking import Conversation

        screen = _Json() if self.asked.as_json else _Lines(emulated=self.asked.target == _SIM)
        errand = Errand(host, agent, self.asked.wait, aside)
        command = f"LLAMA98.EXE {model} --chat --utf8 --marks{self.options}"
        await Conversation(errand, screen, _typed()).hold(directory, command)


def _there(store: Path, target: str, called: str) -> tuple[str, str]:
    """Where the newest model is that was proved to be there. Raises WrongUse for none."""
    from deployer.host import past

    with past.rows_of(store) as rows:
        for row in reversed(rows.newest(past.NEWEST, target)):
            for file in row.files:
                if row.state is State.PROVED and file.name.upper().endswith((".L98", ".L01")):
                    return row.directory, file.name
    raise WrongUse(
        what=f"No model that this computer has brought to {called} is known.",
        remedy=f"Name one: deployer chat {called} FILE.gguf",
    )


class _Quiet:
    """How a model comes to the simulated PC: what was proved, and no card."""

    def show(self, event: Event) -> None:
        """Only the end of it."""
        if isinstance(event, StateChanged) and event.state is State.PROVED:
            aside(f"The model is on a simulated PC, which has proved it: {event.deployment}.")

    def close(self) -> None:
        """Nothing to take down."""


class _Lines:
    """The conversation for people; in a pipe with the questions, as a transcript."""

    def __init__(self, *, emulated: bool) -> None:
        self._emulated = emulated
        self._asks = sys.stdin.isatty()

    def ask(self) -> None:
        if self._asks:
            self._write("> ")

    def heard(self, line: str) -> None:
        if not self._asks:
            self._write(f"> {text.plain(line)}\n")

    def refuse(self, line: str) -> None:
        aside(f"(a line of {len(line.encode()):,} bytes is too long, and was not said)")

    def show(self, told: Spoken | Reading | AnswerEnd) -> None:
        from deployer.host.agents.talking import AnswerEnd, Reading, Spoken

        match told:
            case Spoken(said):
                self._write(text.plain(said.replace("\r", "")))
            case Reading(percent):
                if sys.stderr.isatty():
                    sys.stderr.write(f"\r{percent} % \r")
                    sys.stderr.flush()
            case AnswerEnd(tokens, rate):
                speed = text.tokens_per_second(rate, emulated=self._emulated)
                self._write(f"\n({text.count(tokens, 'token')}, {speed})\n")
            case _ as never:
                assert_never(never)

    @staticmethod
    def _write(words: str) -> None:
        sys.stdout.write(words)
        sys.stdout.flush()


class _Json:
    """The conversation for scripts: words as they come, then the whole answer with its figures."""

    def __init__(self) -> None:
        self._question, self._answer = "", ""

    def ask(self) -> None:
        say_json({"ready": True})

    def heard(self, line: str) -> None:
        self._question, self._answer = line, ""

    def refuse(self, line: str) -> None:
        say_json({"refused": line, "bytes": len(line.encode())})

    def show(self, told: Spoken | Reading | AnswerEnd) -> None:
        from deployer.host.agents.talking import AnswerEnd, Reading, Spoken

        match told:
            case Spoken(said):
                self._answer += said
                say_json({"words": said})
            case Reading(percent):
                say_json({"read": percent})
            case AnswerEnd(tokens, rate):
                say_json({
                    "question": self._question, "answer": self._answer, "tokens": tokens,
                    "tokens_per_second": rate,
                })  # fmt: skip
            case _ as never:
                assert_never(never)


async def _typed() -> AsyncIterator[str]:
    """The lines of standard input. They are read in a thread that nobody waits for at the end."""
    loop = asyncio.get_running_loop()
    lines: asyncio.Queue[str | None] = asyncio.Queue()

    def put(line: str | None) -> None:
        loop.call_soon_threadsafe(lines.put_nowait, line)

    def read() -> None:
        rest = b""
        try:
            while data := os.read(0, 4096):
                *whole_lines, rest = (rest + data).split(b"\n")
                for line in whole_lines:
                    put(line.decode("utf-8", "replace"))
            if rest:
                put(rest.decode("utf-8", "replace"))
            put(None)
        except (OSError, RuntimeError):  # no input, or the loop is closed
            return

    threading.Thread(target=read, daemon=True).start()
    while (line := await lines.get()) is not None:
        yield line
