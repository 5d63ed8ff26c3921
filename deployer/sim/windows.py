"""What a Windows 98 disk has before anybody uses it: directories, and programs played in Python.

A played program is a small file with its name in it, so that it can be found, copied, renamed and
deleted like any other; without the file there is no program.
"""

from __future__ import annotations

from collections.abc import Collection

from deployer.sim.disk import Disk, DiskError

DIRECTORIES = (
    "C:\\WINDOWS",
    "C:\\WINDOWS\\COMMAND",
    "C:\\WINDOWS\\SYSTEM",
    "C:\\WINDOWS\\TEMP",
)
#: Variables that every Windows 98 has.
ENVIRONMENT = {
    "TMP": "C:\\WINDOWS\\TEMP",
    "TEMP": "C:\\WINDOWS\\TEMP",
    "PROMPT": "$p$g",
    "winbootdir": "C:\\WINDOWS",
    "COMSPEC": "C:\\WINDOWS\\COMMAND.COM",
    "PATH": "C:\\WINDOWS;C:\\WINDOWS\\COMMAND",
    "windir": "C:\\WINDOWS",
}
#: Programs that the simulated COMMAND.COM plays itself, since they start others.
OF_THE_SHELL = ("C:\\WINDOWS\\COMMAND.COM", "C:\\WINDOWS\\COMMAND\\START.EXE")
#: Where the MS-DOS Prompt of the Start menu begins.
START = "C:\\WINDOWS"
BANNER = "\r\n\r\nMicrosoft(R) Windows 98\r\n   (C)Copyright Microsoft Corp 1981-1998.\r\n\r\n"

_MARK = b"MZ\0\0simulated program "
_MARK_SIZE = 64


def install(disk: Disk, programs: tuple[str, ...], without: Collection[str] = ()) -> None:
    """Make the directories and the files of the played programs, where they are missing.

    Programs named in `without` (such as `FIND.EXE`) are not made, and removed where they are.
    """
    for path in DIRECTORIES:
        if not disk.exists(path):
            disk.mkdir(path)
    for path in programs:
        name = path.rpartition("\\")[2]
        if name in without:
            if disk.exists(path):
                disk.delete(path)
        elif not disk.exists(path):
            disk.write_bytes(path, (_MARK + name.encode()).ljust(_MARK_SIZE, b"\0"))


def played(disk: Disk, path: str) -> str | None:
    """The name of the played program in a file, None for a real one."""
    try:
        with disk.open(path) as file:
            data = file.read(_MARK_SIZE + 1)
    except DiskError:
        return None
    if len(data) != _MARK_SIZE or not data.startswith(_MARK):
        return None
    return data[len(_MARK) :].rstrip(b"\0").decode("ascii", "replace")
