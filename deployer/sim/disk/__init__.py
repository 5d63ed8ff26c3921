"""Drive C: of the simulated PC: a directory of the modern machine under the rules of FAT.

Read `drive` first: `Disk`, what it offers and which rules are kept. `values` are what it answers
(entries, errors with the numbers of DOS and Win32), `names` the rules of 8.3 and long names,
`directories` what is in a folder, `files` open files and the space that they share. Others import
from the package itself; it imports nothing of the simulated PC.
"""

from deployer.sim.disk.drive import Disk
from deployer.sim.disk.files import File
from deployer.sim.disk.names import device_name, matches
from deployer.sim.disk.values import (
    Attribute,
    Code,
    DirectoryEntry,
    DiskChange,
    DiskError,
    FileSystem,
    Open,
    PowerOff,
)

__all__ = [
    "Attribute",
    "Code",
    "DirectoryEntry",
    "Disk",
    "DiskChange",
    "DiskError",
    "File",
    "FileSystem",
    "Open",
    "PowerOff",
    "device_name",
    "matches",
]
