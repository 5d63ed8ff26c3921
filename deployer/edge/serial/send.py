"""Sending files over a serial line: core's protocols, fed from files on this computer."""

from __future__ import annotations

import contextlib
import os
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import BinaryIO, cast

from deployer.core.serial import transfer, xmodem, zmodem
from deployer.core.serial.transfer import FileOffer
from deployer.core.target import names
from deployer.edge import files
from deployer.edge.serial.drive import Hooks, drive
from deployer.edge.serial.inbox import checksum_of
from deployer.edge.serial.job import Progress, SerialJob, raise_for
from deployer.edge.serial.port import Line, SerialLine
from deployer.errors import (
    DeployerError,
    FileChanged,
    FileUnreadable,
    TransferRefused,
    WrongUse,
)


def send(job: SerialJob, paths: Sequence[Path], *, as_names: Sequence[str] = ()) -> None:
    """Send files; returns when the other side has confirmed every one of them.

    `as_names` are the names under which they go; by default their own, which must be 8.3 for a
    target with Windows 98. Raises the errors of the line, and of files that cannot be read, or
    change on their way.
    """
    for path in paths:
        files.length_of(path, empty_allowed=True)
    with SerialLine(job.port, job.speed, job.flow, job.frame) as line:
        send_over(line, job, paths, as_names=as_names)


def send_over(
    line: Line, job: SerialJob, paths: Sequence[Path], *, as_names: Sequence[str] = ()
) -> None:
    """The same over a line that is open."""
    with contextlib.ExitStack() as stack:
        handles: list[BinaryIO] = []
        offers: list[FileOffer] = []
        for number, path in enumerate(paths):
            length = files.length_of(path, empty_allowed=True)
            handles.append(stack.enter_context(_steady(path)))
            name = as_names[number] if as_names else path.name
            offers.append(FileOffer(name, length, int(path.stat().st_mtime)))
        _Sending(line, job, offers, handles).run()


@contextlib.contextmanager
def _steady(path: Path) -> Iterator[BinaryIO]:
    """A file that is read only while it is as it was now."""
    with path.open("rb") as handle:
        yield cast("BinaryIO", _Steady(path, handle))


class _Steady:
    def __init__(self, path: Path, handle: BinaryIO) -> None:
        self._path = path
        self._handle = handle
        self._was = self._is()
        self.seek, self.tell = handle.seek, handle.tell

    def read(self, length: int) -> bytes:
        """Bytes of the file. Raises FileChanged, FileUnreadable."""
        try:
            data = self._handle.read(length)
        except OSError as error:
            raise FileUnreadable(path=self._path, why=error.strerror) from error
        if self._is() != self._was:
            raise FileChanged(path=self._path)
        return data

    def _is(self) -> tuple[int, int]:
        stat = os.fstat(self._handle.fileno())
        return stat.st_size, stat.st_mtime_ns


def short_names(paths: Sequence[Path]) -> list[str]:
    """8.3 names for files that go to Windows 98: HyperTerminal wants bare ones (facts E3)."""
    return [short.name for short in names.assign([path.name for path in paths])]


def send_offers(
    line: Line, job: SerialJob, offers: Sequence[FileOffer], sources: Sequence[BinaryIO]
) -> None:
    """Send what can be sought and read, under the names of the offers."""
    _Sending(line, job, offers, sources).run()


def _giver(job: SerialJob, offers: Sequence[FileOffer], now: float) -> transfer.Giver:
    if job.protocol == "zmodem":
        settings = zmodem.ZmodemSendSettings(
            contact=job.contact, answer=job.answer, patience=job.patience,
            escape_controls=job.escape_controls,
        )  # fmt: skip
        return zmodem.ZmodemSender(offers, now=now, settings=settings)
    if job.protocol != "ymodem" and len(offers) != 1:
        raise WrongUse(
            what=f"{job.protocol} carries one file at a time, without its name.",
            remedy="Send the files one by one, or use --protocol zmodem.",
        )
    xsettings = xmodem.XmodemSendSettings(
        flavour=xmodem.Flavour(job.protocol), contact=job.contact, patience=job.patience
    )
    return xmodem.XmodemSender(offers, now=now, settings=xsettings)


class _Sending:
    def __init__(
        self, line: Line, job: SerialJob, offers: Sequence[FileOffer], handles: Sequence[BinaryIO]
    ) -> None:
        self._line = line
        self._job = job
        self._offers = offers
        self._handles = handles
        self._machine = _giver(job, offers, time.monotonic())
        self._progress = Progress(job, upload=False)
        self._skipped: list[str] = []

    def run(self) -> None:
        """Until every file is confirmed; raises what went wrong."""
        hooks = Hooks(self._handle, self._supply, self._job.cancelled, self._progress.gone)
        try:
            last = drive(self._machine, self._line, hooks, giver=self._machine)
            raise_for(last, self._job)
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
            raise FileChanged(path=self._offers[want.index].name)
        self._progress.at(self._machine.confirmed)
        return data

    def _handle(self, event: transfer.TransferEvent) -> None:
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
