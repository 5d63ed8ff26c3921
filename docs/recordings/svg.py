"""A recording as a picture that moves by itself: SVG with CSS, no script, nothing fetched.

Each line of the screen is a small window onto the stack of everything that this line ever showed;
one animation for each line moves its stack. Where motion is not wanted the last picture stands.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from html import escape
from typing import TYPE_CHECKING

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


def draw(cast: Cast, hold: float) -> str:
    """The picture; it stays as it is for `hold` seconds at its end, and begins again."""
    columns, rows = cast.size
    total = cast.end + hold
    shown: list[list[tuple[float, str]]] = [[] for _ in range(rows)]
    for at, lines, cursor in screens(cast):
        for row, line in enumerate(lines):
            column = cursor[1] if cursor is not None and cursor[0] == row else None
            drawn = _line(line, column)
            if not shown[row] or shown[row][-1][1] != drawn:
                shown[row].append((at, drawn))
    often = Counter(
        drawn for changes in shown for drawn in dict.fromkeys(drawn for _at, drawn in changes)
    )
    names = {
        drawn: f"a{number}"
        for number, drawn in enumerate(one for one in often if one and often[one] > 1)
    }
    width, height = round(columns * WIDE + 2 * EDGE), rows * HIGH + HEAD + EDGE
    out = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}" width="{width}" '
        f'height="{height}" role="img" aria-label="{escape(cast.title)}">',
        f"<title>{escape(cast.title)}</title>",
        f"<style>svg{{fill:{INK}}}text{{font:{SIZE}px {FONT};white-space:pre}}"
        ".b{font-weight:bold}.i{font-style:italic}.u{text-decoration:underline}"
        f".r{{animation-duration:{total:.2f}s;animation-iteration-count:infinite;"
        "animation-timing-function:step-end}"
        "@media (prefers-reduced-motion:reduce){.r{animation:none!important}}",
    ]
    body = []
    for row, changes in enumerate(shown):
        stack = list(dict.fromkeys(drawn for _at, drawn in changes))
        if stack == [""]:
            continue
        if len(stack) > 1:
            out.append(_moves(row, changes, stack, total))
        place = f'x="{EDGE}" y="{HEAD + row * HIGH}" width="{columns * WIDE:.5g}"'
        window = f'<svg {place} height="{HIGH}">'
        last = stack.index(changes[-1][1])
        group = f'<g id="l{row}" class="r" transform="translate(0 {-last * HIGH})">'
        pieces = []
        for number, drawn in enumerate(stack):
            down = f' y="{number * HIGH}"' if number else ""
            if drawn in names:
                pieces.append(f'<use href="#{names[drawn]}"{down}/>')
            elif drawn:
                pieces.append(f"<svg{down}>{drawn}</svg>" if number else drawn)
        body.append(f"{window}{group}{''.join(pieces)}</g></svg>")
    out.append("</style>")
    out.append("<defs>")
    out += [f'<g id="{name}">{drawn}</g>' for drawn, name in names.items()]
    out.append("</defs>")
    out.append(f'<rect width="{width}" height="{height}" rx="8" fill="{PAPER}"/>')
    for number, colour in enumerate(("#ff5f57", "#febc2e", "#28c840")):
        out.append(f'<circle cx="{18 + 18 * number}" cy="15" r="5.5" fill="{colour}"/>')
    out.append(
        f'<text x="{width / 2:.0f}" y="20" text-anchor="middle" fill-opacity=".6">'
        f"{escape(cast.title)}</text>"
    )
    return "\n".join([*out, *body, "</svg>"]) + "\n"


def _moves(
    row: int, changes: Sequence[tuple[float, str]], stack: Sequence[str], total: float
) -> str:
    """The animation of a line's stack."""
    steps = []
    for number, (at, drawn) in enumerate(changes):
        share = 0.0 if number == 0 else at / total * 100
        place = stack.index(drawn) * -HIGH
        steps.append(f"{share:.2f}%{{transform:translateY({place}px)}}")
    return f"@keyframes k{row}{{{''.join(steps)}}}#l{row}{{animation-name:k{row}}}"


def _line(line: Line, cursor: int | None) -> str:
    """One line of the screen: what lies behind the signs, then the signs."""
    behind, signs = [], []
    column = 0
    while column < len(line):
        first = _look(line[column], column == cursor)
        end = column + 1
        while end < len(line) and _look(line[end], end == cursor) == first:
            end += 1
        text = "".join(char.data for char in line[column:end])
        ink, paper, styles = first
        x, wide = column * WIDE, (end - column) * WIDE
        if paper != PAPER:
            behind.append(f'<rect x="{x:.5g}" width="{wide:.5g}" height="{HIGH}" fill="{paper}"/>')
        kept = text.rstrip(" ")
        if kept and (ink != paper):
            start = len(kept) - len(kept.lstrip(" "))
            kept = kept[start:]
            look = f' class="{styles}"' if styles else ""
            look += f' fill="{ink}"' if ink != INK else ""
            signs.append(
                f'<text x="{x + start * WIDE:.5g}" y="13.5" textLength="{len(kept) * WIDE:.5g}"'
                f"{look}>{escape(kept, quote=False)}</text>"
            )
        column = end
    return "".join((*behind, *signs))


def to_escapes(line: Line) -> str:
    """What a program writes to show one line of a screen; the rest of the line is empty."""
    out, look = [], None
    end = max((n + 1 for n, c in enumerate(line) if c.data != " " or c.bg != "default"), default=0)
    for char in line[:end]:
        now = (char.fg, char.bg, char.bold, char.italics, char.underscore, char.reverse)
        if now != look:
            out.append("\x1b[0" + "".join(_codes(char)) + "m")
            look = now
        out.append(char.data)
    return "".join(out) + ("\x1b[0m" if out else "")


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


def _look(char: pyte.screens.Char, pointed: bool) -> tuple[str, str, str]:
    """Ink, paper and styles of a sign."""
    ink, paper = _colour(char.fg, INK), _colour(char.bg, PAPER)
    if char.reverse != pointed:
        ink, paper = paper, ink
    styles = ((char.bold, "b"), (char.italics, "i"), (char.underscore, "u"))
    return ink, paper, " ".join(name for on, name in styles if on)


def _colour(name: str, default: str) -> str:
    if name == "default":
        return default
    return COLOURS.get(name, f"#{name}")
