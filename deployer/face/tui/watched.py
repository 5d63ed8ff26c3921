"""What has been seen so far: the rows, the habits of the targets, the lines still to be said."""

from __future__ import annotations

from deployer.core.pace import PartPace, add, after
from deployer.core.view import Row, View, fold
from deployer.events import (
    DeploymentStaged,
    Event,
    HostTroubled,
    ProofReceived,
    ScreenLine,
    StateChanged,
    TransferCut,
    TransferDone,
    TransferStarted,
    TransferTick,
)
from deployer.face import estimate, words
from deployer.face.estimate import Habits
from deployer.host.requests import Before
from deployer.model import LineSettings, Proof, State

ROWS = 200
"""How many deployments a window begins with, besides those that are open."""
BACKLOG = 1000
"""How many events before it a window looks at for its log."""

_LINES = 200


class Watched:
    """The fold of the events, and what a window needs beside it.

    `older` is how many deployments there are beside the rows, `follow` the deployment that was
    staged last and not looked at yet, `trouble` what keeps the host from going on, `changed`
    whether anything came since it was last set to False.
    """

    def __init__(self) -> None:
        self.rows: View = {}
        self.older = 0
        self._targets: tuple[str, ...] = ()
        self.follow = ""
        self.trouble = ""
        self.changed = True
        self._habits: dict[str, Habits] = {}
        self._unsaid: list[Event] = []
        self._paces: dict[str, PartPace] = {}

    def begin(self, before: Before, told: list[Event]) -> None:
        """Take in how everything stands, and what was told last, which the rows hold already."""
        self.rows = {row.deployment: row for row in before.rows}
        self.older = before.count - len(before.rows)
        self._targets = before.targets
        for target in {row.target for row in before.rows}:
            self._learn(target)
        self._unsaid = told
        self._paces = {}
        for event in told:
            self._run(event)
        self.changed = True

    def happened(self, event: Event) -> Proof | None:
        """Take in one event; the proof that it brings, which is worth a note."""
        self.rows = fold(self.rows, event)
        self.changed = True
        self._unsaid.append(event)
        self._run(event)
        match event:
            case DeploymentStaged(deployment=deployment):
                self.follow = deployment
            case StateChanged(deployment=deployment) if deployment in self.rows:
                self._learn(self.rows[deployment].target)
            case ProofReceived(proof=proof):
                return proof
            case HostTroubled(what=what):
                self.trouble = what
            case _:
                pass
        return None

    def habits(self, target: str) -> Habits:
        """What a target has shown."""
        return self._habits.get(target, Habits())

    def rates(self, row: Row, now: float) -> tuple[float, ...]:
        """Bytes a second of what has been seen of a deployment, until now or until its end."""
        pace = self._paces.get(row.deployment)
        if pace is None:
            return ()
        still = row.state == State.FETCHING and now > pace.at
        return (add(pace, 0, now) if still else pace).rates

    def _run(self, event: Event) -> None:
        """Keep the pace of the parts; of no more deployments than a window begins with."""
        if not isinstance(event, TransferStarted | TransferTick | TransferDone | TransferCut):
            return
        row = self.rows.get(event.deployment)
        if row is None or event.name not in row.parts:
            return
        pace = after(self._paces.pop(row.deployment, None), event)
        if pace is not None:
            self._paces[row.deployment] = pace
        if len(self._paces) > ROWS:
            del self._paces[next(iter(self._paces))]

    def targets(self) -> list[str]:
        """Every target, the one used last first."""
        newest = sorted(self.rows.values(), key=lambda row: -row.at)
        return list(dict.fromkeys((*(row.target for row in newest), *self._targets)))

    def line(self, target: str) -> LineSettings | None:
        """How the serial line to a target was set last; None when it never was."""
        set_ = [row for row in self.rows.values() if row.target == target and row.line is not None]
        return max(set_, key=lambda row: row.at).line if set_ else None

    def open(self) -> list[Row]:
        """Deployments that have not ended."""
        return [row for row in self.rows.values() if not row.state.final]

    def unsaid(self) -> list[str]:
        """Lines for the log since the last call."""
        events, self._unsaid = self._unsaid, []
        return [line for event in events if (line := self._line(event))][-_LINES:]

    def _learn(self, target: str) -> None:
        self._habits[target] = estimate.habits(self.rows.values(), target)

    def _line(self, event: Event) -> str:
        """A line of the log; the simulated PC's screen has a box of its own."""
        row = self.rows.get(event.deployment)
        parts = len(row.parts) if row else 0
        return "" if isinstance(event, ScreenLine) else words.timed(event, parts)
