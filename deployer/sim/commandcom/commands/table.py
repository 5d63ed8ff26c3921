"""The internal commands: who does it, are drives in its parameters checked, may it have /."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from deployer.sim.commandcom.commands import control, files, listing, loops, words
from deployer.sim.commandcom.commands.copy import command as copying
from deployer.sim.commandcom.shell import Shell


@dataclass(frozen=True, slots=True)
class Command:
    """One internal command; `run` gets the shell and the command tail.

    `new` ones came after MS-DOS 4.00 (with long names, and memory above 640 KB).
    """

    run: Callable[[Shell, str], None]
    checks_drives: bool = False
    switches: bool = True
    new: bool = False


# Rows of one shape on purpose: it is a table.
COMMANDS: Mapping[str, Command] = {
    "BREAK": Command(words.break_),
    "CALL": Command(control.call),
    "CD": Command(files.chdir, checks_drives=True),
    "CHCP": Command(words.not_modelled),
    "CHDIR": Command(files.chdir, checks_drives=True),
    "CLS": Command(words.clear, switches=False),
    "COPY": Command(copying.copy, checks_drives=True),
    "CTTY": Command(words.ctty),
    "DATE": Command(words.date),
    "DEL": Command(files.delete, checks_drives=True),
    "DIR": Command(listing.directory, checks_drives=True),
    "ECHO": Command(words.echo),
    "ERASE": Command(files.delete, checks_drives=True),
    "EXIT": Command(control.exit_, switches=False),
    "FOR": Command(loops.for_),
    "GOTO": Command(control.goto),
    "IF": Command(control.if_),
    "LFNFOR": Command(words.lfnfor, new=True),
    "LH": Command(control.loadhigh, new=True),
    "LOADHIGH": Command(control.loadhigh, new=True),
    "LOCK": Command(words.not_modelled, new=True),
    "MD": Command(files.mkdir, checks_drives=True),
    "MKDIR": Command(files.mkdir, checks_drives=True),
    "PATH": Command(words.path),
    "PAUSE": Command(words.pause),
    "PROMPT": Command(words.prompt_),
    "RD": Command(files.rmdir, checks_drives=True),
    "REM": Command(words.rem),
    "REN": Command(files.rename, checks_drives=True),
    "RENAME": Command(files.rename, checks_drives=True),
    "RMDIR": Command(files.rmdir, checks_drives=True),
    "SET": Command(words.set_),
    "SHIFT": Command(control.shift),
    "TIME": Command(words.time),
    "TRUENAME": Command(files.truename, checks_drives=True),
    "TYPE": Command(files.type_, checks_drives=True),
    "UNLOCK": Command(words.not_modelled, new=True),
    "VER": Command(words.version, switches=False),
    "VERIFY": Command(words.verify),
    "VOL": Command(words.volume, checks_drives=True),
}
