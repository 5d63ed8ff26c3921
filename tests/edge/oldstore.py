"""A store as version 1 wrote it: every event a line of JSON, and no rows."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable
from contextlib import closing
from pathlib import Path

import msgspec

from deployer.events import Event, to_json
from deployer.model import Manifest

_SCHEMA = """
PRAGMA journal_mode=WAL;
CREATE TABLE events (
    seq INTEGER PRIMARY KEY AUTOINCREMENT, at REAL NOT NULL, deployment TEXT NOT NULL,
    kind TEXT NOT NULL, json TEXT NOT NULL
);
CREATE INDEX events_by_deployment ON events (deployment, seq);
CREATE INDEX events_by_kind ON events (kind, seq);
CREATE TABLE deployments (
    deployment TEXT PRIMARY KEY, at REAL NOT NULL, target TEXT NOT NULL, json TEXT NOT NULL
);
CREATE TABLE requests (deployment TEXT PRIMARY KEY, what TEXT NOT NULL);
"""


def write_old_store(
    folder: Path, events: Iterable[Event], manifests: Iterable[tuple[Manifest, str, float]] = ()
) -> None:
    """Make one; each manifest comes with its target and the time of staging."""
    folder.mkdir(parents=True, exist_ok=True)
    with closing(sqlite3.connect(folder / "deployer.sqlite3")) as db, db:
        db.executescript(_SCHEMA)
        db.executemany(
            "INSERT INTO events (at, deployment, kind, json) VALUES (?, ?, ?, ?)",
            ((e.at, e.deployment, type(e).__name__, to_json(e)) for e in events),
        )
        db.executemany(
            "INSERT INTO deployments VALUES (?, ?, ?, ?)",
            ((m.deployment, at, to, _plain(m)) for m, to, at in manifests),
        )


def _plain(manifest: Manifest) -> str:
    """Of a file's stamp, only its time was kept."""
    plain = msgspec.to_builtins(manifest)
    for file in plain["payload"]["files"]:
        file["mtime_ns"] = file.pop("stamp")["mtime_ns"]
        del file["settled"]
    return msgspec.json.encode(plain).decode()
