"""One pull as this computer has it: the PC's list, the parts that have come, what is still to come.

`accept` and `ask` are called in the thread of the FTP server or of the serial line, one after the
other, so that what the PC is asked for next is always right; `finish` is called in a thread of its
own at the end.
"""

from __future__ import annotations

import contextlib
import errno
import hashlib
import mmap
import os
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import assert_never

from deployer.core.pull import ask, collected, listing, parts
from deployer.core.pull.ask import PullSpan, Range
from deployer.core.pull.collected import RecordKind
from deployer.core.pull.listing import Listing, ListRefusedError, PulledFile
from deployer.core.pull.parts import PartRefusedError
from deployer.edge import pulled
from deployer.edge.ftp.state import UploadVerdict
from deployer.edge.pulled import Building, Stretch
from deployer.errors import DirectoryForbidden, OutputExists, PullRefused, PullStopped
from deployer.model import Gather, Manifest

_SLACK = 64 << 20
"""Bytes that are left free on this computer's disk."""
_MOST_NAMED = 5
_MOST_IDLE = 12
"""Logins of the PC in a row after which nothing came of it; there are two in each round."""


@dataclass(slots=True)
class _Incoming:
    """Bytes of one content on their way: where they lie, and the sum up to the first gap."""

    stretches: list[Stretch] = field(default_factory=list)
    ranges: tuple[Range, ...] = ()
    summed: int = 0
    sha: "hashlib._Hash" = field(default_factory=hashlib.sha256)  # noqa: UP037


@dataclass(frozen=True, slots=True)
class PullProgress:
    """How far a pull is: files and bytes of the list, and how many bytes are here."""

    files: int
    total: int
    here: int


@dataclass(frozen=True, slots=True)
class PullOutcome:
    """What became of a pull. `reason` says why it is not whole, `folder` is where it lies.

    `stopped`: it could not be written on this computer; what has come is kept.
    """

    whole: bool
    reason: str
    folder: Path
    stopped: bool = False


class Receiver:
    """See the module. `tell` hears of each step, `refuse` why nothing can come of it now.

    Both are called in the thread of whoever calls here.
    """

    def __init__(
        self,
        manifest: Manifest,
        source: Gather,
        folder: Path,
        tell: Callable[[PullProgress], object],
        refuse: Callable[[type[PullRefused | PullStopped], str], object],
    ) -> None:
        """`folder` holds what comes, until the end. Reads what an earlier try left there.

        Raises OutputExists where the pulled files would come among others, DirectoryForbidden
        where nothing can be written.
        """
        self._manifest = manifest
        self._gather = source
        self._out = Path(source.folder)
        self._folder = folder
        place = self._out / "NEW" if source.keep else self._out
        if why := pulled.unwritable(place, manifest.deployment):
            raise DirectoryForbidden(path=place.parent, why=why)
        if not source.keep and _holds_others(self._out, manifest.deployment):
            raise OutputExists(path=self._out)
        self._tell = tell
        self._refuse = refuse
        self._lock = threading.Lock()
        self._list: Listing | None = None
        self._incoming: dict[str, _Incoming] = {}
        self._done: set[str] = set()
        self._again: set[int] = set()
        self._before = _before(source)
        self._count = 0
        self._idle = 0
        self._take_up()

    def _take_up(self) -> None:
        """What an earlier try has left is believed as if it came now."""
        with contextlib.suppress(OSError, ListRefusedError):
            known = self._take_list((self._folder / "LIST").read_bytes())
            self._again = {n for n, file in enumerate(known.files, 1) if not file.sha256}
        for path in pulled.whole_files(self._folder / "parts"):
            self._count = max(self._count, int(path.name) if path.name.isdecimal() else 0)
            with contextlib.suppress(OSError, PartRefusedError):
                self._take_part(path.read_bytes(), path)

    # -- in the FTP server's thread ---------------------------------------------------------------

    @property
    def uploads(self) -> dict[str, int]:
        """What the PC may send, and how many bytes of each."""
        identity = self._manifest.deployment
        limits = {f"{identity}.{name}": parts.MAX_PART for name in parts.NAMES}
        return {f"{identity}.LST": listing.MAX_LIST, **limits}

    def accept(self, name: str, data: bytes) -> UploadVerdict:
        """Take a list or a part. One that cannot be kept ends the pull, for now."""
        with self._lock:
            try:
                if name.endswith(".LST"):
                    self._accept_list(data)
                elif not self._accept_part(data):
                    return UploadVerdict.TAKEN
            except PartRefusedError:
                return UploadVerdict.NOT_WHOLE
            except ListRefusedError as error:
                with contextlib.suppress(ListRefusedError):
                    listing.unsealed(data)
                    self._refuse(PullRefused, f"the PC's list of files is refused: {error}")
                return UploadVerdict.NOT_WHOLE
            except OSError as error:
                self.stop(_why(error))
                return UploadVerdict.NOT_NOW
            self._idle = 0
            self._tell(self._count_up())
        return UploadVerdict.TAKEN

    def stop(self, why: str) -> None:
        """What comes cannot be written on this computer: the pull ends, for now."""
        self._refuse(PullStopped, self.cannot(why))

    def ask(self, host: str, directory: str) -> bytes:
        """What the PC is asked for now, which called us at `host` and works in `directory`.

        Without a host it is at the end of a serial line, where each round costs a person's time:
        all is asked for before the list is known, unless an older backup may have some of it.
        """
        with self._lock:
            want = self._wants()
            if self._list is None and not host and not self._before:
                want = ask.EVERYTHING
            manifest = replace(self._manifest, host=host)
            self._idle = 0 if self._idle == _MOST_IDLE else self._idle + 1
            source, end = self._gather.source, self._idle == _MOST_IDLE
            return ask.render(manifest, source, directory, self._list, want, give_up=end)

    def lacks(self) -> bool:
        """Whether something is still to come."""
        with self._lock:
            return self._list is None or bool(self._wants())

    def _wants(self) -> tuple[PullSpan, ...]:
        if self._list is None:
            return ()
        have = {sha: one.ranges for sha, one in self._incoming.items()}
        done = self._done | self._before.keys()
        return ask.wants(self._list.files, have, done, self._again)

    def offered(self, length: int) -> None:
        """A PULL.DAT of that length begins to come: without room for it the pull ends."""
        need = 2 * length  # it stays until its parts have been taken out of it
        if (free := pulled.free(self._folder)) < need + _SLACK:
            why = f"{need:,} bytes of room are needed for the {length:,} bytes that the PC sends"
            self._refuse(PullRefused, f"{why}, and {self._folder} has {max(free - _SLACK, 0):,}")

    def accept_all(self, path: Path, at: int = 0) -> tuple[int, bytes]:
        """Take all that is whole in a PULL.DAT from `at` on, also while it grows.

        How far that goes, and the report in it, b"" for none. Raises OSError.
        """
        identity, report = self._manifest.deployment, b""
        with path.open("rb") as file:
            if os.fstat(file.fileno()).st_size <= at:
                return at, b""
            with mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as data:
                for record in collected.records(data, identity, at):
                    at = record.stop
                    piece = data[record.start : record.stop]
                    match record.kind:
                        case RecordKind.LIST:
                            self.accept(f"{identity}.LST", piece)
                        case RecordKind.PART:
                            self.accept(f"{identity}.{parts.NAMES[0]}", piece)
                        case RecordKind.REPORT:
                            report = piece
                        case _ as never:
                            assert_never(never)
        return at, report

    def _accept_list(self, data: bytes) -> None:
        known = self._take_list(data)
        if not (known.files or known.folders):
            self._refuse(PullRefused, f"no file or folder there matches {self._gather.source}")
            return
        missing = self._count_up()
        need = missing.total - missing.here  # parts stay until the folder made of them is whole
        made = sum(f.length for f in known.files if f.sha256 and f.sha256 not in self._before)
        room = {self._folder: need, self._out: made}
        if pulled.on_one_disk(self._folder, self._out):
            room = {self._out: need + made}
        for place, wanted in room.items():
            if (free := pulled.free(place)) < wanted + _SLACK:
                why = f"{wanted:,} bytes of room are needed for {missing.total:,} bytes of files"
                self._refuse(PullRefused, f"{why}, and {place} has {max(free - _SLACK, 0):,}")
                return
        pulled.write_whole(self._folder / "LIST", data)

    def _take_list(self, data: bytes) -> Listing:
        self._list = listing.parse(data, self._manifest.deployment, self._gather.source)
        known = {file.sha256 for file in self._list.files}
        self._incoming = {sha: one for sha, one in self._incoming.items() if sha in known}
        self._again.clear()
        return self._list

    def _accept_part(self, data: bytes) -> bool:
        """Whether it has brought something."""
        path = self._folder / "parts" / f"{self._count + 1:06d}"
        if not self._new_bytes(parts.parse(data, self._manifest.deployment)):
            return False
        pulled.write_whole(path, data)
        self._count += 1
        self._take_part(data, path)
        return True

    def _new_bytes(self, part: parts.SentPart) -> bool:
        """Whether anything in the part is announced and not here yet; nothing else is kept."""
        return any(self._wanted(part, extent) for extent in part.extents)

    def _wanted(self, part: parts.SentPart, extent: parts.Extent) -> PulledFile | None:
        """The file that an extent brings something new of."""
        known = self._list
        if known is None or known.crc32 != part.list_crc or not extent.length:
            return None
        if not 1 <= extent.index <= len(known.files):
            return None
        file = known.files[extent.index - 1]
        stop = extent.offset + extent.length
        if not file.sha256 or stop > file.length or file.sha256 in self._done:
            return None
        have = self._incoming.get(file.sha256)
        inside = have and any(a <= extent.offset and stop <= b for a, b in have.ranges)
        return None if inside else file

    def _take_part(self, data: bytes, path: Path) -> None:
        part = parts.parse(data, self._manifest.deployment)
        for extent in part.extents:
            file = self._wanted(part, extent)
            if file is None:
                continue
            one = self._incoming.setdefault(file.sha256, _Incoming())
            one.stretches.append(Stretch(extent.offset, extent.length, path, extent.at))
            stop = extent.offset + extent.length
            one.ranges = ask.merged((*one.ranges, (extent.offset, stop)))
            if extent.offset == one.summed:
                one.sha.update(memoryview(data)[extent.at : extent.at + extent.length])
                one.summed = stop
            self._sum_on(one)
            if one.summed >= file.length:
                self._end_file(extent.index, file, one)

    def _sum_on(self, one: _Incoming) -> None:
        """What came earlier and goes on where the sum has come to."""
        if one.ranges[0] == (0, one.summed):
            return
        for block in pulled.read(one.stretches, one.summed):
            one.sha.update(block)
            one.summed += len(block)

    def _end_file(self, index: int, file: PulledFile, one: _Incoming) -> None:
        if one.sha.hexdigest() == file.sha256:
            self._done.add(file.sha256)
            return
        del self._incoming[file.sha256]  # it has changed there since it was summed
        self._again.add(index)

    def progress(self) -> PullProgress:
        """How far it is."""
        with self._lock:
            return self._count_up()

    def _count_up(self) -> PullProgress:
        known = self._list
        if known is None:
            return PullProgress(0, 0, 0)
        here, seen = 0, set()
        for file in known.files:
            if file.sha256 in self._done or file.sha256 in self._before:
                here += file.length
            elif file.sha256 in self._incoming and file.sha256 not in seen:
                here += sum(b - a for a, b in self._incoming[file.sha256].ranges)
            seen.add(file.sha256)
        return PullProgress(len(known.files), known.total, here)

    # -- at the end -------------------------------------------------------------------------------

    def finish(self) -> PullOutcome:
        """Make the folder, and read all of it back. What cannot be had is named."""
        with self._lock:
            try:
                return self._finish()
            except OSError as error:
                return PullOutcome(False, self.cannot(_why(error)), self._out, stopped=True)

    def _finish(self) -> PullOutcome:
        known, place = self._list, self._place()
        if known is None:
            return PullOutcome(False, "the PC has sent no list", place)
        ours = _is_of(place, self._manifest.deployment)
        building = Building(place, self._manifest.deployment)
        try:
            return self._build(building, known, place, ours=ours)
        except OSError:
            building.clear()  # it may be what fills the disk
            raise

    def _build(self, building: Building, known: Listing, place: Path, *, ours: bool) -> PullOutcome:
        lost = [f"{file.path}: {file.why}" for file in known.files if not file.sha256]
        for folder in known.folders:
            building.folder(folder.path, folder.modified)
        lost += [
            f"{file.path}: {why}"
            for file in known.files
            if file.sha256 and (why := self._lacking(building, file))
        ]
        if lost and len(lost) == len(known.files):
            building.clear()
        else:
            pulled.write_whole(
                place.with_name(f"{place.name}.lst"), (self._folder / "LIST").read_bytes()
            )
            building.done(again=ours)
        if lost:
            more = f" and {len(lost) - _MOST_NAMED} more" if len(lost) > _MOST_NAMED else ""
            return PullOutcome(False, "; ".join(lost[:_MOST_NAMED]) + more, place)
        for path in pulled.whole_files(self._folder / "parts"):
            path.unlink()
        return PullOutcome(True, "", place)

    def _lacking(self, building: Building, file: PulledFile) -> str:
        """Why a file is not in the folder now; "" when it is."""
        try:
            return "" if self._put(building, file) else "its bytes are not here"
        except OSError as error:
            if error.errno != errno.ENAMETOOLONG:
                raise
            return "its name is too long for this computer's disk"

    def _put(self, building: Building, file: PulledFile) -> bool:
        if not file.length:
            made = building.file(file.path, (), file.modified)
        elif file.sha256 in self._before:
            made = building.same(file.path, self._before[file.sha256], file.modified)
        elif file.sha256 in self._done:
            blocks = pulled.read(self._incoming[file.sha256].stretches, 0)
            made = building.file(file.path, blocks, file.modified)
        else:
            return False
        return pulled.sha256_of(made) == file.sha256

    def cannot(self, why: str) -> str:
        """What is said where this computer cannot write, and why."""
        now = self._count_up()
        here = f"{now.here:,} of {now.total:,} bytes are here"
        return f"this computer cannot write what comes ({why}); {here}"

    def _place(self) -> Path:
        if not self._gather.keep:
            return self._out
        name = stamp = time.strftime("%Y-%m-%d %H.%M.%S")
        number = 1
        while (self._out / name).exists():
            number += 1
            name = f"{stamp} ({number})"
        return self._out / name


def _why(error: OSError) -> str:
    """The system's reason, with the file that it is about."""
    why = error.strerror or str(error)
    return f"{error.filename}: {why}" if error.filename else why


def _before(source: Gather) -> dict[str, Path]:
    """The contents that the newest backup there has, each with its file; only what is still right.

    Reads all of it.
    """
    newest = latest(Path(source.folder), source.source) if source.keep else None
    if newest is None:
        return {}
    found: dict[str, Path] = {}
    known, folder = newest
    for file in known.files:
        path = folder / file.path
        new = file.sha256 and file.length and file.sha256 not in found
        if new and pulled.sha256_of(path) == file.sha256:
            found[file.sha256] = path
    return found


def _holds_others(place: Path, deployment: str) -> bool:
    """Whether something lies there that is not of an earlier try of the same pull."""
    if place.is_dir():
        return any(place.iterdir()) and not _is_of(place, deployment)
    return place.exists()


def _is_of(place: Path, deployment: str) -> bool:
    """Whether an earlier try of the same pull has made that folder."""
    try:
        data = place.with_name(f"{place.name}.lst").read_bytes()
    except OSError:
        return False
    return listing.identity(data) == deployment


def latest(folder: Path, source: str) -> tuple[Listing, Path] | None:
    """The newest backup of `source` in a folder of backups: its list, and where its files are."""
    for path in sorted(folder.glob("*.lst"), reverse=True):
        with contextlib.suppress(OSError, ListRefusedError):
            data = path.read_bytes()
            return listing.parse(data, listing.identity(data), source), path.with_suffix("")
    return None
