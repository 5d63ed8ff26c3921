"""The map of the parts, as a widget: a field of blocks whose parts can be pointed at."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from rich.style import Style
from rich.text import Text
from textual import events
from textual.binding import Binding
from textual.color import Color
from textual.geometry import Size
from textual.message import Message
from textual.widget import Widget

from deployer.core.partmap import LETTERS, BlockState, PartField, counts, field_of, state_of
from deployer.core.view import PartRow
from deployer.face import text

_WIDE = 2
"""Columns of a block, which make it about as wide as high: its letter, and nothing."""
SHADE = 0.12
"""How much of its letter's colour is in every second block."""
_REVERSE = Style(reverse=True)


class PartMap(Widget, can_focus=True):
    """The blocks; arrow keys and the mouse point at a part."""

    BINDINGS = [  # noqa: RUF012 - as Textual wants it
        Binding("left", "point(-1)", "Part before", show=False),
        Binding("right", "point(1)", "Next part", show=False),
        Binding("up", "point_row(-1)", "Row above", show=False),
        Binding("down", "point_row(1)", "Row below", show=False),
    ]
    COMPONENT_CLASSES = {f"map--{block.name.lower()}" for block in LETTERS}  # noqa: RUF012

    class Pointed(Message):
        """Another part is pointed at."""

        def __init__(self, name: str) -> None:
            self.name = name
            super().__init__()

    def __init__(self, *, id: str | None = None) -> None:  # noqa: A002 - as Textual calls it
        super().__init__(id=id)
        self._parts: tuple[PartRow, ...] = ()
        self._at: int | None = None

    def show(self, parts: Mapping[str, PartRow]) -> None:
        """Show these parts; nothing is drawn when nothing changed."""
        rows = tuple(parts.values())
        if rows == self._parts:
            return
        self._parts = rows
        if self._at is not None and self._at >= len(rows):
            self._at = None
        self.refresh()

    @property
    def pointed(self) -> PartRow | None:
        """The part that is pointed at."""
        return None if self._at is None else self._parts[self._at]

    @property
    def field(self) -> PartField:
        """The blocks that there is room for."""
        return field_of(self._parts, self._across * max(self.size.height, 1))

    @property
    def _across(self) -> int:
        return max(self.size.width // _WIDE, 1)

    def get_content_height(self, container: Size, viewport: Size, width: int) -> int:  # noqa: ARG002
        """The style sheet gives it its height; by itself it is three rows."""
        return 3

    def render(self) -> Text:
        """The blocks, row by row."""
        styles = {block: self.shades(block) for block in LETTERS}
        drawn = Text(no_wrap=True)
        field = self.field
        pointed = self._cell_of(self._at, field)
        for index, cell in enumerate(field.cells):
            row, column = divmod(index, self._across)
            if index and column == 0:
                drawn.append("\n")
            style = styles[cell.block][(row + column) % 2]
            here = pointed is not None and cell.part == field.cells[pointed].part
            letter = LETTERS[cell.block]
            if here:
                drawn.append(f"{letter}<", style + _REVERSE)
            else:
                drawn.append(f"{letter} ", style)
        return drawn

    def legend(self, width: int) -> Text:
        """How many parts are in which state, with each letter in the colour of its blocks."""
        drawn = Text(legend(self._parts, width))
        for block, letter in LETTERS.items():
            at = drawn.plain.find(f"{letter} {block} ")
            if at >= 0:
                drawn.stylize(self.shades(block)[0], at, at + 1)
        return drawn

    def shades(self, block: BlockState) -> tuple[Style, Style]:
        """How a block is drawn, and how its neighbours are: so that each can be seen as one."""
        style = self.get_component_rich_style(f"map--{block.name.lower()}")
        if style.bgcolor is None or style.color is None:
            return style, style
        paper, ink = (Color.from_rich_color(each) for each in (style.bgcolor, style.color))
        return style, style + Style(bgcolor=paper.blend(ink, SHADE).rich_color)

    @staticmethod
    def _cell_of(part: int | None, field: PartField) -> int | None:
        """The first block of a part."""
        if part is None:
            return None
        first = part // field.together * field.together
        return next((i for i, cell in enumerate(field.cells) if cell.part == first), None)

    def action_point(self, step: int) -> None:
        """Point at the next or the previous part."""
        if self._parts:
            start = -1 if self._at is None and step > 0 else self._at or 0
            self._point(min(max(start + step, 0), len(self._parts) - 1))

    def action_point_row(self, step: int) -> None:
        """Point at the part above or below; where that is the same, at the one beside it."""
        field = self.field
        at = self._cell_of(self._at, field)
        if at is None:
            self.action_point(step)
            return
        below = min(max(at + step * self._across, 0), len(field.cells) - 1)
        part = field.cells[below].part
        if part == field.cells[at].part:
            self.action_point(step)
        else:
            self._point(part)

    def on_click(self, event: events.Click) -> None:
        """Point at what was clicked."""
        cells = self.field.cells
        index = event.y * self._across + event.x // _WIDE
        if event.x < self._across * _WIDE and 0 <= index < len(cells):
            self._point(cells[index].part)

    def _point(self, index: int) -> None:
        self._at = index
        self.refresh()
        self.post_message(self.Pointed(self._parts[index].name))


def describe(part: PartRow) -> str:
    """A part in one line."""
    moved = f", {text.size(part.moved)} so far" if part.moved else ""
    again = f", fetched {part.fetches} times" if part.fetches > 1 else ""
    why = f" ({part.why})" if part.why else ""
    state = state_of(part)
    return f"{part.name} of {part.file}: {state}{moved}, {text.size(part.length)}{again}{why}"


def legend(parts: Sequence[PartRow], width: int) -> str:
    """How many parts are in which state, which is also what the letters mean."""
    shown = [f"{LETTERS[block]} {block} {number}" for block, number in counts(parts).items()]
    return text.filled(shown, "  ", width) or "no parts: every file is empty"


def scale(field: PartField, parts: int) -> str:
    """The title of the map: what one block of it is."""
    if field.together > 1:
        return f"Parts: one block is {field.together} of {parts:,}"
    return f"Parts: one block is {_unit(field.each)}"


def _unit(count: int) -> str:
    """`5 KiB`, `1.25 MiB`."""
    return f"{count / (1 << 20):g} MiB" if count >= 1 << 20 else f"{count / (1 << 10):g} KiB"
