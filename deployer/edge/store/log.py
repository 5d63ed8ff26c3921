"""The events of a store: loose while a deployment is open, packed when it has ended.

A pack holds events of one deployment in order, compressed: a tenth of the room that they take
loose. What an event says stays as it was written, letter for letter.
"""

from __future__ import annotations

import zlib
from collections.abc import Iterator, Sequence
from typing import Any, NamedTuple

import msgspec

from deployer.edge.store.database import Database

_MOST_IN_PACK, _MOST_BYTES = 4096, 1 << 20
_PAGE = 512
_LAST = (1 << 63) - 1
KEPT = ("DeploymentStaged", "ProofReceived", "StateChanged", "TargetFound")
"""What pruning leaves: what was sent to whom, how it ended, and every proof."""

_Packed = tuple[int, float, str, Any]
_PACKS = msgspec.msgpack.Decoder(list[_Packed])
_ALL_LOOSE = """
WITH RECURSIVE found (name) AS (
    SELECT min(deployment) FROM events
    UNION ALL
    SELECT (SELECT min(deployment) FROM events WHERE deployment > name)
    FROM found WHERE name IS NOT NULL
)
SELECT name FROM found WHERE name IS NOT NULL
"""
_NEXT_WHOLE = """
SELECT first, deployment, body FROM packs AS old
WHERE NOT pruned AND at < ?1 AND (deployment = '' OR NOT (
    EXISTS (SELECT 1 FROM packs WHERE deployment = old.deployment AND at >= ?1)
    OR EXISTS (SELECT 1 FROM events WHERE deployment = old.deployment AND at >= ?1)
)) LIMIT 16
"""


class StoredEvent(NamedTuple):
    """One stored event: its number, time, deployment, kind, and what it says, which may be bad."""

    seq: int
    at: float
    deployment: str
    kind: str
    text: str | bytes


class Log:
    """The events of one database."""

    def __init__(self, db: Database) -> None:
        self._db = db

    def add(self, at: float, deployment: str, kind: str, text: str) -> int:
        """Write one down; its number."""
        return self._db.run(
            "INSERT INTO events (at, deployment, kind, json) VALUES (?, ?, ?, ?)",
            (at, deployment, kind, text),
        )

    def last(self) -> int:
        """Number of the newest one, 0 when there never was one."""
        loose = self._db.number("SELECT max(seq) FROM events")
        return max(loose, self._db.number("SELECT max(last) FROM packs"))

    def go_on(self, after: int) -> None:
        """Give no number again that is not larger than this one."""
        with self._db.writing():
            if self.last() < after and not self._db.changed(
                "UPDATE sqlite_sequence SET seq = max(seq, ?) WHERE name = 'events'", (after,)
            ):
                self._db.run("INSERT INTO sqlite_sequence VALUES ('events', ?)", (after,))

    def lines(
        self,
        since: int = 0,
        deployment: str | None = None,
        kinds: Sequence[str] = (),
        most: int = -1,
        until: int = _LAST,
    ) -> Iterator[StoredEvent]:
        """Events with larger numbers than `since`, in order; `most` of them, less than 0 is all.

        None with a number of `until` or more.

        Reads page by page: what another process does meanwhile takes nothing away.
        """
        while most:
            size = _PAGE if most < 0 else min(most, _PAGE)
            page = self._page(since, until, deployment, kinds, size)
            yield from page
            if len(page) < size:
                return
            since, most = page[-1].seq, most - size if most > 0 else most

    def _page(
        self, since: int, until: int, deployment: str | None, kinds: Sequence[str], most: int
    ) -> list[StoredEvent]:
        loose = "SELECT seq, at, deployment, kind, json FROM events WHERE seq > ? AND seq < ?"
        packs = "SELECT first FROM packs WHERE last > ? AND first < ?"
        values: list[object] = [since, until]
        if deployment is not None:
            loose += " AND deployment = ?"
            packs += " AND deployment = ?"
            values.append(deployment)
        if kinds:
            loose += f" AND kind IN ({','.join('?' * len(kinds))})"
        loose += " ORDER BY seq LIMIT ?"
        packs += " ORDER BY first"
        with self._db.reading():
            found = [
                StoredEvent(*record) for record in self._db.all(loose, [*values, *kinds, most])
            ]
            for (first,) in self._db.all(packs, values):
                if sum(line.seq < first for line in found) >= most:
                    break  # whatever is in this pack, and in those after it, comes later
                packed = (x for x in self._unpacked(first) if since < x.seq < until)
                found += [line for line in packed if not kinds or line.kind in kinds]
        return sorted(found)[:most]

    def _unpacked(self, first: int) -> list[StoredEvent]:
        record = self._db.one(
            "SELECT last, at, deployment, body FROM packs WHERE first = ?", (first,)
        )
        return _unpack(*record) if record else []

    def spans(self, deployment: str) -> tuple[int, int]:
        """The first and the last number of a deployment's events; (0, 0) when it has none."""
        ends = self._db.all(
            "SELECT min(seq), max(seq) FROM events WHERE deployment = ?1 UNION ALL"
            " SELECT min(first), max(last) FROM packs WHERE deployment = ?1",
            (deployment,),
        )
        known = [pair for pair in ends if pair[0] is not None]
        return (
            min((first for first, _last in known), default=0),
            max((last for _first, last in known), default=0),
        )

    def with_loose(self) -> list[str]:
        """Deployments that have loose events; "" is for those that belong to none."""
        return [name for (name,) in self._db.all(_ALL_LOOSE)]

    def is_long(self, deployment: str, many: int) -> bool:
        """Whether a deployment has more loose events than so many."""
        query = "SELECT 1 FROM events WHERE deployment = ? LIMIT 1 OFFSET ?"
        return self._db.one(query, (deployment, many)) is not None

    def newest_loose(self, deployment: str) -> float:
        """When the newest loose event of a deployment was."""
        found = self._db.one("SELECT max(at) FROM events WHERE deployment = ?", (deployment,))
        return float(found[0] or 0.0) if found else 0.0

    def pack(self, deployment: str) -> None:
        """Pack the loose events of a deployment."""
        with self._db.writing():
            for first, last in self._runs(deployment):
                some: list[_Packed] = self._db.all(
                    "SELECT seq, at, kind, json FROM events"
                    " WHERE deployment = ? AND seq BETWEEN ? AND ? ORDER BY seq",
                    (deployment, first, last),
                )
                self._db.run(
                    "INSERT INTO packs (first, last, deployment, at, pruned, body)"
                    " VALUES (?, ?, ?, ?, 0, ?)",
                    (first, last, deployment, _newest(some), _body(some)),
                )
            self._db.run("DELETE FROM events WHERE deployment = ?", (deployment,))

    def _runs(self, deployment: str) -> list[tuple[int, int]]:
        """The first and last of its loose events that go into each pack: few, or few bytes."""
        runs: list[tuple[int, int]] = []
        count = total = 0
        for seq, length in self._db.all(
            "SELECT seq, ifnull(length(json), 0) FROM events WHERE deployment = ? ORDER BY seq",
            (deployment,),
        ):
            count, total = count + 1, total + length
            if runs and count <= _MOST_IN_PACK and total <= _MOST_BYTES:
                runs[-1] = runs[-1][0], seq
            else:
                runs.append((seq, seq))
                count, total = 1, length
        return runs

    def prune(self, before: float) -> int | None:
        """Forget the small events of a few deployments whose newest one is older; how many went.

        None when nothing is left to forget. What concerns no deployment goes by its own age.
        """
        with self._db.writing():
            old = self._db.all(_NEXT_WHOLE, (before,))
            gone = self._db.changed(
                "DELETE FROM events WHERE deployment = '' AND at < ?", (before,)
            )
            for first, deployment, body in old:
                lines = _unpack_or_none(body)
                if lines is None:  # damaged: it stays as it is
                    self._db.run("UPDATE packs SET pruned = 1 WHERE first = ?", (first,))
                    continue
                kept = [line for line in lines if deployment and line[2] in KEPT]
                gone += len(lines) - len(kept)
                if kept:
                    self._db.run(
                        "UPDATE packs SET pruned = 1, last = ?, body = ? WHERE first = ?",
                        (kept[-1][0], _body(kept), first),
                    )
                else:
                    self._db.run("DELETE FROM packs WHERE first = ?", (first,))
        return gone if old or gone else None


def _newest(lines: Sequence[_Packed]) -> float:
    return max((at for _seq, at, _kind, _text in lines if isinstance(at, float | int)), default=0.0)


def _body(lines: Sequence[_Packed]) -> bytes:
    return zlib.compress(msgspec.msgpack.encode(lines), 6)


def _unpack_or_none(body: bytes) -> list[_Packed] | None:
    try:
        return _PACKS.decode(zlib.decompress(body))
    except (zlib.error, msgspec.MsgspecError, TypeError):
        return None


def _unpack(last: int, at: float, deployment: str, body: bytes) -> list[StoredEvent]:
    """What is in a pack; one line that cannot be read in place of a pack that cannot be."""
    lines = _unpack_or_none(body)
    if lines is None:
        return [StoredEvent(last, at, deployment, "", "")]
    return [StoredEvent(seq, when, deployment, kind, text) for seq, when, kind, text in lines]
