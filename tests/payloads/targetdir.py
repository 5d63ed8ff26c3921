"""A deployment's directory on the target, as the tests of the helper need it.

`StagedFile` is cut into parts and `manifest` written from the format's description only, without
deployer's own code; `Target` is a directory, with what FTP.EXE would do to it and with the helper's
commands on it.
"""

from __future__ import annotations

import hashlib
import re
import subprocess
import zlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import unquote

ID = "D7F3A21C"
MANIFEST = f"{ID}.MAN"

Runner = Callable[[Path, tuple[str, ...], Mapping[str, str]], int]
"""Runs the helper in a directory with arguments and faults (SYS_*), and returns its exit code."""

STOPPED = 99
"""Exit code of the hosted helper when the simulated power went off."""


def native(program: Path) -> Runner:
    """The hosted or the Linux i386 helper. Anything but its own exit codes is an AssertionError."""

    def run(directory: Path, args: tuple[str, ...], faults: Mapping[str, str]) -> int:
        done = subprocess.run(
            [program, *args],
            cwd=directory,
            env=dict(faults),
            stdin=subprocess.DEVNULL,
            capture_output=True,
            timeout=60,
            check=False,
        )
        assert done.returncode in (*range(10), STOPPED), (args, done)
        return done.returncode

    return run


@dataclass(frozen=True, slots=True)
class StagedFile:
    """One file cut into parts; `place` is the PLACE record's text, or empty."""

    name: str
    data: bytes
    step: int = 1000
    place: str = ""
    base: str = ""
    date: int = 0
    attributes: int = 0

    @property
    def part_base(self) -> str:
        return self.base or self.name.split(".")[0]

    @property
    def pieces(self) -> list[bytes]:
        return [self.data[at : at + self.step] for at in range(0, len(self.data), self.step)]

    def part(self, number: int) -> str:
        return f"{self.part_base}.{number:03}"

    def temp(self, number: int) -> str:
        return f"{self.part_base}.{chr(ord('A') + number // 100)}{number % 100:02}"

    @property
    def work(self) -> str:
        return f"{self.part_base}.WRK"

    @property
    def sha256(self) -> str:
        return hashlib.sha256(self.data).hexdigest()

    def records(self) -> list[str]:
        lines = [
            f"PART {self.part(n)} {len(piece)} {zlib.crc32(piece):08X}"
            for n, piece in enumerate(self.pieces, 1)
        ]
        return [*lines, self.record(len(self.pieces), self.part(1) if self.pieces else "-")]

    def record(self, parts: int, first: str) -> str:
        """The FILE record: in parts of its own, or in none where it travels in a pack."""
        return (
            f"FILE {self.name} {len(self.data)} {self.sha256} {self.date:08X} {self.attributes} "
            f"{parts} {first} {self.place or self.name}"
        )


@dataclass(frozen=True, slots=True)
class Pack:
    """Small files that travel together, in parts of the base `base` with so many files each."""

    members: tuple[StagedFile, ...]
    base: str = "PACK0"
    each: int = 1000

    @property
    def pieces(self) -> list[bytes]:
        return [b"".join(f.data for f in group) for group in self.groups]

    @property
    def groups(self) -> list[tuple[StagedFile, ...]]:
        count = len(self.members)
        return [self.members[at : at + self.each] for at in range(0, count, self.each)]

    def part(self, number: int) -> str:
        return f"{self.base}.{number:03}"

    def temp(self, number: int) -> str:
        return f"{self.base}.{chr(ord('A') + number // 100)}{number % 100:02}"

    @property
    def work(self) -> str:
        return f"{self.base}.WRK"

    def records(self) -> list[str]:
        lines = []
        for number, (group, data) in enumerate(zip(self.groups, self.pieces, strict=True), 1):
            lines.append(f"PACK {self.part(number)} {len(data)} {zlib.crc32(data):08X}")
            lines += [file.record(0, self.part(number)) for file in group]
        return lines


Staged = StagedFile | Pack


def manifest(
    files: Sequence[Staged], run: str = "", *, deployment: str = ID, extra: Sequence[str] = ()
) -> bytes:
    """The manifest's bytes; `extra` are records after HOST."""
    lines = [f"DEPLOY98 2 {deployment}", f"HOST 192.168.1.1 {deployment} Token123", *extra]
    for file in files:
        lines += file.records()
    return seal(lines + ([f"RUN {run}"] if run else []))


def seal(lines: list[str]) -> bytes:
    """Lines with the END record that makes them a manifest."""
    body = "".join(f"{line}\r\n" for line in lines).encode("ascii")
    return body + f"END {len(lines)} {zlib.crc32(body):08X}\r\n".encode("ascii")


@dataclass(slots=True)
class Target:
    """The directory, and the helper that works on it."""

    directory: Path
    runner: Runner
    staged: list[Staged]
    run: str = ""
    extra: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        self.directory.mkdir(parents=True, exist_ok=True)
        self.write_manifest()

    def write_manifest(self) -> None:
        """The manifest of what is staged now."""
        self.write(MANIFEST, manifest(self.staged, self.run, extra=self.extra))

    @property
    def files(self) -> list[StagedFile]:
        """Every file, those in packs too."""
        found: list[StagedFile] = []
        for each in self.staged:
            found += each.members if isinstance(each, Pack) else [each]
        return found

    @files.setter
    def files(self, files: list[StagedFile]) -> None:
        self.staged = list(files)

    def write(self, name: str, data: bytes) -> None:
        path = self.directory / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(data)

    def read(self, name: str) -> bytes:
        return (self.directory / name).read_bytes()

    def exists(self, name: str) -> bool:
        return (self.directory / name).exists()

    def names(self) -> set[str]:
        """Every file, the list of what was delivered left out: it is there after each JOIN."""
        return {
            str(path.relative_to(self.directory))
            for path in self.directory.rglob("*")
            if path.is_file() and path.suffix != ".LST"
        }

    def helper(self, *args: str, **faults: str) -> int:
        """Runs the helper in the directory and returns its exit code."""
        return self.runner(self.directory, args, faults)

    def check(self, **faults: str) -> int:
        return self.helper("CHECK", MANIFEST, **faults)

    def join(self, **faults: str) -> int:
        return self.helper("JOIN", MANIFEST, **faults)

    def deliver(self) -> int:
        """CHECK, fetch and JOIN as GO.BAT does; returns how many parts were fetched."""
        fetched = 0
        for _ in range(9):
            code = self.check()
            while code == 1:
                fetched += self.fetch()
                code = self.check()
            assert code == 0
            code = self.join()
            if code != 1:
                break
        assert code == 0
        assert self.is_delivered()
        return fetched

    def gets(self) -> list[tuple[str, str]]:
        """The `get PART TEMP` lines of NEXT.FTP."""
        text = self.read("NEXT.FTP").decode("ascii")
        return [(a, b) for a, b in re.findall(r"^get (\S+) (\S+)\r$", text, re.M)]

    def fetch(self, change: Callable[[str, bytes], bytes | None] = lambda name, data: data) -> int:
        """What FTP.EXE does with NEXT.FTP; `change` may damage a part or drop it (None)."""
        pieces = {
            file.part(n): piece for file in self.staged for n, piece in enumerate(file.pieces, 1)
        }
        count = 0
        for part, temp in self.gets():
            data = change(part, pieces[part])
            if data is not None:
                self.write(temp, data)
            count += 1
        return count

    def put_parts(self) -> None:
        """All parts under their real names."""
        for file in self.staged:
            for number, piece in enumerate(file.pieces, 1):
                self.write(file.part(number), piece)

    def power_cut(self) -> None:
        """What GO.BAT does when it is started again: the state is not of this run."""
        (self.directory / f"{ID}.STA").unlink(missing_ok=True)

    def final(self, file: StagedFile) -> Path:
        """Where a file ends up. A letter beyond ASCII is one byte of Windows-1252 to the native
        helper, and its UTF-8 name on a simulated drive."""
        place = unquote(file.place or file.name, "cp1252")
        top = self.top
        utf8 = top / place
        raw = top / place.encode("cp1252").decode("utf-8", "surrogateescape")
        return utf8 if utf8.exists() else raw

    @property
    def top(self) -> Path:
        """Where the files go: the directory itself, or that of a TO record."""
        for record in self.extra:
            if record.startswith("TO C:/"):
                return self.directory.parent / unquote(record[6:], "cp1252")
        return self.directory

    def is_delivered(self) -> bool:
        return all(
            self.final(file).exists() and self.final(file).read_bytes() == file.data
            for file in self.files
        )

    def result(self) -> dict[str, list[str]]:
        """RESULT.TXT by key, after its seal was verified."""
        return sealed_lines(self.read("RESULT.TXT"))


def sealed_lines(data: bytes) -> dict[str, list[str]]:
    """The report's values by key. AssertionError unless its last line seals it."""
    body, mark, end = data.rpartition(b"end=")
    lines = body.decode("ascii").split("\r\n")
    assert (mark, lines[-1]) == (b"end=", ""), data
    assert end == f"{len(lines) - 1} {zlib.crc32(body):08X}\r\n".encode(), data
    values: dict[str, list[str]] = {}
    for line in lines[:-1]:
        key, _, value = line.partition("=")
        values.setdefault(key, []).append(value)
    return values
