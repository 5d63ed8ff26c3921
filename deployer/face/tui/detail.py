"""The chosen deployment: what it does, the map of its parts, its proof, and the old PC itself."""

from __future__ import annotations

import time
from collections.abc import Sequence

from rich.text import Text
from textual.app import ComposeResult
from textual.containers import Vertical, VerticalScroll
from textual.theme import Theme
from textual.widgets import ProgressBar, Sparkline, Static

from deployer.core.target.proof import story
from deployer.core.view import Mark, Row
from deployer.face import estimate, text, words
from deployer.face.card import followed, hints
from deployer.face.estimate import Habits
from deployer.face.history import payload
from deployer.face.tui import machine
from deployer.face.tui.looks import STATE_STYLE
from deployer.face.tui.parts import PartMap, describe, scale
from deployer.model import State, is_simulated

_OUTPUT = 12_000
EMPTY = (
    "Nothing has been pushed yet.\n\n"
    "Press  p  to push a file. The target  sim  is a simulated PC: no hardware is needed.\n"
    "Press  ?  for all keys."
)

_BOXES = 13
"""As many as `compose` makes."""
_STAMPED = 3
"""Files whose sums the stamp has; a proof of more has them in full."""


class Detail(VerticalScroll, can_focus=True):
    """Everything about one deployment: the work, and the old PC below it or beside it."""

    def __init__(self) -> None:
        super().__init__(id="detail")
        self._row: Row | None = None

    def compose(self) -> ComposeResult:
        """The boxes, top to bottom."""
        with VerticalScroll(id="work", can_focus=False):
            yield Static(id="head", markup=False)
            yield ProgressBar(total=100, show_eta=False, id="bar")
            yield Static(id="figures", markup=False)
            yield Sparkline(id="graph")
            yield Static(id="stamp", markup=False)
            yield Static(id="card", classes="box", markup=False)
            yield Static(id="hints", markup=False)
            yield Static(id="output", classes="box", markup=False)
            with Vertical(id="mapbox", classes="box"):
                yield PartMap(id="map")
            yield Static(id="part", markup=False)
        with VerticalScroll(id="oldpc", classes="box", can_focus=False):
            yield Static(id="words", markup=False)
            yield Static(id="screen", markup=False)

    def on_mount(self) -> None:
        """Titles that do not change, and colours that follow the theme."""
        self.query_one("#card").border_title = "Do this on the old PC"
        self.query_one("#output").border_title = "The program wrote"
        self.app.theme_changed_signal.subscribe(self, self._recolour)

    def beside(self, wide: bool) -> None:
        """Whether the old PC has a column of its own, and each column scrolls for itself."""
        self.set_class(wide, "-beside")
        self.can_focus = not wide
        for work in self.query("#work"):
            work.can_focus = wide

    def show(self, row: Row | None, known: Habits, now: float, rates: Sequence[float] = ()) -> None:
        """Bring everything up to date; `rates` are bytes a second, for the graph."""
        self._row = row
        if not self._whole:
            return
        asked = row if row and not row.emulated else None  # nobody types at a simulated PC
        waits = asked is not None and asked.state in _BEFORE and asked.mark < Mark.GO_RUNS
        self.set_class(waits, "-waits")
        self.query_one("#oldpc").display = row is not None
        for name in ("#bar", "#figures", "#mapbox", "#part"):
            self.query_one(name).display = row is not None and not waits
        self.query_one("#graph").display = row is not None and not waits and any(rates)
        self._put_if("#output", written(row) if row else "")
        self._put_if("#hints", "\n".join(hints(asked, now)) if asked else "")
        self._put_if("#card", "\n".join(followed(row)[3:]) if row and waits else "")
        self._stamp(row)
        if row is None:
            self._put("#head", EMPTY)
            return
        self._put("#head", head(row, known, now))
        self._put("#figures", figures(row, known, now, self._across))
        self.query_one(ProgressBar).update(progress=int(done(row, known, now) * 100))
        graph = self.query_one(Sparkline)
        if graph.display and graph.data != (0.0, *rates):
            graph.data = (0.0, *rates)
        self.query_one(PartMap).show(row.parts)
        self._show_part()
        self._show_pc(row, now)

    def _show_pc(self, row: Row, now: float) -> None:
        box = self.query_one("#oldpc")
        box.border_title = "The simulated PC" if is_simulated(row.target) else "The old PC"
        shown = machine.on_screen(row, max(box.size.height - 7, 12))
        self._put_if("#screen", shown)
        self._put("#words", text.plain("\n".join(machine.signs(row, now))))

    def _stamp(self, row: Row | None) -> None:
        box = self.query_one("#stamp")
        proved = row is not None and row.state == State.PROVED
        box.border_title = "PROVED" if proved else "NOT PROVED"
        box.set_class(not proved, "-not")
        self._put_if("#stamp", stamp(row) if row else "")

    @property
    def _across(self) -> int:
        """Columns for text; many before there is a page."""
        return self.query_one("#work").content_region.width or 1000

    @property
    def _whole(self) -> bool:
        """False while the window is being closed, when the boxes go one after the other."""
        return self.is_attached and len(self.query("#work > *, #oldpc > *, PartMap")) == _BOXES

    def on_part_map_pointed(self) -> None:
        """The line below the map follows at once."""
        self._show_part()

    def _recolour(self, _theme: Theme) -> None:
        """The legend has the map's colours."""
        self.call_after_refresh(self._show_part)

    def _show_part(self) -> None:
        if self._row is None or not self._whole:
            return
        shown = self.query_one(PartMap)
        below = Text(describe(shown.pointed)) if shown.pointed else shown.legend(self._across)
        self._put("#part", below.append(again(self._row)))
        self.query_one("#mapbox").border_title = scale(shown.field, len(self._row.parts))

    def _put_if(self, name: str, content: str) -> None:
        """A box that is there only when something is in it."""
        self.query_one(name).display = bool(content.strip())
        self._put(name, content)

    def _put(self, name: str, content: str | Text) -> None:
        """Change a text only when it is another: a change lays the page out again."""
        widget = self.query_one(name, Static)
        if widget.content != content:
            widget.update(content)


_BEFORE = (State.STAGED, State.WAITING)


def head(row: Row, known: Habits, now: float) -> Text:
    """What it is and what goes on."""
    tries = f", attempt {row.attempt}" if row.attempt > 1 else ""
    lines = Text()
    lines.append(f"{row.deployment} for {words.machine(row.target)}{tries}\n", "bold")
    parts = text.count(len(row.parts), "part")
    lines.append(f"{payload(row)}: {text.size(row.total)} in {parts}\n")
    lines.append(words.doing(row, known, now), STATE_STYLE[row.state])
    return lines


def done(row: Row, known: Habits, now: float) -> float:
    """How much is done, from 0 to 1; of what ended without a proof, what the PC has verified."""
    if row.state.final and row.state != State.PROVED:
        return row.proved_bytes / max(row.part_bytes, 1)
    return estimate.left(row, known, now).done


def figures(row: Row, known: Habits, now: float, width: int) -> Text:
    """How long still, how fast."""
    told = [words.time_left(row, known, now), *words.rate(row).split(", "), *rounds(row)]
    if row.state.final and row.state != State.PROVED:
        told[0] = f"{text.size(row.proved_bytes)} of {text.size(row.part_bytes)} verified"
    lines = Text(text.filled(filter(None, told), ", ", width))
    if row.proof and row.proof.tokens_per_second is not None:
        whose = "on the emulated machine" if row.proof.emulated else "measured on the PC"
        lines.append(f"\n{row.proof.tokens_per_second:.4g} tok/s, {whose}")
    return lines


def stamp(row: Row) -> str:
    """What the end of a deployment is worth, with its sums; "" before, and where it was ended."""
    if row.state == State.FAILED:
        return text.plain(row.reason or "it failed")
    if row.state != State.PROVED or row.proof is None:
        return ""
    at = time.strftime("%Y-%m-%d %H:%M:%S", time.localtime(row.since))
    lines = [f"{at}, on the disk of {words.machine(row.target)}"]
    files = row.proof.report.files
    for file in files[:_STAMPED]:
        lines += [
            f"{file.name}, {file.length:,} bytes, SHA-256",
            file.sha256[:32],
            file.sha256[32:],
        ]
    if files[_STAMPED:]:
        lines.append(f"and {text.count(len(files) - _STAMPED, 'more file')}: press o")
    return text.plain("\n".join(lines))


def rounds(row: Row) -> list[str]:
    """`round 2`, `called 3 times`."""
    told = row.report.rounds if row.report else ()
    pieces = [f"round {told[-1].number}"] if told else []
    return [*pieces, *([f"called {row.logins} times"] if row.logins > 1 else [])]


def again(row: Row) -> str:
    """Which parts came again or will, and why; "" when none."""
    harmed = [part for part in row.parts.values() if part.why or part.fetches > 1]
    if not harmed:
        return ""
    shown = [f"{part.name} ({part.why or 'asked for again'})" for part in harmed[:2]]
    more = f" and {len(harmed) - 2} more" if len(harmed) > 2 else ""
    return f"\nagain: {', '.join(shown)}{more}"


def written(row: Row) -> str:
    """What the program wrote, the engine's own last line left out."""
    return text.plain(story(row.output)[-_OUTPUT:])
