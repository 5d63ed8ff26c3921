"""How the interactive face looks: its style sheet, its symbols, and itself without colours."""

from __future__ import annotations

from rich.segment import Segment
from rich.style import Style
from textual.color import Color
from textual.filter import LineFilter

from deployer.core.view import PartState
from deployer.face.text import without
from deployer.model import State

CELLS: dict[PartState, tuple[str, str]] = {
    PartState.WAITING: (".", "waiting"),
    PartState.MOVING: (">", "moving"),
    PartState.FETCHED: ("o", "fetched"),
    PartState.BAD: ("!", "bad"),
    PartState.PROVED: ("#", "proved"),
}
"""The symbol and the word of a part's state. The symbols differ without any colour."""

YELLOW, CYAN, GREEN, RED, VIOLET = "#b58900", "#2aa198", "#4e9a06", "#dc322f", "#8f7fd0"
"""Colours that can be read on dark."""

ON_LIGHT = {
    YELLOW: "#735600", CYAN: "#0f6660", GREEN: "#2f6600", RED: "#b3211e", VIOLET: "#5a48b0",
}  # fmt: skip
"""What stands for them on light: 4.5 to 1 and more, as people who see badly need it."""

PART_STYLE: dict[PartState, str] = {
    PartState.WAITING: "dim",
    PartState.MOVING: f"bold {YELLOW}",
    PartState.FETCHED: CYAN,
    PartState.BAD: f"bold {RED}",
    PartState.PROVED: GREEN,
}

STATE_STYLE: dict[State, str] = {
    State.STAGED: "dim",
    State.WAITING: YELLOW,
    State.FETCHING: CYAN,
    State.VERIFYING: CYAN,
    State.RUNNING: VIOLET,
    State.PROVED: GREEN,
    State.FAILED: f"bold {RED}",
    State.CANCELLED: "dim",
}


class Harmless(LineFilter):
    """Takes away what a terminal would obey, in whatever widget a file's name or a PC's word is.

    Textual gives such characters no width, so that nothing moves when they are gone.
    """

    def apply(self, segments: list[Segment], background: Color) -> list[Segment]:  # noqa: ARG002
        """The segments, the same ones where nothing is hidden in them."""
        return [
            segment
            if segment.control or (clean := without(segment.text)) == segment.text
            else Segment(clean, segment.style)
            for segment in segments
        ]


HARMLESS = Harmless()


class WithoutColours(LineFilter):
    """Takes every colour away; bold, underline and reverse stay."""

    def apply(self, segments: list[Segment], background: Color) -> list[Segment]:  # noqa: ARG002
        """The segments in the terminal's own two colours."""
        return [
            Segment(text, _bare(style) if style else None, control)
            for text, style, control in segments
        ]


class OnLight(LineFilter):
    """Puts the darker colours in the place of ours."""

    def apply(self, segments: list[Segment], background: Color) -> list[Segment]:  # noqa: ARG002
        """The segments in colours for light paper."""
        return [
            Segment(text, style + _DARKER[style.color.name], control)
            if style and style.color and style.color.name in _DARKER
            else Segment(text, style, control)
            for text, style, control in segments
        ]


_DARKER = {ours: Style(color=darker) for ours, darker in ON_LIGHT.items()}


def _bare(style: Style) -> Style:
    return Style(
        bold=style.bold, italic=style.italic, underline=style.underline, reverse=style.reverse,
        meta=style.meta, link=style.link,
    )  # fmt: skip


CSS = """
Screen { layout: vertical; }
#title { height: 1; background: $primary; color: $text; padding: 0 1; text-style: bold; }
#main { height: 1fr; }
#left { width: 28; border-right: solid $primary; }
#left.-wide { width: 38; }
#main.-narrow { layout: vertical; }
#main.-narrow > #left { width: 100%; height: 6; border-right: none; border-bottom: solid $primary; }
#main.-narrow > #detail { width: 100%; height: 1fr; padding: 0; }
#list { height: 1fr; border: none; padding: 0; background: $background; }
#list:focus { border: none; }
#filter { display: none; height: 1; border: none; padding: 0 1; }
#filter.-shown { display: block; }
#detail { width: 1fr; padding: 0 1; scrollbar-size-vertical: 1; }
#detail Static, #detail PartMap { height: auto; }
.box { border-top: solid $primary; border-title-color: $text-primary; border-title-style: bold; }
#hints { color: $text-warning; display: none; }
#hints.-shown { display: block; }
#mapbox { height: auto; max-height: 10; scrollbar-size-vertical: 1; }
#log { height: 6; border-top: solid $primary; border-title-color: $text-primary;
       padding: 0 1; scrollbar-size: 0 1; background: $background; }
.-low #main.-narrow > #left { height: 4; }
.-low #log { height: 2; }
#log.-tall { height: 12; }
#log.-hidden { display: none; }
#list:focus > .option-list--option-highlighted { text-style: bold reverse; }
#list > .option-list--option-highlighted { text-style: bold; }
#list:nocolor > .option-list--option-highlighted { text-style: bold reverse; }
#title:nocolor { text-style: bold reverse; }

Dialog, PushScreen { align: center middle; }
Dialog > #frame, PushScreen > #frame { width: 96%; max-width: 100; height: auto; max-height: 96%;
                  border: round $primary; padding: 0 1; background: $surface; }
Dialog #text { height: auto; }
Dialog #scroll { height: auto; max-height: 1fr; }
Dialog #buttons { height: 1; dock: bottom; align-horizontal: right; }
Dialog #scroll { margin-bottom: 1; }
Dialog Button { margin-left: 1; }
PushScreen > #frame { height: 96%; }
PushScreen #buttons { height: 1; align-horizontal: right; }
PushScreen Button { margin-left: 1; }
PushScreen #fields { height: auto; }
PushScreen .label { width: 9; padding-top: 0; }
PushScreen .line { height: 1; }
PushScreen Input { height: 1; border: none; width: 1fr; }
PushScreen #line { display: none; }
PushScreen #line.-shown { display: block; }
PushScreen #speed { width: 12; }
PushScreen #flow { width: 1fr; }
PushScreen Input:focus { text-style: underline; border: none; }
PushScreen #tree { height: 1fr; min-height: 3; border-top: solid $primary; }
PushScreen #seen { height: auto; max-height: 60%; border-top: solid $primary; }
"""
