"""Long names to 8.3 names: free of clashes, free of reserved names, the same every time.

Only `A-Z 0-9 _ -` are used (facts C6 allows more, but every tool copes with these). Names are
compared without regard to case (facts C8); device names are avoided with any extension (facts C7).
"""

from __future__ import annotations

import re
import unicodedata
import zlib
from collections.abc import Callable, Collection, Iterable, Sequence
from dataclasses import dataclass

DEVICE_NAMES = frozenset(
    ["CON", "PRN", "AUX", "NUL", "CLOCK$", "CONFIG$"]
    + [f"{port}{n}" for port in ("COM", "LPT") for n in range(10)]
)
"""Base names that stand for a device with any extension. Source: facts C7 (KB Q74496); 0 is none,
but the helper refuses it all the same."""

_SCRIPTS = ("FIRST", "FULL", "HOSTUP", "NEXT", "READY", "SEND")
OUR_NAMES = frozenset(
    ["GO.BAT", "DEPLOY98.EXE", "HERE.TXT", "GOTIT.TXT", "RESULT.TXT", "OUTPUT.TXT", "INFO.TXT"]
    + ["HOSTUP.TXT", "FIRST.LOG", "PULL.DAT", *(f"{script}.FTP" for script in _SCRIPTS)]
    + [f"{half_written}.TMP" for half_written in ("RESULT", "INFO", "NEXT", "OUTPUT")]
)
"""What GO.BAT and the helper keep in the directory themselves."""

LEFT_BY_PULLS = {
    "ASK": ("login=D", "list="),
    "LST": ("deployment=D", "codepage="),
    "TMP": ("deployment=D", "codepage="),
    "PA?": ("part=D",),
}
"""What a pull keeps beside them until it is whole, by the ends of names, and what stands in it."""

SHADOWS = frozenset(["GO", "FTP", "FIND", "CHOICE", "COMMAND", "DEPLOY98"])
"""A program of this name in the directory would be run instead of the one GO.BAT means, because
COMMAND.COM looks in the current directory first, and for .COM and .EXE before .BAT."""

_IDENTITY = re.compile(r"D[0-9A-F]{7}", re.IGNORECASE | re.ASCII)

_EXECUTABLE = frozenset(["COM", "EXE", "BAT"])
_OURS_BY_PATTERN = re.compile(r"D[0-9A-F]{7}\.[A-Z]{3}")
_LIKE_A_PART = re.compile(r".*\.(WRK|[0-9A-J][0-9][0-9])")
_SHORT = re.compile(r"[A-Z0-9_-]{1,8}(\.[A-Z0-9_-]{1,3})?")


def is_identity(text: str) -> bool:
    """Whether this has the form of a deployment's id, in any case of its letters."""
    return _IDENTITY.fullmatch(text) is not None


@dataclass(frozen=True, slots=True)
class ShortName:
    """The 8.3 name of a file and the base that its parts and its work file have."""

    name: str
    part_base: str


def is_short(name: str) -> bool:
    """True for an upper-case 8.3 name of our characters that is no device."""
    return bool(_SHORT.fullmatch(name)) and name.partition(".")[0] not in DEVICE_NAMES


def part_name(base: str, number: int) -> str:
    """Name of part `number` (1 to 999) of the file with that part base."""
    if not 1 <= number <= 999:
        raise ValueError(f"part number {number} is not in 1..999")
    return f"{base}.{number:03d}"


def part_number(part: str) -> int:
    """The number in the name of a part."""
    return int(part.rpartition(".")[2])


def temporary_name(part: str) -> str:
    """The name a part is fetched under: the first digit of its extension becomes a letter A-J."""
    base, extension = part.split(".")
    return f"{base}.{'ABCDEFGHIJ'[int(extension[0])]}{extension[1:]}"


def assign(long_names: Sequence[str]) -> tuple[ShortName, ...]:
    """An 8.3 name and a part base for each long name, in order, all different from one another.

    The first that wants a name gets it; a later one gets four letters, `_` and three hex digits
    of its long name's CRC-32, so that adding a file leaves the names of the others as they were.
    """
    taken: set[str] = set()
    names = []
    for long_name in long_names:
        base, extension = _squeeze(long_name)
        name = _first_free(
            (_join(b, extension) for b in _candidates(base, long_name)), taken, _allowed_file
        )
        taken.add(name)
        names.append(name)
    # A file that looks like a part (DISK.001) must not meet the parts of another of its base.
    bases = {name.split(".")[0] for name in names if _LIKE_A_PART.fullmatch(name)}
    result = []
    for name, long_name in zip(names, long_names, strict=True):
        candidates = _candidates(name.split(".")[0], long_name)
        bases.add(chosen := _first_free(candidates, bases, is_short))
        result.append(ShortName(name, chosen))
    return tuple(result)


def _squeeze(long_name: str) -> tuple[str, str]:
    """Base of at most 8 and extension of at most 3 characters that look most like the long name."""
    plain = _in_ascii(long_name.replace("\\", "/").rsplit("/", 1)[-1])
    stem, dot, extension = plain.rpartition(".")
    if not dot or not stem.strip(". "):
        stem, extension = plain, ""
    stem, extension = _letters(stem), _letters(extension)[:3]
    if len(stem) > 8:
        # The last number tells one model, version or volume from the next: keep it.
        digits = re.findall(r"[0-9]+", stem)
        number = digits[-1][-4:] if digits else ""
        stem = stem[: 8 - len(number)] + number
    return stem or "FILE", extension


def _in_ascii(name: str) -> str:
    """Letters without their accents, others transliterated, as long names are."""
    if name.isascii():
        return name
    from anyascii import anyascii  # noqa: PLC0415 - only for names that need it

    found = []
    for char in unicodedata.normalize("NFC", name):
        plain = (c for c in unicodedata.normalize("NFKD", char) if not unicodedata.combining(c))
        simple = "".join(plain)
        found.append(simple if simple.isascii() else anyascii(char) or "_")
    return "".join(found)


def _letters(text: str) -> str:
    kept = (c for c in text.upper() if not c.isspace())
    return "".join(c if c.isascii() and (c.isalnum() or c in "_-") else "_" for c in kept)


def _join(base: str, extension: str) -> str:
    return f"{base}.{extension}" if extension else base


def _candidates(base: str, long_name: str) -> Iterable[str]:
    yield base
    crc = zlib.crc32(long_name.encode("utf-8", "surrogateescape"))
    for turn in range(1 << 12):
        yield f"{base[:4]}_{(crc + turn) & 0xFFF:03X}"
    for turn in range(1 << 24):
        yield f"{base[:1]}_{turn:06X}"


def _first_free(
    candidates: Iterable[str], taken: Collection[str], allowed: Callable[[str], bool]
) -> str:
    for candidate in candidates:
        if candidate not in taken and allowed(candidate):
            return candidate
    raise ValueError("no free 8.3 name is left")


def _allowed_file(name: str) -> bool:
    base, _, extension = name.partition(".")
    return (
        is_short(name)
        and name not in OUR_NAMES
        and not _OURS_BY_PATTERN.fullmatch(name)
        and not (base in SHADOWS and extension in _EXECUTABLE)
    )
