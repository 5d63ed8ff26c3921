"""The manifest's text, both ways. docs/formats.md describes it; the helper reads the same.

Everything is 7-bit ASCII with CR LF. The END record carries the number of records before it and
the CRC-32 of all bytes before it, so that a cut or mangled manifest is noticed.
"""

from __future__ import annotations

import re
import zlib
from collections.abc import Iterator
from dataclasses import replace

from deployer.core.target.names import DEVICE_NAMES, is_short, part_name
from deployer.model import FileStamp, Manifest, Part, Payload, StagedFile

FORMAT = "DEPLOY98 1"
MAX_LINE = 400
MAX_RECORDS = 20_000
MAX_LENGTH = (1 << 31) - 1
MAX_PLACE = 240

_PLACE_PLAIN = re.compile(r"[ !#$&'()+,\-./0-9;=@A-Z\[\]^_`a-z{}~]")
_IDENTITY = re.compile(r"D[0-9A-F]{7}")
_TOKEN = re.compile(r"[A-Za-z0-9]{6,16}")
_ADDRESS = re.compile(r"[0-9]{1,3}(\.[0-9]{1,3}){3}")
_SHA256 = re.compile(r"[0-9a-f]{64}")


def file_name(deployment: str) -> str:
    """The manifest's own name on the target."""
    return f"{deployment}.MAN"


def render(manifest: Manifest) -> bytes:
    """The manifest as the target reads it."""
    lines = [
        f"{FORMAT} {manifest.deployment}",
        f"HOST {manifest.host} {manifest.login} {manifest.token}",
    ]
    for file in manifest.payload.files:
        lines += [f"PART {p.name} {p.length} {p.crc32:08X}" for p in file.parts]
        first = file.parts[0].name if file.parts else "-"
        lines.append(
            f"FILE {file.name} {file.length} {file.sha256} {len(file.parts)} {first} "
            f"{_ascii(file.long_name)}"
        )
        if file.place:
            lines.append(f"PLACE {file.name} {encode_place(file.place)}")
    if manifest.payload.run:
        lines.append(f"RUN {manifest.payload.run}")
    body = "".join(f"{line}\r\n" for line in lines).encode("ascii")
    return body + f"END {len(lines)} {zlib.crc32(body):08X}\r\n".encode("ascii")


def unfit(place: str) -> str:
    """Why Windows 98 cannot have that relative path; "" when it can."""
    for char in place:
        if char < " " or char in '\\:*?"<>|\x7f':
            return f"it contains {char!r}"
        if _in_code_page(char) is None:
            return f"its code page lacks {char!r}"
    segments = place.split("/")
    if any(s in ("", ".", "..") or len(s) > 255 or s[-1] in ". " for s in segments):
        return "it is no relative path"
    if any(s.partition(".")[0].upper() in DEVICE_NAMES for s in segments):
        return "it stands for a device"
    if len(_encoded(place)) > MAX_PLACE:
        return f"it is longer than {MAX_PLACE} characters"
    return ""


def encode_place(place: str) -> str:
    """A relative path as the PLACE record has it: Windows-1252 bytes, %XX where not plain ASCII.

    Raises ValueError when Windows 98 cannot have that name.
    """
    if why := unfit(place):
        raise ValueError(f"{place!r} is no name for Windows 98: {why}")
    return _encoded(place)


def _encoded(place: str) -> str:
    encoded: list[str] = []
    for char in place:
        # A blank in front would be taken for a second separator of the record.
        plain = _PLACE_PLAIN.fullmatch(char) and (encoded or char != " ")
        encoded += [char] if plain else [f"%{byte:02X}" for byte in _in_code_page(char) or b""]
    return "".join(encoded)


def _in_code_page(char: str) -> bytes | None:
    try:
        return char.encode("cp1252")
    except UnicodeEncodeError:
        return None


def parse(data: bytes) -> Manifest:
    """The manifest of its bytes; sources and times, which it does not carry, are empty.

    Raises ValueError, with what is wrong, for anything that `render` would not have written.
    """
    lines = _sealed_lines(data)
    header = next(lines).split(" ")
    if header[:2] != FORMAT.split(" ") or len(header) != 3 or not _IDENTITY.fullmatch(header[2]):
        raise ValueError("the first record is not 'DEPLOY98 1 <deployment>'")
    host = next(lines, "").split(" ")
    if (
        len(host) != 4
        or host[0] != "HOST"
        or not _ADDRESS.fullmatch(host[1])
        or not _TOKEN.fullmatch(host[3])
    ):
        raise ValueError("the second record is not 'HOST <address> <login> <token>'")
    files: list[StagedFile] = []
    parts: list[tuple[str, int, int]] = []
    run = ""
    for line in lines:
        kind, _, rest = line.partition(" ")
        if run or (parts and kind not in ("PART", "FILE")):
            raise ValueError(f"record out of place: {line}")
        match kind:
            case "PART":
                parts.append(_part(rest))
            case "FILE":
                files.append(_file(rest, parts))
                parts = []
            case "PLACE":
                _place(rest, files)
            case "RUN" if rest:
                run = rest
            case _:
                raise ValueError(f"unknown record: {line}")
    if parts:
        raise ValueError("parts without their FILE record")
    if len({file.name for file in files}) != len(files) or not files:
        raise ValueError("no FILE record, or two with one name")
    return Manifest(header[2], host[1], host[2], host[3], Payload(tuple(files), run))


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


def _part(rest: str) -> tuple[str, int, int]:
    fields = rest.split(" ")
    if len(fields) != 3 or not is_short(fields[0]) or not re.fullmatch("[0-9A-F]{8}", fields[2]):
        raise ValueError(f"not a part: {rest}")
    return fields[0], _number(fields[1], least=1), int(fields[2], 16)


def _file(rest: str, parts: list[tuple[str, int, int]]) -> StagedFile:
    fields = rest.split(" ", 5)
    if len(fields) != 6 or not is_short(fields[0]) or not _SHA256.fullmatch(fields[2]):
        raise ValueError(f"not a file: {rest}")
    name, length, sha256, count, first, long_name = fields
    base = first.split(".")[0]
    expected = [part_name(base, n) for n in range(1, len(parts) + 1)]
    lengths = [p[1] for p in parts]
    if (
        _number(count) != len(parts)
        or [p[0] for p in parts] != expected
        or sum(lengths) != _number(length)
        or (not parts and first != "-")
        or any(size != lengths[0] for size in lengths[:-1])
        or (lengths and lengths[-1] > lengths[0])
    ):
        raise ValueError(f"the parts before it do not make this file: {rest}")
    cut = []
    offset = 0
    for part, size, crc in parts:
        cut.append(Part(part, offset, size, crc))
        offset += size
    stamp = FileStamp(0, 0, offset, 0, 0)  # where it comes from is not told there
    return StagedFile("", name, long_name, offset, sha256, tuple(cut), stamp)


def _place(rest: str, files: list[StagedFile]) -> None:
    name, _, encoded = rest.partition(" ")
    if not files or files[-1].name != name or files[-1].place:
        raise ValueError(f"not after its FILE record: PLACE {rest}")
    if re.search("%(?![0-9A-F]{2})", encoded):
        raise ValueError(f"not a place: {rest}")
    try:
        place = re.sub("%([0-9A-F]{2})", lambda m: bytes([int(m[1], 16)]).decode("cp1252"), encoded)
    except UnicodeDecodeError as error:
        raise ValueError(f"not a place: {rest}") from error
    if encode_place(place) != encoded:
        raise ValueError(f"not a place: {rest}")
    files[-1] = replace(files[-1], place=place)


def _number(text: str, least: int = 0) -> int:
    if not re.fullmatch("[0-9]{1,10}", text) or not least <= int(text) <= MAX_LENGTH:
        raise ValueError(f"not a length: {text}")
    return int(text)


def _ascii(text: str) -> str:
    """The long name for people to read; the exact one is in PLACE where it matters."""
    plain = "".join(c if " " <= c <= "~" else "_" for c in text)
    return plain[:200].strip() or "-"
