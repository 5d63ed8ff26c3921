"""Windows 98's libraries, as far as programs need them: tables, name -> `Api`."""

from __future__ import annotations

from deployer.sim.win32.api import (
    console,
    directories,
    files,
    gdi,
    memory,
    modules,
    processes,
    registry,
    text,
    times,
    windows,
    winsock,
)
from deployer.sim.win32.process import Table

#: Every function of KERNEL32 that works here. What is exported and missing ends the program.
TABLE: Table = {
    **files.TABLE,
    **directories.TABLE,
    **memory.TABLE,
    **console.TABLE,
    **processes.TABLE,
    **modules.TABLE,
    **times.TABLE,
    **text.TABLE,
}

#: The same with the other libraries.
EVERYTHING: Table = {
    **TABLE,
    **windows.TABLE,
    **gdi.TABLE,
    **winsock.TABLE,
    **registry.TABLE,
}
