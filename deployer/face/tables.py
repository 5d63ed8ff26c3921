"""Columns for people.

On a terminal a line is cut at the edge and never wrapped; piped, it is whole.
"""

from __future__ import annotations

import shutil
import sys
from collections.abc import Callable, Iterator, Sequence

from deployer.face import text

Write = Callable[[str], object]


def columns(lines: Sequence[tuple[str, ...]], write: Write) -> None:
    """A table, the names of its columns first. On a terminal a line is cut at the edge."""
    width = shutil.get_terminal_size().columns if sys.stdout.isatty() else None
    for line in _aligned(lines):
        if width is not None and len(line) > width:
            line = line[: max(width - 3, 0)] + "..."  # noqa: PLW2901 - the same line, cut
        write(line + "\n")


_RIGHT = {"bytes", "rate", "tok/s", "done", "for", "parts", "sent", "seconds"}


def _aligned(lines: Sequence[tuple[str, ...]]) -> Iterator[str]:
    lines = [tuple(text.plain(cell).replace("\n", " ") for cell in line) for line in lines]
    widths = [max(map(len, column)) for column in zip(*lines, strict=True)]
    names = lines[0]
    for line in lines:
        cells = [
            cell.rjust(wide) if name in _RIGHT else cell.ljust(wide)
            for cell, wide, name in zip(line, widths, names, strict=True)
        ]
        yield "  ".join(cells).rstrip()
