"""The sealed list of what is pulled: names, lengths, sums, dates, attributes, as the PC has them.

One line for each folder and file, in the order in which the PC found them; files are known by their
number, from 1. A path on this computer is made of the long names only when each of them is a plain
name on every system that we run on.
"""

from __future__ import annotations

import re
import zlib
from dataclasses import dataclass
from datetime import datetime

from deployer.core.target.codepages import KNOWN, WESTERN, ansi, text_of
from deployer.core.target.names import DEVICE_NAMES

MAX_LIST = 32 << 20
MOST_FILES = 200_000
_LONGEST_PATH = 1000
_LINE = re.compile(
    r"(?:file=(?P<length>[0-9]{1,10}) (?P<sum>[0-9a-f]{64}|[a-z]{1,12})|folder)"
    r"[= ](?P<attributes>[0-9A-F]{1,8}) (?P<date>[0-9A-F]{8})"
    r"(?(length) (?P<tries>[0-9]{1,4})) (?P<short>[!-~]{1,1000}) (?P<long>[!-~]{1,1000})"
)
_HEAD = re.compile(
    rb"deployment=D[0-9A-F]{7}\r\nfrom=([^\r\n]+)\r\n(?:codepage=([0-9]{1,5}) [0-9]{1,5}\r\n)?"
)
_SEAL = re.compile(rb"end=([0-9]{1,7}) ([0-9A-F]{8})\r\n")
_FORBIDDEN = frozenset('<>:"/\\|?*')
_WHY = {
    "changing": "it keeps changing",
    "unreadable": "it cannot be read there",
    "gone": "it is not there any more",
    "large": "it is larger than 4 GB",
}


class ListRefusedError(ValueError):
    """The list is damaged, of another pull, or names what no old PC can have; the text says why."""


@dataclass(frozen=True, slots=True)
class Listed:
    """A folder or file there. `path` has its long names, `short` its 8.3 names, `/` between them.

    `attributes` and `date` are as FAT has them.
    """

    path: str
    short: str
    attributes: int
    date: int

    @property
    def modified(self) -> float | None:
        """Seconds since 1970, its date taken for local time; None when it is no date."""
        day, time = self.date >> 16, self.date & 0xFFFF
        try:
            when = datetime(  # noqa: DTZ001 - FAT keeps local time
                1980 + (day >> 9), day >> 5 & 15, day & 31,
                time >> 11, time >> 5 & 63, (time & 31) * 2,
            )  # fmt: skip
            return when.timestamp()
        except (ValueError, OverflowError, OSError):
            return None


@dataclass(frozen=True, slots=True)
class PulledFile(Listed):
    """A file there. `sha256` is "" where the PC could not sum it; `why` then says why, in words."""

    length: int
    sha256: str
    why: str = ""


@dataclass(frozen=True, slots=True)
class Listing:
    """The whole list. `crc32` tells this one from any other, `codepage` is the ANSI page there."""

    files: tuple[PulledFile, ...]
    folders: tuple[Listed, ...]
    crc32: int
    codepage: int = WESTERN

    @property
    def total(self) -> int:
        """Bytes of all files that can be pulled."""
        return sum(file.length for file in self.files if file.sha256)


def parse(data: bytes, deployment: str, source: str) -> Listing:
    """The list that a PC has sent. Raises ListRefusedError for what the helper never writes."""
    body, crc = unsealed(data)
    page = codepage(data)
    lines = body.decode("latin-1").split("\r\n")
    if identity(data) != deployment or _source(data, page) != source or lines[-1]:
        raise ListRefusedError("it is of another pull")
    begin = 3 if len(lines) > 2 and lines[2].startswith("codepage=") else 2
    files: list[PulledFile] = []
    folders: list[Listed] = []
    places: set[str] = set()
    for line in lines[begin:-1]:
        one = _line(line, page)
        if isinstance(one, PulledFile):
            files.append(one)
        else:
            folders.append(one)
        key = one.path.casefold()
        if key in places:
            raise ListRefusedError(f"it names {one.path!r} twice")
        places.add(key)
    if len(files) > MOST_FILES:
        raise ListRefusedError(f"it names more than {MOST_FILES} files")
    _refuse_inside_files(files, places)
    return Listing(tuple(files), tuple(folders), crc, page)


def identity(data: bytes) -> str:
    """The deployment that a list says it is of; "" for none."""
    found = re.match(rb"deployment=(D[0-9A-F]{7})\r\n", data)
    return found[1].decode() if found else ""


def source(data: bytes) -> str:
    r"""What a list says it was made from, such as `C:\GAME\*.*`; "" for nothing."""
    return _source(data, codepage(data))


def codepage(data: bytes) -> int:
    """The ANSI page that a list says the PC has; an older one says nothing, and is Western."""
    found = _HEAD.match(data)
    page = int(found[2]) if found and found[2] else WESTERN
    return ansi(page) if page in KNOWN else WESTERN


def _source(data: bytes, page: int) -> str:
    found = _HEAD.match(data)
    return text_of(found[1], page) if found else ""


def unsealed(data: bytes) -> tuple[bytes, int]:
    """What a last line `end=<lines> <CRC-32>` seals, and that sum. Raises ListRefusedError."""
    cut = data[:-2].rfind(b"\r\n") + 2
    seal = _SEAL.fullmatch(data[cut:])
    if not seal or int(seal[1]) != data.count(b"\n", 0, cut):
        raise ListRefusedError("it is not whole")
    crc = int(seal[2], 16)
    if zlib.crc32(memoryview(data)[:cut]) != crc:
        raise ListRefusedError("it came damaged")
    return data[:cut], crc


def sealed(body: bytes) -> bytes:
    """The lines with their seal."""
    return body + b"end=%d %08X\r\n" % (body.count(b"\n"), zlib.crc32(body))


def _line(line: str, page: int) -> Listed:
    match = _LINE.fullmatch(line)
    if not match:
        raise ListRefusedError(f"a line of it cannot be read: {line[:60]!r}")
    path, short = _path(match["long"], page), _path(match["short"], page)
    attributes, date = int(match["attributes"], 16), int(match["date"], 16)
    if match["length"] is None:
        return Listed(path, short, attributes, date)
    length, sums = int(match["length"]), match["sum"]
    if length >= 1 << 32:
        raise ListRefusedError(f"{path!r} is larger than FAT allows")
    if len(sums) == 64:
        return PulledFile(path, short, attributes, date, length, sums)
    if sums not in _WHY:
        raise ListRefusedError(f"a line of it cannot be read: {line[:60]!r}")
    return PulledFile(path, short, attributes, date, length, "", _WHY[sums])


def _path(text: str, page: int) -> str:
    """The path of a line, as this computer writes it. Raises ListRefusedError for a harmful one."""
    parts = [_name(part, page) for part in text.split("/")]
    path = "/".join(parts)
    if len(path) > _LONGEST_PATH:
        raise ListRefusedError("a path in it is too long")
    return path


def _name(text: str, page: int) -> str:
    """One name. A byte that the code page has no character for stays as it is written, %81."""
    data = re.sub(rb"%([0-9A-F]{2})", lambda m: bytes([int(m[1], 16)]), text.encode("ascii"))
    name = text_of(data, page)
    base = name.split(".")[0].rstrip(" ").upper()
    if (
        not name
        or name != name.rstrip(". ")
        or base in DEVICE_NAMES
        or any(c < " " or c == "\x7f" or c in _FORBIDDEN for c in name)
        or len(name) > 255
    ):
        raise ListRefusedError(f"{name!r} is no name for a file")
    return name


def _refuse_inside_files(files: list[PulledFile], places: set[str]) -> None:
    """Nothing lies inside a file."""
    taken = {file.path.casefold() for file in files}
    for place in places:
        above = place.rpartition("/")[0]
        while above:
            if above in taken:
                raise ListRefusedError(f"it has {place!r} inside a file")
            above = above.rpartition("/")[0]
