"""Command lines that only COMMAND.COM can carry out: an agent starts programs, not its commands."""

from __future__ import annotations

import re

_INTERNAL = """
BREAK CALL CD CHCP CHDIR CLS COPY CTTY DATE DEL DIR ECHO ERASE EXIT FOR GOTO IF LFNFOR LH
LOADHIGH LOCK MD MKDIR PATH PAUSE PROMPT RD REM REN RENAME RMDIR SET SHIFT TIME TRUENAME TYPE
UNLOCK VER VERIFY VOL
"""
INTERNAL = frozenset(_INTERNAL.split())
"""The commands that Windows 98's COMMAND.COM has itself (MS-DOS 4.00's table, and facts B26)."""
SHELL = "COMMAND.COM /C "


def as_started(line: str) -> str:
    r"""The line as a program's: through COMMAND.COM where it is the shell's own, or redirected.

    >>> as_started("DIR C:\\"), as_started("setup.exe /s"), as_started("MEM | MORE")
    ('COMMAND.COM /C DIR C:\\', 'setup.exe /s', 'COMMAND.COM /C MEM | MORE')
    """
    name = re.split(r"[^A-Za-z]", line, maxsplit=1)[0].upper()
    after = line[len(name) : len(name) + 1]
    own = name in INTERNAL and (not after or after in ' \t,;=/\\.:+"<>|')
    is_program = re.match(rf"{name}\.(exe|com|bat)\b", line, re.IGNORECASE)
    redirected = any(sign in re.sub(r'"[^"]*"?', "", line) for sign in "<>|")
    return SHELL + line if (own and not is_program) or redirected else line


def is_shell(line: str) -> bool:
    """Whether COMMAND.COM ends with the line, whose exit code is always 0 (facts B7)."""
    return line.split(maxsplit=1)[0].upper().endswith((".BAT", "COMMAND.COM", "COMMAND"))
