"""The store: every event, and every staged deployment, in one SQLite file.

One thread writes (the service's); any number may read. What has been appended survives a kill -9.
"""

from __future__ import annotations

import contextlib
import sqlite3
from collections.abc import Collection, Iterator
from pathlib import Path
from urllib.parse import quote

import filelock
import msgspec

from deployer.edge.files import as_text, make_directory
from deployer.errors import DirectoryForbidden, StoreDamaged, StoreFull, TargetBusy
from deployer.events import (
    DeploymentStaged,
    Event,
    StateChanged,
    TransferTick,
    read,
    to_json,
)
from deployer.model import Manifest, State

_SCHEMA = """
CREATE TABLE IF NOT EXISTS events (
    seq INTEGER PRIMARY KEY AUTOINCREMENT,
    at REAL NOT NULL,
    deployment TEXT NOT NULL,
    kind TEXT NOT NULL,
    json TEXT NOT NULL
);
CREATE INDEX IF NOT EXISTS events_by_deployment ON events (deployment, seq);
CREATE INDEX IF NOT EXISTS events_by_kind ON events (kind, seq);
CREATE TABLE IF NOT EXISTS deployments (
    deployment TEXT PRIMARY KEY,
    at REAL NOT NULL,
    target TEXT NOT NULL,
    json TEXT NOT NULL
);
CREATE TABLE IF NOT EXISTS requests (
    deployment TEXT PRIMARY KEY,
    what TEXT NOT NULL
);
"""
_PRUNE = """
DELETE FROM events
WHERE kind NOT IN ('DeploymentStaged', 'ProofReceived', 'StateChanged')
AND deployment IN (SELECT deployment FROM events GROUP BY deployment HAVING max(at) < ?)
"""


class Store:
    """Events and deployments of one state directory."""

    def __init__(self, directory: Path) -> None:
        """Opens the store, making it when it is new.

        Raises DirectoryForbidden, PathNoText, StoreDamaged.
        """
        as_text(directory)
        self.directory = make_directory(directory)
        self._locks: dict[str, filelock.BaseFileLock] = {}
        self.inbox = make_directory(directory / "inbox")
        try:
            self._db = sqlite3.connect(directory / "deployer.sqlite3", isolation_level=None)
            self._db.execute("PRAGMA journal_mode=WAL")
            self._db.execute("PRAGMA synchronous=NORMAL")
            self._db.execute("PRAGMA busy_timeout=5000")
            self._db.executescript(_SCHEMA)
        except sqlite3.Error as error:
            kind = StoreDamaged if _damaged(error) else DirectoryForbidden
            raise kind(path=directory, why=str(error)) from error

    def close(self) -> None:
        """Nothing can be appended after it; the reservations of targets end."""
        for lock in self._locks.values():
            lock.release()
        self._db.close()

    def reserve(self, target: str) -> None:
        """Keep a target for this process alone. Raises TargetBusy when another has it."""
        if target in self._locks:
            return
        folder = make_directory(self.directory / "locks")
        # The name of a serial port has signs in it that a file's name cannot have.
        lock = filelock.FileLock(folder / f"{quote(target, safe='')}.lock")
        try:
            lock.acquire(timeout=0)
        except filelock.Timeout as error:
            raise TargetBusy(target=target) from error
        self._locks[target] = lock

    def release(self, target: str) -> None:
        """Let other processes have the target."""
        lock = self._locks.pop(target, None)
        if lock is not None:
            lock.release()

    def append(self, event: Event) -> int:
        """Write an event down; its sequence number. A tick is never written: 0.

        Raises StoreFull when the disk is full or broken.
        """
        if isinstance(event, TransferTick):
            return 0
        text = to_json(event)
        kind = type(event).__name__
        try:
            cursor = self._db.execute(
                "INSERT INTO events (at, deployment, kind, json) VALUES (?, ?, ?, ?)",
                (event.at, event.deployment, kind, text),
            )
        except sqlite3.Error as error:
            raise StoreFull(path=self.directory, why=str(error)) from error
        return cursor.lastrowid or 0

    def replay(
        self,
        since: int = 0,
        deployment: str | None = None,
        kinds: tuple[type, ...] = (),
        *,
        most: int = -1,
    ) -> Iterator[tuple[int, Event]]:
        """Events after sequence number `since`, in order, with their numbers; `most` of them.

        What cannot be read is `NotUnderstood`, and left out where certain `kinds` are wanted.
        Raises StoreDamaged.
        """
        query = "SELECT seq, json, at, deployment FROM events WHERE seq > ?"
        arguments: list[object] = [since]
        if deployment is not None:
            query += " AND deployment = ?"
            arguments.append(deployment)
        if kinds:
            query += f" AND kind IN ({','.join('?' * len(kinds))})"
            arguments += [kind.__name__ for kind in kinds]
        arguments.append(most)  # to SQLite less than 0 is all
        try:
            for seq, text, at, name in self._db.execute(f"{query} ORDER BY seq LIMIT ?", arguments):
                event = read(text, at, name)
                if not kinds or isinstance(event, kinds):
                    yield seq, event
        except sqlite3.DatabaseError as error:
            if _damaged(error):
                raise StoreDamaged(path=self.directory, why=str(error)) from error
            raise

    def last_seq(self) -> int:
        """Number of the newest event, 0 when there is none."""
        (seq,) = self._db.execute("SELECT coalesce(max(seq), 0) FROM events").fetchone()
        return int(seq)

    def keep(self, manifest: Manifest, target: str, at: float) -> None:
        """Write a staged deployment down, with all that is needed to serve it again."""
        text = msgspec.json.encode(manifest).decode("utf-8")
        try:
            self._db.execute(
                "INSERT OR REPLACE INTO deployments VALUES (?, ?, ?, ?)",
                (manifest.deployment, at, target, text),
            )
            self._db.execute("DELETE FROM requests WHERE deployment = ?", (manifest.deployment,))
        except sqlite3.Error as error:
            raise StoreFull(path=self.directory, why=str(error)) from error

    def newest(self, target: str) -> Manifest | None:
        """The deployment that was staged last for a target, or None."""
        row = self._db.execute(
            "SELECT json FROM deployments WHERE target = ? ORDER BY at DESC LIMIT 1", (target,)
        ).fetchone()
        return _manifest(row)

    def state(self, deployment: str) -> State | None:
        """The state that the stored events leave a deployment in, or None when there is none."""
        changes = self.replay(deployment=deployment, kinds=(StateChanged, DeploymentStaged))
        state: State | None = None
        for _seq, event in changes:
            state = event.state if isinstance(event, StateChanged) else State.STAGED
        return state

    def ask(self, deployment: str, what: str) -> None:
        """Leave a request for the process that delivers a deployment."""
        self._db.execute("INSERT OR REPLACE INTO requests VALUES (?, ?)", (deployment, what))

    def asked(self, mine: Collection[str]) -> dict[str, str]:
        """What other processes ask for about these deployments; each is told once.

        What is asked about others stays for the process that delivers them.
        """
        rows = self._db.execute("SELECT deployment, what FROM requests").fetchall()
        found = {str(deployment): str(what) for deployment, what in rows if deployment in mine}
        for deployment in found:
            self._db.execute("DELETE FROM requests WHERE deployment = ?", (deployment,))
        return found

    def version(self) -> int:
        """A number that changes when another process has written; cheap enough to be polled."""
        (number,) = self._db.execute("PRAGMA data_version").fetchone()
        return int(number)

    def prune(self, before: float) -> int:
        """Forget the small events of deployments that ended before that time; how many went.

        What was sent, how it ended, and every proof stay.
        """
        # Open ones too: without a sign of life for so long, nobody serves them any more.
        cursor = self._db.execute(_PRUNE, (before,))
        with contextlib.suppress(sqlite3.Error):
            self._db.execute("VACUUM")  # another process may be reading; then the next time
        return cursor.rowcount

    def left_open(self) -> tuple[str, ...]:
        """Deployments whose last known state is not a final one, oldest first."""
        rows = self._db.execute("SELECT deployment FROM deployments ORDER BY at").fetchall()
        states = ((row[0], self.state(row[0])) for row in rows)
        return tuple(name for name, state in states if state is not None and not state.final)

    def manifest(self, deployment: str) -> Manifest | None:
        """The staged deployment of that id, or None."""
        row = self._db.execute(
            "SELECT json FROM deployments WHERE deployment = ?", (deployment,)
        ).fetchone()
        return _manifest(row)


def _manifest(row: tuple[str] | None) -> Manifest | None:
    """What was written down; None also for what cannot be read any more."""
    try:
        return msgspec.json.decode(row[0], type=Manifest) if row else None
    except msgspec.MsgspecError:
        return None


def _damaged(error: sqlite3.Error) -> bool:
    """Whether it is the file itself; the low byte of a code says what kind it is."""
    code = getattr(error, "sqlite_errorcode", 0)  # what Python itself refuses has none
    return code & 0xFF in (sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB)


def peek(directory: Path) -> Iterator[Event]:
    """The stored events of a directory, in order, without changing a file there.

    None when there is no store; raises StoreDamaged for a file that is none. What a running
    process wrote in its last moments may be missing.
    """
    path = directory / "deployer.sqlite3"
    if not path.is_file():
        return
    # Reading a database in WAL mode makes files beside it unless one of these is said; the first
    # sees what a running process has written and not yet moved into the database.
    log = path.with_name(f"{path.name}-wal")
    ways = ("mode=ro&readonly_shm=1", "immutable=1")[not (log.is_file() and log.stat().st_size) :]
    for way in ways:
        try:
            db = sqlite3.connect(f"{path.resolve().as_uri()}?{way}", uri=True)
            rows = db.execute("SELECT json, at, deployment FROM events ORDER BY seq").fetchall()
        except sqlite3.Error as error:
            if _damaged(error):
                raise StoreDamaged(path=directory, why=str(error)) from error
            continue
        db.close()
        yield from (read(*row) for row in rows)
        return
