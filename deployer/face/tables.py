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
    """A table, the names of its columns first.

    On a terminal the column `what` gives way, so that figures are whole, and a line is cut at the
    edge.
    """
    width = shutil.get_terminal_size().columns if sys.stdout.isatty() else None
    for line in _aligned(lines, width):
        if width is not None and len(line) > width:
            line = line[: max(width - 3, 0)] + "..."  # noqa: PLW2901 - the same line, cut
        write(line + "\n")


_RIGHT = {"bytes", "rate", "tok/s", "done", "for", "parts", "sent", "seconds"}


_GIVES_WAY, _LEAST = "what", 12


def _aligned(lines: Sequence[tuple[str, ...]], width: int | None) -> Iterator[str]:
    lines = [tuple(text.plain(cell).replace("\n", " ") for cell in line) for line in lines]
    widths = [max(map(len, column)) for column in zip(*lines, strict=True)]
    names = lines[0]
    if width is not None and _GIVES_WAY in names[:-1]:
        given = names.index(_GIVES_WAY)
        over = sum(widths[:-1]) + 2 * (len(widths) - 2) - width
        widths[given] = max(min(widths[given], _LEAST), widths[given] - max(over, 0))
    for line in lines:
        cells = [
            cell.rjust(wide) if name in _RIGHT else _cut(cell, wide).ljust(wide)
            for cell, wide, name in zip(line, widths, names, strict=True)
        ]
        yield "  ".join(cells).rstrip()


def _cut(cell: str, wide: int) -> str:
    return cell if len(cell) <= wide else cell[: wide - 3] + "..."
