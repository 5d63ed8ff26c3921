"""Receiving files over a serial line: core's protocols, into a directory of this computer."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path

from deployer.core.serial import transfer, xmodem, zmodem
from deployer.core.serial.transfer import FileOffer
from deployer.edge.serial.drive import Hooks, drive
from deployer.edge.serial.inbox import Incoming, ReceiveFolder, checksum_of
from deployer.edge.serial.job import Progress, ReceivedFile, SerialJob, raise_for
from deployer.edge.serial.port import Line, SerialLine
from deployer.errors import DeployerError, DirectoryForbidden, TransferRefused, WrongUse


def receive(
    job: SerialJob, out: Path, *, overwrite: bool = False, name: str = "", limit: int = 1 << 31
) -> tuple[ReceivedFile, ...]:
    """Receive files into the directory `out`; those that arrived whole.

    `name` is for XMODEM, which sends none; `limit` the most bytes of a file.
    """
    with SerialLine(job.port, job.speed, job.flow, job.frame) as line:
        return receive_over(line, job, out, overwrite=overwrite, name=name, limit=limit)


def receive_over(
    line: Line,
    job: SerialJob,
    out: Path,
    *,
    overwrite: bool = False,
    name: str = "",
    limit: int = 1 << 31,
    first: bytes = b"",
    most: int = 10_000,
    rest: Callable[[bytes], None] = lambda _data: None,
) -> tuple[ReceivedFile, ...]:
    """The same over a line that is open.

    `first` is what has been read from it already, `most` the number of files taken; `rest` gets
    what came after the end.
    """
    inbox = ReceiveFolder(out, overwrite=overwrite)
    receiving = _Receiving(_Primed(line, first), job, inbox, name=name, limit=limit, most=most)
    received = receiving.run()
    rest(receiving.trailing_data())
    return received


class _Receiving:
    def __init__(
        self, line: Line, job: SerialJob, inbox: ReceiveFolder, *, name: str, limit: int, most: int
    ) -> None:
        self._line = line
        self._job = job
        self._inbox = inbox
        self._progress = Progress(job, upload=True)
        self._incoming: Incoming | None = None
        self._held = 0
        self._received: list[ReceivedFile] = []
        self._whole: dict[Path, FileOffer] = {}
        self._refused: list[str] = []
        self._unwritten: DirectoryForbidden | None = None
        now = time.monotonic()
        self._zmodem: zmodem.ZmodemReceiver | None = None
        self._machine: transfer.Taker
        if job.protocol == "zmodem":
            self._zmodem = zmodem.ZmodemReceiver(
                now=now,
                settings=zmodem.ZmodemReceiveSettings(
                    contact=job.contact, patience=job.patience, max_length=limit,
                    escape_controls=job.escape_controls, max_files=most,
                ),
            )  # fmt: skip
            self._machine = self._zmodem
        else:
            flavour = xmodem.Flavour(job.protocol)
            if flavour is not xmodem.Flavour.YMODEM and not name:
                raise WrongUse(
                    what=f"{job.protocol} does not send the file's name.",
                    remedy="Name it: --name FILE",
                )
            self._machine = xmodem.XmodemReceiver(
                now=now,
                settings=xmodem.XmodemReceiveSettings(
                    flavour=flavour, name=name, contact=job.contact, patience=job.patience,
                    max_length=limit,
                ),
            )  # fmt: skip

    def run(self) -> tuple[ReceivedFile, ...]:
        """Until the sender is done; raises what went wrong."""
        hooks = Hooks(self._handle, cancelled=self._job.cancelled, on_gone=self._progress.gone)
        try:
            last = drive(self._machine, self._line, hooks)
            if self._unwritten is not None:
                raise self._unwritten
            raise_for(last, self._job)
        except DeployerError as error:
            self._progress.cut(error.what)
            raise
        finally:
            self._leave()
        if self._refused:
            raise TransferRefused(
                port=self._job.port,
                what=f"not written: {', '.join(self._refused)} (there is a file of that name, or "
                "the name cannot be used)",
                remedy="Give --overwrite, or another directory with --out.",
            )
        return tuple(self._received)

    def trailing_data(self) -> bytes:
        """What came after the end of the session."""
        return self._zmodem.trailing_data() if self._zmodem is not None else b""

    def _leave(self) -> None:
        if self._incoming is not None:
            self._incoming.leave()
            self._incoming = None

    def _handle(self, event: transfer.TransferEvent) -> None:
        """What cannot be written here ends it, and the other side is told."""
        try:
            self._act(event)
        except OSError as error:
            self._unwritten = DirectoryForbidden(path=self._inbox.directory, why=error.strerror)
        except DirectoryForbidden as error:
            self._unwritten = error
        if self._unwritten is not None and not self._machine.done:
            self._machine.refuse(self._unwritten.what)

    def _act(self, event: transfer.TransferEvent) -> None:
        match event:
            case transfer.FileOffered(offer=offer):
                self._offered(offer)
            case transfer.ChecksumTold(value=value):
                self._compared(value)
            case transfer.Received(position=position, data=data):
                self._write(position, data)
            case transfer.FileEnded(length=length):
                self._ended(length)
            case transfer.FileBroken():
                self._progress.cut("the sender gave it up")
                self._leave()

    def _offered(self, offer: FileOffer) -> None:
        place = self._inbox.place(offer)
        if place is not None and self._zmodem is not None and self._whole.get(place) == offer:
            # It came whole just now; its sender has not heard so.
            self._zmodem.ask_checksum(offer.length or 0)
            return
        if place is None or self._inbox.refuses(place):
            self._refused.append(offer.name)
            self._machine.skip()
            return
        self._incoming = self._inbox.open(place, offer)
        self._held = self._incoming.held()
        if self._zmodem is not None and self._held and offer.length is not None:
            self._zmodem.ask_checksum(min(self._held, offer.length))
        else:
            self._begin(0)

    def _compared(self, value: int | None) -> None:
        """Go on after what lies here, but only if it is the beginning of the same file."""
        if self._incoming is None:
            self._confirm_again(value)
            return
        held = min(self._held, self._incoming.offer.length or 0)
        same = value is not None and value == self._incoming.checksum(held)
        self._begin(held if same else 0)

    def _confirm_again(self, value: int | None) -> None:
        done = self._received[-1]
        with done.path.open("rb") as handle:
            same = value == checksum_of(handle, done.length)
        if same:
            self._machine.accept(done.length)
        else:
            self._refused.append(done.path.name)
            self._machine.skip()

    def _begin(self, position: int) -> None:
        assert self._incoming is not None
        self._incoming.begin(position)
        offer = self._incoming.offer
        self._progress.started(offer.name, offer.length or 0, position)
        if position:
            self._job.note(f"{offer.name}: going on after the {position} bytes that are here")
        self._machine.accept(position)

    def _write(self, position: int, data: bytes) -> None:
        assert self._incoming is not None
        self._incoming.write(data)
        self._progress.at(position + len(data))

    def _ended(self, length: int) -> None:
        if self._incoming is None:
            self._machine.stored()
            return
        self._incoming.finish()
        incoming, self._incoming = self._incoming, None
        self._progress.done(length)
        self._received.append(ReceivedFile(incoming.place, length))
        self._whole = {incoming.place: incoming.offer}
        self._machine.stored()


class _Primed:
    """A line of which something has been read already."""

    def __init__(self, line: Line, first: bytes) -> None:
        self._line = line
        self._first = first

    def read(self, wait: float, *, until_writable: bool = False) -> bytes:
        """What was read before comes first."""
        first, self._first = self._first, b""
        return first or self._line.read(wait, until_writable=until_writable)

    def write(self, data: bytes) -> int:
        """As the line."""
        return self._line.write(data)

    def drop_output(self) -> None:
        """As the line."""
        self._line.drop_output()

    def drain(self, limit: float) -> None:
        """As the line."""
        self._line.drain(limit)

    def reopen(self) -> bool:
        """As the line."""
        return self._line.reopen()
