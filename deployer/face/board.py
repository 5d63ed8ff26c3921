"""The board of `deployer provision`: one line for each PC, live, of what it does and waits for."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from rich.console import Console, Group, RenderableType
from rich.live import Live
from rich.table import Table
from rich.text import Text

from deployer.bench import TargetResult
from deployer.core.view import Row, View, fold
from deployer.events import DeploymentStaged, Event
from deployer.face import text, words
from deployer.face.card import steps
from deployer.face.estimate import Habits, left
from deployer.model import State, is_simulated

_EVERY = 4
"""Pictures a second."""
_NOBODY = Habits()


@dataclass
class Board:
    """What is known of every PC of a bench: `addresses` by name. Give it events and lines.

    What has ended goes below what has not, and only as many lines are shown as there are.
    """

    addresses: Mapping[str, str]
    console: Console
    clock: Callable[[], float] = time.time
    _rows: View = field(default_factory=dict)
    _newest: dict[str, str] = field(default_factory=dict)
    _ended: dict[str, TargetResult] = field(default_factory=dict)
    _steps: dict[str, str] = field(default_factory=dict)

    def live(self) -> Live:
        """The picture that follows; it goes away at the end, where the results take its place."""
        return Live(
            console=self.console, get_renderable=self.picture, refresh_per_second=_EVERY,
            transient=True,
        )  # fmt: skip

    def take(self, event: Event) -> None:
        """Something happened."""
        self._rows = fold(self._rows, event)
        if isinstance(event, DeploymentStaged):
            self._newest[event.target] = event.deployment

    def tell(self, name: str, line: str) -> None:
        """A line about a PC that people have to know: it stays above the board."""
        for one in line.splitlines():
            self.console.print(Text(f"{name}: {text.one_line(one)}"))

    def doing(self, name: str, step: str) -> None:
        """A PC is about this step now."""
        self._steps[name] = step

    def ended(self, result: TargetResult) -> None:
        """Nothing more will happen with a PC."""
        self._ended[result.name] = result

    def picture(self) -> RenderableType:
        """All PCs that there is room for, and how many are done."""
        most = max(self.console.height - 3, 1)
        names = sorted(self.addresses, key=lambda name: name in self._ended)
        table = Table.grid(padding=(0, 2), expand=True)
        for ratio in (None, None, None, None, 1):  # what it does is cut before its name is
            table.add_column(no_wrap=True, overflow="ellipsis", ratio=ratio)
        for name in names[:most]:
            table.add_row(*(Text(cell) for cell in self.line(name)))
        good = sum(result.proved for result in self._ended.values())
        more = f"; {len(names) - most} more below" if len(names) > most else ""
        total = f"{good} of {text.count(len(names), 'PC')} proved, {len(self._ended)} ended{more}"
        return Group(table, Text(total, style="bold", no_wrap=True, overflow="ellipsis"))

    def line(self, name: str) -> tuple[str, ...]:
        """A letter, the name, the address, how much is done, and what goes on."""
        row = self._rows.get(self._newest.get(self.addresses[name], ""))
        if (end := self._ended.get(name)) is not None:
            why = text.one_line(f": {end.reason}" if end.reason else "")
            return ("#" if end.proved else "!", name, end.address, "", f"{end.outcome}{why}")
        step = text.one_line(self._steps.get(name, ""))
        if step and (row is None or row.state.final):  # what goes on is no delivery
            return (">", name, self.addresses[name], "", step)
        if row is None:
            return (".", name, self.addresses[name], "", "not offered yet")
        done = left(row, _NOBODY, self.clock()).done
        shown = f"{int(done * 100)} %" if row.state in _MOVING else ""
        return (">" if row.state in _MOVING else ".", name, row.target, shown, _doing(row))


_MOVING = (State.FETCHING, State.VERIFYING, State.RUNNING)


def _doing(row: Row) -> str:
    match row.state:
        case State.STAGED | State.WAITING:
            return _waits(row)
        case State.FETCHING | State.VERIFYING if row.pulls:
            return words.pulling(row)
        case State.FETCHING if row.paused and not row.current:
            return "its turn has not come: as many as may fetch do so"
        case State.FETCHING:
            rate = row.rate_now
            speed = f" at {text.size(round(rate))}/s" if rate else ""
            return f"fetching {row.current or 'the next part'}{speed}"
        case State.VERIFYING:
            return "verifying on its own disk"
        case State.RUNNING:
            return f"running {row.run}"
        case _:
            return f"{row.state.value}{f': {row.reason}' if row.reason else ''}"


def _waits(row: Row) -> str:
    """For whom it waits, and for what to be typed there."""
    if row.line is not None:
        return "waiting for the PC on its serial line"
    if is_simulated(row.target):
        return "the simulated PC starts"
    due = next((step for step in steps(row.host) if step.mark > row.mark), None)
    if due is None:
        return "GO.BAT starts"
    return f"waiting: type at {due.prompt} {due.typed or '(just Enter)'}"
