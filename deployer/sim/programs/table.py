"""The programs by the places where they lie on a Windows 98 disk."""

from __future__ import annotations

from collections.abc import Mapping

from deployer.sim.programs.asking import choice, mem, ping
from deployer.sim.programs.call import ExternalProgram
from deployer.sim.programs.files import attrib, deltree, fc, move, xcopy
from deployer.sim.programs.text import find, more, sort

#: Where each program lies on a Windows 98 disk.
PROGRAMS: Mapping[str, ExternalProgram] = {
    "C:\\WINDOWS\\COMMAND\\CHOICE.COM": choice,
    "C:\\WINDOWS\\COMMAND\\FIND.EXE": find,
    "C:\\WINDOWS\\COMMAND\\SORT.EXE": sort,
    "C:\\WINDOWS\\COMMAND\\MORE.COM": more,
    "C:\\WINDOWS\\COMMAND\\ATTRIB.EXE": attrib,
    "C:\\WINDOWS\\COMMAND\\MEM.EXE": mem,
    "C:\\WINDOWS\\COMMAND\\MOVE.EXE": move,
    "C:\\WINDOWS\\COMMAND\\XCOPY.EXE": xcopy,
    "C:\\WINDOWS\\COMMAND\\DELTREE.EXE": deltree,
    "C:\\WINDOWS\\COMMAND\\FC.EXE": fc,
    "C:\\WINDOWS\\PING.EXE": ping,
}
