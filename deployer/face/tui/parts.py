"""The map of parts: one cell each, which can be pointed at."""

from __future__ import annotations

from collections.abc import Mapping

from rich.text import Text
from textual import events
from textual.binding import Binding
from textual.geometry import Size
from textual.message import Message
from textual.widget import Widget

from deployer.core.view import PartRow
from deployer.face import text
from deployer.face.tui.looks import CELLS, PART_STYLE


class PartMap(Widget, can_focus=True):
    """One cell for each part; arrow keys and the mouse point at one."""

    BINDINGS = [  # noqa: RUF012 - as Textual wants it
        Binding("left", "point(-1)", "Part before", show=False),
        Binding("right", "point(1)", "Next part", show=False),
        Binding("up", "point_row(-1)", "Row above", show=False),
        Binding("down", "point_row(1)", "Row below", show=False),
    ]

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
        relayout = len(rows) != len(self._parts)
        self._parts = rows
        if self._at is not None and self._at >= len(rows):
            self._at = None
        self.refresh(layout=relayout)

    @property
    def pointed(self) -> PartRow | None:
        """The part that is pointed at."""
        return None if self._at is None else self._parts[self._at]

    def get_content_height(self, container: Size, viewport: Size, width: int) -> int:  # noqa: ARG002
        """As many rows as the cells need."""
        return max(1, -(-len(self._parts) // max(width, 1)))

    def render(self) -> Text:
        """The cells, row by row."""
        width = max(self.size.width, 1)
        drawn = Text(no_wrap=True)
        for index, part in enumerate(self._parts):
            if index and index % width == 0:
                drawn.append("\n")
            style = PART_STYLE[part.state]
            drawn.append(CELLS[part.state][0], f"{style} reverse" if index == self._at else style)
        return drawn

    def action_point(self, step: int) -> None:
        """Point at the next or the previous part."""
        if self._parts:
            start = -1 if self._at is None and step > 0 else self._at or 0
            self._point(min(max(start + step, 0), len(self._parts) - 1))

    def action_point_row(self, step: int) -> None:
        """Point at the part above or below."""
        self.action_point(step * max(self.size.width, 1))

    def on_click(self, event: events.Click) -> None:
        """Point at what was clicked."""
        index = event.y * max(self.size.width, 1) + event.x
        if 0 <= index < len(self._parts):
            self._point(index)

    def _point(self, index: int) -> None:
        self._at = index
        self.refresh()
        self.post_message(self.Pointed(self._parts[index].name))


def describe(part: PartRow) -> str:
    """A part in one line."""
    word = CELLS[part.state][1]
    moved = f", {text.size(part.moved)} so far" if part.moved else ""
    again = f", fetched {part.fetches} times" if part.fetches > 1 else ""
    why = f" ({part.why})" if part.why else ""
    return f"{part.name} of {part.file}: {word}{moved}, {text.size(part.length)}{again}{why}"


def legend(parts: Mapping[str, PartRow]) -> str:
    """How many parts are in which state, which is also what the symbols mean."""
    counts = dict.fromkeys(CELLS, 0)
    for part in parts.values():
        counts[part.state] += 1
    shown = [f"{CELLS[state][0]} {CELLS[state][1]} {n}" for state, n in counts.items() if n]
    return "  ".join(shown) or "no parts: every file is empty"
