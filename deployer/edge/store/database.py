"""One SQLite file: how it is opened, what its errors mean, and its transactions."""

from __future__ import annotations

import contextlib
import sqlite3
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from deployer.edge.files import private_file
from deployer.errors import DeployerError, DirectoryForbidden, StoreBusy, StoreDamaged, StoreFull

NAME = "deployer.sqlite3"
VERSION = 9
"""Of the tables and of what the rows hold. Rows of another version are made anew from the events.

Raise it with every change of `core.view` that makes other rows of the same events.
"""

_PATIENCE = 5.0
"""Seconds that another process' lock is waited for."""

_SCHEMA = """
CREATE TABLE IF NOT EXISTS events (
    seq INTEGER PRIMARY KEY AUTOINCREMENT,
    at REAL NOT NULL,
    deployment TEXT NOT NULL,
    kind TEXT NOT NULL,
    json TEXT NOT NULL
);
CREATE INDEX IF NOT EXISTS events_by_deployment ON events (deployment, seq);
DROP INDEX IF EXISTS events_by_kind;
CREATE TABLE IF NOT EXISTS packs (
    first INTEGER PRIMARY KEY,
    last INTEGER NOT NULL,
    deployment TEXT NOT NULL,
    at REAL NOT NULL,
    pruned INTEGER NOT NULL,
    body BLOB NOT NULL
);
CREATE INDEX IF NOT EXISTS packs_by_deployment ON packs (deployment, first);
CREATE INDEX IF NOT EXISTS packs_by_last ON packs (last);
CREATE INDEX IF NOT EXISTS packs_whole ON packs (at) WHERE NOT pruned;
CREATE TABLE IF NOT EXISTS rows (
    deployment TEXT PRIMARY KEY,
    target TEXT NOT NULL,
    staged INTEGER NOT NULL,
    state TEXT NOT NULL,
    final INTEGER NOT NULL,
    seq INTEGER NOT NULL,
    lost INTEGER NOT NULL,
    version INTEGER NOT NULL,
    body BLOB NOT NULL
);
CREATE INDEX IF NOT EXISTS rows_by_time ON rows (staged);
CREATE INDEX IF NOT EXISTS rows_by_target ON rows (target, staged);
CREATE INDEX IF NOT EXISTS rows_open ON rows (staged) WHERE NOT final;
CREATE INDEX IF NOT EXISTS rows_lost ON rows (lost) WHERE lost > 0;
CREATE TABLE IF NOT EXISTS deployments (
    deployment TEXT PRIMARY KEY,
    at REAL NOT NULL,
    target TEXT NOT NULL,
    json TEXT NOT NULL
);
CREATE TABLE IF NOT EXISTS agents (
    agent TEXT PRIMARY KEY,
    secret TEXT NOT NULL,
    target TEXT NOT NULL,
    name TEXT NOT NULL,
    at REAL NOT NULL,
    address TEXT NOT NULL DEFAULT '',
    mac TEXT NOT NULL DEFAULT '',
    heard REAL NOT NULL DEFAULT 0,
    hello TEXT NOT NULL DEFAULT '',
    gone TEXT NOT NULL DEFAULT ''
);
CREATE TABLE IF NOT EXISTS orders (
    id TEXT PRIMARY KEY,
    agent TEXT NOT NULL,
    at REAL NOT NULL,
    until REAL NOT NULL,
    deployment TEXT NOT NULL,
    words TEXT NOT NULL,
    stage TEXT NOT NULL,
    final INTEGER NOT NULL,
    code INTEGER NOT NULL DEFAULT 0,
    text TEXT NOT NULL DEFAULT ''
);
CREATE INDEX IF NOT EXISTS orders_by_agent ON orders (agent, at);
CREATE TABLE IF NOT EXISTS names (
    name TEXT PRIMARY KEY,
    ip TEXT NOT NULL,
    mac TEXT NOT NULL,
    at REAL NOT NULL
);
CREATE TABLE IF NOT EXISTS requests (
    deployment TEXT PRIMARY KEY,
    what TEXT NOT NULL
);
"""

Record = tuple[Any, ...]


class Database:
    """The file, opened. Belongs to one thread.

    Everything raises StoreBusy when another process keeps it locked, StoreFull when it cannot be
    written, StoreDamaged when it cannot be read; each may go well the next time.
    """

    def __init__(self, directory: Path, connection: sqlite3.Connection) -> None:
        self.directory = directory
        self._db = connection
        self._closed: DeployerError | None = None
        self._file = _file_of(directory)

    @property
    def replaced(self) -> bool:
        """Whether another file has its name by now, or none."""
        return _file_of(self.directory) != self._file

    def close(self, why: DeployerError | None = None) -> None:
        """Nothing can be asked after it; who does is told why."""
        self._closed = why or StoreFull(path=self.directory, why="it has been closed")
        self._db.close()

    def all(self, statement: str, values: Sequence[object] = ()) -> list[Record]:
        """What a statement gives."""
        with self.telling():
            return self._db.execute(statement, values).fetchall()

    def one(self, statement: str, values: Sequence[object] = ()) -> Record | None:
        """The first record that a statement gives, None for none."""
        with self.telling():
            found: Record | None = self._db.execute(statement, values).fetchone()
            return found

    def number(self, statement: str, values: Sequence[object] = ()) -> int:
        """The one number that a statement gives, 0 for none."""
        found = self.one(statement, values)
        return int(found[0] or 0) if found else 0

    def run(self, statement: str, values: Sequence[object] = ()) -> int:
        """Carry a statement out; the number of the record that it has inserted."""
        with self.telling():
            return self._db.execute(statement, values).lastrowid or 0

    def changed(self, statement: str, values: Sequence[object] = ()) -> int:
        """Carry a statement out; how many records it has changed."""
        with self.telling():
            return self._db.execute(statement, values).rowcount

    @contextlib.contextmanager
    def writing(self) -> Iterator[None]:
        """All that is done within is written, or nothing of it. Part of one that is open."""
        if not self._closed and self._db.in_transaction:
            yield
            return
        self.run("BEGIN IMMEDIATE")
        try:
            yield
            self.run("COMMIT")
        except BaseException:
            with contextlib.suppress(sqlite3.Error):  # a full disk has undone it already
                self._db.execute("ROLLBACK")
            raise

    @contextlib.contextmanager
    def reading(self) -> Iterator[None]:
        """What is read within is of one moment."""
        if not self._closed and self._db.in_transaction:
            yield
            return
        self.run("BEGIN")
        try:
            yield
        finally:
            with contextlib.suppress(sqlite3.Error):
                self._db.execute("COMMIT")

    @contextlib.contextmanager
    def telling(self) -> Iterator[None]:
        """SQLite's errors within are raised as what they mean to us."""
        if self._closed is not None:
            raise self._closed
        try:
            yield
        except sqlite3.Error as error:
            told = meaning(error, self.directory)
            if told is None:
                raise
            raise told from error


def connect(directory: Path) -> tuple[Database, bool]:
    """The database of a state directory, made if need be, and whether it is of this version.

    Nothing is written to one that is. Raises DirectoryForbidden, StoreDamaged, StoreBusy,
    StoreFull.
    """
    path = directory / NAME
    try:
        if not path.exists():  # what one that was moved away has left would be taken for its own
            for left in ("-wal", "-shm"):
                path.with_name(f"{NAME}{left}").unlink(missing_ok=True)
        new = private_file(path)
        db = sqlite3.connect(path, isolation_level=None, timeout=_PATIENCE)
        if new:
            db.execute("PRAGMA auto_vacuum=INCREMENTAL")  # only before there is a table
        db.execute("PRAGMA journal_mode=WAL")
        db.execute("PRAGMA synchronous=NORMAL")
        (version,) = db.execute("PRAGMA user_version").fetchone()
        current = version >= VERSION
        if not current:
            db.executescript(_SCHEMA)
    except sqlite3.Error as error:
        raise _unopened(error, directory) from error
    except OSError as error:
        raise DirectoryForbidden(path=directory, why=error.strerror) from error
    return Database(directory, db), current


def _file_of(directory: Path) -> tuple[int, int] | None:
    """Which file the database of a directory is; None for none."""
    try:
        status = (directory / NAME).stat()
    except OSError:
        return None
    return status.st_dev, status.st_ino


def _unopened(error: sqlite3.Error, directory: Path) -> DeployerError:
    told = meaning(error, directory)
    full = _code(error) in (sqlite3.SQLITE_FULL, sqlite3.SQLITE_IOERR)
    if told is not None and (full or not isinstance(told, StoreFull)):
        return told
    return DirectoryForbidden(path=directory, why=str(error))


def connect_to_read(directory: Path) -> Iterator[Database]:
    """The database of a directory, without changing a file there, in each way that may do.

    Reading a database in WAL mode makes files beside it unless one of these is given; the first
    sees what a running process has written and not yet moved into the database.
    """
    path = directory / NAME
    if not path.is_file():
        return
    log = path.with_name(f"{path.name}-wal")
    ways = ("mode=ro&readonly_shm=1", "immutable=1")[not (log.is_file() and log.stat().st_size) :]
    for way in ways:
        uri = f"{path.resolve().as_uri()}?{way}"
        with contextlib.closing(sqlite3.connect(uri, uri=True, isolation_level=None)) as db:
            yield Database(directory, db)


def _code(error: sqlite3.Error) -> int:
    """What kind it is, from the low byte; what Python itself refuses has none."""
    return int(getattr(error, "sqlite_errorcode", 0)) & 0xFF


_UNWRITABLE = (
    sqlite3.SQLITE_FULL,
    sqlite3.SQLITE_IOERR,
    sqlite3.SQLITE_READONLY,
    sqlite3.SQLITE_CANTOPEN,
    sqlite3.SQLITE_PERM,
)


def meaning(error: sqlite3.Error, directory: Path) -> DeployerError | None:
    """What an error of SQLite means: the file is damaged, locked, or cannot be written.

    None for what no file can cause.
    """
    if getattr(error, "sqlite_errorcode", 0) == sqlite3.SQLITE_IOERR_SHORT_READ:  # it was cut
        return StoreDamaged(path=directory, why=str(error))
    match _code(error):
        case sqlite3.SQLITE_CORRUPT | sqlite3.SQLITE_NOTADB:
            return StoreDamaged(path=directory, why=str(error))
        case sqlite3.SQLITE_ERROR:  # what we ask for has no tables there: they are gone
            return StoreDamaged(path=directory, why=str(error))
        case sqlite3.SQLITE_BUSY | sqlite3.SQLITE_LOCKED:
            return StoreBusy(path=directory, seconds=f"{_PATIENCE:.0f}")
        case code if code in _UNWRITABLE:
            return StoreFull(path=directory, why=str(error))
        case _:
            return None
