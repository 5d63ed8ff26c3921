"""What is known of the PCs of the wire, whatever was pushed to them: the names that a user gave."""

from __future__ import annotations

from deployer.core.wire.devices import NamedTarget
from deployer.edge.store.database import Database


class DeviceTable:
    """The PCs of one database."""

    def __init__(self, db: Database) -> None:
        self._db = db

    def named(self) -> tuple[NamedTarget, ...]:
        """Every name, in order."""
        found = self._db.all("SELECT name, ip, mac, at FROM names ORDER BY name")
        return tuple(NamedTarget(*record) for record in found)

    def name(self, target: NamedTarget) -> None:
        """Keep a name; what had it has it no more, and what that PC was called before is gone."""
        with self._db.writing():
            self._db.run(
                "DELETE FROM names WHERE ip = ? OR (mac != '' AND mac = ?)", (target.ip, target.mac)
            )
            self._db.run(
                "INSERT OR REPLACE INTO names (name, ip, mac, at) VALUES (?, ?, ?, ?)",
                (target.name, target.ip, target.mac, target.at),
            )

    def forget(self, name: str) -> bool:
        """Drop a name; whether there was one."""
        return bool(self._db.changed("DELETE FROM names WHERE name = ?", (name,)))

    def seen(self, mac: str, ip: str, at: float) -> None:
        """A network card has been seen at an address: the PC with that card has it now."""
        if mac:
            self._db.run(
                "UPDATE names SET ip = ?, at = ? WHERE mac = ? AND ip != ?", (ip, at, mac, ip)
            )
