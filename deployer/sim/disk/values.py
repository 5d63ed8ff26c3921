"""The values of drive C:: errors with the target's numbers, entries, steps."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum, IntEnum


class Code(IntEnum):
    """Error numbers, the same in DOS and in Win32's GetLastError."""

    FILE_NOT_FOUND = 2
    PATH_NOT_FOUND = 3
    TOO_MANY_OPEN_FILES = 4
    ACCESS_DENIED = 5
    INVALID_HANDLE = 6
    INVALID_DRIVE = 15
    CURRENT_DIRECTORY = 16
    WRITE_PROTECT = 19
    NOT_READY = 21
    CRC = 23
    WRITE_FAULT = 29
    READ_FAULT = 30
    SHARING_VIOLATION = 32
    FILE_EXISTS = 80
    CANNOT_MAKE = 82
    INVALID_PARAMETER = 87
    DISK_FULL = 112
    INVALID_NAME = 123
    NEGATIVE_SEEK = 131
    DIR_NOT_EMPTY = 145
    ALREADY_EXISTS = 183


class DiskError(Exception):
    """The disk refused; `code` says why in the target's numbers."""

    def __init__(self, code: Code, path: str = "") -> None:
        super().__init__(f"{code.name.lower().replace('_', ' ')}: {path}")
        self.code = code
        self.path = path


class PowerOff(Exception):  # noqa: N818 - an event, not an error
    """The target lost its power; of the write at hand, `kept` bytes had reached the disk."""

    def __init__(self, kept: int = 0) -> None:
        super().__init__("the simulated PC is switched off")
        self.kept = kept


class Open(IntEnum):
    """What to do about a file that is there or not; Win32's numbers."""

    CREATE_NEW = 1
    CREATE_ALWAYS = 2
    OPEN_EXISTING = 3
    OPEN_ALWAYS = 4
    TRUNCATE_EXISTING = 5


class Attribute(IntEnum):
    """Bits of `DirectoryEntry.attributes`."""

    READ_ONLY = 0x01
    HIDDEN = 0x02
    SYSTEM = 0x04
    DIRECTORY = 0x10
    ARCHIVE = 0x20


class FileSystem(Enum):
    """Kinds of volume: (longest file in bytes, entries in the root directory)."""

    FAT16 = (2**31 - 1, 512)
    FAT32 = (2**32 - 2, 65_536)

    @property
    def max_file(self) -> int:
        """The longest file, in bytes."""
        return self.value[0]

    @property
    def root_entries(self) -> int:
        """How many 32-byte entries the root directory can have (facts C4)."""
        return self.value[1]


@dataclass(frozen=True, slots=True)
class DirectoryEntry:
    """One file or directory as a directory listing shows it; `mtime` is Unix time, even seconds."""

    short: str
    long: str
    size: int
    mtime: int
    directory: bool
    attributes: int


@dataclass(frozen=True, slots=True)
class DiskChange:
    """One change of the disk that is about to happen; `number` counts from 1.

    `kind`: create, write, truncate, delete, rename, mkdir, rmdir. `path` is absolute;
    `offset` and `length` are set for write, `length` (the new size) for truncate.
    """

    number: int
    kind: str
    path: str
    offset: int = 0
    length: int = 0
