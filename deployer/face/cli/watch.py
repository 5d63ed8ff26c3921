"""`deployer tui`: watch and steer everything, live."""

from __future__ import annotations

import asyncio
import functools
import os
import shlex
import signal
import sys
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from deployer import settings
from deployer.face.cli.options import (
    Address,
    FtpPort,
    Interface,
    NoLink,
    NoLinkLocal,
    StateDir,
    flag,
    value,
)
from deployer.face.say import raw, say
from deployer.settings import Settings

if TYPE_CHECKING:
    from deployer.host import connect
    from deployer.host.requests import Host

app = typer.Typer()


@app.command("tui")
def tui_command(
    *,
    address: Address = None,
    ftp_port: FtpPort = None,
    interface: Interface = None,
    no_link: NoLink = False,
    no_link_local: NoLinkLocal = False,
    plain: Annotated[bool, flag("--plain", "Whole lines only, for screen readers.")] = False,
    theme: Annotated[
        Literal["dark", "light", "98"],
        value("--theme", None, "The colours. 98: those of Windows 98.", environ="DEPLOYER_THEME"),
    ] = "dark",
    state_dir: StateDir = None,
) -> None:
    """Watch and steer everything, live.

    The last line shows the keys; ? explains them. Without a terminal, or with --plain, it writes
    and reads whole lines. If no daemon runs, it starts one with --address, --ftp-port, --interface,
    --no-link and --no-link-local. Under sudo it serves by itself, as the user who called it, until
    it is closed.
    """
    from deployer.face.cli import reach
    from deployer.host import connect

    config = settings.load()
    serving = _Serving(
        address or config.address,
        config.ftp_port if ftp_port is None else ftp_port,
        interface,
        no_link,
        no_link_local,
    )
    plain = plain or not (sys.stdin.isatty() and sys.stdout.isatty())
    plain = plain or os.environ.get("TERM", "") == "dumb"
    store = settings.expanded(state_dir or config.state_dir)
    config = replace(config, state_dir=str(store))
    connect.run(
        functools.partial(
            _run,
            reach.named(config, store),
            store,
            address or "",
            serving,
            plain=plain,
            theme=theme,
            system=state_dir is None,
        )
    )


@dataclass(frozen=True, slots=True)
class _Serving:
    """Where a daemon serves that is brought up, or this process where there can be none."""

    address: str
    port: int
    interface: str | None
    no_link: bool
    no_link_local: bool

    @property
    def words(self) -> tuple[str, ...]:
        """The same as arguments of `deployer serve`."""
        return (
            *("--address", self.address, "--ftp-port", str(self.port)),
            *(("--interface", self.interface) if self.interface else ()),
            *(("--no-link",) if self.no_link else ()),
            *(("--no-link-local",) if self.no_link_local else ()),
        )


async def _run(
    config: Settings,
    state_dir: Path,
    address: str,
    serving: _Serving,
    undo: connect.Undo,
    *,
    plain: bool,
    theme: str,
    system: bool,
) -> None:
    """Over a running daemon, else over one that is brought up and outlives this window."""
    from deployer.face.cli import reach
    from deployer.host import connect, launch

    here = reach.here(
        config, state_dir, address=serving.address, ftp_port=serving.port,
        interface=serving.interface, no_link=serving.no_link, no_link_local=serving.no_link_local,
    )  # fmt: skip
    async with connect.open_lasting(
        state_dir, here, reach.WORDS, serving.words, undo, system=system
    ) as host:
        await _show(host, config, address, plain=plain, theme=theme)
        if isinstance(host, launch.Launched):
            raw(_goes_on(state_dir, "" if system else str(state_dir)))


def _goes_on(state_dir: Path, named: str) -> str:
    """What a window says at its end when it leaves something open; "" when it does not."""
    from deployer.host import past

    with past.rows_of(state_dir) as rows:
        opened = {row.deployment: row.target for row in rows.open()}
    served = [one for one in opened if one not in past.unserved(state_dir, opened)]
    where = f" --state-dir {shlex.quote(named)}" if named else ""
    if len(served) == 1:
        return f"{served[0]} goes on. To end it: deployer cancel {served[0]}{where}\n"
    if served:
        return f"{len(served)} go on. To end one: deployer cancel ID{where}, see deployer status\n"
    return ""


async def _show(host: Host, config: Settings, address: str, *, plain: bool, theme: str) -> None:
    """Watch and steer until the user has enough."""
    from deployer.face.tui import looks
    from deployer.face.tui.app import DeployerApp
    from deployer.face.tui.plain import Plain

    if not plain:
        app = DeployerApp(host, config, theme=looks.THEMES[theme], address=address)
        if sys.platform != "win32":
            _leave_when_told(app.exit, with_window=not host.ends_with_face)
        await app.run_async()
        if app.failure is not None:
            raise app.failure
        return

    session = Plain(host, config, say, address=address)
    watching = asyncio.create_task(session.watch())
    try:
        await session.obey(_typed())
    finally:
        watching.cancel()
        await asyncio.gather(watching, return_exceptions=True)


def _leave_when_told(leave: Callable[[], object], *, with_window: bool) -> None:
    """A signal closes the page and leaves the terminal as it was.

    A closed window sends two at once, and nothing can be written any more: then this process just
    ends, `with_window`, unless it still has to take leave of others.
    """
    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, leave)
    if with_window:
        signal.signal(signal.SIGHUP, signal.SIG_DFL)
    else:
        loop.add_signal_handler(signal.SIGHUP, leave)


async def _typed() -> AsyncIterator[str]:
    """What is typed, line by line, while everything else goes on."""
    while line := await asyncio.to_thread(sys.stdin.readline):
        yield line
