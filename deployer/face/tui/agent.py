"""The old PC's own page in the window: its screen as a picture, a command that runs there, restart.

Everything on it is asked of the agent on that PC.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable

from rich.color import Color
from rich.style import Style
from rich.text import Text
from textual import on, work
from textual.app import ComposeResult
from textual.binding import Binding
from textual.containers import Vertical, VerticalScroll
from textual.screen import ModalScreen
from textual.widgets import Input, Static

from deployer.core.agents.picture import shrunk
from deployer.errors import DeployerError
from deployer.face import text
from deployer.host.agents.errand import Errand, ask, follow, give, restart
from deployer.host.requests import AgentRow, Host

HALF = "▀"
GREYS = " .:-=+*#%@"
_WAITS, _BACK_WITHIN = 90.0, 300.0
"""Seconds in which the agent may call, and a restarted PC be back."""
_MOST = 100_000
"""Characters of a program's output that are kept in sight."""


def half_blocks(picture: bytes, columns: int, lines: int, *, colour: bool = True) -> Text:
    """A BMP as text: two pixels a character, one above the other; without colour as brightness.

    Raises ValueError for anything that is no such BMP.
    """
    rows = shrunk(picture, columns, 2 * lines)
    shown = Text(no_wrap=True)
    for upper, lower in zip(rows[::2], rows[1::2], strict=False):
        for at in range(0, len(upper), 3):
            above, below = upper[at : at + 3], lower[at : at + 3]
            if colour:
                style = Style(color=Color.from_rgb(*above), bgcolor=Color.from_rgb(*below))
                shown.append(HALF, style)
            else:
                shown.append(GREYS[(sum(above) + sum(below)) * (len(GREYS) - 1) // (6 * 255)])
        shown.append("\n")
    return shown


def facts(row: AgentRow) -> str:
    """Who it is, and how it stands."""
    size = f"{row.memory // 1024} MB memory, {text.size(row.free * 1024)} free"
    told = ", ".join(filter(None, (row.system and f"Windows {row.system}", row.cpu)))
    busy = f"; it is about {row.busy}" if row.busy else ""
    where = "is there" if row.here else "is not there now: it calls as soon as it can"
    lines = [f"The agent on {row.called} ({row.address or row.target}) {where}{busy}."]
    return text.plain("\n".join([*lines, f"{told}; {size}"] if told else lines))


class AgentScreen(ModalScreen[None]):
    """The page. Esc closes it; a program that runs is ended there then."""

    BINDINGS = [  # noqa: RUF012 - as Textual wants it
        Binding("escape", "dismiss", "Close"),
        Binding("f5", "picture", "Screen"),
        Binding("f8", "restart", "Restart"),
    ]

    def __init__(self, host: Host, row: AgentRow, failed: Callable[[DeployerError], None]) -> None:
        super().__init__()
        self._host, self._row, self._failed = host, row, failed
        self._wrote = ""
        self._sure = False

    def compose(self) -> ComposeResult:
        """Facts, picture, what a program wrote, a line to type."""
        with Vertical(id="frame") as frame:
            frame.border_title = "The old PC's agent"
            yield Static(facts(self._row), id="facts", markup=False)
            with VerticalScroll(id="scroll"):
                yield Static(id="picture", markup=False)
                yield Static(id="wrote", markup=False)
            yield Static("F5 screen   F8 restart   Esc close", id="keys", markup=False)
            yield Input(placeholder="a command there, then Enter", id="command")

    def on_mount(self) -> None:
        """Its screen at once, if it is there."""
        self.query_one("#command").focus()
        if self._row.here:
            self.action_picture()

    def _say(self, line: str) -> None:
        for box in self.query("#facts").results(Static):
            box.update(text.plain(line))

    def _errand(self) -> Errand:
        return Errand(self._host, self._row, _WAITS, self._say)

    async def _do(self, doing: str, job: Callable[[Errand], Awaitable[object]]) -> None:
        """Something is asked of the agent; what goes wrong is told by the window."""
        self._say(f"{self._row.called}: {doing} ...")
        try:
            await job(self._errand())
            self._row = await self._host.find_agent(self._row.agent)
            self._say(facts(self._row))
        except DeployerError as error:
            self._say(f"{error.what}\n{error.remedy}")
            self._failed(error)

    @work(exclusive=True, group="asked")
    async def action_picture(self) -> None:
        """Take a picture of its screen."""

        async def job(errand: Errand) -> None:
            picture = await ask(errand, "SCREEN")
            room = self.query_one("#scroll").size
            size = max(room.width - 2, 16), max(room.height - 1, 6)
            colour = not self.app.no_color
            try:
                shown = await asyncio.to_thread(half_blocks, picture, *size, colour=colour)
            except ValueError as error:
                shown = Text(f"What came is no picture: {error}.")
            for box in self.query("#picture").results(Static):
                box.update(shown)

        await self._do("taking a picture of its screen", job)

    @work(exclusive=True, group="asked")
    async def action_restart(self) -> None:
        """Restart its Windows; the key has to be pressed twice."""
        if not self._sure:
            self._sure = True
            self._say(f"Press F8 again to restart {self._row.called}; what runs there ends.")
            return
        self._sure = False

        async def job(errand: Errand) -> None:
            self._row = await restart(errand, _BACK_WITHIN)

        await self._do("restarting", job)

    @on(Input.Submitted, "#command")
    def _typed(self, event: Input.Submitted) -> None:
        command = event.value.strip()
        event.input.value = ""
        if command:
            self._run_there(command)

    @work(exclusive=True, group="asked")
    async def _run_there(self, command: str) -> None:
        """Run it; what it prints is shown as it comes."""

        async def job(errand: Errand) -> None:
            self._write(f"> {command}\n")
            order = await give(errand, "RUN", "C:\\DEPLOY", "0", "0", command)
            heard = await follow(errand, order, command, self._came)
            self._write(f"[exit {heard.code}]\n")

        await self._do(f"running {command}", job)

    def _came(self, data: bytes) -> None:
        self._write(data.decode(f"cp{self._row.oem_codepage}", "replace").replace("\r", ""))

    def _write(self, more: str) -> None:
        self._wrote = (self._wrote + more)[-_MOST:]
        for box in self.query("#picture").results(Static):
            box.update("")
        for box in self.query("#wrote").results(Static):
            box.update(text.plain(self._wrote))
        for scroll in self.query("#scroll").results(VerticalScroll):
            scroll.scroll_end(animate=False)
