"""Commands to watch and to look back: tui, card, proof, history."""

from __future__ import annotations

import asyncio
import contextlib
import os
import shlex
import signal
import sys
import time
from collections.abc import AsyncIterator, Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import click

from deployer.core.view import Row
from deployer.errors import WrongUse
from deployer.face import history, plot, proofs, text
from deployer.face.card import followed, hints, print_html, print_text, typed_lines
from deployer.host import launch, past, sockets
from deployer.host.local import InProcess
from deployer.host.remote import Client
from deployer.host.requests import Host, Patience
from deployer.host.service import Service
from deployer.settings import Settings, expanded

_PATH = click.Path(path_type=Path)
_STATE_DIR = click.option(
    "--state-dir", envvar="DEPLOYER_STATE_DIR", type=_PATH, help="Where events and proofs are."
)
_JSON = click.option("--json", "as_json", is_flag=True, help="One JSON object per line.")


def register(cli: click.Group) -> None:
    """Add the commands of this module."""
    for command in (tui_command, status_command, card_command, proof_command, history_command):
        cli.add_command(command)


def _directory(config: Settings, given: Path | None) -> Path:
    """The state directory that was named, else the running daemon's, else the user's own."""
    if given is not None:
        return expanded(given)
    return sockets.home(expanded(config.state_dir))


def _own_directory(config: Settings, given: Path | None) -> Path:
    return expanded(given or config.state_dir)


@contextlib.contextmanager
def _rows(directory: Path) -> Iterator[past.Rows]:
    """What was recorded; what of it cannot be read is told beside it."""
    with past.rows_of(directory) as rows:
        if lost := rows.lost():
            told = f"{text.count(lost, 'event')} in {directory} cannot be read and are left out: "
            click.echo(text.on_screen(f"{told}of a newer deployer, or damaged."), err=True)
        yield rows


def _row(directory: Path, deployment: str) -> Row:
    """The row of an id; the newest one for no id. Raises WrongUse."""
    with _rows(directory) as rows:
        row = rows.one(deployment.upper())
    if row is None:
        raise WrongUse(
            what=f"There is no deployment {deployment}." if deployment else "Nothing is there yet.",
            remedy="Look at what there is with: deployer history",
        )
    return row


@click.command("tui")
@click.option("--address", envvar="DEPLOYER_ADDRESS", help="This computer's address on the wire.")
@click.option("--ftp-port", envvar="DEPLOYER_FTP_PORT", type=click.IntRange(0, 65535))
@click.option("--interface", envvar="DEPLOYER_INTERFACE", help="The wire's network interface.")
@click.option("--no-link", is_flag=True, help="Leave the network settings alone.")
@click.option("--plain", is_flag=True, help="Whole lines only, for screen readers.")
@click.option("--light", is_flag=True, help="Dark on light.")
@_STATE_DIR
@click.pass_obj
def tui_command(
    config: Settings, /, *, address: str | None, ftp_port: int | None, interface: str | None,
    no_link: bool, plain: bool, light: bool, state_dir: Path | None,
) -> None:  # fmt: skip
    """Watch and steer everything, live. Keys are in the last line; ? explains them.

    Without a terminal, or with --plain, it speaks and listens in whole lines. When no daemon runs
    it brings one up, which --address, --ftp-port, --interface and --no-link are for.
    """
    serving = _Serving(
        address or config.address,
        config.ftp_port if ftp_port is None else ftp_port,
        (
            *(("--interface", interface) if interface else ()),
            *(("--no-link",) if no_link else ()),
        ),
    )
    plain = plain or not (sys.stdin.isatty() and sys.stdout.isatty())
    plain = plain or os.environ.get("TERM", "") == "dumb"
    asyncio.run(
        _run(
            config,
            _own_directory(config, state_dir),
            address or "",
            serving,
            plain=plain,
            light=light,
            system=state_dir is None,
        )
    )


@dataclass(frozen=True, slots=True)
class _Serving:
    """Where a daemon serves that is brought up, and `link`, its further words about the wire."""

    address: str
    port: int
    link: tuple[str, ...]


async def _run(
    config: Settings,
    state_dir: Path,
    address: str,
    serving: _Serving,
    *,
    plain: bool,
    light: bool,
    system: bool,
) -> None:
    """Over a running daemon, else over one that is brought up and outlives this window."""
    async with _host(config, state_dir, serving, system=system) as host:
        await _show(host, config, address, plain=plain, light=light)
        if isinstance(host, launch.Launched):
            click.echo(_goes_on(state_dir, "" if system else str(state_dir)), nl=False)


@contextlib.asynccontextmanager
async def _host(
    config: Settings, state_dir: Path, serving: _Serving, *, system: bool
) -> AsyncIterator[Host]:
    socket = sockets.find(state_dir, system=system)
    if socket is not None:
        async with Client(socket) as daemon:
            if socket != state_dir / sockets.SOCKET or not (await daemon.status()).get("on_demand"):
                yield daemon
                return
    if launch.possible(state_dir):
        where = ("--address", serving.address, "--ftp-port", str(serving.port))
        async with launch.Launched(state_dir, (*where, *serving.link)) as own:
            yield own
    else:  # nothing that lives longer can be reached: this window serves
        async with (
            Service(
                state_dir, clock=time.time, address=serving.address, ftp_port=serving.port
            ) as running,
            InProcess(running, typed_lines, Patience(config.timeout or None)) as host,
        ):
            yield host


def _goes_on(state_dir: Path, named: str) -> str:
    """The last word of a window that leaves something open behind it; "" when it does not."""
    with past.rows_of(state_dir) as rows:
        opened = {row.deployment: row.target for row in rows.open()}
    served = [one for one in opened if one not in past.unserved(state_dir, opened)]
    where = f" --state-dir {shlex.quote(named)}" if named else ""
    if len(served) == 1:
        return f"{served[0]} goes on. To end it: deployer cancel {served[0]}{where}\n"
    if served:
        return f"{len(served)} go on. To end one: deployer cancel ID{where}, see deployer status\n"
    return ""


async def _show(host: Host, config: Settings, address: str, *, plain: bool, light: bool) -> None:
    """Watch and steer until the user has enough."""
    from deployer.face.tui.app import DeployerApp  # noqa: PLC0415 - a third of a second
    from deployer.face.tui.plain import Plain  # noqa: PLC0415

    if not plain:
        app = DeployerApp(host, config, light=light, address=address)
        if sys.platform != "win32":
            _leave_when_told(app.exit, with_window=not host.ends_with_face)
        await app.run_async()
        if app.failure is not None:
            raise app.failure
        return

    def say(told: str) -> None:
        lines = [text.on_screen(line) for line in told.splitlines()]
        print("\n".join(lines), flush=True)  # noqa: T201

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


@click.command("card")
@click.argument("deployment", default="")
@click.option("--print", "out", type=_PATH, is_flag=False, flag_value=Path("-"),
              help="One page to print: FILE.html, FILE.txt, or the screen.")  # fmt: skip
@_STATE_DIR
@click.pass_obj
def card_command(
    config: Settings, /, deployment: str, out: Path | None, state_dir: Path | None
) -> None:
    """Show what to type on the old PC for a DEPLOYMENT, and how far it has got.

    Without an id the newest one is meant. --print makes a page to lay beside the old PC.
    """
    row = _row(_directory(config, state_dir), deployment)
    if out is None:
        for line in (*followed(row), *_apart(hints(row, time.time()))):
            click.echo(text.on_screen(line))
    elif str(out) == "-":
        click.echo(print_text(row), nl=False)
    else:
        page = print_html(row) if out.suffix.lower() in (".html", ".htm") else print_text(row)
        try:
            out.write_text(page, encoding="utf-8")
        except OSError as error:
            raise WrongUse(
                what=f"--print {out}: cannot be written ({error.strerror}).",
                remedy="Name a file in a directory that you may write to.",
            ) from error
        click.echo(f"{out}: print it, and lay it beside the old PC.")


def _apart(lines: tuple[str, ...]) -> tuple[str, ...]:
    return ("", *lines) if lines else ()


@click.command("proof")
@click.argument("deployment", default="")
@_JSON
@_STATE_DIR
@click.pass_obj
def proof_command(
    config: Settings, /, deployment: str, as_json: bool, state_dir: Path | None
) -> None:
    """Print the proof of a DEPLOYMENT in full, and check its sums again.

    Without an id the newest one is meant. Exit code 5 when something does not hold any more.
    """
    directory = _directory(config, state_dir)
    row = _row(directory, deployment)
    checks = past.recheck(directory, row.deployment)
    if as_json:
        click.echo(proofs.to_json(row, checks))
    else:
        for line in proofs.lines(row, checks):
            for each in line.splitlines() or [""]:
                click.echo(text.on_screen(each))
    proofs.refuse_broken(row, checks)


@click.command("status")
@_JSON
@_STATE_DIR
@click.pass_obj
def status_command(config: Settings, /, as_json: bool, state_dir: Path | None) -> None:
    """Show what open deployments do now, and the last that have ended."""
    directory = _directory(config, state_dir)
    with _rows(directory) as rows:
        opened = history.status(rows, _write, as_json=as_json, now=time.time())
    if not as_json:
        for deployment in past.unserved(directory, opened):
            line = f"{deployment} is delivered by nobody: its process has ended."
            click.echo(text.on_screen(f"{line} To go on: deployer retry {deployment}"))


@click.command("history")
@click.option("--target", help="Only this machine: every proof of it.")
@click.option("--limit", type=click.IntRange(1), help="The newest so many.  [50, all with --json]")
@click.option("--all", "everything", is_flag=True, help="However many there are.")
@click.option("--plot", "picture", type=_PATH, help="Draw rates and tok/s: FILE.svg or FILE.png.")
@_JSON
@_STATE_DIR
@click.pass_obj
def history_command(
    config: Settings, /, *, target: str | None, limit: int | None, everything: bool,
    picture: Path | None, as_json: bool, state_dir: Path | None,
) -> None:  # fmt: skip
    """Show every deployment with its proof, oldest first; the newest 50 unless told otherwise."""
    target = config.targets.get(target, target) if target else None
    with _rows(_directory(config, state_dir)) as rows:
        if rows and target and not as_json and not rows.newest(1, target):
            raise WrongUse(
                what=f"Nothing has been pushed to {target} yet.",
                remedy=f"There is a past of: {', '.join(sorted(rows.targets()))}.",
            )
        if picture is not None:
            plot.write(rows.every(target), picture)
            count = rows.count(target)
            click.echo(f"{picture}: transfer rates and tok/s of {count} deployments.")
            return
        most = None if everything or (as_json and limit is None) else limit or history.PAGE
        history.history(rows, target, most, _write, as_json=as_json)
        if target and not as_json:
            for line in proofs.summary(rows.every(target)):
                click.echo(text.on_screen(line))


def _write(line: str) -> None:
    sys.stdout.write(line)
    sys.stdout.flush()
