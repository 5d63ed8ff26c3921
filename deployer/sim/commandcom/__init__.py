"""COMMAND.COM of Windows 98: the batch language, with what is surprising in it.

    shell = CommandCom(disk, console, {"FTP.EXE": play_ftp}, environment={"PATH": "C:\\\\WINDOWS"})
    end = shell.run("GO.BAT")          # End.PROMPT, End.NO_PROMPT (looks dead) or End.EXITED

The mechanism is that of MS-DOS 4.00, whose sources are public and on which the conformance cases
were observed; `WIN98` says where Windows 98 differs, `DOS400` is the original. Raises `ShellHang`
where the target would hang, `NotModelled` for what is not played; nothing is passed over silently.
"""

from deployer.sim.commandcom.dialect import (
    DOS400,
    SETTINGS,
    WIN98,
    Dialect,
    End,
    NotModelled,
    ShellHang,
    flipped,
)
from deployer.sim.commandcom.program import CommandCom
from deployer.sim.commandcom.shell import Program, RunFile
from deployer.sim.commandcom.streams import Console

__all__ = [
    "DOS400", "SETTINGS", "WIN98", "CommandCom", "Console", "Dialect", "End", "NotModelled",
    "Program", "RunFile", "ShellHang", "flipped",
]  # fmt: skip
