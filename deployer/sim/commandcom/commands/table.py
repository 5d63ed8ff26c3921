"""The internal commands: who does it, are drives in its parameters checked, may it have /."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from deployer.sim.commandcom.commands import control, files, listing, loops, words
from deployer.sim.commandcom.commands.copy import command as copying
from deployer.sim.commandcom.shell import Shell


@dataclass(frozen=True, slots=True)
class InternalCommand:
    """One internal command; `run` gets the shell and the command tail.

    `new` ones came after MS-DOS 4.00 (with long names, and memory above 640 KB).
    """

    run: Callable[[Shell, str], None]
    checks_drives: bool = False
    switches: bool = True
    new: bool = False


# Rows of one shape on purpose: it is a table.
COMMANDS: Mapping[str, InternalCommand] = {
    "BREAK": InternalCommand(words.break_),
    "CALL": InternalCommand(control.call),
    "CD": InternalCommand(files.chdir, checks_drives=True),
    "CHCP": InternalCommand(words.not_modelled),
    "CHDIR": InternalCommand(files.chdir, checks_drives=True),
    "CLS": InternalCommand(words.clear, switches=False),
    "COPY": InternalCommand(copying.copy, checks_drives=True),
    "CTTY": InternalCommand(words.ctty),
    "DATE": InternalCommand(words.date),
    "DEL": InternalCommand(files.delete, checks_drives=True),
    "DIR": InternalCommand(listing.directory, checks_drives=True),
    "ECHO": InternalCommand(words.echo),
    "ERASE": InternalCommand(files.delete, checks_drives=True),
    "EXIT": InternalCommand(control.exit_, switches=False),
    "FOR": InternalCommand(loops.for_),
    "GOTO": InternalCommand(control.goto),
    "IF": InternalCommand(control.if_),
    "LFNFOR": InternalCommand(words.lfnfor, new=True),
    "LH": InternalCommand(control.loadhigh, new=True),
    "LOADHIGH": InternalCommand(control.loadhigh, new=True),
    "LOCK": InternalCommand(words.not_modelled, new=True),
    "MD": InternalCommand(files.mkdir, checks_drives=True),
    "MKDIR": InternalCommand(files.mkdir, checks_drives=True),
    "PATH": InternalCommand(words.path),
    "PAUSE": InternalCommand(words.pause),
    "PROMPT": InternalCommand(words.prompt_),
    "RD": InternalCommand(files.rmdir, checks_drives=True),
    "REM": InternalCommand(words.rem),
    "REN": InternalCommand(files.rename, checks_drives=True),
    "RENAME": InternalCommand(files.rename, checks_drives=True),
    "RMDIR": InternalCommand(files.rmdir, checks_drives=True),
    "SET": InternalCommand(words.set_),
    "SHIFT": InternalCommand(control.shift),
    "TIME": InternalCommand(words.time),
    "TRUENAME": InternalCommand(files.truename, checks_drives=True),
    "TYPE": InternalCommand(files.type_, checks_drives=True),
    "UNLOCK": InternalCommand(words.not_modelled, new=True),
    "VER": InternalCommand(words.version, switches=False),
    "VERIFY": InternalCommand(words.verify),
    "VOL": InternalCommand(words.volume, checks_drives=True),
}
