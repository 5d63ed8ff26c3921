"""`deployer serial ...`: the old PC that has no network card, only a COM port."""

from __future__ import annotations

import functools
import json
import signal
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import click
import msgspec

from deployer.errors import LineUnfit, WrongUse
from deployer.events import Event, to_json
from deployer.face.cli.options import Number
from deployer.face.serial_meter import Meter
from deployer.host import serial as serial_service
from deployer.host.serial import DEFAULT_SPEED, PROTOCOLS, Flow, Job

_PATH = click.Path(path_type=Path)


def register(cli: click.Group) -> None:
    """Add `serial` to the main command."""
    cli.add_command(serial)


@click.group("serial")
def serial() -> None:
    """Serial lines: null-modem cable to a PC without a network card.

    PORT is /dev/ttyUSB0, a name in /dev/serial/by-id, COM3, socket://HOST:PORT or
    rfc2217://HOST:PORT. `deployer serial ports` lists what is plugged in.
    """


_speed = click.option(
    "--speed", type=click.IntRange(50, 4_000_000), default=DEFAULT_SPEED, show_default=True,
    help="Bits per second, the same on both sides.",
)  # fmt: skip


def _line(command: Callable[..., Any]) -> Callable[..., Any]:
    """Options of every command that opens a port."""
    flow = click.option(
        "--flow", type=click.Choice([flow.value for flow in Flow]), default=Flow.RTSCTS.value,
        show_default=True, help="Who may stop whom; 3-wire cables need xonxoff.",
    )  # fmt: skip
    return flow(_speed(command))


def _transfer(command: Callable[..., Any]) -> Callable[..., Any]:
    """Options of every command that moves files."""
    for option in (
        click.option(
            "--protocol", type=click.Choice(PROTOCOLS), default="zmodem", show_default=True
        ),
        click.option(
            "--wait", type=Number(1), default=120.0, show_default=True,
            help="Seconds to wait for the other side to begin.",
        ),
        click.option(
            "--patience", type=Number(1), default=600.0, show_default=True,
            help="Seconds of silence to bear once it has begun.",
        ),
        click.option("--json", "as_json", is_flag=True, help="One JSON object per line."),
    ):  # fmt: skip
        command = option(command)
    return _line(command)


@serial.command("ports")
@click.option("--json", "as_json", is_flag=True, help="One JSON object per line.")
def ports_command(as_json: bool) -> None:
    """List serial ports and what is known of their adapters."""
    found = serial_service.ports()
    for info in found:
        note = serial_service.advice(info)
        if as_json:
            click.echo(json.dumps({**msgspec.to_builtins(info), "advice": note}))
            continue
        title = info.title or "serial port"
        number = f", no. {info.serial_number}" if info.serial_number else ""
        click.echo(f"{info.device:<16} {title}{number}")
        if info.stable:
            click.echo(f"{'':16} always the same name: {info.stable}")
        if note:
            click.echo(f"{'':16} {note}")
    if not found and not as_json:
        click.echo("No serial port was found. Plug a USB-to-RS-232 adapter in, then look again.")


@serial.command("test")
@click.argument("port")
@click.option("--answer", is_flag=True, help="Be the other side of a test, until Ctrl-C.")
@click.option("--json", "as_json", is_flag=True, help="The verdict as one JSON object.")
@_speed
def test_command(port: str, answer: bool, as_json: bool, speed: int) -> None:
    """Find out what a cable and its ports can do, and say it in plain words.

    With nobody on the other side it knows a loopback plug from a missing cable. With `deployer
    serial test PORT --answer` there, or with the plug, it tries every speed with every flow
    control, and stops the sender in the middle: a minute or so.
    """
    with _stoppable() as cancelled:
        note = _quiet if as_json else functools.partial(click.echo, err=True)
        job = Job(port, speed=speed, note=note, cancelled=cancelled)
        if answer:
            click.echo(f"Answering on {port} at {speed} bit/s. Start the test on the other side.")
            serial_service.answer(job)
            return
        seen, verdict = serial_service.examine(job)
    fit = verdict.usable or verdict.kind == "loopback"
    if as_json:
        click.echo(
            json.dumps({"verdict": msgspec.to_builtins(verdict), "seen": msgspec.to_builtins(seen)})
        )
    else:
        for line in serial_service.table(seen):
            click.echo(line)
        if fit:
            for text in (f"{verdict.kind}: {verdict.what}", verdict.remedy):
                click.echo(click.wrap_text(text, 78))
    if not fit:
        what = f"{verdict.kind}: {verdict.what.removesuffix('.')}"
        raise LineUnfit(port=port, what=what, remedy=verdict.remedy)


@serial.command("send")
@click.argument("port")
@click.argument("files", nargs=-1, required=True, type=_PATH)
@click.option("--keep-names", is_flag=True, help="Send the names as they are, not as 8.3.")
@_transfer
def send_command(port: str, files: tuple[Path, ...], keep_names: bool, **given: Any) -> None:
    """Send FILES. With ZMODEM the other side's receiver starts by itself.

    Names go as bare upper-case 8.3 names, which every receiver on an old PC takes.
    """
    names = [path.name for path in files] if keep_names else serial_service.short_names(files)
    with _stoppable() as cancelled:
        job = _job(port, given, cancelled)
        serial_service.send(job, files, as_names=names)
    if not given["as_json"]:
        click.echo(f"{len(files)} file(s) sent; the receiver confirmed every one.")


@serial.command("receive")
@click.argument("port")
@click.option("--out", required=True, type=_PATH, help="Directory to receive into.")
@click.option("--overwrite", is_flag=True, help="Replace files of the same name.")
@click.option("--name", default="", help="XMODEM tells no name: how to call the file.")
@_transfer
def receive_command(port: str, out: Path, overwrite: bool, name: str, **given: Any) -> None:
    """Receive files into a directory, never outside it. A broken ZMODEM transfer is resumed."""
    with _stoppable() as cancelled:
        job = _job(port, given, cancelled)
        received = serial_service.receive(job, out, overwrite=overwrite, name=name)
    if not given["as_json"]:
        for item in received:
            click.echo(f"{item.length:>12,}  {item.path}")
        if not received:
            click.echo("The other side ended without sending a file.")


@serial.command("terminal")
@click.argument("port")
@click.option("--out", type=_PATH, default=Path(), help="Where files go that the other side sends.")
@click.option("--overwrite", is_flag=True, help="Replace files of the same name.")
@click.option("--keep-names", is_flag=True, help="Send the names as they are, not as 8.3.")
@_line
def terminal_command(
    port: str, out: Path, *, overwrite: bool, keep_names: bool, speed: int, flow: str
) -> None:
    """See what the other side says and type to it; files go both ways by ZMODEM.

    Ctrl-] is the only key that does not go to the other side: Ctrl-] then q ends the terminal,
    s sends a file, ? helps. What the other side sends by ZMODEM is received by itself.
    """
    bare = _Bare(sys.stderr)
    job = Job(
        port, speed=speed, flow=Flow(flow), contact=60.0, emit=Meter(bare).show,
        note=lambda text: bare.write(f"{text}\n"),
    )  # fmt: skip
    serial_service.terminal(job, out, overwrite=overwrite, keep_names=keep_names)


class _Bare:
    """A stream onto a console that does not turn line feeds into new lines."""

    def __init__(self, stream: Any) -> None:
        self._stream = stream

    def isatty(self) -> bool:
        """As the stream."""
        return bool(self._stream.isatty())

    def write(self, text: str) -> None:
        """Text, each line at the left."""
        self._stream.write(text.replace("\n", "\r\n"))
        self._stream.flush()

    def flush(self) -> None:
        """As the stream."""
        self._stream.flush()


@serial.command("bootstrap")
@click.argument("port")
@click.argument("files", nargs=-1, type=_PATH)
@click.option(
    "--com",
    type=click.IntRange(1, 4),
    default=1,
    show_default=True,
    help="The COM port of the old PC.",
)
@click.option(
    "--speed",
    default=9600,
    show_default=True,
    type=click.IntRange(300, 115_200),
    help="Speed of the typing: what MODE was told.",
)
@click.option(
    "--fast",
    default=115_200,
    show_default=True,
    type=click.IntRange(600, 115_200),
    help="Speed of the files.",
)
@click.option("--yes", is_flag=True, help="The two lines are typed there already.")
def bootstrap_command(
    port: str, files: tuple[Path, ...], *, com: int, speed: int, fast: int, yes: bool
) -> None:
    """Type a tiny receiver into a PC that has nothing but DOS, then send FILES to it.

    The old PC must be in real DOS mode (restart in MS-DOS mode), in the directory where the files
    shall lie, with a null-modem cable that has all seven wires.
    """
    click.echo("On the old PC, in real DOS mode, type these two lines:")
    for line in serial_service.first_lines(com):
        click.echo(f"  {line.replace('9600', str(speed))}")
    if not yes:
        click.prompt("Then press Enter here", default="", show_default=False)
    with _stoppable() as cancelled:
        job = Job(
            port, speed=speed, flow=Flow.NONE, cancelled=cancelled,
            emit=Meter(sys.stderr).show, note=functools.partial(click.echo, err=True),
        )  # fmt: skip
        serial_service.bootstrap(job, files, com=com, fast=fast)


def _job(port: str, given: dict[str, Any], cancelled: Callable[[], bool]) -> Job:
    as_json = given["as_json"]
    if given["protocol"] != "zmodem" and given["flow"] == Flow.XONXOFF.value:
        raise WrongUse(
            what=f"--flow xonxoff with {given['protocol']}: it sends XON and XOFF as data.",
            remedy="Use ZMODEM, which does not, or --flow none.",
        )
    return Job(
        port,
        protocol=given["protocol"],
        speed=given["speed"],
        flow=Flow(given["flow"]),
        contact=given["wait"],
        patience=given["patience"],
        emit=_print_json if as_json else Meter(sys.stderr).show,
        note=_quiet if as_json else functools.partial(click.echo, err=True),
        cancelled=cancelled,
    )


def _print_json(event: Event) -> None:
    click.echo(to_json(event))


def _quiet(text: str) -> None:
    del text


@contextmanager
def _stoppable() -> Iterator[Callable[[], bool]]:
    """Ctrl-C ends a transfer in order: the other side is told. A second one ends it at once."""
    stop = threading.Event()

    def pressed(number: int, frame: object) -> None:
        del number, frame
        stop.set()
        signal.signal(signal.SIGINT, before)

    if threading.current_thread() is not threading.main_thread():
        yield stop.is_set
        return
    before = signal.signal(signal.SIGINT, pressed)
    try:
        yield stop.is_set
    finally:
        signal.signal(signal.SIGINT, before)
