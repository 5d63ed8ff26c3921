"""`push` over a serial line: the same deployment, carried by ZMODEM. Part of the service's room.

The host sends the helper, the manifest, GO.BAT and every part; HyperTerminal receives them by
itself. Then it listens for what the person sends back: NEXT.FTP (which parts are missing: these are
sent again), OUTPUT.TXT, and RESULT.TXT, which holds the proof. Nothing is taken for proved before.
"""

from __future__ import annotations

import asyncio
import io
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import BinaryIO, cast

from deployer.core import batch_serial, zmodem
from deployer.core import manifest as manifests
from deployer.core.names import temporary_name
from deployer.core.transfer import Offer
from deployer.edge import files, resources
from deployer.edge.serialport import LineGoneError, SerialLine
from deployer.errors import DeployerError, FileChanged, SerialPortMissing, TransferRefused
from deployer.events import Event, ServerListening, SourceChanged, StateChanged, UploadReceived
from deployer.model import GO_BAT, HELPER_EXE, UPLOAD_LIMITS, Manifest, Slice, State
from deployer.serial_service import Job, receive_over, send_offers
from deployer.service import Service

PREFIX = "serial:"


@dataclass(frozen=True, slots=True)
class Carriage:
    """How a deployment travels. `resumed`: the target has met it and knows what it lacks."""

    job: Job
    directory: str
    resumed: bool = False
    emulated: bool = False


async def carry(service: Service, manifest: Manifest, target: str, how: Carriage) -> None:
    """Offer a staged deployment over the line and follow it until it has ended.

    Raises the errors of the line; the deployment's own end is for `Service.finished` to tell.
    """
    service.write_down(manifest, target, how.directory, emulated=how.emulated)
    loop = asyncio.get_running_loop()
    stop = threading.Event()

    def emit(event: Event) -> None:
        loop.call_soon_threadsafe(service.publish, event)

    def ended() -> bool:
        return stop.is_set() or service.standing(manifest.deployment).state.final

    job = replace(how.job, emit=emit, cancelled=ended, deployment=manifest.deployment)
    carrier = _Carrier(manifest, replace(how, job=job), service.output_path(manifest.deployment))
    try:
        await asyncio.to_thread(carrier.run)
    except DeployerError as error:
        if not service.standing(manifest.deployment).state.final:
            at = time.time()
            why = f"nothing more: {error.what}"
            service.publish(StateChanged(at, manifest.deployment, State.FAILED, why, "silence"))
        if not isinstance(error, TransferRefused):
            raise
    finally:
        stop.set()


class _Carrier:
    """The line's side of a deployment; runs in a thread of its own."""

    def __init__(self, manifest: Manifest, how: Carriage, output: Path) -> None:
        self._manifest = manifest
        self._how = how
        self._job = how.job
        self._inbox = output.parent
        self._heard = b""

    def run(self) -> None:
        """Until the deployment has ended."""
        job = self._job
        with SerialLine(job.port, job.speed, job.flow) as line:
            identity = self._manifest.deployment
            job.emit(ServerListening(job.clock(), identity, "serial", job.port, job.speed))
            every = [p.name for f in self._manifest.payload.files for p in f.parts]
            self._send(line, () if self._how.resumed else every, program=True)
            while not job.cancelled():
                first = self._wait_for_sender(line)
                if not job.cancelled():
                    self._receive(line, first)

    def _send(self, line: SerialLine, parts: Sequence[str], *, program: bool) -> None:
        offers: list[Offer] = []
        sources: list[BinaryIO] = []
        with _opened() as closing:
            if program:
                for name, data in self._program():
                    offers.append(Offer(name, len(data)))
                    sources.append(io.BytesIO(data))
            for part in parts:
                piece = self._piece(part)
                offers.append(Offer(temporary_name(part), piece.length))
                sources.append(closing(_open_slice(piece)))
            try:
                send_offers(line, self._job, offers, sources)
            except FileChanged as error:
                self._job.emit(
                    SourceChanged(
                        self._job.clock(), self._manifest.deployment, str(error.fields["path"])
                    )
                )

    def _program(self) -> tuple[tuple[str, bytes], ...]:
        manifest = self._manifest
        return (
            (HELPER_EXE, resources.program(HELPER_EXE)),
            (manifests.file_name(manifest.deployment), manifests.render(manifest)),
            (GO_BAT, batch_serial.render(manifest, self._how.directory)),
        )

    def _piece(self, name: str) -> Slice:
        for file in self._manifest.payload.files:
            for part in file.parts:
                if part.name == name:
                    return Slice(file.source, part.offset, part.length, file.length, file.mtime_ns)
        raise KeyError(name)

    def _overheard(self, data: bytes) -> None:
        self._heard = data[-64:]

    def _wait_for_sender(self, line: SerialLine) -> bytes:
        """Listen in silence (a receiver that calls would fill HyperTerminal's screen)."""
        heard, self._heard = self._heard, b""
        while zmodem.detect(heard) != "sender" and not self._job.cancelled():
            try:
                heard = (heard + line.read(0.25))[-64:]
            except LineGoneError as error:
                if not _wait_back(line, self._job):
                    raise SerialPortMissing(
                        port=self._job.port, why="it has vanished", others="no more"
                    ) from error
        return heard

    def _receive(self, line: SerialLine, first: bytes) -> None:
        """One batch of reports; each name is known and bounded, everything else is not taken."""
        here = self._inbox / "line"
        limit = max(UPLOAD_LIMITS.values())
        got = receive_over(line, self._job, here, overwrite=True, limit=limit, first=first, most=16)
        for item in sorted(got, key=lambda one: one.path.name.upper() == "RESULT.TXT"):
            name = item.path.name.upper()
            if name == batch_serial.NEXT_FTP:
                text = files.read_bounded(item.path, batch_serial.MOST_NEXT)
                wanted = batch_serial.wanted(text, self._manifest)
                self._job.note(f"the old PC asks for {len(wanted)} part(s) again")
                if wanted:
                    self._send(line, wanted, program=False)
            elif name in UPLOAD_LIMITS and item.length <= UPLOAD_LIMITS[name]:
                place = self._inbox / name
                item.path.replace(place)
                at = self._job.clock()
                self._job.emit(
                    UploadReceived(
                        at, self._manifest.deployment, self._job.port, name, item.length,
                        str(place),
                    )
                )  # fmt: skip
                if name == "RESULT.TXT":
                    # The end is decided on the loop's thread; give it the time to be known here.
                    time.sleep(0.5)


def _wait_back(line: SerialLine, job: Job, limit: float = 3600.0) -> bool:
    end = time.monotonic() + limit
    while time.monotonic() < end and not job.cancelled():
        if line.reopen():
            return True
        time.sleep(0.25)
    return False


class _SliceReader:
    """A part of a user's file, read as a file of its own, only while it is as it was measured."""

    def __init__(self, piece: Slice) -> None:
        self._piece = piece
        self._handle = Path(piece.path).open("rb")  # noqa: SIM115 - closed by `close`
        self._place = 0

    def seek(self, position: int) -> int:
        """Go to a place in the part."""
        self._place = position
        return position

    def tell(self) -> int:
        """The place in the part."""
        return self._place

    def read(self, length: int) -> bytes:
        """Bytes of the part. Raises FileChanged."""
        stat = Path(self._piece.path).stat()
        if (stat.st_size, stat.st_mtime_ns) != (self._piece.file_length, self._piece.mtime_ns):
            raise FileChanged(path=self._piece.path)
        self._handle.seek(self._piece.offset + self._place)
        data = self._handle.read(min(length, self._piece.length - self._place))
        self._place += len(data)
        return data

    def close(self) -> None:
        """Close the file."""
        self._handle.close()


def _open_slice(piece: Slice) -> BinaryIO:
    return cast("BinaryIO", _SliceReader(piece))


@contextmanager
def _opened() -> Iterator[Callable[[BinaryIO], BinaryIO]]:
    opened: list[BinaryIO] = []

    def remember(handle: BinaryIO) -> BinaryIO:
        opened.append(handle)
        return handle

    try:
        yield remember
    finally:
        for handle in opened:
            handle.close()


def card(directory: str, port: str, speed: int) -> tuple[str, ...]:
    """What the person at the old PC does, line by line."""
    return (
        "On the old PC: Start, Programs, Accessories, Communications, HyperTerminal.",
        f"New connection: Connect using: Direct to Com1; {speed} bits per second, 8, None, 1,",
        "flow control Hardware (Xon/Xoff for a 3-wire cable).",
        f"Transfer, Receive File: folder {directory} (make it first), protocol Zmodem; Close.",
        f"This host now sends over {port}; HyperTerminal receives by itself.",
        f"Then open a DOS window and type: {directory}\\GO",
        "When it asks: Transfer, Send File, Zmodem, with the file that it names.",
    )


def is_serial(target: str) -> bool:
    """Whether a target's name means a line."""
    return target.startswith(PREFIX)


def port_of(target: str) -> str:
    """The port in a target's name."""
    return target.removeprefix(PREFIX)
