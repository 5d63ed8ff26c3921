"""`deployer tui`: the application. It knows a `Host` and the fold of its events, nothing else."""

from __future__ import annotations

import asyncio
import contextlib
import itertools
import time
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from functools import partial
from pathlib import Path

from rich.text import Text
from textual import on, work
from textual.app import App, ComposeResult, SystemCommand
from textual.binding import Binding
from textual.containers import Horizontal, Vertical
from textual.events import Resize
from textual.filter import LineFilter
from textual.screen import Screen
from textual.widgets import Footer, Input, Log, OptionList, Static

from deployer import settings
from deployer.core.view import Row, View
from deployer.errors import DeployerError
from deployer.events import Event
from deployer.face import estimate, proofs, push_again, text, words
from deployer.face.card import followed, hints
from deployer.face.estimate import Habits
from deployer.face.tui import looks, sidebar
from deployer.face.tui.agent import AgentScreen
from deployer.face.tui.detail import Detail
from deployer.face.tui.dialogs import Dialog, Help, Live, Question
from deployer.face.tui.parts import describe, legend
from deployer.face.tui.picker import Picked, PushScreen, Requests
from deployer.face.tui.sidebar import Sidebar
from deployer.face.tui.watched import BACKLOG, ROWS, Watched
from deployer.host.launch import DaemonNotStarted
from deployer.host.models import sending
from deployer.host.requests import Before, Host, Order
from deployer.host.surveys import pace
from deployer.model import LINE, LineSettings, State
from deployer.settings import Settings

_DRAW = 0.2
_RETURN = 2.0
"""Seconds between two looks for a daemon that has gone."""
_LOG_LINES = 2000
_FOLDED = 4
"""Lines of the log from which on its lines are folded."""
_NARROW = 64
"""Columns below which the list stands above what it lists."""
_LOW = 18
"""Lines below which the list and the log leave the details their room."""
_HIGH = 36
"""Lines from which the map, the graph and the log are taller."""
_MIDDLE = 28
"""Lines from which the map has some more rows."""
_BESIDE = 130
"""Columns from which the old PC has a column of its own."""
_LOG_SIZES = ("", "-tall", "-hidden")
_COMMANDS = (
    ("Push a file", "It is recognised, and a line says whether it fits", "push"),
    ("Pause or resume", "The next part waits", "pause"),
    ("Cancel", "End the chosen deployment, after a question", "cancel"),
    ("Retry", "Only what is missing moves", "retry"),
    ("Card", "What to type on the old PC", "card"),
    ("Proof", "The proof in full, its sums checked again", "proof"),
    ("Copy the command line", "The one that pushes the same again", "copy"),
    ("Filter the list", "By id, PC, state or file", "filter"),
    ("Every part", "The map in words", "details"),
    ("Agent", "The old PC's screen, a command there, restart", "agent"),
    ("Event log", "Small, tall, hidden", "log"),
    ("Keys", "What each key does", "help"),
    ("Quit", "What is on its way goes on", "quit_kindly"),
)
"""The commands of the palette: name, what it does, action."""


class EventLog(Log, can_focus=False):
    """What happens, line by line; the newest is in sight, whatever size the window has had.

    Lines are folded between words, unless there is hardly room for one.
    """

    BORDER_TITLE = "Events"

    def __init__(self) -> None:
        super().__init__(id="log", classes="box", max_lines=_LOG_LINES, highlight=False)
        self._told: deque[str] = deque(maxlen=_LOG_LINES)
        self._across = 0

    def tell(self, lines: Iterable[str]) -> None:
        """More lines."""
        new = list(lines)
        self._told.extend(new)
        self._write_folded(new)

    def _write_folded(self, lines: Iterable[str]) -> None:
        folded = (text.folded(line, self._across or 1000).splitlines() for line in lines)
        self.write_lines(itertools.chain.from_iterable(folded))

    def on_resize(self) -> None:
        """Another size leaves the end out of sight, where a log stops to follow."""
        room = self.scrollable_content_region
        across = room.width if room.height >= _FOLDED else 0
        if across != self._across:
            self._across = across
            self.clear()
            self._write_folded(self._told)
        self.call_after_refresh(self.scroll_end, animate=False)


class DeployerApp(App[None]):
    """Left the deployments, right the chosen one, below what happens."""

    CSS = looks.CSS
    TITLE = "deployer"
    BINDINGS = [  # noqa: RUF012 - as Textual wants it
        Binding("p", "push", "Push"),
        Binding("space", "pause", "Pause", key_display="space"),
        Binding("c", "cancel", "Cancel"),
        Binding("r", "retry", "Retry"),
        Binding("k", "card", "Card"),
        Binding("o", "proof", "Proof"),
        Binding("y", "copy", "Copy"),
        Binding("slash", "filter", "Filter", key_display="/"),
        Binding("question_mark", "help", "Help", key_display="?"),
        Binding("q", "quit_kindly", "Quit"),
        Binding("l", "log", "Log", show=False),
        Binding("t", "theme", "Dark, light, 98", show=False),
        Binding("d", "details", "Every part", show=False),
        Binding("a", "agent", "Agent", show=False),
        Binding("escape", "unfilter", "Show all", show=False),
    ]

    def __init__(
        self,
        host: Host,
        config: Settings,
        *,
        clock: Callable[[], float] = time.time,
        start: Path | None = None,
        theme: str = looks.DARK,
        address: str = "",
    ) -> None:
        """`address` is what old PCs call; "" for where the host serves."""
        super().__init__()
        self._address = address
        self._host = host
        self._config = config
        self._clock = clock
        self._start = start or Path.cwd()
        self.seen = Watched()
        self._words = ""
        self._drawn_at = 0.0
        self._title_line = Static(id="title", markup=False)
        self._side_box = Sidebar()
        self._detail_box = Detail()
        self._log_box = EventLog()
        self.copied = ""
        self.ready = False
        self.failure: DeployerError | None = None
        self.register_theme(looks.GREY)
        self.theme = theme

    # --- the page

    def compose(self) -> ComposeResult:
        """Title, list and detail, log, keys."""
        yield self._title_line
        with Horizontal(id="main"):
            with Vertical(id="left"):
                yield Input(placeholder="filter: id, PC, state, file", id="filter")
                yield self._side_box
            yield self._detail_box
        yield self._log_box
        yield Footer(compact=True, show_command_palette=False)

    def on_mount(self) -> None:
        """Begin to watch and to draw."""
        self._side_box.focus()
        self._watch()
        self.set_interval(_DRAW, self._draw)

    def on_resize(self, event: Resize) -> None:
        """A wide window has room for a wider list and a taller log; a narrow one for no list
        beside anything.
        """
        self.query_one("#main").set_class(event.size.width < _NARROW, "-narrow")
        self.query_one("#left").set_class(event.size.width >= 110, "-wide")
        self._detail_box.beside(event.size.width >= _BESIDE)
        self._log_box.set_class(event.size.height >= _HIGH, "-tall")
        self._detail_box.set_class(event.size.height >= _HIGH, "-tall")
        self._detail_box.set_class(event.size.height >= _MIDDLE, "-middle")
        self.set_class(event.size.height < _LOW, "-low")
        self.seen.changed = True

    def get_css_variables(self) -> dict[str, str]:
        """The theme's variables, and what our style sheet needs besides."""
        own = super().get_css_variables()
        return own | looks.variables(self.theme, own)

    def get_line_filters(self) -> Sequence[LineFilter]:
        """No escape sequence of others; with NO_COLOR there is no colour at all, not even grey."""
        if self.no_color:
            return [looks.HARMLESS, looks.WithoutColours()]
        if self.theme in looks.ON_PAPER:
            return [looks.HARMLESS, *super().get_line_filters(), looks.OnPaper(self.theme)]
        return [looks.HARMLESS, *super().get_line_filters()]

    # --- what happens

    @work(exclusive=True, group="watch")
    async def _watch(self) -> None:
        """As long as there is a host; when a daemon goes away, its return is waited for."""
        told = False
        while True:
            try:
                await self._take_in()
            except DaemonNotStarted as error:
                self.failure = error
                self.exit()
                return
            except DeployerError as error:
                if not told:
                    self._fail(error)
                told, self.ready = True, False
                title = f"deployer   not connected: {error.what}"
                self._title_line.update(Text(title, no_wrap=True, overflow="ellipsis"))
                await asyncio.sleep(_RETURN)

    async def _take_in(self) -> None:
        """How everything stands, in one go; then what happens, as it happens."""
        before = await self._host.before(ROWS)
        if not before.seq:
            self._begin(before, [])
        told: list[Event] = []
        async for seq, event in self._host.subscribe(max(before.seq - BACKLOG, 0)):
            if self.ready:
                self._happened(event)
                continue
            told.append(event)
            if seq >= before.seq:
                self._begin(before, told)

    def _begin(self, before: Before, told: list[Event]) -> None:
        self.seen.begin(before, told)
        self.ready = True
        self._draw()

    def _happened(self, event: Event) -> None:
        proof = self.seen.happened(event)
        if proof is not None and proof.deployment != self._side_box.chosen:
            word = "proved" if proof.proved else f"not proved: {proof.reason}"
            self.notify(
                f"{proof.deployment} {word}",
                severity="information" if proof.proved else "error",
                timeout=4,
                markup=False,
            )

    # --- drawing

    def _draw(self) -> None:
        """Bring the page up to date: at once after an event, each second without one."""
        now, seen = self._clock(), self.seen
        if not self.ready or not (seen.changed or now - self._drawn_at >= 1.0):
            return
        if not self._log_box.is_attached:
            return  # the window is being closed
        seen.changed, self._drawn_at = False, now
        if lines := seen.unsaid():
            self._log_box.tell(lines)
        rows = seen.rows.values()
        self._side_box.show(sidebar.lines(rows, self._words, seen.habits, now, older=seen.older))
        if seen.follow in seen.rows:
            self._side_box.choose(seen.follow)
            seen.follow = ""
        self._draw_detail(now)
        opened = len(seen.open())
        ended = len(rows) + seen.older - opened
        title = f"deployer   {opened} open, {ended} ended   {seen.trouble or self._host.name}"
        self._title_line.update(Text(title, no_wrap=True, overflow="ellipsis"))

    def _draw_detail(self, now: float) -> None:
        row = self.row
        known = self.seen.habits(row.target) if row else Habits()
        rates = self.seen.rates(row, now) if row else ()
        self._detail_box.show(row, known, now, rates)

    @property
    def row(self) -> Row | None:
        """The chosen deployment."""
        return self.seen.rows.get(self._side_box.chosen)

    @property
    def rows(self) -> View:
        """What has been seen so far."""
        return self.seen.rows

    @on(OptionList.OptionHighlighted, "#list")
    def _chosen(self) -> None:
        self._draw_detail(self._clock())

    # --- requests

    def _asked(self, need: str = "") -> Row | None:
        """The chosen deployment; None, and a word to the user, when there is none for this."""
        row = self.row
        if row is None:
            self.notify("No deployment is chosen.", severity="warning")
        elif need == "open" and row.state.final:
            self.notify(f"{row.deployment} has ended already.", severity="warning")
        elif need == "ended" and not row.state.final:
            self.notify(f"{row.deployment} has not ended: cancel it first.", severity="warning")
        else:
            return row
        return None

    def _fail(self, error: DeployerError) -> None:
        self.notify(f"{error.what}\n{error.remedy}", severity="error", timeout=15, markup=False)

    @contextlib.contextmanager
    def _telling(self) -> Iterator[None]:
        """What the host refuses is shown in a note."""
        try:
            yield
        except DeployerError as error:
            self._fail(error)

    def action_push(self) -> None:
        """Choose a payload and push it."""
        targets = list(dict.fromkeys([*self.seen.targets(), *self._config.targets, "sim"]))
        requests = Requests(self._look, self._push, self._line_of)
        self.push_screen(PushScreen(requests, targets, targets[0], self._start))

    async def _push(self, choice: Picked) -> None:
        """Push what was picked. Raises what the host refuses."""
        target = settings.resolve_target(choice.target, self._config)
        request, _sent = await asyncio.to_thread(
            sending.ready, choice.request, Path(self._config.state_dir), target
        )
        order = Order(request, target, self._config.directory, self._address, choice.line)
        self.seen.follow = await self._host.push(order)

    async def _look(self, choice: Picked) -> Sequence[str]:
        """What the picker says about a choice: the files, and whether they fit."""
        seen = await self._host.recognise(choice.request)
        address = settings.resolve_target(choice.target or "sim", self._config)
        surveyed = await asyncio.to_thread(
            pace.of, settings.expanded(self._config.state_dir), address
        )
        _fit, line = estimate.fit_line(
            seen.load, self.seen.rows.values(), address, profile=seen.profile, model=seen.model,
            line=choice.line, engine=surveyed,
        )  # fmt: skip
        return (*seen.lines, line)

    def _line_of(self, target: str) -> LineSettings | None:
        """How the line to a target was set last, the usual if never; None: it has no line."""
        try:
            address = settings.resolve_target(target, self._config)
        except DeployerError:
            return None
        if not address.startswith(LINE):
            return None
        return self.seen.line(address) or LineSettings()

    @work
    async def action_pause(self) -> None:
        """Hold the next part back, or let it go."""
        row = self._asked("open")
        if row is not None and row.state == State.RUNNING and not row.paused:
            self.notify("All parts have arrived: nothing is left to pause.", severity="warning")
        elif row is not None:
            with self._telling():
                await (self._host.resume if row.paused else self._host.pause)(row.deployment)

    @work
    async def action_cancel(self) -> None:
        """End the chosen deployment, after a question."""
        row = self._asked("open")
        if row is None:
            return
        lines = (
            f"Cancel {row.deployment} for {words.machine(row.target)}?",
            "What has arrived stays on the PC: a retry goes on from there.",
        )
        if await self.push_screen_wait(Question("Cancel", lines, "Cancel it")):
            with self._telling():
                await self._host.cancel(row.deployment)

    @work
    async def action_retry(self) -> None:
        """Offer an ended deployment again."""
        row = self._asked("ended")
        if row is None:
            return
        with self._telling():
            self.seen.follow = await self._host.retry(row.deployment)

    def action_card(self) -> None:
        """What to type on the old PC, ticked off as it happens."""
        row = self._asked()
        if row is None:
            return
        identity = row.deployment

        def read() -> Sequence[str]:
            now = self.seen.rows[identity]
            due = hints(now, self._clock())
            return (*followed(now), *(["", *due] if due else []))

        self.push_screen(Live("Card", read))

    def action_details(self) -> None:
        """Every part in words."""
        row = self._asked()
        if row is None:
            return
        identity = row.deployment

        def read() -> Sequence[str]:
            parts = self.seen.rows[identity].parts
            return (
                legend(tuple(parts.values()), self.size.width - 8),
                "",
                *map(describe, parts.values()),
            )

        self.push_screen(Live("Every part", read))

    @work
    async def action_agent(self) -> None:
        """The old PC by its agent: its screen, a command there, restart."""
        row = self._asked()
        if row is None:
            return
        with self._telling():
            agent = await self._host.find_agent(row.target)
            self.push_screen(AgentScreen(self._host, agent, self._fail))

    @work
    async def action_proof(self) -> None:
        """The proof in full, its sums checked again."""
        row = self._asked()
        if row is None:
            return
        with self._telling():
            checks = await self._host.recheck(row.deployment)
            await self.push_screen(Dialog(f"Proof {row.deployment}", proofs.lines(row, checks)))

    @work
    async def action_copy(self) -> None:
        """Copy the command line that pushes the same again."""
        row = self._asked()
        if row is None:
            return
        with self._telling():
            self.copied = push_again.push_again(row, await self._host.sources(row.deployment))
            self.copy_to_clipboard(self.copied)
            self.notify(self.copied, title="Copied", timeout=8, markup=False)

    # --- the window itself

    def action_help(self) -> None:
        """All keys."""
        self.push_screen(Help())

    def action_filter(self) -> None:
        """Type words; only what has all of them stays in the list."""
        box = self.query_one("#filter", Input)
        box.add_class("-shown")
        box.focus()

    def action_unfilter(self) -> None:
        """Show all again."""
        box = self.query_one("#filter", Input)
        box.value = self._words = ""
        box.remove_class("-shown")
        self._side_box.focus()
        self.seen.changed = True

    @on(Input.Changed, "#filter")
    def _filtered(self, event: Input.Changed) -> None:
        self._words = event.value
        self.seen.changed = True

    @on(Input.Submitted, "#filter")
    def _filter_done(self) -> None:
        self._side_box.focus()

    def action_log(self) -> None:
        """Small, tall, hidden."""
        log = self._log_box
        now = next((size for size in _LOG_SIZES[1:] if log.has_class(size)), "")
        log.remove_class(*_LOG_SIZES[1:])
        after = _LOG_SIZES[(_LOG_SIZES.index(now) + 1) % len(_LOG_SIZES)]
        if after:
            log.add_class(after)

    def action_theme(self) -> None:
        """Dark, light, Windows 98."""
        names = list(looks.THEMES.values())
        at = names.index(self.theme) if self.theme in names else -1
        self.theme = names[(at + 1) % len(names)]

    def get_system_commands(self, screen: Screen[object]) -> Iterable[SystemCommand]:  # noqa: ARG002
        """The command palette: what the keys do, by its name."""
        for title, what, action in _COMMANDS:
            yield SystemCommand(title, what, partial(self.run_action, action))
        for name, theme in looks.THEMES.items():
            yield SystemCommand(f"Theme: {name}", "Colours", partial(setattr, self, "theme", theme))

    async def action_quit(self) -> None:
        """Textual's own key, Ctrl-Q: it asks as `q` does."""
        self.action_quit_kindly()

    def action_help_quit(self) -> None:
        """Ctrl-C ends no window, and says what does."""
        ends = self._host.ends_with_face and self.seen.open()
        lasting = "" if ends else " What is on its way goes on without this window."
        self.notify(f"To leave, press q (Esc first, where a page is open).{lasting}")

    @work
    async def action_quit_kindly(self) -> None:
        """Quit; asks first when open deployments would end with this window."""
        served = self.seen.open() if self._host.ends_with_face else []
        if served:
            lines = (
                f"{len(served)} open: {', '.join(row.deployment for row in served[:4])}.",
                "They are served by this window, and are cancelled when it is closed.",
                "What has arrived stays on the PC: a retry goes on from there.",
            )
            if not await self.push_screen_wait(Question("Quit", lines, "Quit")):
                return
        self.exit()
