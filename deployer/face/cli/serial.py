"""`deployer serial ...`: the old PC that has no network card, only a COM port."""

from __future__ import annotations

import signal
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any, Literal

import msgspec
import typer

from deployer.errors import LineUnfit, WrongUse
from deployer.events import Event, to_json
from deployer.face.cli import complete
from deployer.face.cli.options import THE_LINE, AsJson, Speed, flag, number, shared, value, whole
from deployer.face.say import aside, raw, say, say_json
from deployer.face.serial_meter import Meter
from deployer.host import serial as serial_service
from deployer.host.serial import DEFAULT_SPEED, Flow, Frame, Parity, SerialJob

app = typer.Typer()
serial = typer.Typer(no_args_is_help=True)
app.add_typer(serial, name="serial")


@serial.callback()
def serial_group() -> None:
    """Use a cable to the COM port of a PC without a network.

    It is a null-modem cable. PORT is /dev/ttyUSB0, a name in /dev/serial/by-id, COM3,
    socket://HOST:PORT or rfc2217://HOST:PORT. `deployer serial ports` lists what is plugged in.
    """


def _parity(given: object) -> Parity:
    found = [one for one in Parity if str(given).lower() in (one.value, one.value[0])]
    if not found:
        names = ", ".join(one.value for one in Parity)
        raise typer.BadParameter(f"{given!r} is not one of {names}.")
    return found[0]


Port = Annotated[
    str, typer.Argument(metavar="PORT", autocompletion=complete.ports, help="The serial port.")
]
Files = Annotated[
    list[Path], typer.Argument(metavar="FILES", parser=Path, help="The files to send.")
]
TEXT = ("text", "ascii")


@dataclass(frozen=True, slots=True, kw_only=True)
class LineOptions:
    """How both sides set the line."""

    speed: Speed = DEFAULT_SPEED
    flow: Annotated[
        Flow, value("--flow", None, "Flow control; 3-wire cables need xonxoff.", panel=THE_LINE)
    ] = Flow.RTSCTS
    bits: Annotated[
        int, value("--bits", "7|8", "Data bits of a character.", whole(7, 8), panel=THE_LINE)
    ] = 8
    parity: Annotated[
        Parity,
        value(
            "--parity", "WHICH", "none, even, odd, mark or space; the first letter will do.",
            _parity, panel=THE_LINE,
        ),
    ] = Parity.NONE  # fmt: skip
    stop: Annotated[int, value("--stop", "1|2", "Stop bits.", whole(1, 2), panel=THE_LINE)] = 1

    @property
    def frame(self) -> Frame:
        """How a character stands on the line."""
        return Frame(self.bits, self.parity, self.stop)


@dataclass(frozen=True, slots=True, kw_only=True)
class TransferOptions(LineOptions):
    """How files go over it."""

    protocol: Annotated[
        Literal["zmodem", "ymodem", "xmodem1k", "xmodem", "text", "ascii"],
        value("--protocol", None, "The other side's protocol. text: from % to %."),
    ] = "zmodem"
    wait: Annotated[
        float,
        value("--wait", "SECONDS", "How long to wait for the other side to begin.", number(1)),
    ] = 120.0
    patience: Annotated[
        float,
        value("--patience", "SECONDS", "How long a silence may last after the start.", number(1)),
    ] = 600.0
    as_json: AsJson = False

    def job(self, port: str, cancelled: Callable[[], bool]) -> SerialJob:
        """The work on a port. Raises WrongUse for options that do not go together."""
        if self.protocol not in TEXT and self.bits != 8:
            raise WrongUse(
                what=f"--bits 7 with {self.protocol}: its blocks need all 8 bits.",
                remedy="Plain text goes over 7 bits: --protocol text",
            )
        if self.protocol not in ("zmodem", *TEXT) and self.flow is Flow.XONXOFF:
            raise WrongUse(
                what=f"--flow xonxoff with {self.protocol}: it sends XON and XOFF as data.",
                remedy="Use ZMODEM, which does not, or --flow none.",
            )
        return SerialJob(
            port,
            protocol=self.protocol,
            speed=self.speed,
            flow=self.flow,
            frame=self.frame,
            contact=self.wait,
            patience=self.patience,
            emit=_print_json if self.as_json else Meter(sys.stderr).show,
            note=_quiet if self.as_json else aside,
            cancelled=cancelled,
        )


KeepNames = Annotated[bool, flag("--keep-names", "Send the names as they are, not as 8.3.")]
Overwrite = Annotated[bool, flag("--overwrite", "Replace files of the same name.")]


@serial.command("ports")
def ports_command(*, as_json: AsJson = False) -> None:
    """List serial ports and what is known of their adapters."""
    found = serial_service.ports()
    for info in found:
        note = serial_service.advice(info)
        if as_json:
            say_json({**msgspec.to_builtins(info), "advice": note})
            continue
        title = info.title or "serial port"
        number = f", no. {info.serial_number}" if info.serial_number else ""
        say(f"{info.device:<16} {title}{number}")
        if info.stable:
            say(f"{'':16} always the same name: {info.stable}")
        if note:
            say(f"{'':16} {note}")
    if not found and not as_json:
        say("No serial port was found. Plug a USB-to-RS-232 adapter in, then look again.")


@serial.command("test")
def examine_command(
    port: Port,
    *,
    answer: Annotated[
        bool, flag("--answer", "Answer another computer's test, until Ctrl-C.")
    ] = False,
    speed: Speed = DEFAULT_SPEED,
    as_json: AsJson = False,
) -> None:
    """Find out what a cable and its ports can do, and say it in plain words.

    With nobody on the other side it knows a loopback plug from a missing cable. With `deployer
    serial test PORT --answer` there, or with the plug, it tries every speed with every flow
    control, and stops the sender in the middle: a minute or so.
    """
    with _stoppable() as cancelled:
        job = SerialJob(port, speed=speed, note=_quiet if as_json else aside, cancelled=cancelled)
        if answer:
            say(f"Answering on {port} at {speed} bit/s. Start the test on the other side.")
            serial_service.answer(job)
            return
        seen, verdict = serial_service.examine(job)
    fit = verdict.usable or verdict.kind == "loopback"
    if as_json:
        say_json({"verdict": msgspec.to_builtins(verdict), "seen": msgspec.to_builtins(seen)})
    else:
        for line in serial_service.table(seen):
            say(line)
        if fit:
            say(f"{verdict.kind}: {verdict.what}")
            say(verdict.remedy)
    if not fit:
        what = f"{verdict.kind}: {verdict.what.removesuffix('.')}"
        raise LineUnfit(port=port, what=what, remedy=verdict.remedy)


@serial.command("send")
@shared
def send_command(
    port: Port,
    files: Files,
    transfer: TransferOptions,
    *,
    keep_names: KeepNames = False,
) -> None:
    """Send FILES. With ZMODEM the other side's receiver starts by itself.

    Names go as bare upper-case 8.3 names, which every receiver on an old PC takes.
    """
    names = [path.name for path in files] if keep_names else serial_service.short_names(files)
    with _stoppable() as cancelled:
        job = transfer.job(port, cancelled)
        if transfer.protocol in TEXT:
            _send_text(job, files, as_json=transfer.as_json)
            return
        serial_service.send(job, files, as_names=names)
    if not transfer.as_json:
        say(f"{len(files)} file(s) sent; the receiver confirmed every one.")


@serial.command("receive")
@shared
def receive_command(
    port: Port,
    transfer: TransferOptions,
    *,
    out: Annotated[Path, value("--out", "DIR", "Directory to receive into.", Path)],
    overwrite: Overwrite = False,
    name: Annotated[
        str, value("--name", "NAME", "The file's name: XMODEM does not send one.", default=False)
    ] = "",
) -> None:
    """Receive files into a directory, never outside it. A broken ZMODEM transfer is resumed."""
    with _stoppable() as cancelled:
        job = transfer.job(port, cancelled)
        if transfer.protocol in TEXT:
            received = [serial_service.receive_text(job, out, overwrite=overwrite, name=name)]
        else:
            received = [*serial_service.receive(job, out, overwrite=overwrite, name=name)]
    if not transfer.as_json:
        for item in received:
            say(f"{item.length:>12,}  {item.path}")
        if not received:
            say("The other side ended without sending a file.")


@serial.command("terminal")
@shared
def terminal_command(
    port: Port,
    line: LineOptions,
    *,
    out: Annotated[
        Path, value("--out", "DIR", "The folder for files that the other side sends.", Path)
    ] = Path(),
    overwrite: Overwrite = False,
    keep_names: KeepNames = False,
) -> None:
    """See what the other side says and type to it; files go both ways by ZMODEM.

    Ctrl-] is the only key that does not go to the other side: Ctrl-] then q ends the terminal,
    s sends a file, ? helps. What the other side sends by ZMODEM is received by itself.
    """
    bare = _Bare(sys.stderr)
    job = SerialJob(
        port, speed=line.speed, flow=line.flow, frame=line.frame, contact=60.0,
        emit=Meter(bare).show, note=lambda text: bare.write(f"{text}\n"),
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
def bootstrap_command(
    port: Port,
    files: Annotated[
        list[Path] | None,
        typer.Argument(metavar="FILES", parser=Path, show_default=False, help="The files to send."),
    ] = None,
    *,
    com: Annotated[int, value("--com", "N", "The COM port of the old PC.", whole(1, 4))] = 1,
    speed: Annotated[
        int,
        value("--speed", "BITS", "Speed of the typing, as MODE set it.", whole(300, 115_200)),
    ] = 9600,
    fast: Annotated[
        int, value("--fast", "BITS", "Speed of the files.", whole(600, 115_200))
    ] = 115_200,
    yes: Annotated[bool, flag("--yes", "The two lines are already typed there.")] = False,
) -> None:
    """Type a tiny receiver into a PC that has nothing but DOS, then send FILES to it.

    The old PC must be in real DOS mode (restart in MS-DOS mode), in the directory where the files
    go, with a null-modem cable that has all seven wires.
    """
    say("On the old PC, in real DOS mode, type these two lines:")
    for line in serial_service.first_lines(com):
        say(f"  {line.replace('9600', str(speed))}")
    if not yes:
        typer.prompt("Then press Enter here", default="", show_default=False)
    with _stoppable() as cancelled:
        job = SerialJob(
            port, speed=speed, flow=Flow.NONE, cancelled=cancelled, emit=Meter(sys.stderr).show,
            note=aside,
        )  # fmt: skip
        serial_service.bootstrap(job, files or (), com=com, fast=fast)


def _send_text(job: SerialJob, files: list[Path], *, as_json: bool) -> None:
    """Nobody confirms plain text, so nobody is said to have."""
    for path in files:
        length = serial_service.send_text(job, path)
        if not as_json:
            say(f"{path.name}: the line took all {length:,} bytes. Nobody confirms plain text:")
            say("compare it there, or have it sent back with: deployer serial receive")


def _print_json(event: Event) -> None:
    raw(to_json(event) + "\n")


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
