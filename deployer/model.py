"""The nouns: frozen values that every room of the program shares. No I/O, no behaviour beyond sums.

Lengths are bytes, times are seconds since 1970 (UTC) unless a name says otherwise, CRC-32 is an
unsigned int, SHA-256 is 64 lower-case hex digits, names on the target are upper-case 8.3.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum

DEFAULT_HOST_ADDRESS = "192.168.1.1"
DEFAULT_TARGET_DIRECTORY = r"C:\DEPLOY"

GO_BAT = "GO.BAT"
HELPER_EXE = "DEPLOY98.EXE"
GATHER_EXE = "GATHER98.EXE"
"""The helper of a pull; the old PC knows it as DEPLOY98.EXE too."""
ENGINE_EXE = "LLAMA98.EXE"
RESULT_TXT = "RESULT.TXT"
OUTPUT_TXT = "OUTPUT.TXT"
INFO_TXT = "INFO.TXT"
RECEIPT_TXT = "GOTIT.TXT"
PULL_DAT = "PULL.DAT"
"""What the old PC sends over a serial line in a pull: all that it was asked for, in one file."""

ANY = "any"
"""The target that is whoever is on the wire: the first machine that asks for GO.BAT."""

SIM = "sim"
"""The simulated PC. There may be more, each with a disk of its own: `sim:NAME`."""

SIM_NAME = "sim(:[a-z0-9][a-z0-9_-]{0,30})?"
"""What a simulated PC can be called, as a regular expression."""

LINE = "serial:"
"""What the name of a target begins with that is reached over a serial line; the port follows."""


def is_simulated(target: str) -> bool:
    """Whether a target is a simulated PC."""
    return target == SIM or target.startswith(f"{SIM}:")


UPLOAD_LIMITS: Mapping[str, int] = {
    RESULT_TXT: 4 << 20,
    OUTPUT_TXT: 2 << 20,
    INFO_TXT: 64 << 10,
}
"""What a target may send back, and how many bytes of each. The helper caps OUTPUT.TXT at 1 MiB."""


class State(StrEnum):
    """Where a deployment stands. The order is the order of events; the last three are final."""

    STAGED = "staged"
    WAITING = "waiting"
    FETCHING = "fetching"
    VERIFYING = "verifying"
    RUNNING = "running"
    PROVED = "proved"
    FAILED = "failed"
    CANCELLED = "cancelled"

    @property
    def final(self) -> bool:
        """True when nothing can follow."""
        return self in (State.PROVED, State.FAILED, State.CANCELLED)


class Stage(StrEnum):
    """Where an order for an agent stands. The last four are final.

    GIVEN: it has left this computer; TAKEN: the agent is about it; REFUSED: the old PC could not;
    LOST: it was given, and nobody can say whether it was done; EXPIRED: it was never given.
    """

    QUEUED = "queued"
    GIVEN = "given"
    TAKEN = "taken"
    DONE = "done"
    REFUSED = "refused"
    LOST = "lost"
    EXPIRED = "expired"

    @property
    def final(self) -> bool:
        """True when nothing more is waited for."""
        return self in (Stage.DONE, Stage.REFUSED, Stage.LOST, Stage.EXPIRED)


class Cause(StrEnum):
    """Who or what brought a change of state about; NONE for the usual course.

    NEVER_CALLED is the silence of a target from which nobody has logged in. ERROR is what this
    computer or the line could not do.
    """

    NONE = ""
    PROOF = "proof"
    SILENCE = "silence"
    NEVER_CALLED = "never-called"
    SOURCE = "source"
    USER = "user"
    ERROR = "error"


@dataclass(frozen=True, slots=True)
class Target:
    """An old PC: its address on the wire, or `sim` for the simulated one."""

    address: str
    name: str = ""
    profile: str = "win98-fat32"
    mac: str = ""


@dataclass(frozen=True, slots=True)
class LineSettings:
    """How a serial line is set: bits a second, and who may stop whom (rtscts, xonxoff, none)."""

    speed: int = 115_200
    flow: str = "rtscts"


@dataclass(frozen=True, slots=True)
class Profile:
    """What a kind of target can do: bytes of one file, bytes of one drive, length of a line.

    `cluster` is what a file takes of its disk at least, in bytes, `codepage` the ANSI or OEM code
    page of its Windows. 1252 does not tell whether DOS has 437 or 850 there.
    """

    name: str
    max_file: int
    max_line: int = 120
    title: str = ""
    max_drive: int = 1 << 40
    cluster: int = 4096
    codepage: int = 1252


@dataclass(frozen=True, slots=True)
class Part:
    """A slice of a file with the name it has on the target and its CRC-32."""

    name: str
    offset: int
    length: int
    crc32: int


@dataclass(frozen=True, slots=True)
class Piece:
    """Which slice of its source a file of the payload is: number and count from 1, bytes."""

    number: int
    count: int
    start: int
    whole: int


@dataclass(frozen=True, slots=True)
class FileStamp:
    """Which file of the host it was, and as of when: what nobody can set back is part of it.

    `changed_ns` is when the content, the name or the rights changed last, in nanoseconds; on
    Windows, which does not tell that, when the file was made. Two equal stamps are of one content,
    unless the file was written to just before the first was taken (see `StagedFile.settled`).
    """

    device: int
    inode: int
    length: int
    mtime_ns: int
    changed_ns: int


class Overwrite(StrEnum):
    """What becomes of a file on the target that is neither what was delivered last nor what comes.

    KEEP leaves it there and names it; CHANGED gives it the name NAME.BAK; ALWAYS replaces it. NEVER
    replaces no file at all that is there.
    """

    KEEP = "keep"
    CHANGED = "changed"
    NEVER = "never"
    ALWAYS = "always"


@dataclass(frozen=True, slots=True)
class StagedFile:
    """A file of the payload, measured and cut.

    `source` is its path on the host, `name` the 8.3 name on the target, `place` the relative path
    with long names (`/` between directories) where the target restores it, or "" for the 8.3 name.
    `stamp` is that of the source as it was measured; `settled` says that the source had been left
    alone for longer than its clock's grain, so that every later change of it gives another stamp.
    `piece` is set when the source is larger than one file on the target can be. A small file has no
    parts of its own: it travels in the part `pack`. `date` and `attributes` are as FAT has them (0:
    none); attributes are 1 read-only, 2 hidden, 4 system. `crc32` is of all its bytes, where it
    travels in a pack.
    """

    source: str
    name: str
    long_name: str
    length: int
    sha256: str
    parts: tuple[Part, ...]
    stamp: FileStamp
    place: str = ""
    piece: Piece | None = None
    settled: bool = False
    pack: str = ""
    date: int = 0
    attributes: int = 0
    crc32: int = 0

    @property
    def start(self) -> int:
        """Where in its source the file begins."""
        return self.piece.start if self.piece else 0

    @property
    def source_length(self) -> int:
        """Bytes of the source."""
        return self.piece.whole if self.piece else self.length


@dataclass(frozen=True, slots=True)
class Gather:
    """What is to be pulled from an old PC: a path there, perhaps with wildcards, and where to.

    `folder` is new or empty; with `keep` it holds backups, and each gets a folder of its own in it.
    """

    source: str
    folder: str
    keep: bool = False


@dataclass(frozen=True, slots=True)
class Payload:
    """What is delivered, and the command that starts it ("" for none).

    `packs` are the parts in which small files travel together, one after the other in the order of
    `files`; `directories` are those that are empty. `notes` say what the user should know about it
    before it goes. With `delete`, what an earlier push brought there and this one does not goes.
    With `gather` nothing is delivered: files come the other way. Places are in the letters of
    `codepage`.
    """

    files: tuple[StagedFile, ...]
    run: str = ""
    recipe: str = "files"
    notes: tuple[str, ...] = ()
    packs: tuple[Part, ...] = ()
    directories: tuple[str, ...] = ()
    overwrite: Overwrite = Overwrite.KEEP
    delete: bool = False
    gather: Gather | None = None
    codepage: int = 1252

    @property
    def total(self) -> int:
        """Bytes of all files."""
        return sum(f.length for f in self.files)

    @property
    def cleans(self) -> bool:
        """Whether it brings nothing, so that all goes which earlier pushes brought, and we too."""
        return self.delete and not self.files and not self.directories

    @property
    def part_count(self) -> int:
        """Number of parts: packs, and those of all files."""
        return len(self.packs) + sum(len(f.parts) for f in self.files)

    @property
    def parts(self) -> tuple[Part, ...]:
        """Every part, in the order in which they come."""
        packs = {pack.name: pack for pack in self.packs}
        found: dict[str, Part] = {}
        for file in self.files:
            for part in (packs[file.pack],) if file.pack else file.parts:
                found[part.name] = part
        return tuple(found.values())

    def members(self, pack: str) -> tuple[StagedFile, ...]:
        """The files that travel in a pack."""
        return tuple(file for file in self.files if file.pack == pack)


@dataclass(frozen=True, slots=True)
class Manifest:
    """What the helper on the target reads. `host`, `login` and `token` reach the FTP server."""

    deployment: str
    host: str
    login: str
    token: str
    payload: Payload


@dataclass(frozen=True, slots=True)
class FileProof:
    """A file as the target found it on its own disk. `sha256` is "" when it could not say."""

    name: str
    length: int
    sha256: str
    verdict: str


@dataclass(frozen=True, slots=True)
class Round:
    """One round of fetching as the target counted it."""

    number: int
    accepted: int
    bad: int


@dataclass(frozen=True, slots=True)
class Report:
    """RESULT.TXT as the target sent it. `sealed` says that its closing checksum is right.

    Nothing in an unsealed report counts as evidence of success. `left` are places of files that an
    earlier push brought and this one has not, `gone` those of them that were deleted, `saved` the
    .BAK files that were made.
    """

    deployment: str
    sealed: bool
    command: str = ""
    exit_code: int | None = None
    reason: str = ""
    failed: str = ""
    helper: str = ""
    system: str = ""
    cpu: str = ""
    cpu_mhz: int | None = None
    cpu_features: str = ""
    memory: int | None = None
    disk_free: int | None = None
    disk_cluster: int | None = None
    codepage: int | None = None
    oem_codepage: int | None = None
    files: tuple[FileProof, ...] = ()
    have: tuple[tuple[str, str], ...] = ()
    bad: tuple[tuple[str, int], ...] = ()
    rounds: tuple[Round, ...] = ()
    run: str = ""
    run_exit: int | None = None
    run_seconds: float | None = None
    output_bytes: int | None = None
    output_whole: bool = True
    left: tuple[str, ...] = ()
    gone: tuple[str, ...] = ()
    saved: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Proof:
    """What the target proved, set beside what the host had staged.

    `verified` is the sealed report of JOIN that found every file right, where `report`, which came
    later, tells of a program that was stopped and of no file. `kept` are the places of files that
    were not replaced, because somebody had changed them there, or brought them.
    """

    deployment: str
    proved: bool
    reason: str
    report: Report
    expected: tuple[FileProof, ...] = ()
    tokens_per_second: float | None = None
    emulated: bool = False
    verified: Report | None = None
    kept: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Blob:
    """Generated bytes (GO.BAT, the manifest, a program of ours)."""

    data: bytes

    @property
    def length(self) -> int:
        """Bytes."""
        return len(self.data)


@dataclass(frozen=True, slots=True)
class Slice:
    """Bytes `offset .. offset + length` of a user's file, which must still be as measured.

    With another stamp than `stamp`, only their CRC-32 proves them; without `crc32` nothing does.
    """

    path: str
    offset: int
    length: int
    stamp: FileStamp
    crc32: int | None = None


@dataclass(frozen=True, slots=True)
class Slices:
    """Slices one after the other: the bytes of a pack."""

    slices: tuple[Slice, ...]

    @property
    def length(self) -> int:
        """Bytes of all."""
        return sum(cut.length for cut in self.slices)


@dataclass(frozen=True, slots=True)
class Entry:
    """A file that a login may fetch. `text` files (7-bit, CR LF) may leave in TYPE A.

    With `after`, it exists only for a session that has uploaded the file of that name completely:
    so a batch file, which cannot see whether FTP.EXE's `put` went well, learns it from a `get`.
    """

    name: str
    source: Blob | Slice | Slices
    long_name: str = ""
    text: bool = False
    after: str = ""

    @property
    def length(self) -> int:
        """Bytes."""
        return self.source.length


@dataclass(frozen=True, slots=True)
class Share:
    """All that one login sees: files to fetch, names it may upload with their limits in bytes.

    `deployment` is "" for a share that belongs to none. `mtime` dates the listing. `arrived` are
    uploads that may be gone on with, and their bytes that are here. One of a `survey` has
    directories in which the server behaves oddly.
    """

    deployment: str
    entries: tuple[Entry, ...]
    uploads: Mapping[str, int] = field(default_factory=dict)
    mtime: float = 0.0
    arrived: Mapping[str, int] = field(default_factory=dict)
    survey: bool = False
