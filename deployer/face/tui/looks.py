"""How the interactive face looks: its style sheet, its symbols, and itself without colours."""

from __future__ import annotations

from collections.abc import Mapping

from rich.segment import Segment
from rich.style import Style
from textual.color import Color
from textual.filter import LineFilter
from textual.theme import Theme

from deployer.core.partmap import BlockState
from deployer.face.text import without
from deployer.model import State

YELLOW, CYAN, GREEN, RED, VIOLET = "#b58900", "#2aa198", "#4e9a06", "#dc322f", "#8f7fd0"
"""Colours that can be read on dark."""

DARK, LIGHT, NINETY_EIGHT = "textual-dark", "textual-light", "98"
THEMES = {"dark": DARK, "light": LIGHT, "98": NINETY_EIGHT}
"""The themes by the words of `--theme`, in the order in which a key goes through them."""

GREY = Theme(
    name=NINETY_EIGHT,
    dark=False,
    primary="#000080",
    secondary="#008080",
    accent="#008080",
    foreground="#000000",
    background="#c0c0c0",
    surface="#c0c0c0",
    panel="#008080",
    warning="#5f4700",
    error="#8b0000",
    success="#0a4f00",
    variables={
        "text-primary": "#000080",
        "text-warning": "#5f4700",
        "footer-background": "#008080",
        "footer-foreground": "#ffffff",
        "footer-key-foreground": "#ffffff",
        "footer-description-foreground": "#ffffff",
        "input-cursor-background": "#000080",
        "block-cursor-background": "#000080",
        "block-cursor-foreground": "#ffffff",
    },
)
"""Windows 98 as it came: grey windows, a blue title bar, teal behind them."""

ON_PAPER: dict[str, dict[str, str]] = {
    LIGHT: {
        YELLOW: "#735600", CYAN: "#0f6660", GREEN: "#2f6600", RED: "#b3211e", VIOLET: "#5a48b0",
    },
    NINETY_EIGHT: {
        YELLOW: "#5f4700", CYAN: "#005050", GREEN: "#0a4f00", RED: "#8b0000", VIOLET: "#4b0082",
    },
}  # fmt: skip
"""What stands for them on light and on grey: 4.5 to 1 and more, as people who see badly need it."""

BLOCKS: dict[str, dict[BlockState, tuple[str, str]]] = {
    DARK: {
        BlockState.WAITING: ("#3a3a3a", "#d0d0d0"), BlockState.MOVING: ("#d7a800", "#000000"),
        BlockState.ARRIVED: ("#2aa198", "#000000"), BlockState.VERIFIED: ("#5fa81e", "#000000"),
        BlockState.DAMAGED: ("#c4201d", "#ffffff"), BlockState.AGAIN: ("#9f90e0", "#000000"),
    },
    LIGHT: {
        BlockState.WAITING: ("#ffffff", "#4a4a4a"), BlockState.MOVING: ("#ffd75f", "#000000"),
        BlockState.ARRIVED: ("#7fd7d0", "#000000"), BlockState.VERIFIED: ("#9bd36a", "#000000"),
        BlockState.DAMAGED: ("#b3211e", "#ffffff"), BlockState.AGAIN: ("#c9bff2", "#000000"),
    },
    NINETY_EIGHT: {
        BlockState.WAITING: ("#ffffff", "#404040"), BlockState.MOVING: ("#ffff00", "#000000"),
        BlockState.ARRIVED: ("#00ffff", "#000000"), BlockState.VERIFIED: ("#000080", "#ffffff"),
        BlockState.DAMAGED: ("#ff4040", "#000000"), BlockState.AGAIN: ("#ff00ff", "#000000"),
    },
}  # fmt: skip
"""A block of the map by theme and state: its colour, and that of the letter in it."""


def variables(theme: str, own: Mapping[str, str]) -> dict[str, str]:
    """What the style sheet needs besides a theme's `own` variables: blocks, paper, title bars."""
    grey, paper = theme == NINETY_EIGHT, ON_PAPER.get(theme, {})
    found = {
        "paper": "#ffffff" if grey else own["background"],
        "bar": own["primary"] if grey else "transparent",
        "track": "#ffffff" if grey else own["surface"],
        "bar-ink": "#ffffff" if grey else own["text-primary"],
        "hint": paper.get(YELLOW, own["text-warning"]),
        "good": paper.get(GREEN, GREEN),
        "bad": paper.get(RED, RED),
    }
    for block, (colour, ink) in BLOCKS.get(theme, BLOCKS[DARK]).items():
        found |= {f"map-{block.name.lower()}": colour, f"map-{block.name.lower()}-ink": ink}
    return found


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


class OnPaper(LineFilter):
    """Puts the darker colours in the place of ours."""

    def __init__(self, theme: str) -> None:
        super().__init__()
        self._darker = {ours: Style(color=darker) for ours, darker in ON_PAPER[theme].items()}

    def apply(self, segments: list[Segment], background: Color) -> list[Segment]:  # noqa: ARG002
        """The segments in colours for light paper."""
        darker = self._darker
        return [
            Segment(text, style + darker[style.color.name], control)
            if style and style.color and style.color.name in darker
            else Segment(text, style, control)
            for text, style, control in segments
        ]


def _bare(style: Style) -> Style:
    return Style(
        bold=style.bold, italic=style.italic, underline=style.underline, reverse=style.reverse,
        meta=style.meta, link=style.link,
    )  # fmt: skip


_MAP = "\n".join(
    f"PartMap > .map--{name} {{ background: $map-{name}; color: $map-{name}-ink; }}"
    for name in (block.name.lower() for block in BlockState)
)

CSS = (
    _MAP
    + """
Screen { layout: vertical; }
#title { height: 1; background: $primary; color: $text; padding: 0 1; text-style: bold; }
#main { height: 1fr; }
#left { width: 28; border-right: solid $primary; }
#left.-wide { width: 36; }
#main.-narrow { layout: vertical; }
#main.-narrow > #left { width: 100%; height: 6; border-right: none; border-bottom: solid $primary; }
#main.-narrow > #detail { width: 100%; height: 1fr; padding: 0; }
#list { height: 1fr; border: none; padding: 0; background: $paper; }
#list:focus { border: none; }
#filter { display: none; height: 1; border: none; padding: 0 1; }
#filter.-shown { display: block; }
#detail { width: 1fr; padding: 0 1; scrollbar-size-vertical: 1; }
#work, #oldpc { height: auto; scrollbar-size-vertical: 1; }
#detail Static { height: auto; }
#detail.-beside { layout: horizontal; overflow: hidden; }
#detail.-beside > #work { width: 1fr; height: 100%; padding-right: 1; }
#detail.-beside > #oldpc { width: 45; height: 100%; margin-left: 1; }
.box { border-top: solid $primary; border-title-color: $bar-ink; border-title-background: $bar;
       border-title-style: bold; border-subtitle-color: $foreground; }
#hints { color: $hint; }
#bar, #bar Bar { width: 100%; }
#bar Bar { width: 1fr; }
#bar Bar > .bar--bar { background: $track; }
#bar Bar:nocolor > .bar--bar, #bar Bar:nocolor > .bar--complete { text-style: reverse; }
#graph { width: 100%; height: 1; }
.-tall #graph { height: 3; }
#mapbox { height: auto; }
#map { height: 3; }
.-middle #map { height: 5; }
.-tall #map { height: 7; }
.-beside #mapbox { height: 1fr; min-height: 4; }
.-beside #map { height: 1fr; }
#detail.-waits #mapbox { height: auto; min-height: 0; }
#detail.-waits #map { height: 1; }
#stamp { border: double $good; border-title-style: bold; padding: 0 1; width: 100%; }
#stamp.-not { border: heavy $bad; }
#screen { background: #000000; color: #c0c0c0; padding: 0 1; }
#log { height: 6; border-top: solid $primary; padding: 0 1; scrollbar-size: 0 1;
       background: $paper; }
.-low #main.-narrow > #left { height: 4; }
.-low #log { height: 2; }
#log.-tall { height: 12; }
#log.-hidden { display: none; }
#list > .option-list--option-disabled { color: $foreground; }
#list:focus > .option-list--option-highlighted { text-style: bold reverse; }
#list > .option-list--option-highlighted { text-style: bold; }
#list:nocolor > .option-list--option-highlighted { text-style: bold reverse; }
#title:nocolor { text-style: bold reverse; }

Dialog, PushScreen { align: center middle; }
Dialog > #frame, PushScreen > #frame { width: 96%; max-width: 100; height: auto; max-height: 96%;
                  border: round $primary; padding: 0 1; background: $surface; }
Dialog #text { height: auto; }
AgentScreen { align: center middle; }
AgentScreen > #frame { width: 98%; height: 98%; border: round $primary; padding: 0 1;
                       background: $surface; }
AgentScreen #scroll { height: 1fr; }
AgentScreen #facts, AgentScreen #keys, AgentScreen #wrote, AgentScreen #picture { height: auto; }
AgentScreen Input { height: 1; border: none; }
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
)
