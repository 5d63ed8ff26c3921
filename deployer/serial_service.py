"""Requests about serial lines: part of the service's room, where core's protocols meet the port.

Everything here runs in the caller's thread until it is done or `cancelled()` says so; progress
goes out as the events that a transfer over FTP has, with the port as the peer.
"""

from __future__ import annotations

import contextlib
import shutil
import subprocess
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import BinaryIO

from deployer.core import boot98, linetest, names, ppp, transfer, xmodem, zmodem
from deployer.core.transfer import Offer, Reason
from deployer.edge import files, serial_terminal, serial_test, serialport
from deployer.edge.serial_drive import Hooks, drive
from deployer.edge.serial_inbox import Inbox, Incoming, checksum_of
from deployer.edge.serialport import (
    DEFAULT_SPEED,
    SPEEDS,
    Flow,
    Line,
    PortInfo,
    SerialLine,
    advice,
)
from deployer.errors import (
    DeployerError,
    DirectoryForbidden,
    LineNoisy,
    LineSilent,
    LineUnfit,
    PppMissing,
    TransferRefused,
    TransferStopped,
    WrongUse,
)
from deployer.events import (
    Event,
    TransferCut,
    TransferDone,
    TransferStarted,
    TransferTick,
)

__all__ = [
    "DEFAULT_SPEED", "PROTOCOLS", "SPEEDS", "Flow", "Job", "PortInfo", "Received", "SerialLine",
    "advice", "answer", "bootstrap", "examine", "first_lines", "ports",
    "ppp_command", "receive",
    "receive_over", "run_ppp", "send", "send_offers", "send_over", "short_names",
    "terminal",
]  # fmt: skip

PROTOCOLS = ("zmodem", "ymodem", "xmodem1k", "xmodem")
_TICK = 0.2


@dataclass(frozen=True, slots=True)
class Job:
    """What is common to sending and receiving.

    `contact` and `patience` are seconds: to wait for the other side to begin, and to bear its
    silence once it has.
    """

    port: str
    protocol: str = "zmodem"
    speed: int = DEFAULT_SPEED
    flow: Flow = Flow.RTSCTS
    contact: float = 120.0
    patience: float = 600.0
    escape_controls: bool = False
    emit: Callable[[Event], None] = lambda _event: None
    note: Callable[[str], None] = lambda _text: None
    cancelled: Callable[[], bool] = lambda: False
    clock: Callable[[], float] = time.time
    deployment: str = ""

    @property
    def answer(self) -> float:
        """Seconds that an answer may take: what is on its way has to pass first."""
        return 10.0 + 2 * (12 << 10) * 10 / self.speed


@dataclass(frozen=True, slots=True)
class Received:
    """A file that has come: where it lies, its length; `kept` when it was there already."""

    path: Path
    length: int
    kept: bool = False


ports = serialport.ports
first_lines = boot98.first_lines


def examine(job: Job, speeds: Sequence[int] = SPEEDS) -> tuple[linetest.Seen, linetest.Verdict]:
    """Test a cable and its ports from this end; what was seen, and what it means."""
    with SerialLine(job.port, job.speed, Flow.NONE) as line:
        tester = serial_test.Examiner(line, speeds=speeds, note=job.note, cancelled=job.cancelled)
        seen = tester.run()
    return seen, linetest.judge(seen)


def answer(job: Job) -> None:
    """Be the other end of such a test, until cancelled."""
    with SerialLine(job.port, job.speed, Flow.NONE) as line:
        serial_test.answer(line, cancelled=job.cancelled, note=job.note)


def bootstrap(job: Job, paths: Sequence[Path], *, com: int = 1, fast: int = 115_200) -> None:
    """Type our receiver into a PC that has only DOS, then send it files.

    The user has typed `boot98.first_lines()` there, so its console is the line, at `job.speed`.
    The files go at `fast` bits a second. Raises LineUnfit when the typing gets stuck.
    """
    code = boot98.program(port=com, speed=fast)
    with SerialLine(job.port, job.speed, Flow.NONE) as line:
        _type(line, job, code)
        job.note(f"{boot98.NAME} is on the old PC and its bytes are right")
        if not paths:
            return
        _write_all(line, f"{boot98.NAME.partition('.')[0]}\r".encode("ascii"))
        line.drain(2.0)
        line.read(1.0)
        line.set_speed(fast)
        send_over(line, replace(job, protocol="ymodem"), paths, as_names=short_names(paths))
        line.drain(2.0)
        line.set_speed(job.speed)
    job.note("done; to give the old PC its keyboard back, type there: CTTY CON")


def _type(line: SerialLine, job: Job, code: bytes) -> None:
    typist = boot98.Typist(code, now=time.monotonic())
    total = len(boot98.script(code)) + 2
    while not typist.done:
        if job.cancelled():
            raise TransferStopped(port=job.port, by="here")
        _write_all(line, typist.data_to_send())
        typist.tick(time.monotonic())
        typist.receive_data(line.read(0.1))
        while (event := typist.next_event()) is not None:
            match event:
                case boot98.Typed(left=left) if left % 10 == 0:
                    job.note(f"typing: {100 * (total - left) // total} %")
                case boot98.Stuck(what=what):
                    raise LineUnfit(
                        port=job.port,
                        what=f"the old PC's DOS does not answer as expected: {what}",
                        remedy="Look at its screen: are both lines typed there, in real DOS mode "
                        "(not a DOS box of Windows), with a 7-wire cable?",
                    )


def _write_all(line: Line, data: bytes) -> None:
    """Write a little, and bear a line that is stopped for 10 s."""
    end = time.monotonic() + 10.0
    while data and time.monotonic() < end:
        data = data[line.write(data) :]
        if data:
            time.sleep(0.01)


def ppp_command(job: Job, *, host: str, target: str) -> list[str]:
    """pppd's command line for Direct Cable Connection."""
    hardware = job.flow is Flow.RTSCTS
    return [
        "pppd",
        *ppp.arguments(job.port, job.speed, host=host, target=target, hardware=hardware),
    ]


def run_ppp(job: Job, *, host: str, target: str) -> int:
    """Run pppd until it ends or is interrupted; its exit code. Raises PppMissing."""
    missing = [name for name in ("pppd", "chat") if shutil.which(name) is None]
    if missing:
        raise PppMissing(missing=" and ".join(missing))
    return subprocess.call(ppp_command(job, host=host, target=target))


def terminal(job: Job, out: Path, *, overwrite: bool) -> None:
    """A terminal on this console. ZMODEM starts by itself when the other side sends."""

    def take(line: SerialLine, first: bytes) -> str:
        got = receive_over(line, job, out, overwrite=overwrite, first=first)
        return ", ".join(f"{item.path.name} ({item.length} bytes)" for item in got)

    def give(line: SerialLine, path: Path) -> str:
        send_over(line, job, [path], as_names=short_names([path]))
        return f"{path.name} has arrived"

    with SerialLine(job.port, job.speed, job.flow) as line:
        serial_terminal.run(line, take=take, give=give)


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


def send(job: Job, paths: Sequence[Path], *, as_names: Sequence[str] = ()) -> None:
    """Send files; returns when the other side has confirmed every one of them.

    `as_names` are the names under which they go; by default their own, which must be 8.3 for a
    target with Windows 98. Raises the errors of the line, and of files that cannot be read.
    """
    for path in paths:
        files.length_of(path, empty_allowed=True)
    with SerialLine(job.port, job.speed, job.flow) as line:
        send_over(line, job, paths, as_names=as_names)


def send_over(line: Line, job: Job, paths: Sequence[Path], *, as_names: Sequence[str] = ()) -> None:
    """The same over a line that is open."""
    with contextlib.ExitStack() as stack:
        handles: list[BinaryIO] = []
        offers: list[Offer] = []
        for number, path in enumerate(paths):
            length = files.length_of(path, empty_allowed=True)
            handles.append(stack.enter_context(path.open("rb")))
            name = as_names[number] if as_names else path.name
            offers.append(Offer(name, length, int(path.stat().st_mtime)))
        _Sending(line, job, offers, handles).run()


def short_names(paths: Sequence[Path]) -> list[str]:
    """8.3 names for files that go to Windows 98: HyperTerminal wants bare ones (facts E3)."""
    return [short.name for short in names.assign([path.name for path in paths])]


def send_offers(line: Line, job: Job, offers: Sequence[Offer], sources: Sequence[BinaryIO]) -> None:
    """Send what can be sought and read, under the names of the offers."""
    _Sending(line, job, offers, sources).run()


class _Progress:
    """Turns a transfer's events into those that faces know, a few ticks a second."""

    def __init__(self, job: Job, *, upload: bool) -> None:
        self._job = job
        self._upload = upload
        self._name = ""
        self._length = 0
        self._begun = 0.0
        self._ticked = 0.0
        self.moved = 0
        self.open = False

    def started(self, name: str, length: int, position: int) -> None:
        """A file begins to move."""
        job = self._job
        self._name, self._length, self.moved, self.open = name, length, position, True
        self._begun = self._ticked = job.clock()
        at = self._begun
        job.emit(TransferStarted(at, job.deployment, job.port, name, length, self._upload))

    def at(self, moved: int) -> None:
        """So many bytes are over."""
        self.moved = moved
        now = self._job.clock()
        if self.open and now - self._ticked >= _TICK:
            self._ticked = now
            job = self._job
            job.emit(TransferTick(now, job.deployment, job.port, self._name, moved, self._length))

    def done(self, length: int) -> None:
        """The file is over."""
        if self.open:
            job, now = self._job, self._job.clock()
            seconds = now - self._begun
            self.open = False
            job.emit(
                TransferDone(
                    now, job.deployment, job.port, self._name, length, seconds, self._upload
                )
            )

    def cut(self, why: str) -> None:
        """The file will not get over now."""
        if self.open:
            job, now = self._job, self._job.clock()
            self.open = False
            job.emit(
                TransferCut(
                    now, job.deployment, job.port, self._name, self.moved, self._length, why,
                    self._upload,
                )
            )  # fmt: skip


def _giver(job: Job, offers: Sequence[Offer], now: float) -> transfer.Giver:
    if job.protocol == "zmodem":
        settings = zmodem.SendSettings(
            contact=job.contact, answer=job.answer, patience=job.patience,
            escape_controls=job.escape_controls,
        )  # fmt: skip
        return zmodem.Sender(offers, now=now, settings=settings)
    if job.protocol != "ymodem" and len(offers) != 1:
        raise WrongUse(
            what=f"{job.protocol} carries one file at a time, without its name.",
            remedy="Send the files one by one, or use --protocol zmodem.",
        )
    xsettings = xmodem.SendSettings(
        flavour=xmodem.Flavour(job.protocol), contact=job.contact, patience=job.patience
    )
    return xmodem.Sender(offers, now=now, settings=xsettings)


class _Sending:
    def __init__(
        self, line: Line, job: Job, offers: Sequence[Offer], handles: Sequence[BinaryIO]
    ) -> None:
        self._line = line
        self._job = job
        self._offers = offers
        self._handles = handles
        self._machine = _giver(job, offers, time.monotonic())
        self._progress = _Progress(job, upload=False)
        self._skipped: list[str] = []

    def run(self) -> None:
        """Until every file is confirmed; raises what went wrong."""
        hooks = Hooks(self._handle, self._supply, self._job.cancelled, _gone(self._job))
        last = drive(self._machine, self._line, hooks, giver=self._machine)
        try:
            _raise_for(last, self._job)
        except DeployerError as error:
            self._progress.cut(error.what)
            raise
        if self._skipped:
            raise TransferRefused(
                port=self._job.port,
                what=f"the receiver did not want {', '.join(self._skipped)}",
                remedy="It has a file of that name already: rename or delete it there.",
            )

    def _supply(self, want: transfer.Want) -> bytes:
        handle = self._handles[want.index]
        handle.seek(want.position)
        data = handle.read(want.length)
        if len(data) != want.length:
            # Cut meanwhile: the receiver's length would be wrong for ever.
            self._machine.cancel()
            return data.ljust(want.length, b"\0")
        self._progress.at(self._machine.confirmed)
        return data

    def _handle(self, event: transfer.Event) -> None:
        match event:
            case transfer.FileStarted(index=index, position=position):
                offer = self._offers[index]
                self._progress.started(offer.name, offer.length or 0, position)
            case transfer.FileSent(index=index):
                self._progress.done(self._offers[index].length or 0)
            case transfer.FileSkipped(index=index):
                self._progress.cut("the receiver did not want it")
                self._skipped.append(self._offers[index].name)
            case transfer.ChecksumAsked(index=index, length=length):
                self._machine.answer_checksum(checksum_of(self._handles[index], length))
            case transfer.Resent(again=again) if again:
                self._job.note(f"the line damaged something: {again} bytes go out again")


def receive(
    job: Job, out: Path, *, overwrite: bool = False, name: str = "", limit: int = 1 << 31
) -> tuple[Received, ...]:
    """Receive files into the directory `out`; those that arrived whole.

    `name` is for XMODEM, which tells none; `limit` the most bytes of a file.
    """
    with SerialLine(job.port, job.speed, job.flow) as line:
        return receive_over(line, job, out, overwrite=overwrite, name=name, limit=limit)


def receive_over(
    line: Line,
    job: Job,
    out: Path,
    *,
    overwrite: bool = False,
    name: str = "",
    limit: int = 1 << 31,
    first: bytes = b"",
    most: int = 10_000,
    rest: Callable[[bytes], None] = lambda _data: None,
) -> tuple[Received, ...]:
    """The same over a line that is open.

    `first` is what has been read from it already, `most` the number of files taken; `rest` gets
    what came behind the end.
    """
    inbox = Inbox(out, overwrite=overwrite)
    receiving = _Receiving(_Primed(line, first), job, inbox, name=name, limit=limit, most=most)
    received = receiving.run()
    rest(receiving.trailing_data())
    return received


class _Receiving:
    def __init__(
        self, line: Line, job: Job, inbox: Inbox, *, name: str, limit: int, most: int
    ) -> None:
        self._line = line
        self._job = job
        self._inbox = inbox
        self._progress = _Progress(job, upload=True)
        self._incoming: Incoming | None = None
        self._held = 0
        self._received: list[Received] = []
        self._refused: list[str] = []
        now = time.monotonic()
        self._zmodem: zmodem.Receiver | None = None
        self._machine: transfer.Taker
        if job.protocol == "zmodem":
            self._zmodem = zmodem.Receiver(
                now=now,
                settings=zmodem.ReceiveSettings(
                    contact=job.contact, patience=job.patience, max_length=limit,
                    escape_controls=job.escape_controls, max_files=most,
                ),
            )  # fmt: skip
            self._machine = self._zmodem
        else:
            flavour = xmodem.Flavour(job.protocol)
            if flavour is not xmodem.Flavour.YMODEM and not name:
                raise WrongUse(
                    what=f"{job.protocol} does not tell the file's name.",
                    remedy="Say how to call it: --name FILE",
                )
            self._machine = xmodem.Receiver(
                now=now,
                settings=xmodem.ReceiveSettings(
                    flavour=flavour, name=name, contact=job.contact, patience=job.patience,
                    max_length=limit,
                ),
            )  # fmt: skip

    def run(self) -> tuple[Received, ...]:
        """Until the sender is done; raises what went wrong."""
        hooks = Hooks(self._handle, cancelled=self._job.cancelled, on_gone=_gone(self._job))
        try:
            last = drive(self._machine, self._line, hooks)
            _raise_for(last, self._job)
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
        """What came behind the end of the session."""
        return self._zmodem.trailing_data() if self._zmodem is not None else b""

    def _leave(self) -> None:
        if self._incoming is not None:
            self._incoming.leave()
            self._incoming = None

    def _handle(self, event: transfer.Event) -> None:
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

    def _offered(self, offer: Offer) -> None:
        place = self._inbox.place(offer)
        if place is None or self._inbox.refuses(place):
            self._refused.append(offer.name)
            self._machine.skip()
            return
        try:
            self._incoming = self._inbox.open(place, offer)
            self._held = self._incoming.held()
        except DirectoryForbidden as error:
            self._machine.refuse(error.what)
            return
        if self._zmodem is not None and self._held and offer.length is not None:
            self._zmodem.ask_checksum(min(self._held, offer.length))
        else:
            self._begin(0)

    def _compared(self, value: int | None) -> None:
        """Go on behind what lies here, but only if it is the beginning of the same file."""
        assert self._incoming is not None
        held = min(self._held, self._incoming.offer.length or 0)
        same = value is not None and value == self._incoming.checksum(held)
        self._begin(held if same else 0)

    def _begin(self, position: int) -> None:
        assert self._incoming is not None
        self._incoming.begin(position)
        offer = self._incoming.offer
        self._progress.started(offer.name, offer.length or 0, position)
        if position:
            self._job.note(f"{offer.name}: going on behind the {position} bytes that are here")
        self._machine.accept(position)

    def _write(self, position: int, data: bytes) -> None:
        assert self._incoming is not None
        try:
            self._incoming.write(data)
        except OSError as error:
            self._machine.refuse(f"{self._incoming.place}: {error.strerror}")
            return
        self._progress.at(position + len(data))

    def _ended(self, length: int) -> None:
        assert self._incoming is not None
        incoming, self._incoming = self._incoming, None
        try:
            incoming.finish()
        except OSError as error:
            self._machine.refuse(f"{incoming.place}: {error.strerror}")
            return
        self._progress.done(length)
        self._received.append(Received(incoming.place, length))
        self._machine.stored()


def _gone(job: Job) -> Callable[[bool], None]:
    def told(gone: bool) -> None:
        job.note(
            f"{job.port} has vanished: plug the same adapter in again, the transfer goes on by "
            "itself"
            if gone
            else "the adapter is back: going on"
        )

    return told


def _raise_for(last: transfer.Event | None, job: Job) -> None:
    """The error that an unsuccessful end means for the user."""
    port = job.port
    match last:
        case transfer.Cancelled(by_peer=by_peer):
            raise TransferStopped(port=port, by="by the other side" if by_peer else "here")
        case transfer.Failed(reason=Reason.SILENCE, what=what):
            raise LineSilent(port=port, what=what)
        case transfer.Failed(reason=Reason.NOISE, what=what):
            raise LineNoisy(port=port, what=what)
        case transfer.Failed(reason=Reason.DISK, what=what):
            raise TransferRefused(
                port=port, what=what, remedy="Make room on that disk, then start it again."
            )
        case transfer.Failed(what=what):
            raise TransferRefused(
                port=port, what=what, remedy="Start both sides again, the receiver first."
            )
