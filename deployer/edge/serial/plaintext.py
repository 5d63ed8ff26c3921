"""Plain text over a serial line, to and from controllers that speak no protocol.

It goes at the speed that the other side allows, by RTS/CTS or XON/XOFF. Nobody confirms it: what
is said at the end is what this side knows.
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from deployer.core.serial.plaintext import LONGEST, Gate, IncomingText, TextRefusedError, prepared
from deployer.core.serial.transfer import FileOffer
from deployer.edge import files
from deployer.edge.serial.inbox import ReceiveFolder
from deployer.edge.serial.job import Progress, ReceivedFile, SerialJob
from deployer.edge.serial.port import Flow, LineGoneError, SerialLine
from deployer.errors import (
    DeployerError,
    LineNoisy,
    LineSilent,
    TransferRefused,
    TransferStopped,
    WrongUse,
)

_PIECE = 64
"""Bytes that are given to the line at once: what is under way when the other side says halt."""
_TURN = 0.25
_QUIET = 1.0
"""Seconds of silence after the closing % that end the text."""


def send(job: SerialJob, path: Path) -> int:
    """Send a file as plain text; the bytes that went out. Returns when the line has let them go.

    Raises WrongUse for a file that cannot go so, and the errors of the line.
    """
    if files.length_of(path, empty_allowed=True) > LONGEST:
        raise WrongUse(
            what=f"{path.name} is too long for plain text ({LONGEST >> 20} MiB at most).",
            remedy="Send it with --protocol zmodem.",
        )
    try:
        data = prepared(files.read_bounded(path, LONGEST), bits=job.frame.bits)
    except TextRefusedError as error:
        raise WrongUse(
            what=f"{path.name} cannot go as plain text: {error}.",
            remedy="Send it with --protocol zmodem; what 7 bits cannot carry goes with --bits 8.",
        ) from error
    progress = Progress(job, upload=False)
    with SerialLine(job.port, job.speed, job.flow, job.frame) as line, _told(job, progress):
        progress.started(path.name, len(data), 0)
        _put(line, job, data, progress)
        progress.done(len(data))
    return len(data)


def receive(job: SerialJob, out: Path, *, name: str, overwrite: bool) -> ReceivedFile:
    """Receive one text into the directory `out`, from its first % to its last line.

    What has come of one that does not end stays beside it as NAME.x.part.
    """
    inbox = ReceiveFolder(out, overwrite=overwrite)
    offer = FileOffer(name, None)
    place = inbox.place(offer)
    if place is None or inbox.refuses(place):
        raise TransferRefused(
            port=job.port,
            what=f"{name or 'a text'} cannot be written (there is a file of that name, or the "
            "name cannot be used)",
            remedy="Say how to call it with --name FILE; --overwrite replaces a file.",
        )
    progress = Progress(job, upload=True)
    incoming = IncomingText(bits=job.frame.bits)
    with SerialLine(job.port, job.speed, job.flow, job.frame) as line, _told(job, progress):
        file = inbox.open(place, offer)
        file.begin(0)
        try:
            _get(line, job, incoming, progress, name)
        finally:
            file.write(bytes(incoming.text))
            if not incoming.ended:
                file.leave()
        file.finish()
        progress.done(len(incoming.text))
    return ReceivedFile(place, len(incoming.text))


@contextmanager
def _told(job: SerialJob, progress: Progress) -> Iterator[None]:
    """A transfer that fails is told as cut, and a line that vanishes is an error."""
    try:
        yield
    except LineGoneError as error:
        what = "the port vanished, and plain text cannot go on in its middle"
        progress.cut(what)
        raise LineSilent(port=job.port, what=what) from error
    except OSError as error:
        what = f"{error.filename or 'the text'}: {error.strerror}"
        progress.cut(what)
        remedy = "Make room on that disk, or say how to call it with --name, then start it again."
        raise TransferRefused(port=job.port, what=what, remedy=remedy) from error
    except DeployerError as error:
        progress.cut(error.what)
        raise


def _put(line: SerialLine, job: SerialJob, data: bytes, progress: Progress) -> None:
    gate, at, heard = Gate(), 0, time.monotonic()
    while at < len(data) or line.waiting:
        _refuse_cancelled(job, line)
        before = at, line.waiting
        if at < len(data) and gate.open:
            at += line.write(data[at : at + _PIECE])
            progress.at(at)
        came = line.read(_TURN if before[0] == at else 0, until_writable=gate.open)
        if job.flow is Flow.XONXOFF:
            gate.hear(came)
        now = time.monotonic()
        if (at, line.waiting) != before:
            heard = now
        elif now - heard > job.patience:
            what = f"the other side took {at:,} of {len(data):,} bytes, then nothing"
            raise LineSilent(port=job.port, what=f"{what} for {now - heard:.0f} s")


def _get(
    line: SerialLine, job: SerialJob, incoming: IncomingText, progress: Progress, name: str
) -> None:
    heard = time.monotonic()
    while True:
        _refuse_cancelled(job, line)
        came = line.read(_TURN)
        now = time.monotonic()
        if came:
            heard, begun = now, bool(incoming.text)
            try:
                incoming.take(came)
            except TextRefusedError as error:
                raise LineNoisy(port=job.port, what=str(error)) from error
            if incoming.text and not begun:
                progress.started(name, 0, 0)
            progress.at(len(incoming.text))
        elif incoming.ended and now - heard > _QUIET:
            return
        elif now - heard > (job.patience if incoming.text else job.contact):
            what = (
                f"the text stopped without its closing %, after {len(incoming.text):,} bytes"
                if incoming.text
                else "no text came that begins with %"
            )
            raise LineSilent(port=job.port, what=f"{what}; nothing for {now - heard:.0f} s")


def _refuse_cancelled(job: SerialJob, line: SerialLine) -> None:
    if job.cancelled():
        line.drop_output()
        raise TransferStopped(port=job.port, by="here")
