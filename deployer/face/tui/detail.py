"""The chosen deployment: what it does, its parts, the target's words, its program's output."""

from __future__ import annotations

from rich.text import Text
from textual.app import ComposeResult
from textual.containers import VerticalScroll
from textual.widgets import Static

from deployer.core.target.proof import story
from deployer.core.view import Mark, Row
from deployer.face import estimate, text, words
from deployer.face.card import hints
from deployer.face.estimate import Habits
from deployer.face.history import payload
from deployer.face.tui.looks import STATE_STYLE, YELLOW
from deployer.face.tui.parts import PartMap, describe, legend
from deployer.model import State

_OUTPUT = 12_000
EMPTY = (
    "Nothing has been pushed yet.\n\n"
    "Press  p  to push a file. The target  sim  is a simulated PC: no hardware is needed.\n"
    "Press  ?  for all keys."
)


_BOXES = 7
"""As many as `compose` makes."""


class Detail(VerticalScroll, can_focus=True):
    """Everything about one deployment."""

    def __init__(self) -> None:
        super().__init__(id="detail")
        self._row: Row | None = None

    def compose(self) -> ComposeResult:
        """The boxes, top to bottom."""
        yield Static(id="head", markup=False)
        with VerticalScroll(id="mapbox", classes="box", can_focus=False):
            yield PartMap(id="map")
        yield Static(id="part", markup=False)
        yield Static(id="hints", markup=False)
        yield Static(id="output", classes="box", markup=False)
        yield Static(id="words", classes="box", markup=False)
        yield Static(id="screen", classes="box", markup=False)

    def on_mount(self) -> None:
        """Titles do not change."""
        self.query_one("#mapbox").border_title = "Parts"
        self.query_one("#output").border_title = "The program wrote"
        self.query_one("#words").border_title = "The PC says"
        self.query_one("#screen").border_title = "Screen of the simulated PC"

    def show(self, row: Row | None, known: Habits, now: float) -> None:
        """Bring everything up to date."""
        self._row = row
        if not self._whole:
            return
        for name in ("#mapbox", "#part", "#words"):
            self.query_one(name).display = row is not None
        self.query_one("#hints").set_class(False, "-shown")
        self._put_if("#output", written(row) if row else "")
        self._put_if("#screen", text.plain("\n".join(row.screen[-12:])) if row else "")
        if row is None:
            self._put("#head", EMPTY)
            return
        self._put("#head", head(row, known, now))
        due = hints(row, now)
        self.query_one("#hints").set_class(bool(due), "-shown")
        self._put("#hints", "\n".join(due))
        self.query_one(PartMap).show(row.parts)
        self._show_part()
        self._put("#words", text.plain(told(row)))

    @property
    def _whole(self) -> bool:
        """False while the window is being closed, when the boxes go one after the other."""
        return len(self.children) == _BOXES and self.is_attached

    def on_part_map_pointed(self) -> None:
        """The line below the map follows at once."""
        self._show_part()

    def _show_part(self) -> None:
        if self._row is None or not self._whole:
            return
        pointed = self.query_one(PartMap).pointed
        self._put("#part", describe(pointed) if pointed else legend(self._row.parts))

    def _put_if(self, name: str, content: str) -> None:
        """A box that is there only when something is in it."""
        self.query_one(name).display = bool(content.strip())
        self._put(name, content)

    def _put(self, name: str, content: str | Text) -> None:
        """Change a text only when it is another: a change lays the page out again."""
        widget = self.query_one(name, Static)
        if widget.content != content:
            widget.update(content)


def head(row: Row, known: Habits, now: float) -> Text:
    """What it is and what goes on, with figures."""
    tries = f", attempt {row.attempt}" if row.attempt > 1 else ""
    lines = Text()
    lines.append(f"{row.deployment} for {words.machine(row.target)}{tries}\n", "bold")
    parts = text.count(len(row.parts), "part")
    lines.append(f"{payload(row)}: {text.size(row.total)} in {parts}\n")
    lines.append(words.doing(row, known, now) + "\n", STATE_STYLE[row.state])
    rest = estimate.left(row, known, now)
    if row.state.final and row.state != State.PROVED:
        lines.append(f"{text.size(row.proved_bytes)} of {text.size(row.part_bytes)} proved")
    else:
        left = words.time_left(row, known, now)
        lines.append(f"{bar(rest.done)} {int(rest.done * 100)} %  {left}")
    lines.append(f"\n{words.rate(row)}{rounds(row)}")
    if row.refetched or any(part.why for part in row.parts.values()):
        lines.append(f"\n{again(row)}", YELLOW)
    if row.proof and row.proof.tokens_per_second is not None:
        whose = "on the emulated machine" if row.proof.emulated else "measured on the PC"
        lines.append(f"\n{row.proof.tokens_per_second:.4g} tok/s, {whose}")
    return lines


def bar(done: float, width: int = 16) -> str:
    """`[#####...........]`"""
    filled = int(done * width)
    return f"[{'#' * filled}{'.' * (width - filled)}]"


def rounds(row: Row) -> str:
    """`; round 2; 3 calls`."""
    told = row.report.rounds if row.report else ()
    pieces = []
    if told:
        pieces.append(f"round {told[-1].number}")
    if row.logins > 1:
        pieces.append(f"{row.logins} calls")
    return "".join(f"; {piece}" for piece in pieces)


def again(row: Row) -> str:
    """Which parts came again or will, and why."""
    harmed = [part for part in row.parts.values() if part.why or part.fetches > 1]
    shown = [f"{part.name} ({part.why or 'asked for again'})" for part in harmed[:2]]
    more = f" and {len(harmed) - 2} more" if len(harmed) > 2 else ""
    return f"again: {', '.join(shown)}{more}"


def told(row: Row) -> str:
    """The target in its own words, as it last reported."""
    report = row.report if row.report and row.report.system else row.info
    if report is None:
        return "nothing yet" if row.mark < Mark.GO_RUNS else "it has not told about itself yet"
    pairs = words.target_words(report)
    lines = [f"{label}: {value}" for label, value in pairs]
    if report.reason:
        lines.append(f"reason: {report.reason}")
    return "\n".join(_two_columns(lines))


def _two_columns(lines: list[str]) -> list[str]:
    """Short neighbours share a line."""
    out: list[str] = []
    for line in lines:
        if out and len(out[-1]) + len(line) < 46:
            out[-1] += f"   {line}"
        else:
            out.append(line)
    return out


def written(row: Row) -> str:
    """What the program wrote, the engine's own last line left out."""
    return text.plain(story(row.output)[-_OUTPUT:])
