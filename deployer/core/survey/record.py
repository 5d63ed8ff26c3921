"""SURVEY.TXT: what was found, sealed by the old PC as RESULT.TXT is.

    deployer-survey=1
    run=S7K2QAB                                  the folder that SURVEY.BAT worked in
    at=C:\\SURVEY                                 where that folder is
    system=Windows 98 4.10.1998                  and more of the machine, as in INFO.TXT
    probe=P012 ran command.call-basic            ran, or stopped: armed, and never finished
    printed=14 one%0D%0Atwo%0D%0A                how many bytes it printed, and the first of them
    folder=SUB                                   what its folder held afterwards
    file=SUB\\A.TXT 3 8e46...(SHA-256) a%0D%0A
    end=<lines> <CRC-32 of all bytes before it>

Values are percent-encoded: what is not printable ASCII, and `%`, blank. Nothing of it is judged.
"""

from __future__ import annotations

import re
import zlib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from urllib.parse import unquote_to_bytes

FIRST = "deployer-survey=1"
MOST_KEPT = 4096
"""Bytes of a file, or of what was printed, that are brought along."""
_MOST = 2 << 20
_SLOT = re.compile(r"P[0-9]{3}")
_RUN = re.compile(r"S[0-9A-Z]{7}")
_IDENTITY = re.compile(r"[a-z0-9]+\.[a-z0-9-]+")
_OF_MACHINE = (
    "system", "cpu", "cpu_mhz", "cpu_features", "memory", "codepage", "disk_cluster",
    "disk_free",
)  # fmt: skip


class SurveyRefusedError(ValueError):
    """This is no SURVEY.TXT that can be believed; the text says why."""


class ProbeEnd(StrEnum):
    """How far a probe came."""

    RAN = "ran"
    STOPPED = "stopped"  # it was armed, and a restart came before its end


@dataclass(frozen=True, slots=True)
class LeftFile:
    """A file that was there afterwards; `content` its first `MOST_KEPT` bytes."""

    name: str
    length: int
    sha256: str
    content: bytes


@dataclass(frozen=True, slots=True)
class Evidence:
    """What one probe left. `printed` begins what it said, which had `printed_length` bytes."""

    slot: str
    probe: str
    end: ProbeEnd
    printed: bytes = b""
    printed_length: int = 0
    folders: tuple[str, ...] = ()
    files: tuple[LeftFile, ...] = ()


@dataclass(frozen=True, slots=True)
class Survey:
    """A whole survey: `run` in the directory `at`, the machine, the evidence in its order."""

    run: str
    at: str
    machine: Mapping[str, str] = field(default_factory=dict)
    evidence: tuple[Evidence, ...] = ()


def find(data: bytes) -> bytes:
    """The sealed survey in what a program printed; b"" where none begins in it."""
    start = data.rfind(FIRST.encode() + b"\r\n")
    if start < 0:
        return b""
    match = re.search(rb"\r\nend=[0-9]{1,6} [0-9A-F]{8}\r\n", data[start:])
    return data[start : start + match.end()] if match else b""


def write(survey: Survey) -> bytes:
    """The bytes of SURVEY.TXT."""
    lines = [FIRST, f"run={survey.run}", f"at={_quoted(survey.at.encode('cp437', 'replace'))}"]
    lines += [f"{key}={survey.machine[key]}" for key in _OF_MACHINE if key in survey.machine]
    for one in survey.evidence:
        lines.append(f"probe={one.slot} {one.end} {one.probe}")
        lines.append(f"printed={one.printed_length} {_quoted(one.printed)}")
        lines += [f"folder={_quoted(name.encode('cp437', 'replace'))}" for name in one.folders]
        lines += [
            f"file={_quoted(file.name.encode('cp437', 'replace'))} {file.length} {file.sha256} "
            f"{_quoted(file.content)}"
            for file in one.files
        ]
    body = "".join(f"{line}\r\n" for line in lines).encode("ascii")
    return body + f"end={len(lines)} {zlib.crc32(body):08X}\r\n".encode()


def parse(data: bytes) -> Survey:
    """The survey in these bytes. Raises SurveyRefusedError for whatever is not as it should be."""
    reader = _Reader(_body(data))
    reader.exactly(FIRST)
    run = reader.value("run")
    if not _RUN.fullmatch(run):
        raise SurveyRefusedError("its run has no such name")
    at = _text(reader.value("at"))
    machine: dict[str, str] = {}
    while (key := reader.key) in _OF_MACHINE:
        if key in machine:
            raise SurveyRefusedError(f"{key} stands in it twice")
        machine[key] = reader.value(key)
    found: list[Evidence] = []
    while reader.key == "probe":
        found.append(_evidence(reader))
    if reader.key:
        raise SurveyRefusedError(f"it has a line that begins with {reader.key}")
    if len({one.slot for one in found}) < len(found):
        raise SurveyRefusedError("a probe stands in it twice")
    return Survey(run, at, machine, tuple(found))


def _body(data: bytes) -> list[str]:
    """The lines before the seal, which was right."""
    if len(data) > _MOST:
        raise SurveyRefusedError("it is too long")
    body, mark, end = data.removesuffix(b"\r\n").rpartition(b"\r\n")
    body += mark
    match = re.fullmatch(rb"end=([0-9]{1,6}) ([0-9A-F]{8})", end)
    if not data.endswith(b"\r\n") or match is None:
        raise SurveyRefusedError("its last line is missing: it was cut off")
    if int(match[1]) != body.count(b"\r\n") or int(match[2], 16) != zlib.crc32(body):
        raise SurveyRefusedError("its sum is wrong: it was changed or damaged on its way")
    try:
        return body.decode("ascii").removesuffix("\r\n").split("\r\n")
    except UnicodeDecodeError:
        raise SurveyRefusedError("it is not plain ASCII") from None


class _Reader:
    """The lines, one after the other."""

    def __init__(self, lines: Iterable[str]) -> None:
        self._lines = list(lines)
        self._at = 0

    @property
    def key(self) -> str:
        """What the next line begins with, "" at the end."""
        return self._lines[self._at].partition("=")[0] if self._at < len(self._lines) else ""

    def exactly(self, line: str) -> None:
        """Take that line."""
        if self._at >= len(self._lines) or self._lines[self._at] != line:
            raise SurveyRefusedError(f"it does not begin with {line}")
        self._at += 1

    def value(self, key: str) -> str:
        """Take the line of that key: what stands in it."""
        if self.key != key:
            raise SurveyRefusedError(f"{key} is missing before its line {self._at + 1}")
        line = self._lines[self._at]
        self._at += 1
        return line.partition("=")[2]


def _evidence(reader: _Reader) -> Evidence:
    slot, end, probe = _fields(reader.value("probe"), 3)
    if not (_SLOT.fullmatch(slot) and end in tuple(ProbeEnd) and _IDENTITY.fullmatch(probe)):
        raise SurveyRefusedError(f"{slot} is no probe")
    length, printed = _fields(reader.value("printed"), 2)
    folders, files = [], []
    while reader.key == "folder":
        folders.append(_text(reader.value("folder")))
    while reader.key == "file":
        name, size, sha256, content = _fields(reader.value("file"), 4)
        if not re.fullmatch("[0-9a-f]{64}", sha256):
            raise SurveyRefusedError(f"{name} has no sum")
        files.append(LeftFile(_text(name), _number(size), sha256, _bytes(content)))
    return Evidence(
        slot, probe, ProbeEnd(end), _bytes(printed), _number(length), tuple(folders), tuple(files)
    )


def _fields(text: str, count: int) -> list[str]:
    found = text.split(" ")
    if len(found) != count:
        raise SurveyRefusedError(f"a line has {len(found)} words instead of {count}")
    return found


def _number(text: str) -> int:
    if not re.fullmatch("0|[1-9][0-9]{0,9}", text):
        raise SurveyRefusedError(f"{text[:20]} is no length")
    return int(text)


def _bytes(text: str) -> bytes:
    if re.search(r"%(?![0-9A-F]{2})", text):
        raise SurveyRefusedError("a value is not encoded as it should be")
    return unquote_to_bytes(text)


def _text(text: str) -> str:
    return _bytes(text).decode("cp437")


def _quoted(data: bytes) -> str:
    return "".join(chr(b) if 0x20 < b < 0x7F and b != 0x25 else f"%{b:02X}" for b in data)
