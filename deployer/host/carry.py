"""`push` over a serial line: the same deployment, carried by ZMODEM. Part of the service's room.

The host sends the helper, the manifest, GO.BAT and every part that the target has not confirmed in
an earlier try; HyperTerminal receives them by itself. Then it listens for what the person sends
back: NEXT.FTP (which parts are missing: these are sent again), OUTPUT.TXT, and RESULT.TXT, which
holds the proof. Nothing is taken for proved before.

A pull is the same the other way: PULL.DAT comes back, and the host says what it lacks now.

A host does this as it does every push, so cancelling, history and all faces work as over a network,
and one adapter is never opened twice.
"""

from __future__ import annotations

import asyncio
import contextlib
import io
import threading
import time
import traceback
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import BinaryIO, cast

from deployer.core.payload import plan
from deployer.core.serial import zmodem
from deployer.core.serial.transfer import FileOffer
from deployer.core.target import gobat, gobat_serial, places, proof
from deployer.core.target import manifest as manifests
from deployer.core.target.manifest import own_directory
from deployer.core.target.names import temporary_name
from deployer.edge import files, pulled, resources
from deployer.edge.serial.job import vanished
from deployer.edge.serial.port import LineGoneError, SerialLine
from deployer.errors import (
    DeployerError,
    DirectoryForbidden,
    FileChanged,
    InternalError,
    LineNoisy,
    LineSilent,
    PullStopped,
    SerialPortMissing,
    TransferStopped,
    WrongUse,
)
from deployer.events import (
    ClientGone,
    Event,
    LineNoted,
    LoginAccepted,
    PresenceChanged,
    ServerListening,
    SourceChanged,
    TransferCut,
    TransferDone,
    TransferStarted,
    TransferTick,
    UploadReceived,
)
from deployer.host.offers.offer import Offer
from deployer.host.pull.receiver import Receiver
from deployer.host.requests import Patience
from deployer.host.serial import SPEEDS, Flow, SerialJob, receive_over, send_offers
from deployer.host.service import Service
from deployer.model import (
    GATHER_EXE,
    GO_BAT,
    HELPER_EXE,
    LINE,
    PULL_DAT,
    RESULT_TXT,
    UPLOAD_LIMITS,
    LineSettings,
    Slice,
    Slices,
)

_DAY = 86_400.0
_LEAST_PATIENCE = 600.0
"""Seconds that a receiver may pause at least: it writes to a slow disk, or asks its user."""
_SETTLED = 10.0
"""Seconds that the loop has to act on a report."""
_COMING = "line"
"""The folder of what comes over the line, until it is taken."""
_LONGEST = (1 << 32) - 1
"""Bytes of a file in ZMODEM, and on FAT."""


def is_serial(target: str) -> bool:
    """Whether a target's name means a line."""
    return target.startswith(LINE)


def port_of(target: str) -> str:
    """The port in a target's name."""
    return target.removeprefix(LINE)


def check(target: str, line: LineSettings) -> None:
    """Raises WrongUse for what cannot be a line: an order may come over a socket."""
    if not port_of(target) or line.flow not in Flow.__members__.values():
        raise WrongUse(
            what=f"{target!r} with flow {line.flow!r}: not a serial line.",
            remedy="Write it as serial:/dev/ttyUSB0, with --flow rtscts, xonxoff or none.",
        )
    if not min(SPEEDS) <= line.speed <= 4_000_000:
        raise WrongUse(
            what=f"--speed {line.speed}: no serial port does that.",
            remedy=f"Old PCs do {', '.join(map(str, SPEEDS))}.",
        )


async def open_line(target: str, line: LineSettings) -> SerialLine:
    """The line of a target. Raises the errors of a port that cannot be had."""
    check(target, line)
    return await asyncio.to_thread(SerialLine, port_of(target), line.speed, Flow(line.flow))


async def start(service: Service, offer: Offer, line: SerialLine) -> Receiver | None:
    """Write an offer down; now it waits for `carry`, with what takes the files of a pull."""
    places.refuse_ours(offer.manifest.payload, offer.directory)
    plan.refuse_deep(offer.manifest.payload, offer.directory)
    pull = await service.receiver(offer)
    service.write_down(offer)
    port = port_of(offer.target)
    service.publish(ServerListening(time.time(), offer.deployment, "serial", port, line.speed))
    return pull


async def carry(
    service: Service,
    offer: Offer,
    patience: Patience,
    line: SerialLine,
    pull: Receiver | None = None,
) -> None:
    """Send what was offered and take the reports, until the deployment has ended; closes the line.

    What the line cannot do is the deployment's end, and written down as such.
    """
    stop = threading.Event()

    def ended() -> bool:
        return stop.is_set() or service.standing(offer.deployment).state.final

    carrier = _Carrier(service, offer, patience, line, pull=pull, ended=ended)
    work = asyncio.ensure_future(asyncio.to_thread(carrier.run))
    try:
        await asyncio.shield(work)
    except asyncio.CancelledError:
        stop.set()  # the other side is told; then the port is free
        with contextlib.suppress(Exception):
            await work
        raise
    except DeployerError as error:
        service.fail(offer.deployment, error.what.rstrip("."), error)
    except Exception as error:
        found = InternalError(kind=type(error).__name__, why=str(error))
        service.fail(offer.deployment, found.what.rstrip("."), found)
        traceback.print_exc()


class _Carrier:
    """The line's side of a deployment; runs in a thread of its own."""

    def __init__(
        self,
        service: Service,
        offer: Offer,
        patience: Patience,
        line: SerialLine,
        *,
        pull: Receiver | None,
        ended: Callable[[], bool],
    ) -> None:
        self._service = service
        self._offer = offer
        self._manifest = manifest = offer.manifest
        self._patience = patience
        self._line = line
        self._pull = pull
        self._back = PULL_DAT if pull is not None else RESULT_TXT
        self._inbox = service.output_path(manifest.deployment).parent
        self._arrived = service.arrived(manifest)
        every = (part.name for part in manifest.payload.parts)
        self._parts = {temporary_name(name): name for name in every}
        self._answered = False
        self._heard = b""
        self._taken: dict[Path, int] = {}  # how far the beginnings of PULL.DAT were taken
        self._job = SerialJob(
            line.port,
            speed=line.speed,
            flow=line.flow,
            contact=patience.silence or _DAY,
            patience=max(patience.silence or _DAY, _LEAST_PATIENCE),
            emit=self._tell,
            note=self._note,
            cancelled=ended,
            deployment=manifest.deployment,
            on_gone=self._gone,
        )

    def run(self) -> None:
        """Until the deployment has ended. Raises what the line or this computer's disk cannot do:
        PullStopped for a pull that cannot be written, DirectoryForbidden for a report.
        """
        try:
            self._run()
        except OSError as error:
            raise self._unwritten(error.strerror or str(error), self._inbox) from error
        except DirectoryForbidden as error:
            why, place = str(error.fields["why"]), Path(str(error.fields["path"]))
            raise self._unwritten(why, place) from error

    def _unwritten(self, why: str, place: Path) -> DeployerError:
        if self._pull is None:
            return DirectoryForbidden(path=place, why=why)
        return PullStopped(target=self._offer.target, reason=self._pull.cannot(why))

    def _run(self) -> None:
        with self._line as line:
            if not self._is_all(self._take_what_came()):
                parts = [name for name in self._parts.values() if name not in self._arrived]
                self._send(self._program(), parts)
            while not self._job.cancelled():
                first = self._wait_for_sender(line)
                if not self._job.cancelled():
                    self._receive(line, first)

    def _tell(self, event: Event) -> None:
        """Events as a network would bring them: parts by their names, an answer as a login."""
        if isinstance(event, (TransferStarted, TransferTick, TransferDone, TransferCut)):
            event = replace(event, name=self._parts.get(event.name, event.name))
        if self._pull is not None:
            match event:
                case TransferStarted(upload=True):
                    self._taken.clear()
                    self._pull.offered(event.length)
                case TransferTick(name=name) if name.upper() == PULL_DAT:
                    self._take_what_came()
        if isinstance(event, TransferStarted) and not event.upload and not self._answered:
            self._answered = True
            identity = self._manifest.deployment
            self._service.from_thread(LoginAccepted(event.at, identity, self._job.port, identity))
        self._service.from_thread(event)

    def _note(self, text: str) -> None:
        self._tell(LineNoted(self._job.clock(), self._manifest.deployment, self._job.port, text))

    def _gone(self, gone: bool) -> None:
        port = self._job.port
        what, advice = vanished(port)
        how = what if gone else f"{port} is back"
        advice = f"{advice[0].upper()}{advice[1:]}." if gone else ""
        at, identity = self._job.clock(), self._manifest.deployment
        self._tell(PresenceChanged(at, identity, port, not gone, how, advice))

    def _send(self, texts: Sequence[tuple[str, bytes]], parts: Sequence[str]) -> None:
        offers: list[FileOffer] = []
        sources: list[BinaryIO] = []
        self._answered = False
        with _opened() as closing:
            for name, data in texts:
                offers.append(FileOffer(name, len(data)))
                sources.append(io.BytesIO(data))
            for part in parts:
                piece = self._piece(part)
                offers.append(FileOffer(temporary_name(part), piece.length))
                sources.append(closing(_open_slice(piece)))
            try:
                send_offers(self._line, self._job, offers, sources)
            except FileChanged as error:
                path = str(error.fields["path"])
                self._tell(SourceChanged(self._job.clock(), self._manifest.deployment, path))
            finally:
                if self._answered:
                    at, identity = self._job.clock(), self._manifest.deployment
                    self._tell(ClientGone(at, identity, self._job.port))

    def _program(self) -> tuple[tuple[str, bytes], ...]:
        manifest, to = self._manifest, self._offer.directory
        if self._pull is not None:
            helper, work = GATHER_EXE, self._question(self._pull)
        else:
            helper = HELPER_EXE
            work = manifests.file_name(manifest.deployment), manifests.render(manifest, to)
        return (
            (HELPER_EXE, resources.program(helper)),
            work,
            (GO_BAT, gobat_serial.render(manifest, to)),
        )

    def _question(self, pull: Receiver) -> tuple[str, bytes]:
        """What the old PC is asked for now."""
        asked = pull.ask("", own_directory(self._offer.directory))
        return gobat.ask_name(self._manifest.deployment), asked

    def _piece(self, name: str) -> Slice | Slices:
        payload = self._manifest.payload
        return plan.source_of(payload, next(part for part in payload.parts if part.name == name))

    def _wait_for_sender(self, line: SerialLine) -> bytes:
        """Listen in silence (a receiver that calls would fill HyperTerminal's screen)."""
        heard, self._heard = self._heard, b""
        limit = self._patience.reports
        end = time.monotonic() + (_DAY * 365 if limit is None else limit)
        while zmodem.detect(heard) != "sender" and not self._job.cancelled():
            if time.monotonic() > end:
                what = (
                    f"nothing has come back for {limit:.0f} s: GO was not started on the old PC, "
                    f"or {self._back} was not sent"
                )
                raise LineSilent(port=self._job.port, what=what)
            try:
                heard = (heard + line.read(0.25))[-64:]
            except LineGoneError as error:
                self._gone(True)
                if not _wait_back(line, self._job):
                    raise SerialPortMissing(
                        port=self._job.port, why="it has vanished", others="no more"
                    ) from error
                if not self._job.cancelled():
                    self._gone(False)
        return heard

    def _receive(self, line: SerialLine, first: bytes) -> None:
        """One batch of reports; each name is known and bounded, everything else is not taken."""
        limit = max(UPLOAD_LIMITS.values()) if self._pull is None else _LONGEST
        try:
            got = receive_over(
                line, self._job, self._inbox / _COMING, overwrite=True, limit=limit, first=first,
                most=16, rest=self._overheard,
            )  # fmt: skip
        except (LineNoisy, LineSilent, TransferStopped) as error:
            if self._pull is None or self._job.cancelled():
                raise
            self._take_what_came()
            self._note(f"{error.what} Send {PULL_DAT} again in HyperTerminal: it goes on there.")
            return
        if self._pull is not None and any(item.path.name.upper() == PULL_DAT for item in got):
            self._pulled(self._pull)
        for item in sorted(got, key=lambda one: one.path.name.upper() == RESULT_TXT):
            name = item.path.name.upper()
            if name == gobat_serial.NEXT_FTP:
                text = files.read_bounded(item.path, gobat_serial.MOST_NEXT)
                wanted = gobat_serial.wanted(text, self._manifest)
                self._note(f"the old PC asks for {len(wanted)} part(s) again")
                if wanted:
                    self._send((), wanted)
            elif name in UPLOAD_LIMITS and item.length <= UPLOAD_LIMITS[name]:
                self._report(name, item.path)

    def _report(self, name: str, path: Path) -> None:
        place = self._inbox / name
        path.replace(place)
        at, port, identity = self._job.clock(), self._job.port, self._manifest.deployment
        length = place.stat().st_size
        self._tell(UploadReceived(at, identity, port, name, length, str(place)))
        self._service.settle(_SETTLED)

    def _pulled(self, pull: Receiver) -> None:
        """A PULL.DAT has come: take it, and ask for what is lacking now, or believe its report."""
        data = self._take_what_came()
        self._service.settle(_SETTLED)  # it may have been refused
        if self._job.cancelled() or self._is_all(data):
            return
        now = pull.progress()
        more = f"{now.here:,} of {now.total:,} bytes are here"
        self._note(f"{more}: when HyperTerminal has received the next question, start GO there")
        self._send((self._question(pull),), ())

    def _is_all(self, data: bytes) -> bool:
        """Whether all has come, with this report: then the report is handed on."""
        report = proof.parse_report(data)
        whole = report.sealed and report.deployment == self._manifest.deployment
        if self._pull is None or not whole or self._pull.lacks():
            return False
        path = self._inbox / _COMING / RESULT_TXT
        path.write_bytes(data)
        self._report(RESULT_TXT, path)
        return True

    def _take_what_came(self) -> bytes:
        """Take what lies here of PULL.DAT, of an earlier run too; the report in it, b"" for none.

        A beginning of one stays, so that HyperTerminal can go on with it, until one is whole. What
        is whole in that is taken while it comes.
        """
        if self._pull is None:
            return b""
        coming = tuple(pulled.whole_files(self._inbox / _COMING))
        begun = [path for path in coming if path.name.upper().startswith(f"{PULL_DAT}.")]
        for path in coming:
            if path.name.upper() == PULL_DAT:
                _end, report = self._pull.accept_all(path)
                for over in (path, *begun):
                    over.unlink()
                return report
        for path in begun:
            self._taken[path], _report = self._pull.accept_all(path, self._taken.get(path, 0))
        return b""

    def _overheard(self, data: bytes) -> None:
        self._heard = data[-64:]


def _wait_back(line: SerialLine, job: SerialJob, limit: float = 3600.0) -> bool:
    end = time.monotonic() + limit
    while time.monotonic() < end and not job.cancelled():
        if line.reopen():
            return True
        time.sleep(0.25)
    return False


class _Reader:
    """Slices of the user's files, read as one file; each is opened when its turn comes.

    A file is read only while it is as it was measured.
    """

    def __init__(self, cuts: tuple[Slice, ...]) -> None:
        self._cuts = cuts
        self._place = 0
        self._open: tuple[Slice, BinaryIO, files.Unchanged] | None = None
        self._opened(cuts[0])  # what is not there is said before anything is sent

    def seek(self, position: int) -> int:
        """Go to a place in what the slices hold."""
        self._place = position
        return position

    def tell(self) -> int:
        """The place in what the slices hold."""
        return self._place

    def read(self, length: int) -> bytes:
        """The next bytes. Raises FileChanged."""
        start = 0
        data = bytearray()
        for cut in self._cuts:
            while start <= self._place < start + cut.length and len(data) < length:
                piece = self._read(cut, self._place - start, length - len(data))
                data += piece
                self._place += len(piece)
            start += cut.length
        return bytes(data)

    def _read(self, cut: Slice, offset: int, length: int) -> bytes:
        handle, unchanged = self._opened(cut)
        if not unchanged.holds(handle.fileno()):
            raise FileChanged(path=cut.path)
        try:
            handle.seek(cut.offset + offset)
            data = handle.read(min(length, cut.length - offset))
        except OSError as error:
            raise FileChanged(path=cut.path) from error
        if not data:
            raise FileChanged(path=cut.path)
        return data

    def _opened(self, cut: Slice) -> tuple[BinaryIO, files.Unchanged]:
        if self._open is None or self._open[0] is not cut:
            self.close()
            try:
                handle = Path(cut.path).open("rb")  # noqa: SIM115 - closed by `close`
            except OSError as error:
                raise FileChanged(path=cut.path) from error
            self._open = cut, handle, files.Unchanged(cut)
        return self._open[1:]

    def close(self) -> None:
        """Close the file that is open."""
        if self._open is not None:
            self._open[1].close()
            self._open = None


def _open_slice(piece: Slice | Slices) -> BinaryIO:
    cuts = piece.slices if isinstance(piece, Slices) else (piece,)
    return cast("BinaryIO", _Reader(cuts))


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
