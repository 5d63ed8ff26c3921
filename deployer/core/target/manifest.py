"""The manifest's text, both ways. docs/formats.md describes it; the helper reads the same.

Everything is 7-bit ASCII with CR LF. The END record carries the number of records before it and
the CRC-32 of all bytes before it, so that a cut or mangled manifest is noticed.
"""

from __future__ import annotations

import re
import zlib
from collections.abc import Iterator, Sequence
from dataclasses import replace

from deployer.core.target.codepages import FORBIDDEN, WESTERN, ansi, decode, encode
from deployer.core.target.names import DEVICE_NAMES, is_short, part_name, part_number
from deployer.model import (
    DEFAULT_TARGET_DIRECTORY,
    FileStamp,
    Manifest,
    Overwrite,
    Part,
    Payload,
    StagedFile,
)

FORMAT = "DEPLOY98 2"
MAX_LINE = 400
MAX_RECORDS = 32_000
MAX_LENGTH = (1 << 31) - 1
MAX_PLACE = 240

_PLAIN = r"[ !#$&'()+,\-./0-9;=@A-Z\[\]^_`a-z{}~]"
_PLACE_PLAIN = re.compile(_PLAIN)
_ALL_PLAIN = re.compile(f"(?! ){_PLAIN}+")
"""A place that a FILE record has as it is, without a character that no name can have."""
_IDENTITY = re.compile(r"D[0-9A-F]{7}")
_TOKEN = re.compile(r"[A-Za-z0-9]{6,16}")
_ADDRESS = re.compile(r"[0-9]{1,3}(\.[0-9]{1,3}){3}")
_SHA256 = re.compile(r"[0-9a-f]{64}")


def file_name(deployment: str) -> str:
    """The manifest's own name on the target."""
    return f"{deployment}.MAN"


def own_directory(directory: str) -> str:
    r"""Where the helper works: `DEPLOY` on the drive to which the payload goes."""
    return f"{directory[:2]}\\DEPLOY"


def list_name(directory: str, page: int = WESTERN) -> str:
    """The helper's list of what was delivered to a directory; `list.h` says what stands in it."""
    ours = directory.upper() == own_directory(directory).upper()
    spelt = "" if ours else f"{directory}\\"
    crc = zlib.crc32(b"".join(encode(c, ansi(page)) or b"" for c in spelt).upper())
    return "L" + "".join(chr(ord("A") + (crc >> 4 * n & 15)) for n in range(7)) + ".LST"


def render(manifest: Manifest, directory: str = DEFAULT_TARGET_DIRECTORY) -> bytes:
    """The manifest as the target reads it, for a payload that goes to that directory."""
    payload = manifest.payload
    lines = [
        f"{FORMAT} {manifest.deployment}",
        f"HOST {manifest.host} {manifest.login} {manifest.token}",
    ]
    page = payload.codepage
    if directory.upper() != own_directory(directory).upper():
        below = encode_place(directory[3:].replace("\\", "/"), page)
        lines.append(f"TO {directory[0].upper()}:/{below}")
    lines.append(f"RULES {payload.overwrite} {'delete' if payload.delete else 'leave'}")
    packs = {pack.name: pack for pack in payload.packs}
    for file in payload.files:
        if (pack := packs.pop(file.pack, None)) is not None:
            lines.append(f"PACK {pack.name} {pack.length} {pack.crc32:08X}")
        lines += [f"PART {p.name} {p.length} {p.crc32:08X}" for p in file.parts]
        first = file.parts[0].name if file.parts else file.pack or "-"
        lines.append(
            f"FILE {file.name} {file.length} {file.sha256} {file.date:08X} {file.attributes} "
            f"{len(file.parts)} {first} "
            f"{encode_place(file.place, page) if file.place else file.name}"
        )
    lines += [f"DIR {encode_place(place, page)}" for place in payload.directories]
    if payload.run:
        lines.append(f"RUN {payload.run}")
    body = "".join(f"{line}\r\n" for line in lines).encode("ascii")
    return body + f"END {len(lines)} {zlib.crc32(body):08X}\r\n".encode("ascii")


def unfit(place: str, page: int = WESTERN) -> str:
    """Why a Windows 98 of that code page cannot have that relative path; "" when it can."""
    for char in "" if _ALL_PLAIN.fullmatch(place) else place:
        if char < " " or (char in FORBIDDEN and char != "/"):
            return f"it contains {char!r}"
        if encode(char, ansi(page)) is None:
            return f"its code page, {ansi(page)}, lacks {char!r}"
    segments = place.split("/")
    if any(s in ("", ".", "..") or len(s) > 255 or s[-1] in ". " for s in segments):
        return "it is no relative path"
    if any(s.partition(".")[0].upper() in DEVICE_NAMES for s in segments):
        return "it stands for a device"
    if len(_encoded(place, page)) > MAX_PLACE:
        each = "" if place.isascii() else ", of which each byte beyond plain ASCII takes three"
        return f"it is longer than {MAX_PLACE} characters{each}"
    return ""


def encode_place(place: str, page: int = WESTERN) -> str:
    """A relative path as a FILE record has it: bytes of the ANSI page, %XX where not plain ASCII.

    Raises ValueError when Windows 98 cannot have that name.
    """
    if why := unfit(place, page):
        raise ValueError(f"{place!r} is no name for Windows 98: {why}")
    return _encoded(place, page)


def _encoded(place: str, page: int) -> str:
    if _ALL_PLAIN.fullmatch(place):
        return place
    encoded: list[str] = []
    for char in place:
        # A blank in front would be taken for a second separator of the record.
        plain = _PLACE_PLAIN.fullmatch(char) and (encoded or char != " ")
        encoded += [char] if plain else [f"%{byte:02X}" for byte in encode(char, ansi(page)) or b""]
    return "".join(encoded)


def parse(data: bytes, page: int | None = WESTERN) -> Manifest:
    """The manifest of its bytes; what it does not carry, such as sources, is empty, TO left out.

    Its places are read in that code page, which it does not carry either; with None they are left
    as they are written there, in plain ASCII.

    Raises ValueError, with what is wrong, for anything that `render` would not have written.
    """
    lines = _sealed_lines(data)
    header = next(lines).split(" ")
    if header[:2] != FORMAT.split(" ") or len(header) != 3 or not _IDENTITY.fullmatch(header[2]):
        raise ValueError(f"the first record is not '{FORMAT} <deployment>'")
    host = next(lines, "").split(" ")
    if (
        len(host) != 4
        or host[0] != "HOST"
        or not _ADDRESS.fullmatch(host[1])
        or not _TOKEN.fullmatch(host[3])
    ):
        raise ValueError("the second record is not 'HOST <address> <login> <token>'")
    found = _Records(page)
    for line in lines:
        found.take(line)
    return Manifest(header[2], host[1], host[2], host[3], found.payload())


class _Records:
    """What the records after HOST make, one after the other; each raises ValueError."""

    def __init__(self, page: int | None) -> None:
        self._page = page
        self._files: list[StagedFile] = []
        self._parts: list[Part] = []
        self._packs: list[Part] = []
        self._filled = 0
        self._directories: list[str] = []
        self._rules: tuple[Overwrite, bool] | None = None
        self._run = ""

    def take(self, line: str) -> None:
        """The next record."""
        kind, _, rest = line.partition(" ")
        if self._run or (self._parts and kind not in ("PART", "FILE")):
            raise ValueError(f"record out of place: {line}")
        match kind:
            case "TO" if not self._rules and re.fullmatch("[A-Z]:/.+", rest):
                _decode(rest[3:], self._page)
            case "RULES" if not self._rules:
                self._rules = _rules(rest)
            case "PACK":
                self._pack(rest)
            case "PART" if self._is_full():
                self._parts.append(_part(rest, self._parts))
            case "FILE":
                self._file(rest)
            case "DIR":
                self._directories.append(_decode(rest, self._page))
            case "RUN" if rest:
                self._run = rest
            case _:
                raise ValueError(f"unknown record, or out of place: {line}")

    def _is_full(self) -> bool:
        return not self._packs or self._filled == self._packs[-1].length

    def _pack(self, rest: str) -> None:
        if not self._is_full():
            raise ValueError(f"the pack before it is not full: PACK {rest}")
        before = self._packs[-1:] if self._in_pack() else []
        follows = before and before[0].name.partition(".")[0] == rest.partition(".")[0]
        number = part_number(before[0].name) if follows else 0
        pack = _part(rest, before if follows else [], number=number + 1)
        self._packs.append(replace(pack, offset=0))
        self._filled = 0

    def _in_pack(self) -> bool:
        return bool(self._files and self._files[-1].pack)

    def _file(self, rest: str) -> None:
        fields = rest.split(" ", 7)
        if len(fields) != 8 or not is_short(fields[0]) or not _SHA256.fullmatch(fields[2]):
            raise ValueError(f"not a file: {rest}")
        name, length, sha256, date, attributes, count, first, encoded = fields
        if not re.fullmatch("[0-9A-F]{8}", date) or not re.fullmatch("[0-7]", attributes):
            raise ValueError(f"not a date and attributes: {rest}")
        parts, self._parts = tuple(self._parts), []
        size = _number(length)
        in_pack = not parts and first != "-"
        if in_pack:
            self._filled += size
        whole = sum(part.length for part in parts)
        if (
            _number(count) != len(parts)
            or (in_pack and not (self._packs and first == self._packs[-1].name))
            or (in_pack and self._filled > self._packs[-1].length)
            or (parts and (first != parts[0].name or whole != size))
            or (first == "-" and size)
        ):
            raise ValueError(f"the parts before it do not make this file: {rest}")
        place = _decode(encoded, self._page)
        stamp = FileStamp(0, 0, size, 0, 0)  # where it comes from is not told there
        self._files.append(
            StagedFile(
                "", name, place, size, sha256, parts, stamp, "" if place == name else place,
                pack=first if in_pack else "", date=int(date, 16), attributes=int(attributes),
            )
        )  # fmt: skip

    def payload(self) -> Payload:
        """The payload that they make."""
        if self._parts or not self._is_full():
            raise ValueError("parts without their FILE record")
        if len({file.name for file in self._files}) != len(self._files):
            raise ValueError("two FILE records with one name")
        if self._rules is None:
            raise ValueError("no RULES record")
        overwrite, delete = self._rules
        return Payload(
            tuple(self._files), self._run, packs=tuple(self._packs),
            directories=tuple(self._directories), overwrite=overwrite, delete=delete,
            codepage=WESTERN if self._page is None else self._page,
        )  # fmt: skip


def _rules(rest: str) -> tuple[Overwrite, bool]:
    overwrite, _, delete = rest.partition(" ")
    if overwrite not in Overwrite.__members__.values() or delete not in ("delete", "leave"):
        raise ValueError(f"not rules: {rest}")
    return Overwrite(overwrite), delete == "delete"


def _sealed_lines(data: bytes) -> Iterator[str]:
    if not data.endswith(b"\r\n") or not data.isascii():
        raise ValueError("cut off, or not plain ASCII")
    body, _, end = data[:-2].rpartition(b"\r\n")
    body += b"\r\n"
    lines = body.decode("ascii").split("\r\n")[:-1]
    if end.decode("ascii") != f"END {len(lines)} {zlib.crc32(body):08X}":
        raise ValueError("the END record does not match: cut off or mangled")
    if len(lines) > MAX_RECORDS or any(len(line) > MAX_LINE for line in lines):
        raise ValueError("more or longer records than the helper reads")
    return iter(lines)


def _part(rest: str, before: Sequence[Part], *, number: int = 0) -> Part:
    fields = rest.split(" ")
    if len(fields) != 3 or not is_short(fields[0]) or not re.fullmatch("[0-9A-F]{8}", fields[2]):
        raise ValueError(f"not a part: {rest}")
    base = (before[0].name if before else fields[0]).partition(".")[0]
    size = _number(fields[1], least=1)
    if fields[0] != part_name(base, number or len(before) + 1):
        raise ValueError(f"not the name of the next part: {rest}")
    if before and not number and (before[-1].length != before[0].length or size > before[0].length):
        raise ValueError(f"not the length of the next part: {rest}")
    offset = before[-1].offset + before[-1].length if before else 0
    return Part(fields[0], offset, size, int(fields[2], 16))


def _decode(encoded: str, page: int | None) -> str:
    if page is None:
        return encoded

    def text(match: re.Match[str]) -> str:
        return decode(bytes.fromhex(match[0].replace("%", "")), ansi(page))

    if re.search("%(?![0-9A-F]{2})", encoded):
        raise ValueError(f"not a place: {encoded}")
    try:
        place = re.sub("(%[0-9A-F]{2})+", text, encoded)
    except UnicodeDecodeError as error:
        raise ValueError(f"not a place: {encoded}") from error
    if encode_place(place, page) != encoded:
        raise ValueError(f"not a place: {encoded}")
    return place


def _number(text: str, least: int = 0) -> int:
    if not re.fullmatch("[0-9]{1,10}", text) or not least <= int(text) <= MAX_LENGTH:
        raise ValueError(f"not a length: {text}")
    return int(text)
