"""Numbers and sums as people read them."""

from __future__ import annotations

import re
import shutil
import sys
import textwrap
from collections.abc import Iterable
from typing import TextIO


def size(count: int) -> str:
    """Bytes with a unit: `1.0 MB` is 1,000,000 bytes, as files and wires are measured."""
    if count < 1000:
        return f"{count} bytes"
    value = float(count)
    for unit in ("kB", "MB", "GB"):
        value /= 1000
        if value < 999.95 or unit == "GB":
            break
    return f"{value:.1f} {unit}"


def memory(count: int) -> str:
    """Memory as it is sold: `128 MB` is 134,217,728 bytes."""
    value = count / (1 << 20)
    return f"{value:.0f} MB" if value >= 9.95 else f"{value:.1f} MB"


def duration(seconds: float) -> str:
    """`9 s`, `2 min 5 s`, `3 h 12 min`."""
    whole = round(seconds)
    if whole < 60:
        return f"{whole} s"
    if whole < 3600:
        return f"{whole // 60} min {whole % 60} s"
    return f"{whole // 3600} h {whole % 3600 // 60} min"


def short_sum(sha256: str) -> str:
    """The beginning and the end of a SHA-256."""
    return f"{sha256[:8]}...{sha256[-4:]}" if sha256 else "-"


def count(number: int, noun: str) -> str:
    """`1 part`, `12 parts`."""
    return f"{number:,} {noun}{'' if number == 1 else 's'}"


def tokens_per_second(value: float, *, emulated: bool) -> str:
    """A speed, and whose it is."""
    machine = "the emulated machine, not a Pentium II" if emulated else "measured on the target"
    return f"{value:.4g} tok/s ({machine})"


_CONTROLS = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f\u200e\u200f\u202a-\u202e\u2066-\u2069]")
"""What a terminal obeys instead of showing it: escape sequences, and turns of the direction."""


def plain(text: str) -> str:
    """Without what a terminal would obey: names of files and words of programs hold anything."""
    return _CONTROLS.sub("?", text.replace("\r\n", "\n"))


def without(text: str) -> str:
    """The same where each of these characters takes no room on the screen anyway."""
    return _CONTROLS.sub("", text)


def escaped(json: str) -> str:
    """The same as JSON writes it: what a writer of JSON has left of it stands inside strings."""
    return _CONTROLS.sub(lambda found: f"\\u{ord(found[0]):04x}", json)


def one_line(text: str) -> str:
    """The same where one line is expected, such as in a table or an error."""
    return plain(text).replace("\n", "?")


def on_screen(line: str, stream: TextIO | None = None) -> str:
    """A line as a stream takes it: folded between words on a terminal, whole for a pipe."""
    line = plain(line)
    if not (stream or sys.stdout).isatty():
        return line
    return folded(line, shutil.get_terminal_size().columns)


def filled(pieces: Iterable[str], joint: str, width: int) -> str:
    """The pieces with `joint` between two, in lines of no more than `width` broken only there."""
    lines: list[str] = []
    for piece in pieces:
        if lines and len(lines[-1]) + len(joint) + len(piece) <= width:
            lines[-1] += joint + piece
        else:
            lines.append(piece)
    return f"{joint.rstrip()}\n".join(lines)


def folded(line: str, width: int) -> str:
    """Lines of no more than `width`; what goes on below stands under what it belongs to."""
    if len(line) <= width:
        return line
    indent = " " * (len(line) - len(line.lstrip(" ")) + 2 * (width > 20))
    pieces = textwrap.wrap(line, width, subsequent_indent=indent, break_on_hyphens=False)
    return "\n".join(pieces)
