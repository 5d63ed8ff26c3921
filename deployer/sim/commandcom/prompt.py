"""The prompt (MSDOS4 TCMD2A.ASM, PRINT_PROMPT), and dates and times as the shell shows them."""

from __future__ import annotations

import time

from deployer.sim.commandcom.shell import Shell


def date(shell: Shell) -> str:
    """Like `Tue 06-01-1999`."""
    return time.strftime("%a %m-%d-%Y", time.localtime(shell.clock()))


def clock(shell: Shell) -> str:
    """Like `13:05:09.00`."""
    now = time.localtime(shell.clock())
    return f"{now.tm_hour:2}:{now.tm_min:02}:{now.tm_sec:02}.00"


def show(shell: Shell) -> None:
    """Write what %PROMPT% says; without it the drive and >."""
    template = shell.environment.get("PROMPT")
    if not template:
        shell.write(shell.dos.drive + ">")
        return
    chars = iter(template)
    for char in chars:
        shell.write(_meta(shell, next(chars, "")) if char == "$" else char)


def _meta(shell: Shell, char: str) -> str:
    drive = shell.dos.drive
    simple = {
        "B": "|", "E": "\x1b", "G": ">", "H": "\b \b", "L": "<", "N": drive, "Q": "=",
        "_": "\r\n", "$": "$",
    }  # fmt: skip
    match char.upper():
        case "P":
            return shell.dos.directories[drive]
        case "D":
            return date(shell)
        case "T":
            return clock(shell)
        case "V":
            return shell.dialect.version
        case other:
            return simple.get(other, "")
