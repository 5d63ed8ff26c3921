"""Commands for a PC with an agent: run, ls, rm, screen, reboot and the like."""

from __future__ import annotations

import codecs
import contextlib
import sys
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, TypeVar

import typer

from deployer import settings
from deployer.core.target.codepages import text_of
from deployer.errors import AgentUnknown, DirectoryForbidden, PictureDamaged, WrongUse
from deployer.face import text
from deployer.face.cli import complete
from deployer.face.cli.options import ServingOptions, flag, number, shared, value
from deployer.face.say import aside, say, say_json

if TYPE_CHECKING:
    from deployer.host.agents.errand import Errand
    from deployer.host.requests import AgentRow, Host

app = typer.Typer()

OldPC = Annotated[
    str,
    typer.Argument(
        metavar="TARGET", autocompletion=complete.targets, show_default=False,
        help="Name or address of the old PC, or its agent's id.",
    ),
]  # fmt: skip
Wait = Annotated[
    float, value("--wait", "SECONDS", "How long to wait for its agent to call.", number(0))
]
Patience = Annotated[float, value("--timeout", "SECONDS", "How long the PC may take.", number(0))]

_Found = TypeVar("_Found")
_Work = Callable[["Errand"], Awaitable[Any]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked(ServingOptions):
    """Whom a command is for, and how this process serves when no daemon runs."""

    target: OldPC
    wait: Wait = 90.0

    def carry_out(self, work: _Work) -> Any:
        """Do what needs the agent; what that gives."""
        from deployer.host.agents.errand import Errand

        async def with_agent(host: Host, named: str) -> Any:
            agent = await self.by_either_name(host.find_agent, named)
            return await work(Errand(host, agent, self.wait, aside))

        return self.with_host(with_agent)

    async def by_either_name(self, ask: Callable[[str], Awaitable[_Found]], named: str) -> _Found:
        """What is known by the target's address, else by the agent's own name."""
        try:
            return await ask(named)
        except AgentUnknown:
            return await ask(self.target)

    def with_host(self, work: Callable[[Host, str], Awaitable[Any]]) -> Any:
        """Do what needs a host and the target's address; what that gives."""
        from deployer.face.cli import reach
        from deployer.host import connect

        config = settings.load()
        store = settings.expanded(self.state_dir or config.state_dir)
        named = reach.named(config, store).targets.get(self.target, self.target)
        here = reach.here(config, store, **self.wire)

        async def on_host(undo: connect.Undo) -> Any:
            async with connect.open_host(
                store, here, reach.WORDS, undo, system=self.state_dir is None
            ) as host:
                return await work(host, named)

        return connect.run(on_host)


def _ended(asked: Asked, what: str, **more: object) -> None:
    """Say that it is done."""
    if asked.as_json:
        say_json({"done": what, **more})
    else:
        say(what)


# --- programs


class _Screen:
    """Where a program's output goes: unchanged into a pipe, readable and harmless on a terminal."""

    def __init__(self, *, as_json: bool) -> None:
        self._as_json = as_json
        self.read_as(437)

    def read_as(self, page: int) -> None:
        """The code page in which programs print there."""
        self._decode = codecs.getincrementaldecoder(f"cp{page}")("replace").decode

    def put(self, data: bytes) -> None:
        """Some bytes of it."""
        if self._as_json:
            say_json({"output": self._decode(data)})
        elif sys.stdout.isatty():
            sys.stdout.write(text.plain(self._decode(data).replace("\r", "")))
            sys.stdout.flush()
        else:
            sys.stdout.buffer.write(data)
            sys.stdout.buffer.flush()


@app.command(
    "run", context_settings={"ignore_unknown_options": True, "allow_interspersed_args": False}
)
@shared
def run_command(
    asked: Asked,
    command: Annotated[
        list[str] | None,
        typer.Argument(metavar="COMMAND...", show_default=False, help="What to start there."),
    ] = None,
    *,
    named: Annotated[
        str | None,
        value(
            "--target", "PC", "The PC, as with push: then only COMMAND follows.",
            complete=complete.targets,
        ),
    ] = None,
    stdin: Annotated[
        Path | None, value("--stdin", "FILE", "The command's input. Without it: none.", Path)
    ] = None,
    timeout: Annotated[
        float, value("--timeout", "SECONDS", "End it there after that long; 0: never.", number(0))
    ] = 0.0,
    directory: Annotated[
        str | None, value("--in", "DIR", "The folder to start it in.", default="C:\\DEPLOY")
    ] = None,
) -> None:  # fmt: skip
    """Run a COMMAND on an old PC that has an agent.

    What it prints comes here as it is printed, its exit code is this command's, and Ctrl-C ends it
    there. Options stand before TARGET; all after it is the command's own. DIR, TYPE and the like,
    and lines with > or |, go through COMMAND.COM.
    """
    from deployer.core.agents import shell
    from deployer.host.agents.errand import follow, give

    if named is not None:
        asked, command = replace(asked, target=named), [asked.target, *(command or ())]
    if asked.target.startswith("-"):
        raise WrongUse(
            what=f"{asked.target}: run has no such option.",
            remedy="See deployer run --help; the PC comes after the options, then the command.",
        )
    if not command:
        raise WrongUse(
            what=f"What is to be run on {asked.target} is missing.",
            remedy=f"Write it after the PC, such as: deployer run {asked.target} HELLO.EXE",
        )
    line = command[0] if len(command) == 1 else " ".join(map(_quoted, command))
    place = directory or settings.load().directory
    words = ("RUN", place, str(round(timeout)), str(int(stdin is not None)), line)
    screen = _Screen(as_json=asked.as_json)

    async def work(errand: Errand) -> int:
        screen.read_as(errand.agent.oem_codepage)
        order = await give(errand, *words, carried=stdin)
        return (await follow(errand, order, line, screen.put)).code

    code: int = asked.carry_out(work)
    if asked.as_json:
        say_json({"exit": code})
    if shell.is_shell(shell.as_started(line)):
        aside("COMMAND.COM ends with 0 whatever has happened: judge it by what it printed.")
    raise typer.Exit(code & 0xFF)


def _quoted(word: str) -> str:
    return f'"{word}"' if " " in word and not word.startswith('"') else word


# --- files


@app.command("ls")
@shared
def ls_command(
    asked: Asked,
    path: Annotated[
        str, typer.Argument(metavar="PATH", help="A directory or a pattern there.")
    ] = "C:\\*.*",
) -> None:
    """List a directory of an old PC that has an agent."""
    from deployer.host.agents.errand import ask

    async def work(errand: Errand) -> str:
        return text_of(await ask(errand, "LS", path), errand.agent.codepage)

    listing: str = asked.carry_out(work)
    for line in listing.splitlines():
        fields = line.split("\t")
        if len(fields) != 5:
            continue
        attributes, length, when, short, long = fields
        if asked.as_json:
            names = {"name": long or short, "short": short, "attributes": attributes}
            say_json({**names, "bytes": int(length) if length.isdecimal() else 0, "date": when})
        else:
            size = "<DIR>" if "D" in attributes else f"{int(length or 0):,}"
            say(f"{when}  {size:>14}  {short:<12}  {long if long != short else ''}".rstrip())


@app.command("rm")
@shared
def rm_command(
    asked: Asked,
    paths: Annotated[
        list[str], typer.Argument(metavar="PATH...", show_default=False, help="Files there.")
    ],
    *,
    force: Annotated[
        bool, flag("--force", "Delete also files that no deployment brought.")
    ] = False,
) -> None:
    """Delete files on an old PC that has an agent.

    Without --force only what a deployment of this computer has brought there.
    """
    from deployer.host.agents.errand import ask

    async def work(errand: Errand) -> None:
        for path in paths:
            await ask(errand, "RM", path, str(int(force)))
            _ended(asked, f"{path} is deleted.", path=path)

    asked.carry_out(work)


# --- the machine


@app.command("screen")
@shared
def screen_command(
    asked: Asked,
    *,
    out: Annotated[
        Path, value("--out", "FILE", "The picture: .png, or .bmp as the PC sends it.", Path)
    ] = Path("screen.png"),
    every: Annotated[
        float | None,
        value("--every", "SECONDS", "Take one every so many seconds, until Ctrl-C.", number(0.2)),
    ] = None,
) -> None:
    """Take a picture of the screen of an old PC that has an agent."""
    import asyncio

    from deployer.host.agents.errand import ask

    async def work(errand: Errand) -> None:
        while True:
            picture = await ask(errand, "SCREEN")
            _write(out, picture, errand.agent.called)
            _ended(asked, f"{out}: the screen of {errand.agent.called}.", file=str(out))
            if every is None:
                return
            await asyncio.sleep(every)

    asked.carry_out(work)


def _write(out: Path, picture: bytes, target: str) -> None:
    """Write a picture, whole or not at all. Raises PictureDamaged, DirectoryForbidden."""
    from deployer.core.agents.picture import png_of_bmp

    try:
        data = picture if out.suffix.lower() == ".bmp" else png_of_bmp(picture)
    except ValueError as error:
        raise PictureDamaged(target=target, why=error) from error
    _replace(out, data)


def _replace(out: Path, data: bytes) -> None:
    beside = out.with_name(f".{out.name}.part")
    try:
        beside.write_bytes(data)
        beside.replace(out)
    except OSError as error:
        with contextlib.suppress(OSError):
            beside.unlink(missing_ok=True)
        raise DirectoryForbidden(path=out, why=error.strerror) from error


@app.command("reboot")
@shared
def reboot_command(asked: Asked, *, timeout: Patience = 300.0) -> None:
    """Restart an old PC that has an agent, and wait until it is back."""
    from deployer.host.agents.errand import restart

    row = asked.carry_out(lambda errand: restart(errand, timeout))
    _ended(asked, f"{row.called} has started again.", boot=row.boot)


@app.command("poweroff")
@shared
def poweroff_command(asked: Asked, *, timeout: Patience = 120.0) -> None:
    """Switch off an old PC that has an agent."""
    from deployer.host.agents.errand import switch_off

    row = asked.carry_out(lambda errand: switch_off(errand, timeout))
    _ended(asked, f"{row.called} has said goodbye; Windows is down there.")


@app.command("settime")
@shared
def settime_command(
    asked: Asked,
    *,
    to: Annotated[
        str | None,
        value("--to", "TIME", "Such as '2001-02-03 04:05:06'.", default="now"),
    ] = None,
) -> None:
    """Set the clock of an old PC that has an agent, to local time."""
    from deployer.host.agents.errand import ask

    try:
        moment = time.strptime(to, "%Y-%m-%d %H:%M:%S") if to else time.localtime()
    except ValueError as error:
        raise WrongUse(
            what=f"--to {to}: that is no time.", remedy="Write it as '2001-02-03 04:05:06'."
        ) from error
    asked.carry_out(lambda errand: ask(errand, "TIME", time.strftime("%Y%m%d%H%M%S", moment)))
    _ended(asked, f"The clock there is set to {time.strftime('%Y-%m-%d %H:%M:%S', moment)}.")


@app.command("input")
@shared
def input_command(
    asked: Asked,
    keys: Annotated[
        list[str],
        typer.Argument(
            metavar="KEYS...", show_default=False,
            help="Names such as ALT+N, ENTER, TAB; text in quotes.",
        ),
    ],
) -> None:  # fmt: skip
    """Press keys on an old PC that has an agent, such as ALT+N in an installer."""
    from deployer.host.agents.errand import ask

    asked.carry_out(lambda errand: ask(errand, "KEYS", " ".join(keys)))
    _ended(asked, "The keys were pressed.")


# --- the agent itself


@app.command("upgrade")
@shared
def upgrade_command(asked: Asked) -> None:
    """Replace the agent on an old PC by this version's, whole or not at all."""
    from deployer.host.agents.errand import follow

    async def work(errand: Errand) -> None:
        order = await errand.host.upgrade(errand.agent.agent, errand.seconds)
        await follow(errand, order, "UPGRADE")

    asked.carry_out(work)
    _ended(asked, "The new agent has called, and has taken the old one's place.")


@app.command("forget")
@shared
def forget_command(
    asked: Asked,
    *,
    gone: Annotated[
        bool, flag("--gone", "The PC is gone: remove its agent from the list here.")
    ] = False,
) -> None:
    """Remove the agent from an old PC, with all that it has written there."""
    from deployer.host.agents.errand import ask

    if gone:
        dropped: tuple[AgentRow, ...] = asked.with_host(
            lambda host, named: asked.by_either_name(host.drop_agents, named)
        )
        for row in dropped:
            told = f"The agent {row.agent} on {row.called} is not known here any more."
            _ended(asked, told, agent=row.agent)
        return

    asked.carry_out(lambda errand: ask(errand, "FORGET"))
    _ended(asked, "The agent has removed itself.")


@app.command("bugreport")
@shared
def bugreport_command(
    asked: Asked,
    *,
    out: Annotated[
        Path | None, value("--out", "FILE", "The output file. Without it: in this folder.", Path)
    ] = None,
) -> None:
    """Ask an old PC with an agent for its machine, its programs and its agent's log."""
    from deployer.host.agents.errand import ask

    async def work(errand: Errand) -> tuple[bytes, int]:
        return await ask(errand, "INFO"), errand.agent.codepage

    told, page = asked.carry_out(work)
    if out is not None:
        _replace(out, told)
        _ended(asked, f"{out}: what {asked.target} reports of itself.", file=str(out))
    elif asked.as_json:
        say_json({"report": text_of(told, page)})
    else:
        say(text_of(told, page).replace("\r", "").rstrip("\n"))
