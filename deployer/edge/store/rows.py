"""How each deployment stands, kept beside its events: one row each, of `core.view`.

A row says up to which event it goes. It is written at once when a deployment begins, changes its
state or is over; in between, with many parts, only now and then: whoever reads it folds the few
events that came since. So a row read here is always what all events make.
"""

from __future__ import annotations

import zlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import msgspec

from deployer.core.view import Row, apply
from deployer.edge.store.database import VERSION, Database, Record
from deployer.edge.store.log import Log, StoredEvent
from deployer.events import (
    ClientConnected,
    DeploymentStaged,
    Event,
    LoginRefused,
    NotUnderstood,
    ProofReceived,
    StateChanged,
    TargetFound,
    read,
)
from deployer.model import State

_PAGE = 256
_FEW = 16
_BODIES = msgspec.msgpack.Decoder(Row)
_OF_NOBODY = (ClientConnected, LoginRefused)
"""What came before a login concerns those who wait for that machine."""
_AT_ONCE = (StateChanged, DeploymentStaged, TargetFound, ProofReceived)
"""What a reader looks for in the table itself."""
_COLUMNS = """
SELECT deployment, staged, seq, lost, version, body,
    (SELECT max(seq) FROM events WHERE events.deployment = rows.deployment)
FROM rows
"""


@dataclass(frozen=True, slots=True)
class _Standing:
    """A row after event number `seq`; `written` is the number up to which it is in the file."""

    row: Row
    staged: int
    seq: int
    lost: int
    written: int


class StoredRows:
    """The rows of one database."""

    def __init__(self, db: Database, log: Log) -> None:
        self._db = db
        self._log = log
        self._known: dict[str, _Standing] = {}

    # --- reading

    def row(self, deployment: str) -> Row | None:
        """How a deployment stands."""
        found = self._some("WHERE deployment = ?", (deployment,))
        return found[0] if found else None

    def state(self, deployment: str) -> State | None:
        """The state of a deployment: it is in the table at once, so no row has to be read."""
        query = "SELECT state FROM rows WHERE deployment = ? AND version = ?"
        found = self._db.one(query, (deployment, VERSION))
        if found is not None:
            return State(found[0])
        row = self.row(deployment)
        return row.state if row is not None else None

    def newest(self, most: int, target: str | None = None) -> list[Row]:
        """The rows that were staged last, of a target if one is named; the oldest of them first."""
        where, values = ("", ()) if target is None else ("WHERE target = ?", (target,))
        return self._some(f"{where} ORDER BY staged DESC LIMIT ?", (*values, most))[::-1]

    def ended(self, most: int) -> list[Row]:
        """What has ended, those that were staged last; the oldest of them first."""
        return self._some("WHERE final ORDER BY staged DESC LIMIT ?", (most,))[::-1]

    def open(self) -> list[Row]:
        """What has not ended, in the order of staging."""
        return self._some("WHERE NOT final ORDER BY staged", ())

    def all(self, target: str | None = None) -> Iterator[Row]:
        """Every row, of a target if one is named, in the order of staging, page by page."""
        query = f"{_COLUMNS} WHERE staged > ?"
        values = () if target is None else (target,)
        if values:
            query += " AND target = ?"
        query += " ORDER BY staged LIMIT ?"
        since = 0
        while records := self._db.all(query, (since, *values, _PAGE)):
            yield from (each.row for record in records if (each := self._standing(record)))
            since = records[-1][1]

    def lost(self) -> int:
        """How many events of deployments cannot be read."""
        return self._db.number("SELECT sum(lost) FROM rows WHERE lost > 0")

    def _some(self, where: str, values: Sequence[object]) -> list[Row]:
        return [standing.row for standing in self._read(where, values) if standing is not None]

    def _read(self, where: str, values: Sequence[object]) -> list[_Standing | None]:
        with self._db.reading():
            return [self._standing(record) for record in self._db.all(_COLUMNS + where, values)]

    def _standing(self, record: Record) -> _Standing | None:
        deployment, staged, seq, lost, version, body, newest = record
        row = _decode(body) if version == VERSION else None
        if row is None:
            return self._made_anew(deployment)
        standing = _Standing(row, staged, seq, lost, seq)
        return self._caught_up(standing) if newest is not None and newest > seq else standing

    def _caught_up(self, standing: _Standing) -> _Standing:
        name = standing.row.deployment
        return _folded(standing, self._log.lines(standing.seq, name)) or standing

    def _made_anew(self, deployment: str, until: int | None = None) -> _Standing | None:
        """From the events alone (up to one); None when they tell of no staging."""
        first, last = self._log.spans(deployment)
        last = last + 1 if until is None else until
        own = list(self._log.lines(first - 1, deployment, until=last))
        made = _folded(None, own)
        if made is None:
            return None
        kinds = tuple(kind.__name__ for kind in _OF_NOBODY)
        last = last if made.row.state.final or until is not None else self._log.last() + 1
        others = list(self._log.lines(first, "", kinds, until=last))
        return _folded(None, sorted((*own, *others))) if others else made

    # --- writing

    def fold(self, event: Event, seq: int) -> None:
        """Take in an event that has just got this number, within the transaction that wrote it."""
        if event.deployment:
            self._fold(event.deployment, event, seq)
        elif isinstance(event, _OF_NOBODY):
            for (name,) in self._db.all("SELECT deployment FROM rows WHERE NOT final"):
                self._fold(name, event, seq)

    def _fold(self, name: str, event: Event, seq: int) -> None:
        before = self._current(name, seq)
        view = {name: before.row} if before else {}
        if not apply(view, event) and (before is None or not event.deployment):
            return
        staged = seq if isinstance(event, DeploymentStaged) or before is None else before.staged
        lost = before.lost if before else 0
        written = before.written if before else 0
        after = _Standing(view[name], staged, seq, lost, written)
        at_once = isinstance(event, _AT_ONCE)
        if at_once or not event.deployment or self._is_due(after):
            after = self.write(after)
        self._known[name] = after

    def _is_due(self, standing: _Standing) -> bool:
        """Whether so many events came since it was written that a reader would notice."""
        return standing.seq - standing.written > _FEW + len(standing.row.parts) // 8

    def _current(self, name: str, until: int) -> _Standing | None:
        """How it stands before that event. What another process has written is taken in."""
        found = self._db.one("SELECT seq FROM rows WHERE deployment = ?", (name,))
        known = self._known.get(name)
        if found is None:
            return None
        if known is not None and known.written == found[0]:
            # Another process may have written events, and not the row yet.
            return _folded(known, self._log.lines(known.seq, name, until=until)) or known
        records = self._db.all(f"{_COLUMNS} WHERE deployment = ?", (name,))
        lines = self._log.lines(records[0][2], name, until=until)
        _name, staged, seq, lost, version, body, _newest = records[0]
        row = _decode(body) if version == VERSION else None
        if row is None:
            return self._made_anew(name, until)
        standing = _Standing(row, staged, seq, lost, seq)
        return _folded(standing, lines) or standing

    def settle(self, deployment: str) -> None:
        """Write a row that goes up to its newest event, if there is one, and let it go."""
        standing = self._current(deployment, self._log.last() + 1)
        if standing is not None and standing.written < standing.seq:
            self.write(standing)
        self._known.pop(deployment, None)

    def make_anew(self, deployment: str) -> bool:
        """Write a deployment's row from its events alone; whether it has ended."""
        made = self._made_anew(deployment)
        if made is None:
            return False
        self.write(made)
        return made.row.state.final

    def write(self, standing: _Standing) -> _Standing:
        """Put it into the file."""
        row = standing.row
        self._db.run(
            "INSERT OR REPLACE INTO rows"
            " (deployment, target, staged, state, final, seq, lost, version, body)"
            " VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)",
            (
                row.deployment, row.target, standing.staged, row.state, row.state.final,
                standing.seq, standing.lost, VERSION,
                zlib.compress(msgspec.msgpack.encode(row), 1),
            ),
        )  # fmt: skip
        return _Standing(row, standing.staged, standing.seq, standing.lost, standing.seq)

    def forget(self) -> None:
        """Believe the file alone: what was to be written has not been."""
        self._known.clear()


def _folded(
    before: _Standing | None, lines: Iterator[StoredEvent] | Sequence[StoredEvent]
) -> _Standing | None:
    """The row after more lines, in order."""
    view = {before.row.deployment: before.row} if before else {}
    staged, seq, lost = (before.staged, before.seq, before.lost) if before else (0, 0, 0)
    for line in lines:
        event = read(line.text, line.at, line.deployment)
        lost += isinstance(event, NotUnderstood)
        if isinstance(event, DeploymentStaged):
            staged = line.seq
        apply(view, event)
        seq = line.seq
    for row in view.values():
        return _Standing(row, staged, seq, lost, before.written if before else 0)
    return None


def _decode(body: bytes) -> Row | None:
    """A row as it was written; None for what cannot be read any more."""
    try:
        return _BODIES.decode(zlib.decompress(body))
    except (zlib.error, msgspec.MsgspecError, TypeError):
        return None
