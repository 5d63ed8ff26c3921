"""The store: every event, how each deployment stands, and what was staged, in one SQLite file.

One thread writes (the service's); any number may read. What has been appended survives a kill -9.
"""

from __future__ import annotations

import contextlib
import zlib
from collections.abc import Collection, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

import msgspec

from deployer.core.view import Row, fold_all
from deployer.edge.files import as_text, close_directory, make_directory
from deployer.edge.store.agents import StoredAgents
from deployer.edge.store.database import (
    VERSION,
    connect,
    connect_to_read,
)
from deployer.edge.store.devices import DeviceTable
from deployer.edge.store.log import Log, StoredEvent
from deployer.edge.store.migrate import migrate
from deployer.edge.store.rows import StoredRows
from deployer.errors import STORE_TROUBLES, DeployerError, StoreBusy, StoreFull, TargetBusy
from deployer.events import LIVE, Event, StateChanged, read, to_json
from deployer.model import ANY, FileStamp, Manifest, State

if TYPE_CHECKING:
    import filelock

_OURS = {
    "inbox", "locks", "sim-pc", "sim-pcs", "served", "held", "agents", "surveys", "web-token",
}  # fmt: skip
_ENDINGS = {".sqlite3", ".sqlite3-wal", ".sqlite3-shm", ".lock", ".sock", ".log", ".old", ".json"}
_MOST_TIDIED = 8
_LOOSE_OF_NOBODY = 1024
_NEWEST = """
SELECT json FROM rows JOIN deployments USING (deployment)
WHERE rows.target = ? ORDER BY staged DESC LIMIT 1
"""
_NEWEST_FOR_ANY = """
SELECT json FROM rows JOIN deployments USING (deployment)
WHERE deployments.target = ? ORDER BY staged DESC LIMIT 1
"""
_PAGES = 256
"""Of the file, given back to the disk in one step."""


class Store:
    """Events and deployments of one state directory."""

    def __init__(self, directory: Path) -> None:
        """Opens the store, making it when it is new, and reading nothing of it when it is not.

        Nobody but its user can look into what is made here. Raises DirectoryForbidden, PathNoText,
        StoreDamaged, StoreBusy, StoreFull.
        """
        as_text(directory)
        self.directory = make_directory(directory, private=True)
        if _is_ours(directory):
            close_directory(directory)
        self._locks: dict[str, filelock.BaseFileLock] = {}
        self.inbox = close_directory(directory / "inbox")
        self._ended = False
        self._open()

    def _open(self) -> None:
        self._db, current = connect(self.directory)
        self._log = Log(self._db)
        self.devices = DeviceTable(self._db)
        self._rows = StoredRows(self._db, self._log)
        self.agents = StoredAgents(self._db)
        if not current:
            migrate(self._db, self._log, self._rows)

    @property
    def replaced(self) -> bool:
        """Whether its file was moved away while it is open."""
        return self._db.replaced

    def reopen(self, after: int) -> None:
        """Open the file that is there now; a new one goes on with numbers larger than `after`.

        Raises DirectoryForbidden, StoreDamaged, StoreBusy, StoreFull; then it stays closed.
        """
        self._db.close()
        try:
            self._open()
        except DeployerError as error:
            self._db.close(error)
            raise
        self._log.go_on(after)

    def close(self) -> None:
        """Nothing can be appended after it; the reservations of targets end."""
        for lock in self._locks.values():
            lock.release()
        if self._ended:
            self._tidy()
        self._db.close()

    def wait_for_lock(self, seconds: float) -> None:
        """From now wait so long for another process that keeps the store locked."""
        self._db.number(f"PRAGMA busy_timeout={round(seconds * 1000)}")

    def reserve(self, target: str) -> None:
        """Keep a target for this process alone. Raises TargetBusy when another has it."""
        import filelock  # noqa: PLC0415 - who only reads does not need it

        if target in self._locks:
            return
        folder = close_directory(self.directory / "locks")
        # The name of a serial port has characters in it that a file's name cannot have.
        lock = filelock.FileLock(folder / f"{quote(target, safe='')}.lock", mode=0o600)
        try:
            lock.acquire(timeout=0)
        except filelock.Timeout as error:
            raise TargetBusy(target=target, deployment=self._served(target)) from error
        self._locks[target] = lock

    def _served(self, target: str) -> str:
        """The deployment that another process has for the target, as far as it has told."""
        newest = self.newest(target)
        state = self.state(newest.deployment) if newest else None
        if newest is None or state is None or state.final:
            return "another deployment"
        return newest.deployment

    def release(self, target: str) -> None:
        """Let other processes have the target."""
        lock = self._locks.pop(target, None)
        if lock is not None:
            lock.release()

    def at_once(self) -> contextlib.AbstractContextManager[None]:
        """What is read within is of one moment, whoever writes meanwhile."""
        return self._db.reading()

    @contextlib.contextmanager
    def together(self) -> Iterator[None]:
        """All that is written within is written at its end, or nothing of it."""
        try:
            with self._db.writing():
                yield
        except BaseException:
            self._rows.forget()
            raise

    # --- events

    def append(self, event: Event) -> int:
        """Write an event down, and how its deployment stands then; its sequence number.

        What is only live is never written: 0. When it cannot be written nothing is, and the next
        one may be: raises StoreFull when the disk is full or broken, StoreBusy when another process
        keeps the store locked.
        """
        if isinstance(event, LIVE):
            return 0
        with self.together():
            kind = type(event).__name__
            seq = self._log.add(event.at, event.deployment, kind, to_json(event))
            self._rows.fold(event, seq)
            self.agents.fold(event)
        self._ended |= isinstance(event, StateChanged) and event.state.final
        return seq

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
        Raises StoreDamaged, StoreBusy.
        """
        names = [kind.__name__ for kind in kinds]
        for line in self._log.lines(since, deployment, names, most):
            event = _event(line)
            if not kinds or isinstance(event, kinds):
                yield line.seq, event

    def last_seq(self) -> int:
        """Number of the newest event, 0 when there is none."""
        return self._log.last()

    # --- how deployments stand

    def row(self, deployment: str) -> Row | None:
        """How a deployment stands, None when there is none."""
        return self._rows.row(deployment)

    def rows(self, most: int, target: str | None = None) -> list[Row]:
        """Those that were staged last, of a target if one is named; the oldest of them first."""
        return self._rows.newest(most, target)

    def all_rows(self, target: str | None = None) -> Iterator[Row]:
        """Every one, of a target if one is named, in the order of staging, with flat memory."""
        return self._rows.all(target)

    def ended_rows(self, most: int) -> list[Row]:
        """Those that have ended and were staged last; the oldest of them first."""
        return self._rows.ended(most)

    def open_rows(self) -> list[Row]:
        """What has not ended, in the order of staging."""
        return self._rows.open()

    def count(self, target: str | None = None) -> int:
        """How many deployments there are, of a target if one is named."""
        if target is None:
            return self._db.number("SELECT count(*) FROM rows")
        return self._db.number("SELECT count(*) FROM rows WHERE target = ?", (target,))

    def lost(self) -> int:
        """How many events of deployments cannot be read."""
        return self._rows.lost()

    def targets(self) -> list[str]:
        """Every target, the one that something was staged for last first."""
        found = self._db.all("SELECT target FROM rows GROUP BY target ORDER BY max(staged) DESC")
        return [target for (target,) in found]

    def names(self, beginning: str, most: int) -> list[str]:
        """Deployments whose id begins so, the newest first."""
        found = self._db.all(
            "SELECT deployment FROM rows WHERE substr(deployment, 1, ?) = ?"
            " ORDER BY staged DESC LIMIT ?",
            (len(beginning), beginning, most),
        )
        return [name for (name,) in found]

    def state(self, deployment: str) -> State | None:
        """The state that the stored events leave a deployment in, or None when there is none."""
        return self._rows.state(deployment)

    def left_open(self) -> tuple[str, ...]:
        """Deployments whose last known state is not a final one, oldest first."""
        found = self._db.all(
            "SELECT deployment FROM rows JOIN deployments USING (deployment)"
            " WHERE NOT final ORDER BY staged"
        )
        return tuple(name for (name,) in found)

    # --- what was staged

    def keep(self, manifest: Manifest, target: str, at: float) -> None:
        """Write a staged deployment down, with all that is needed to serve it again."""
        self._tidy()
        text = zlib.compress(msgspec.json.encode(manifest), 1)
        with self._db.writing():
            self._db.run(
                "INSERT OR REPLACE INTO deployments VALUES (?, ?, ?, ?)",
                (manifest.deployment, at, target, text),
            )
            self._db.run("DELETE FROM requests WHERE deployment = ?", (manifest.deployment,))

    def manifest(self, deployment: str) -> Manifest | None:
        """The staged deployment of that id, or None."""
        found = self._db.one("SELECT json FROM deployments WHERE deployment = ?", (deployment,))
        return _manifest(found[0]) if found else None

    def newest(self, target: str) -> Manifest | None:
        """The deployment that was staged last for a target, or None.

        Last in the order of events: a clock may have been set meanwhile. One that was for whoever
        comes is so whoever it became.
        """
        found = self._db.one(_NEWEST_FOR_ANY if target == ANY else _NEWEST, (target,))
        return _manifest(found[0]) if found else None

    # --- between processes

    def ask(self, deployment: str, what: str) -> None:
        """Leave a request for the process that delivers a deployment."""
        self._db.run("INSERT OR REPLACE INTO requests VALUES (?, ?)", (deployment, what))

    def asked(self, mine: Collection[str]) -> dict[str, str]:
        """What other processes ask for about these deployments; each is told once.

        What is asked about others stays for the process that delivers them.
        """
        rows = self._db.all("SELECT deployment, what FROM requests")
        found = {str(deployment): str(what) for deployment, what in rows if deployment in mine}
        for deployment in found:
            self._db.run("DELETE FROM requests WHERE deployment = ?", (deployment,))
        return found

    def version(self) -> int:
        """A number that changes when another process has written; cheap enough to be polled."""
        return self._db.number("PRAGMA data_version")

    # --- room

    def prune(self, before: float) -> int:
        """Forget the small events of deployments that ended before that time; how many went.

        What was sent, how it ended, and every proof stay. The file shrinks. All in small steps:
        whoever writes meanwhile waits for one of them at most.
        """
        self._settle(before)
        gone = 0
        while (step := self._log.prune(before)) is not None:
            gone += step
        while self._db.number("PRAGMA freelist_count") > 0:
            left = self._db.number("PRAGMA freelist_count")
            self._db.all(f"PRAGMA incremental_vacuum({_PAGES})")
            if self._db.number("PRAGMA freelist_count") >= left:
                break
        with contextlib.suppress(StoreBusy):
            self._db.all("PRAGMA wal_checkpoint(TRUNCATE)")
        return gone

    def _settle(self, before: float) -> None:
        """Pack what is loose and older, open ones too: nobody serves them any more."""
        for name in self._log.with_loose():
            if name and self._log.newest_loose(name) < before:
                self._pack(name)

    def _tidy(self) -> None:
        """Pack what has ended. Only a matter of room: another time will do."""
        with contextlib.suppress(*STORE_TROUBLES):
            done = 0
            for name in self._log.with_loose():
                state = self.state(name) if name else None
                if state.final if state else not name and self._log.is_long("", _LOOSE_OF_NOBODY):
                    self._pack(name)
                    done += 1
                if done == _MOST_TIDIED:
                    return

    def _pack(self, deployment: str) -> None:
        """A row goes up to the newest event before that is packed: readers look at loose ones."""
        with self.together():
            self._rows.settle(deployment)
            self._log.pack(deployment)


def _is_ours(directory: Path) -> bool:
    """Whether nothing but this program's files is there: it may be a directory of other work."""
    return all(path.name in _OURS or path.suffix in _ENDINGS for path in directory.iterdir())


def _event(line: StoredEvent) -> Event:
    return read(line.text, line.at, line.deployment)


def _manifest(text: str | bytes) -> Manifest | None:
    """What was written down; None also for what cannot be read any more."""
    try:
        if isinstance(text, bytes):
            return msgspec.json.decode(zlib.decompress(text), type=Manifest)
        return msgspec.convert(_of_version_1(msgspec.json.decode(text)), Manifest)
    except (msgspec.MsgspecError, zlib.error, LookupError, TypeError):
        return None


def _of_version_1(plain: Any) -> Any:
    """A manifest whose files have a time in place of a stamp: no file is known to be the same."""
    for file in plain["payload"]["files"]:
        whole = (file.get("piece") or {}).get("whole", file["length"])
        file["stamp"] = FileStamp(0, 0, whole, file.pop("mtime_ns"), 0)
    return plain


def peek(directory: Path, target: str, most: int) -> list[Row]:
    """How a target's newest deployments stand, the oldest first, without changing a file there.

    None when there is no store; raises StoreDamaged for a file that is none. What a running
    process wrote in its last moments may be missing.
    """
    for db in connect_to_read(directory):
        try:
            if db.number("PRAGMA user_version") == VERSION:
                return StoredRows(db, Log(db)).newest(most, target)
            found = db.all("SELECT seq, at, deployment, kind, json FROM events ORDER BY seq")
        except (StoreFull, StoreBusy):
            continue
        rows = fold_all(_event(StoredEvent(*record)) for record in found).values()
        return [row for row in rows if row.target == target][-most:]
    return []
