"""The names a FAT volume allows, as Windows 98 makes, matches and shortens them.

Everything here is pure. A *long name* is what a Win32 program asked for, with its case; a
*short name* (alias) is its 8.3 form in capitals, generated as `NAME~1.EXT` when the long name does
not fit (facts C6-C8, C27 of KB Q120138 and Q130598).
"""

from __future__ import annotations

import re
from collections.abc import Set
from functools import lru_cache

from deployer.sim.codepage import PAGES, has, width

#: Characters that a short name may have beside letters, digits and bytes above 127 (facts C6).
SHORT_EXTRA = frozenset("$%'`-@{}~!#()&_^")
_PLAIN = "[0-9A-Za-z" + re.escape("".join(sorted(SHORT_EXTRA))) + "]"
_PLAIN_SHORT = re.compile(rf"{_PLAIN}{{1,8}}(?:\.{_PLAIN}{{1,3}})?")
#: Characters that no name may have.
_UNFIT = re.compile(r'[\\/:*?"<>|\x00-\x1f]')
#: Device names, reserved in every directory and with any extension (facts C7).
DEVICES = frozenset(
    ["CON", "PRN", "AUX", "NUL", "CLOCK$"]
    + [f"COM{n}" for n in range(1, 5)]
    + [f"LPT{n}" for n in range(1, 4)]
)
MAX_LONG_NAME = 255
MAX_PATH = 260


def fold(name: str) -> str:
    """`name` in capitals, character by character, where the code page has one: the length stays."""
    return name.upper() if name.isascii() else "".join(map(_capital, name))


def _capital(char: str) -> str:
    upper = char.upper()
    return upper if len(upper) == 1 and has(upper, PAGES.ansi) else char


@lru_cache(maxsize=4096)
def device_name(path: str) -> str | None:
    """The device that a path names (`C:\\DIR\\nul.txt` is `NUL`), or None for an ordinary path."""
    last = path.rstrip(" :").replace("/", "\\").replace(":", "\\").rpartition("\\")[2]
    base = fold(last.partition(".")[0].rstrip(" "))
    return base if base in DEVICES else None


def _short_char(char: str) -> bool:
    if char.isascii():
        return char in SHORT_EXTRA or char.isalnum()
    return has(char, PAGES.oem)


def is_short(name: str) -> bool:
    """Whether `name` is an 8.3 name but for its case: it needs no generated alias."""
    if name.isascii():
        return _PLAIN_SHORT.fullmatch(name) is not None
    base, dot, ext = name.partition(".")
    if not base or (dot and not ext) or "." in ext or not all(map(_short_char, base + ext)):
        return False
    return _bytes(base) <= 8 and _bytes(ext) <= 3


def _bytes(text: str) -> int:
    return sum(width(c, PAGES.oem) for c in text)


def is_valid(name: str) -> bool:
    """Whether `name` can stand in a directory at all, as a long name."""
    if not name or len(name) > MAX_LONG_NAME or name in {".", ".."} or name[-1] in ". ":
        return False
    if _UNFIT.search(name):
        return False
    known = name.isascii() or all(has(c, PAGES.ansi) for c in name)
    return known and device_name(name) is None


def make_alias(long: str, taken: Set[str]) -> str:
    """The short name that a volume gives to `long`: `LONGNA~1.EXT`, the first that is not taken."""
    if is_short(long) and is_short(fold(long)) and fold(long) not in taken:
        return fold(long)
    stem, dot, ext = long.lstrip(".").rpartition(".")
    if not dot:
        stem, ext = ext, ""
    base = "".join(_alias_char(c) for c in stem if c not in " .") or "_"
    tail = _cut("".join(_alias_char(c) for c in ext if c != " "), 3)
    for number in range(1, 1_000_000):
        mark = f"~{number}"
        alias = _cut(base, 8 - len(mark)) + mark + (f".{tail}" if tail else "")
        if alias not in taken:
            return alias
    raise ValueError(f"no free alias for {long!r}")


def _cut(text: str, most: int) -> str:
    while _bytes(text) > most:
        text = text[:-1]
    return text


def _alias_char(char: str) -> str:
    return fold(char) if _short_char(char) and _short_char(fold(char)) else "_"


@lru_cache(maxsize=256)
def _pattern(pattern: str) -> re.Pattern[str]:
    text = fold(pattern)
    if text in {"*", "*.*"}:
        return re.compile(".*", re.DOTALL)
    bare = text.endswith(".") and not text.endswith("..")
    any_ext = text.endswith(".*")
    text = text[:-1] if bare else text[:-2] if any_ext else text
    out = []
    for i, char in enumerate(text):
        if char == "*":
            out.append("[^.]*" if bare else ".*")
        elif char == "?":
            # A ? at the end of the base or of the extension also stands for nothing.
            out.append("[^.]?" if set(text[i:].split(".", 1)[0]) == {"?"} else ".")
        else:
            out.append(re.escape(char))
    return re.compile("".join(out) + (r"(?:\..*)?" if any_ext else ""), re.DOTALL)


def matches(pattern: str, name: str) -> bool:
    """Whether a name fits a pattern with `*` and `?`, case-blind; `*.*` and `*` fit every name."""
    return _pattern(pattern).fullmatch(fold(name)) is not None


def dir_entries(long: str, short: str) -> int:
    """How many 32-byte entries a name takes in its directory (facts C4)."""
    return 1 if long == short else 1 + (len(long) + 12) // 13
