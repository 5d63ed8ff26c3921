"""The list of targets and their deployments."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence

from rich.text import Text
from textual.widgets import OptionList
from textual.widgets.option_list import Option

from deployer.core.view import Row
from deployer.face import estimate
from deployer.face.estimate import Habits
from deployer.face.tui.looks import STATE_STYLE
from deployer.model import SIM, State

SidebarLine = tuple[str, str, str]
"""Id ("" for a heading), words, style."""


def age(seconds: float) -> str:
    """How long ago, coarse, so that old lines need not be drawn again."""
    for unit, length in (("d", 86400), ("h", 3600), ("min", 60)):
        if seconds >= length:
            return f"{int(seconds // length)} {unit}"
    return f"{max(int(seconds), 0)} s"


def matches(row: Row, words: str) -> bool:
    """Whether every word of a filter occurs in what the row shows."""
    files = " ".join(file.long_name for file in row.files)
    hay = f"{row.deployment} {row.target} {row.state.value} {files} {row.run}".lower()
    return all(word in hay for word in words.lower().split())


def lines(
    rows: Iterable[Row],
    words: str,
    habits: Callable[[str], Habits],
    now: float,
    *,
    older: int = 0,
) -> list[SidebarLine]:
    """Headings and deployments: targets with open ones first, the newest first in each.

    `older` is how many there are besides.
    """
    groups: dict[str, list[Row]] = {}
    for row in rows:
        if matches(row, words):
            groups.setdefault(row.target, []).append(row)
    found: list[SidebarLine] = []
    for target, members in sorted(groups.items(), key=_first):
        found.append(("", "simulated PC" if target == SIM else target, "bold"))
        known = habits(target)
        ordered = sorted(members, key=lambda row: (row.state.final, -row.at))
        found += [_line(row, known, now) for row in ordered]
    if older > 0:
        found.append(("", f"{older:,} older: deployer history", "dim"))
    return found


def _first(group: tuple[str, Sequence[Row]]) -> tuple[bool, float]:
    rows = group[1]
    return all(row.state.final for row in rows), -max(row.since for row in rows)


def _line(row: Row, known: Habits, now: float) -> SidebarLine:
    word = "paused" if row.paused else row.state.value
    if row.state in (State.FETCHING, State.VERIFYING):
        last = f"{int(estimate.left(row, known, now).done * 100)} %"
    else:
        last = age(now - row.since)
    return row.deployment, f"{row.deployment} {word:<9} {last:>6}", STATE_STYLE[row.state]


class Sidebar(OptionList):
    """The list; what did not change is not drawn again."""

    def __init__(self) -> None:
        super().__init__(id="list", markup=False)
        self._shown: list[SidebarLine] = []
        self._plain = -1

    def show(self, found: list[SidebarLine]) -> None:
        """Show these lines and keep the highlight on the same deployment."""
        if [line[0] for line in found] == [line[0] for line in self._shown]:
            for index, (old, new) in enumerate(zip(self._shown, found, strict=True)):
                if old != new:
                    self._paint(index, new)
            self._shown = found
            return
        self._shown = found
        keep = self.chosen
        self.clear_options()
        self.add_options(
            [Option(_prompt(line), id=line[0] or None, disabled=not line[0]) for line in found]
        )
        self.choose(keep)

    def on_option_list_option_highlighted(self, event: OptionList.OptionHighlighted) -> None:
        """The highlight has a colour of its own, so the words in it have none."""
        before, self._plain = self._plain, event.option_index
        for index in (before, self._plain):
            if 0 <= index < len(self._shown):
                self._paint(index, self._shown[index])

    def _paint(self, index: int, line: SidebarLine) -> None:
        self.replace_option_prompt_at_index(
            index, _prompt(line, chosen=index == self._plain and bool(line[0]))
        )

    @property
    def chosen(self) -> str:
        """The highlighted deployment, "" for none."""
        option = self.highlighted_option
        return (option.id or "") if option else ""

    def choose(self, deployment: str) -> None:
        """Highlight a deployment, or the first one when it is not there."""
        ids = [line[0] for line in self._shown]
        if deployment and deployment in ids:
            self.highlighted = ids.index(deployment)
        elif any(ids):
            self.highlighted = next(i for i, identity in enumerate(ids) if identity)


def _prompt(line: SidebarLine, *, chosen: bool = False) -> Text:
    """A line of the list; the chosen one has a sign, for those who see no colour."""
    identity, words, style = line
    shown = f"{'>' if chosen else ' '}{words}" if identity else words
    return Text(shown, style="" if chosen else style, no_wrap=True, overflow="ellipsis")
