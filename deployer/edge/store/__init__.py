"""The store: one SQLite file with every event, how each deployment stands, and what was staged.

Read `store` first. `database` opens the file and says what its errors mean, `log` keeps the events,
`rows` how each deployment stands after them, `migrate` brings a store of an earlier version here.
From outside only `Store` and `peek` are imported.
"""

from deployer.edge.store.store import Store, peek

__all__ = ["Store", "peek"]
