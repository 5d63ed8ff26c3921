"""Names of 8 + 3 characters as DOS parses, matches and builds them (the `FCB` calls of INT 21h).

A name is held as 11 characters padded with blanks; `*` is spelt out as `?`.
"""

from __future__ import annotations

from dataclasses import dataclass

from deployer.sim.commandcom.line.text import at, upper

_TERMINATORS = frozenset('."/\\[]:<|>+=;, \t') | {chr(c) for c in range(32)}
_SEPARATORS = frozenset(":<|>+=;, \t")
ALL = "?" * 11


@dataclass(frozen=True, slots=True)
class Fcb:
    """What a parse found: a drive letter or "", 11 characters, and where it stopped."""

    drive: str
    name: str
    end: int

    @property
    def length(self) -> int:
        """How many characters come before the first blank of the whole field."""
        return len(self.name.split(" ", 1)[0])


def parse(line: str, pos: int = 0) -> Fcb:
    """Parse a name at `pos` after skipping blanks and one separator, as INT 21h AH=29h does."""
    pos = _skip_blanks(line, pos)
    if at(line, pos) in _SEPARATORS:
        pos = _skip_blanks(line, pos + 1)
    drive = ""
    if at(line, pos) not in _TERMINATORS and at(line, pos + 1) == ":":
        drive = upper(line[pos])
        pos += 2
    base, pos = _word(line, pos, 8, must=False)
    extension = "   "
    if at(line, pos) == ".":
        extension, pos = _word(line, pos + 1, 3, must=True)
    return Fcb(drive, base + extension, pos)


def _skip_blanks(line: str, pos: int) -> int:
    while at(line, pos) in " \t":
        pos += 1
    return pos


def _word(line: str, pos: int, size: int, *, must: bool) -> tuple[str, int]:
    out = ""
    if not must and at(line, pos) in _TERMINATORS:
        return " " * size, pos
    while (char := upper(at(line, pos))) not in _TERMINATORS:
        if len(out) < size:
            out = (out + "?" * size)[:size] if char == "*" else out + char
        pos += 1
    return out.ljust(size), pos


def pack(short: str) -> str:
    """An 8.3 name as 11 characters."""
    base, _, extension = short.partition(".")
    return upper(base)[:8].ljust(8) + upper(extension)[:3].ljust(3)


def unpack(name: str) -> str:
    """11 characters as an 8.3 name."""
    base, extension = name[:8].replace(" ", ""), name[8:].rstrip()
    return f"{base}.{extension}" if extension else base


def matches(pattern: str, name: str) -> bool:
    """Whether 11 characters fit a pattern of 11 characters."""
    return all(p in ("?", n) for p, n in zip(pattern, name, strict=True))


def fill(pattern: str, source: str) -> str:
    """The 11 characters that a pattern makes of a source name: `?` takes the source's character."""
    return "".join(s if p == "?" else p for p, s in zip(pattern, source, strict=True))


def fits(name: str) -> bool:
    """Whether a name (perhaps with `*` and `?`) is of 8.3 shape; others are long names."""
    base, dot, extension = name.partition(".")
    if not base and dot:
        return False
    return len(base) <= 8 and len(extension) <= 3 and not (set(base + extension) & _TERMINATORS)
