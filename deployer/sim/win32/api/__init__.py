"""Windows 98's KERNEL32, as far as console programs need it: one table, name -> `Api`."""

from __future__ import annotations

from deployer.sim.win32.api import (
    console,
    directories,
    files,
    memory,
    modules,
    processes,
    text,
    times,
)
from deployer.sim.win32.process import Table

#: Every function that works here. What is exported but missing here ends the program by name.
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
