"""What a launch command starts: a batch file, a DOS program, a Win32 program.

The helper looks at the program's header itself (payloads/platform/run_win32.c). The host needs the
same knowledge before it sends anything, and to say what an exit code is worth.
"""

from __future__ import annotations

from collections.abc import Collection

HEAD = 4096
"""Bytes from the beginning of a program in which its header says what it is."""
LONGEST_FOR_COMMAND_COM = 122
"""Characters of a command that COMMAND.COM /C takes: its tail has 126 (facts B1)."""
_RUN_BY_NAME = (".COM", ".EXE", ".BAT")
"""In this order COMMAND.COM looks for a name without an extension."""


def program(command: str) -> str:
    """The first word of a command, without its quotes."""
    if command.startswith('"'):
        return command[1:].partition('"')[0]
    return command.partition(" ")[0]


def is_batch(command: str, names: Collection[str] = ()) -> bool:
    """Whether COMMAND.COM carries out the command, whose own exit code is always 0 (facts B9).

    `names` are those of the files that lie beside it, for a command that names no extension.
    """
    name = program(command).replace("/", "\\").rpartition("\\")[2].upper()
    if "." not in name:
        beside = {other.upper() for other in names}
        name += next((end for end in _RUN_BY_NAME if name + end in beside), "")
    return name.endswith(".BAT") or name in ("COMMAND", "COMMAND.COM")


def is_16_bit(name: str, head: bytes) -> bool:
    """Whether a file that begins with `head` is a program for DOS or 16-bit Windows."""
    if head[:2] != b"MZ":
        return name.upper().endswith(".COM")
    start = int.from_bytes(head[60:64], "little")
    return head[start : start + 4] != b"PE\0\0"
