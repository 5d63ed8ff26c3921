"""Code pages: which letters a PC can have in a name, and what stands in the place of the others.

A Windows has two: ANSI, in which programs and long names are written, and OEM, that of DOS and of
8.3 names. A profile gives one number, of either kind; the other follows from it. What the ANSI page
lacks is transliterated: `Привет.txt` is `Privet.txt` where there is no Cyrillic.
"""

from __future__ import annotations

import codecs
import functools
import re
import unicodedata
from collections.abc import Collection, Mapping
from dataclasses import dataclass

from deployer.core.target.names import DEVICE_NAMES

WESTERN = 1252
"""The ANSI page of a profile that gives none."""

_OEM: Mapping[int, int] = {
    874: 874, 932: 932, 936: 936, 949: 949, 950: 950,
    1250: 852, 1251: 866, 1252: 850, 1253: 737, 1254: 857, 1255: 862, 1256: 720, 1257: 775,
    1258: 1258,
}  # fmt: skip
"""The OEM page that comes with an ANSI page. Of a Windows with 437 the profile says so."""
_ANSI: Mapping[int, int] = {
    437: 1252, 860: 1252, 861: 1252, 863: 1252, 865: 1252, 855: 1251, 869: 1253,
    **{oem: ansi for ansi, oem in _OEM.items()},
}  # fmt: skip

KNOWN = frozenset(_OEM) | frozenset(_ANSI)
"""Numbers that a profile may give."""

FORBIDDEN = frozenset('\\/:*?"<>|\x7f')
"""Characters that no long name has, beside those below 20h."""
_NOT_SHORT = re.compile(r"[. +,;=\[\]]")


@dataclass(frozen=True, slots=True)
class CodePages:
    """Both pages of a PC: `ansi` of its long names, `oem` of what DOS programs print."""

    ansi: int = WESTERN
    oem: int = 437


WESTERN_PAGES = CodePages()


def ansi(page: int) -> int:
    """The ANSI page of a Windows that has that page. KeyError for a number that is not KNOWN."""
    return page if page in _OEM else _ANSI[page]


def oem(page: int) -> int:
    """The OEM page of a Windows that has that page. KeyError for a number that is not KNOWN."""
    return page if page in _ANSI else _OEM[page]


@functools.lru_cache(maxsize=4096)
def encode(char: str, page: int) -> bytes | None:
    """The bytes of a letter in exactly that page, or None when it lacks the letter."""
    try:
        return char.encode(f"cp{page}")
    except UnicodeEncodeError:
        return None


def decode(data: bytes, page: int) -> str:
    """The text of bytes in exactly that page. Raises UnicodeDecodeError."""
    return data.decode(f"cp{page}")


def text_of(data: bytes, page: int) -> str:
    """The text of bytes in exactly that page; a byte that it lacks stays, as %81."""
    return data.decode(f"cp{page}", _AS_HEX)


def _as_hex(error: UnicodeError) -> tuple[str, int]:
    assert isinstance(error, UnicodeDecodeError)
    return f"%{error.object[error.start]:02X}", error.start + 1


_AS_HEX = "deployer: bytes as %XX"
codecs.register_error(_AS_HEX, _as_hex)


def capital(char: str, page: int) -> str:
    """A letter as an 8.3 name has it: its capital where the OEM page has one, as `ß` has none."""
    upper = char.upper()
    return upper if len(upper) == 1 and encode(upper, page) else char


def spell(place: str, page: int) -> str:
    """A relative path in letters that a Windows of that page has, composed; `/` stays.

    What is not text at all (a name on the host that is no UTF-8) is left as it is.
    """
    letters = unicodedata.normalize("NFC", place)
    if letters.isascii():
        return letters
    page = ansi(page)
    return "/".join(_spell_name(name, page) for name in letters.split("/"))


def _spell_name(name: str, page: int) -> str:
    spelt = "".join(_own(c, page) or _instead(c) for c in name)
    # Windows drops what a long name must not end with.
    return spelt if spelt == name else spelt.rstrip(". ") or "_"


@functools.lru_cache(maxsize=4096)
def _own(char: str, page: int) -> str:
    """A letter as that page has it, "" where it lacks it.

    Two letters may have the same bytes, as U+00A2 and U+FFE0 in 950: Windows reads one of them.
    """
    data = encode(char, page)
    return "" if data is None else decode(data, page)


def _instead(char: str) -> str:
    if "\ud800" <= char <= "\udfff":
        return char
    return "".join("_" if c in FORBIDDEN or c < " " else c for c in transliterate(char)) or "_"


def transliterate(char: str) -> str:
    """A letter in plain ASCII; "" when nothing stands for it."""
    from anyascii import anyascii  # noqa: PLC0415 - only for names that need it

    return anyascii(char)


def fold(place: str) -> str:
    """In capitals, letter by letter, as Windows has them: its `ß` stays one."""
    if place.isascii():
        return place.upper()
    return "".join(c if len(c.upper()) > 1 else c.upper() for c in place)


def unlike(place: str, taken: Collection[str]) -> str:
    """The place, or one with a number before its extension, that is not among the folded ones."""
    folder, slash, name = place.rpartition("/")
    stem, dot, extension = name.rpartition(".")
    if not dot:
        stem, extension = name, ""
    number = 1
    while fold(place) in taken:
        number += 1
        place = f"{folder}{slash}{stem}-{number}{dot}{extension}"
    return place


def lacking(place: str, page: int) -> str:
    """The letters of a path that a Windows of that page lacks, each once, in order."""
    page = ansi(page)
    letters = dict.fromkeys(unicodedata.normalize("NFC", place))
    return "".join(c for c in letters if encode(c, page) is None)


def short_name(name: str, page: int) -> str:
    """The 8.3 name with the letters of the OEM page that Windows gives to a file of that long name.

    "" when plain ASCII does as well, or when a letter of it is not in both pages: then it gets a
    name of our own.
    """
    stem, dot, extension = unicodedata.normalize("NFC", name).rpartition(".")
    if not dot or not stem.strip(". "):
        stem, extension = unicodedata.normalize("NFC", name), ""
    parts = [
        "".join(capital(c, oem(page)) for c in _NOT_SHORT.sub("_", part.replace(" ", "")))
        for part in (stem, extension)
    ]
    both = "".join(parts)
    if both.isascii() or any(
        c in FORBIDDEN or c < " " or not (encode(c, oem(page)) and encode(c, ansi(page)))
        for c in both
    ):
        return ""
    base, extension = (
        _first_bytes(part, limit, oem(page)) for part, limit in zip(parts, (8, 3), strict=True)
    )
    return "" if base in DEVICE_NAMES else f"{base}.{extension}" if extension else base


def _first_bytes(text: str, limit: int, page: int) -> str:
    """As many letters as fit into that many bytes: some have two."""
    taken = 0
    for index, char in enumerate(text):
        taken += len(encode(char, page) or b"?")
        if taken > limit:
            return text[:index]
    return text
