"""A recording as a picture that moves by itself: SVG with CSS, no script, nothing fetched.

Each line of the screen is cut where that makes the picture smallest. A piece that changes is a
small window onto the stack of everything that it ever showed, and one animation moves that stack.
What does not change is drawn once, and the paper behind all of it too. Where motion is not wanted
the last picture stands.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from html import escape
from itertools import groupby, pairwise
from typing import TYPE_CHECKING, NamedTuple

from tests.terminal import Screen, stream_to

if TYPE_CHECKING:
    import pyte.screens

    from docs.recordings.record import Cast

WIDE, HIGH, SIZE = 8.4, 18, 14
EDGE, HEAD = 12, 30
INK, PAPER = "#d8dee9", "#14181f"
COLOURS = {
    "black": "#3b4252", "red": "#ef6b73", "green": "#8fd16f", "brown": "#e5c07b",
    "blue": "#6cb2f7", "magenta": "#c792ea", "cyan": "#5fd7d7", "white": "#d8dee9",
    "brightblack": "#7b8798", "brightred": "#ff8b92", "brightgreen": "#b1f18d",
    "brightbrown": "#ffe09e", "brightblue": "#93ccff", "brightmagenta": "#e0b3ff",
    "brightcyan": "#8ff0f0", "brightwhite": "#ffffff",
}  # fmt: skip
FONT = "ui-monospace,SFMono-Regular,Menlo,Consolas,'DejaVu Sans Mono','Liberation Mono',monospace"

Line = tuple["pyte.screens.Char", ...]
Picture = tuple[float, list[Line], tuple[int, int] | None]
"""When it is seen, its lines, and where the cursor stands, None where none is shown."""


class Cell(NamedTuple):
    """What is seen of one place of a line; two cells that look the same are equal."""

    sign: str
    ink: str
    paper: str
    styles: str


BLANK = Cell(" ", "", PAPER, "")
Change = tuple[float, tuple[Cell, ...]]


def screens(cast: Cast) -> Iterator[Picture]:
    """Every picture of a recording."""
    screen = Screen(*cast.size)
    stream = stream_to(screen)
    for at, text in cast.events:
        stream.feed(text)
        lines = [
            tuple(screen.buffer[row][column] for column in range(screen.columns))
            for row in range(screen.lines)
        ]
        cursor = screen.cursor
        yield at, lines, None if cursor.hidden else (cursor.y, min(cursor.x, screen.columns - 1))


@dataclass(frozen=True, slots=True)
class Piece:
    """Some columns of a line that are drawn together, with everything that they ever showed."""

    row: int
    column: int
    changes: tuple[Change, ...]

    @property
    def stack(self) -> list[tuple[Cell, ...]]:
        """Each thing that it showed, once."""
        return list(dict.fromkeys(cells for _at, cells in self.changes))


@dataclass(slots=True)
class _Sheet:
    """The style sheet's colours, and the drawings that are used more than once."""

    often: Counter[str] = field(default_factory=Counter)
    inks: dict[str, str] = field(default_factory=dict)

    def ink(self, colour: str) -> str:
        """The class of a colour."""
        return self.inks.setdefault(colour, f"c{len(self.inks)}")

    def boxes(self, papers: Sequence[str], column: int = 0, down: int = 0) -> dict[str, str]:
        """By its colour, what is drawn for the paper behind some cells; nothing for no colour."""
        found: dict[str, str] = {}
        first = column
        for paper, run in groupby(papers):
            count = len(list(run))
            if paper:
                wide = _number(count * WIDE)
                box = f"M{_number(first * WIDE)} {down}h{wide}v{HIGH}h-{wide}"
                found[paper] = found.get(paper, "") + box
            first += count
        return found

    def draw(self, cells: Sequence[Cell], behind: Sequence[str]) -> str:
        """Cells of a line: the paper that is not `behind` them anyhow, then the signs."""
        papers = [
            "" if cell.paper == usual else cell.paper
            for cell, usual in zip(cells, behind, strict=True)
        ]
        signs = []
        for (ink, styles), first, end in _words(cells):
            text = "".join(cell.sign for cell in cells[first:end])
            names = f"{styles} {self.ink(ink)}" if ink != INK else styles
            look = f' class="{names.strip()}"' if names else ""
            x = f' x="{_number(first * WIDE)}"' if first else ""
            wide = _number((end - first) * WIDE)
            text = escape(text, quote=False)
            signs.append(f'<text{x} y="13.5" textLength="{wide}"{look}>{text}</text>')
        return "".join((*self.paths(self.boxes(papers)), *signs))

    def paths(self, boxes: Mapping[str, str]) -> Iterator[str]:
        """What draws boxes."""
        for paper, drawn in boxes.items():
            yield f'<path class="{self.ink(paper)}" d="{drawn}"/>'


def draw(cast: Cast, hold: float) -> str:
    """The picture; it stays as it is for `hold` seconds at its end, and begins again."""
    columns, rows = cast.size
    total = cast.end + hold
    sheet = _Sheet()
    drawn = []
    behind: dict[str, str] = {}
    for piece, papers in pieces_of(changes_of(cast)):
        drawn.append((piece, [sheet.draw(cells, papers) for cells in piece.stack]))
        for paper, boxes in sheet.boxes(papers, piece.column, piece.row * HIGH).items():
            if paper != PAPER:
                behind[paper] = behind.get(paper, "") + boxes
    often = Counter(one for _piece, stack in drawn for one in stack if len(one) > 30)
    names = {one: f"a{at}" for at, one in enumerate(one for one in often if often[one] > 1)}
    ground = "".join(sheet.paths(behind))
    width, height = round(columns * WIDE + 2 * EDGE), rows * HIGH + HEAD + EDGE
    moves, body = [], []
    for number, (piece, stack) in enumerate(drawn):
        x, y = _number(EDGE + piece.column * WIDE), HEAD + piece.row * HIGH
        pieces = "".join(_placed(one, names.get(one), at) for at, one in enumerate(stack))
        if len(stack) == 1:
            if stack[0]:
                body.append(f'<g transform="translate({x} {y})">{pieces}</g>')
            continue
        moves.append(_moves(number, piece, total))
        last = piece.stack.index(piece.changes[-1][1])
        wide = _number(len(piece.changes[0][1]) * WIDE)
        body.append(
            f'<svg x="{x}" y="{y}" width="{wide}" height="{HIGH}">'
            f'<g id="l{number}" class="r" transform="translate(0 {-last * HIGH})">'
            f"{pieces}</g></svg>"
        )
    out = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}" width="{width}" '
        f'height="{height}" role="img" aria-label="{escape(cast.title)}">',
        f"<title>{escape(cast.title)}</title>",
        f"<style>svg{{fill:{INK}}}text{{font:{SIZE}px {FONT};white-space:pre}}"
        ".b{font-weight:bold}.i{font-style:italic}.u{text-decoration:underline}"
        + "".join(f".{name}{{fill:{ink}}}" for ink, name in sheet.inks.items())
        + f".r{{animation-duration:{total:.2f}s;animation-iteration-count:infinite;"
        "animation-timing-function:step-end}"
        "@media (prefers-reduced-motion:reduce){.r{animation:none!important}}",
        *moves,
        "</style>",
        "<defs>",
        *(f'<g id="{name}">{one}</g>' for one, name in names.items()),
        "</defs>",
        f'<rect width="{width}" height="{height}" rx="8" fill="{PAPER}"/>',
        *(
            f'<circle cx="{18 + 18 * number}" cy="15" r="5.5" fill="{colour}"/>'
            for number, colour in enumerate(("#ff5f57", "#febc2e", "#28c840"))
        ),
        f'<text x="{width / 2:.0f}" y="20" text-anchor="middle" fill-opacity=".6">'
        f"{escape(cast.title)}</text>",
        f'<g transform="translate({EDGE} {HEAD})">{ground}</g>',
    ]
    return "\n".join([*out, *body, "</svg>"]) + "\n"


def changes_of(cast: Cast) -> list[list[Change]]:
    """What each line showed from when on, without what follows itself."""
    found: list[list[Change]] = [[] for _ in range(cast.size[1])]
    last: list[tuple[Line, int | None] | None] = [None] * cast.size[1]
    for at, lines, cursor in screens(cast):
        for row, line in enumerate(lines):
            column = cursor[1] if cursor is not None and cursor[0] == row else None
            if last[row] == (line, column):
                continue
            last[row] = (line, column)
            cells = tuple(cell(char, number == column) for number, char in enumerate(line))
            if not found[row] or found[row][-1][1] != cells:
                found[row].append((at, cells))
    return found


def pieces_of(lines: Sequence[Sequence[Change]]) -> list[tuple[Piece, list[str]]]:
    """The pieces of all lines, each with the papers that are behind its columns most often.

    What scrolls is not cut: most of its lines are drawn once, and are used again at other places.
    """
    found = []
    seen = Counter(cells for changes in lines for cells in {cells for _at, cells in changes})
    for row, changes in enumerate(lines):
        shown = [cells for _at, cells in changes]
        papers = [
            Counter(cell.paper for cell in column).most_common(1)[0][0]
            for column in zip(*shown, strict=True)
        ]
        scrolls = sum(seen[cells] > 1 for cells in set(shown)) * 2 > len(set(shown))
        for first, end in [(0, len(papers))] if scrolls else _cuts(shown, papers):
            found.append((Piece(row, first, _of(changes, first, end)), papers[first:end]))
    return found


def _of(changes: Sequence[Change], first: int, end: int) -> tuple[Change, ...]:
    """The changes of some columns of a line."""
    return tuple(
        next(same)
        for _cells, same in groupby(
            ((at, cells[first:end]) for at, cells in changes), key=lambda change: change[1]
        )
    )


def _cuts(shown: Sequence[tuple[Cell, ...]], papers: Sequence[str]) -> Iterator[tuple[int, int]]:
    """The columns of each piece of a line, cut so that what is written is about the shortest.

    A piece costs what begins it, and for each of its changes a step and a drawing. A drawing costs
    its runs and its signs, in the mean of all that the line showed.
    """
    columns, count = len(shown[0]), len(shown)
    moves = [0] * columns
    for number, (before, now) in enumerate(pairwise(shown)):
        for column in range(columns):
            if before[column] != now[column]:
                moves[column] |= 1 << number
    ends = [0.0] * columns
    signs = [0.0] * columns
    for cells in shown:
        for column, cell in enumerate(cells):
            signs[column] += (cell.sign != " ") / count
            strange = cell.paper != papers[column]
            ends[column] += 20 * strange / count
            if column and (cell.ink, cell.styles) != (
                cells[column - 1].ink,
                cells[column - 1].styles,
            ):
                ends[column] += 40 * (cell.ink != "") / count
    least: list[tuple[float, int]] = [(0.0, 0)]
    for end in range(1, columns + 1):
        best = (float("inf"), 0)
        moved, drawing = 0, 40.0
        for first in range(end - 1, -1, -1):
            moved |= moves[first]
            drawing += signs[first]
            if moved:
                changes = moved.bit_count()
                cost = 150 + changes * 36 + (changes + 1) * drawing
            else:
                cost = 30 + drawing
            best = min(best, (least[first][0] + cost, first))
            drawing += ends[first]
        least.append(best)
    found, end = [], columns
    while end:
        found.append((least[end][1], end))
        end = least[end][1]
    yield from reversed(found)


def _placed(drawn: str, name: str | None, number: int) -> str:
    """One drawing of a stack, at its place in it."""
    down = f' y="{number * HIGH}"' if number else ""
    if name:
        return f'<use href="#{name}"{down}/>'
    return f"<svg{down}>{drawn}</svg>" if number and drawn else drawn


def _moves(number: int, piece: Piece, total: float) -> str:
    """The animation of a piece's stack."""
    steps = []
    stack = piece.stack
    for at, cells in piece.changes:
        share = at / total * 100 if steps else 0.0
        place = stack.index(cells) * -HIGH
        steps.append(f"{_number(share)}%{{transform:translateY({place}px)}}")
    return f"@keyframes k{number}{{{''.join(steps)}}}#l{number}{{animation-name:k{number}}}"


def _words(cells: Sequence[Cell]) -> Iterator[tuple[tuple[str, str], int, int]]:
    """Where signs of one look begin and end; an empty cell between them is as good as any."""
    found: list[tuple[tuple[str, str], int, int]] = []
    for column, cell in enumerate(cells):
        if not cell.ink:
            continue
        look = (cell.ink, cell.styles)
        if found and found[-1][0] == look and column - found[-1][2] < 12:
            found[-1] = (look, found[-1][1], column + 1)
        else:
            found.append((look, column, column + 1))
    yield from found


def _number(value: float) -> str:
    """`12`, `8.4`."""
    return re.sub(r"\.?0+$", "", f"{value:.2f}")


def to_escapes(before: Line | None, line: Line) -> str:
    """What a program writes to change one line of a screen, from the column where it begins."""
    empty = next((n + 1 for n, c in reversed([*enumerate(line)]) if _written(c)), 0)
    first, end = 0, empty
    if before is not None:
        differ = [n for n, (old, new) in enumerate(zip(before, line, strict=True)) if old != new]
        first, end = differ[0], min(differ[-1] + 1, max(empty, differ[0]))
    out, look = [f"\x1b[{first + 1}G"], None
    for char in line[first:end]:
        if look is None or not _joins(char, look):
            out.append("\x1b[0" + "".join(_codes(char)) + "m")
            look = char
        out.append(char.data)
    out.append("\x1b[0m" if look else "")
    rest = before is None or any(_written(char) for char in before[end:])
    return "".join(out) + ("\x1b[K" if end >= empty and rest else "")


def _written(char: pyte.screens.Char) -> bool:
    """Is it anything but an empty place?"""
    return char.data != " " or char.bg != "default" or char.reverse or char.underscore


def _joins(char: pyte.screens.Char, look: pyte.screens.Char) -> bool:
    """Can it be written without another word about its colours? A space shows only its paper."""
    if char.data == " " and not (char.reverse or char.underscore or look.reverse):
        return char.bg == look.bg and not look.underscore
    return char._replace(data=look.data) == look


def _codes(char: pyte.screens.Char) -> Iterator[str]:
    styles = ((char.bold, 1), (char.italics, 3), (char.underscore, 4), (char.reverse, 7))
    yield from (f";{code}" for on, code in styles if on)
    names = list(COLOURS)
    for colour, plain, whole in ((char.fg, 30, 38), (char.bg, 40, 48)):
        if colour in names:
            number = names.index(colour)
            yield f";{plain + number if number < 8 else plain + 52 + number}"
        elif colour != "default":
            yield f";{whole};2;" + ";".join(str(byte) for byte in bytes.fromhex(colour))


def cell(char: pyte.screens.Char, pointed: bool) -> Cell:
    """What is seen of a sign; of a space it is only its paper, and a line below it."""
    ink, paper = _colour(char.fg, INK), _colour(char.bg, PAPER)
    if char.reverse != pointed:
        ink, paper = paper, ink
    if ink == paper or (char.data == " " and not char.underscore):
        return BLANK._replace(paper=paper)
    styles = ((char.bold, "b"), (char.italics, "i"), (char.underscore, "u"))
    return Cell(char.data, ink, paper, " ".join(name for on, name in styles if on))


def _colour(name: str, default: str) -> str:
    if name == "default":
        return default
    return COLOURS.get(name, f"#{name}")
