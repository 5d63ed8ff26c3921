"""The code pages of the simulated Windows: ANSI for programs and long names, OEM for DOS.

A process plays Windows of one language; `use` chooses it before a PC is switched on.
"""

from __future__ import annotations

import codecs
import functools

#: OEM page of each ANSI page, and the pages that are both: in them some letters have two bytes.
_OEM = {
    874: 874, 932: 932, 936: 936, 949: 949, 950: 950, 1250: 852, 1251: 866, 1252: 437,
    1253: 737, 1254: 857, 1255: 862, 1256: 720, 1257: 775, 1258: 1258,
}  # fmt: skip
_ANSI = {850: 1252, 855: 1251, 860: 1252, 861: 1252, 863: 1252, 865: 1252, 869: 1253}
_LEADS = {
    932: (*range(0x81, 0xA0), *range(0xE0, 0xFD)),
    **{page: tuple(range(0x81, 0xFF)) for page in (936, 949, 950)},
}
_NAME = "as windows has them"


class Pages:
    """The numbers of the pages in use."""

    def __init__(self) -> None:
        self.ansi, self.oem = 1252, 437

    def use(self, page: int) -> None:
        """Play a Windows that has this page, ANSI or OEM. ValueError for one that there is not."""
        if page in _OEM:
            self.ansi, self.oem = page, _OEM[page]
            return
        pairs = {oem: ansi for ansi, oem in _OEM.items()} | _ANSI
        if page not in pairs:
            raise ValueError(f"no Windows 98 has code page {page}")
        self.ansi, self.oem = pairs[page], page

    def is_lead(self, byte: int) -> bool:
        """Whether a letter of two bytes begins with this one."""
        return byte in _LEADS.get(self.ansi, ())


PAGES = Pages()


def decode(data: bytes) -> str:
    """ANSI bytes as text; bytes that the page lacks stay themselves."""
    return data.decode(f"cp{PAGES.ansi}", _NAME)


def encode(text: str) -> bytes:
    """Text as ANSI bytes, what `decode` undoes; `?` for what the page lacks."""
    return text.encode(f"cp{PAGES.ansi}", _NAME)


def has(char: str, page: int) -> bool:
    """Whether that page has a letter."""
    return width(char, page) > 0


@functools.lru_cache(maxsize=4096)
def width(char: str, page: int) -> int:
    """Bytes of a letter in that page; 0 when it lacks it."""
    try:
        return len(char.encode(f"cp{page}"))
    except UnicodeEncodeError:
        return 0


def _undefined(error: UnicodeError) -> tuple[str | bytes, int]:
    if isinstance(error, UnicodeDecodeError):
        return chr(error.object[error.start]), error.start + 1
    assert isinstance(error, UnicodeEncodeError)
    sign = ord(error.object[error.start])
    return bytes([sign]) if 0x80 <= sign <= 0x9F else b"?", error.start + 1


codecs.register_error(_NAME, _undefined)
