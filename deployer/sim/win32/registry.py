"""The registry of the simulated PC: keys with values of text, kept in SYSTEM.DAT on its disk."""

from __future__ import annotations

import json

from deployer.sim.disk import Disk, DiskError

FILE = "C:\\WINDOWS\\SYSTEM.DAT"
FRESH = "C:\\WINDOWS\\SYSTEM.NEW"
LOCAL_MACHINE = 0x80000002
ROOTS = {0x80000001: "HKCU", LOCAL_MACHINE: "HKLM"}
RUN = "HKLM\\SOFTWARE\\MICROSOFT\\WINDOWS\\CURRENTVERSION\\RUN"


class Registry:
    """Keys by their whole names in capitals. Every change is on the disk when it returns."""

    def __init__(self, disk: Disk) -> None:
        self._disk = disk
        self._keys: dict[str, dict[str, str]] = {}
        for name in (FILE, FRESH):
            try:
                self._keys = json.loads(disk.read_bytes(name))
                break
            except (DiskError, ValueError):
                continue

    def key(self, name: str) -> dict[str, str]:
        """The values of a key; empty when there is no such key."""
        return dict(self._keys.get(name.upper(), {}))

    def set(self, key: str, name: str, text: str) -> None:
        """Set a value."""
        self._keys.setdefault(key.upper(), {})[name.upper()] = text
        self._keep()

    def delete(self, key: str, name: str) -> bool:
        """Delete a value; whether there was one."""
        found = self._keys.get(key.upper(), {}).pop(name.upper(), None) is not None
        if found:
            self._keep()
        return found

    def _keep(self) -> None:
        """Windows keeps two copies and takes the whole one; here a new one takes the old's name."""
        self._disk.write_bytes(FRESH, json.dumps(self._keys, sort_keys=True).encode("ascii"))
        if self._disk.exists(FILE):
            self._disk.delete(FILE)
        self._disk.rename(FRESH, FILE)
