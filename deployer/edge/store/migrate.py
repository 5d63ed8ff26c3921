"""A store of an earlier version is brought here: rows made from its events, ended ones packed.

In steps, each of which leaves a whole store: one that is stopped half-way goes on the next time.
"""

from __future__ import annotations

import contextlib
import sys
import time

from deployer.edge.store.database import VERSION, Database
from deployer.edge.store.log import Log
from deployer.edge.store.rows import StoredRows
from deployer.errors import StoreBusy

_STEP = 0.25
"""Seconds that one step keeps others from writing."""
_SILENT = 1.0
_TOLD_EVERY = 2.0
_NOT_CURRENT = """
SELECT deployment FROM (
    SELECT DISTINCT deployment FROM events UNION SELECT DISTINCT deployment FROM packs
) WHERE deployment != '' AND deployment NOT IN (SELECT deployment FROM rows WHERE version = ?)
"""


def migrate(db: Database, log: Log, rows: StoredRows) -> None:
    """Make what this version needs; says on standard error how far it is when it takes long."""
    begun = told = time.monotonic()
    names = [name for (name,) in db.all(_NOT_CURRENT, (VERSION,))]
    left = names[::-1]
    while left:
        until = time.monotonic() + _STEP
        with db.writing():
            while left and time.monotonic() < until:
                name = left.pop()
                if rows.make_anew(name):
                    log.pack(name)
        now = time.monotonic()
        if now - begun > _SILENT and (now - told > _TOLD_EVERY or not left):
            told = now
            done = f"{len(names) - len(left):,} of {len(names):,} deployments"
            sys.stderr.write(f"deployer: the store is brought to this version: {done}\n")
    with db.writing():
        log.pack("")
        db.run(f"PRAGMA user_version={VERSION}")
    if not names:
        return
    with contextlib.suppress(StoreBusy):  # then it shrinks another time
        db.run("PRAGMA auto_vacuum=INCREMENTAL")
        db.run("VACUUM")
