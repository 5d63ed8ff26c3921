"""What a launch command starts: a batch file, a DOS program, a Win32 program.

The helper looks at the program's header itself (payloads/platform/run_win32.c). The host needs the
same knowledge before it sends anything, and to say what an exit code is worth.
"""

from __future__ import annotations

import difflib
import struct
from collections.abc import Callable, Collection, Mapping

from deployer.model import HELPER_EXE

HEAD = 4096
"""Bytes from the beginning of a program in which its header says what it is."""
LONGEST_FOR_COMMAND_COM = 122
"""Characters of a command that COMMAND.COM /C takes: its tail has 126 (facts B1)."""
RUN_BY_NAME = (".COM", ".EXE", ".BAT")
"""In this order COMMAND.COM looks for a name without an extension."""
NEWEST_SUBSYSTEM = (4, 10)
"""Windows 98's own version: of a program that names a later one it says that it "expects a newer
version of Windows". No source says where exactly the limit is (facts F6, medium)."""

_COMMANDS = """
BREAK CALL CD CHDIR CLS COPY CTTY DATE DEL DIR ECHO ERASE EXIT FOR GOTO IF LFNFOR LH LOADHIGH
LOCK MD MKDIR PATH PAUSE PROMPT RD REM REN RENAME RMDIR SET SHIFT TIME TRUENAME TYPE UNLOCK VER
VERIFY VOL
"""
_PROGRAMS = """
ACCWIZ ARP ATTRIB CALC CDPLAYER CHARMAP CHKDSK CHOICE CLEANMGR CLIPBRD COMMAND CONTROL CSCRIPT
CVT DEBUG DEFRAG DELTREE DIALER DISKCOPY DOSKEY DRVSPACE DRWATSON EDIT EXPLORER EXTRACT FC FDISK
FIND FONTVIEW FORMAT FREECELL FTP GRPCONV HYPERTRM IEXPLORE IPCONFIG JVIEW KEYB KODAKIMG LABEL
MEM MODE MORE MOVE MPLAYER MSCDEX MSCONFIG MSHEARTS MSINFO32 MSPAINT NBTSTAT NET NETSTAT
NETWATCH NLSFUNC NOTEPAD PACKAGER PBRUSH PING PROGMAN QUIKVIEW REGEDIT REGSVR32 ROUTE RUNDLL
RUNDLL32 SCANDISK SCANDSKW SCANREG SCANREGW SFC SHARE SIGVERIF SMARTDRV SNDREC32 SNDVOL32 SOL
SORT START SUBST SYS SYSEDIT SYSMON TASKMAN TELNET TRACERT WELCOME WINFILE WINHELP WINHLP32
WINIPCFG WINMINE WINVER WORDPAD WRITE WSCRIPT XCOPY
"""
_BUILT_IN = frozenset(_COMMANDS.split())
_OF_WINDOWS = frozenset(_PROGRAMS.split())
_LATER_LIBRARIES = ("api-ms-win-", "ext-ms-win-", "ucrtbase", "vcruntime", "bcrypt.", "ncrypt.",
                    "dwmapi.", "uxtheme.", "msvcp1", "mscoree.")  # fmt: skip
"""How the names of libraries begin that no Windows 98 brings along."""


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
        name += next((end for end in RUN_BY_NAME if name + end in beside), "")
    return name.endswith(".BAT") or name in ("COMMAND", "COMMAND.COM")


def is_16_bit(name: str, head: bytes) -> bool:
    """Whether a file that begins with `head` is a program for DOS or 16-bit Windows."""
    if head[:2] != b"MZ":
        return name.upper().endswith(".COM")
    start = int.from_bytes(head[60:64], "little")
    return head[start : start + 4] != b"PE\0\0"


def find(command: str, names: Collection[str]) -> str:
    """Which of `names` the command starts; "" when it is none of them.

    Case and the kind of slash do not count; without an extension .COM, .EXE, .BAT are tried.
    """
    word = program(command).replace("\\", "/").removeprefix("./").lower()
    by_lower = {name.replace("\\", "/").lower(): name for name in names}
    for ending in ("", *RUN_BY_NAME):
        if (found := by_lower.get(word + ending.lower())) is not None:
            return found
    return ""


def is_on_pc(command: str) -> bool:
    """Whether the command may start what the PC has: by its path, a part of Windows, the helper."""
    word = program(command)
    if "\\" in word or "/" in word or ":" in word:
        return True
    stem, dot, ending = word.upper().rpartition(".")
    return (stem if dot else ending) in _OF_WINDOWS | {HELPER_EXE.partition(".")[0]}


def is_built_in(command: str) -> bool:
    """Whether the command is one of COMMAND.COM's own, which is no program."""
    return program(command).upper() in _BUILT_IN


def closest(command: str, names: Collection[str]) -> str:
    """The name that was probably meant; "" when none is near."""
    by_lower = {name.lower(): name for name in names}
    near = difflib.get_close_matches(program(command).lower(), by_lower, n=1)
    return by_lower[near[0]] if near else ""


def foreign(head: bytes) -> str:
    """Why no Windows 98 starts a file that begins with `head`; "" when nothing speaks against it.

    Only what is certain from the header is said. The forms are those of the ELF, Mach-O and PE
    specifications.
    """
    if head.startswith(b"\x7fELF"):
        return "this is a program for Linux or another Unix (ELF)"
    if head[:4] in (
        b"\xfe\xed\xfa\xce",
        b"\xfe\xed\xfa\xcf",
        b"\xce\xfa\xed\xfe",
        b"\xcf\xfa\xed\xfe",
    ):
        return "this is a program for macOS (Mach-O)"
    if head.startswith(b"#!"):
        return "this is a script for a Unix shell (it begins with #!)"
    start = int.from_bytes(head[60:64], "little")
    if head[:2] != b"MZ" or head[start : start + 4] != b"PE\0\0" or len(head) < start + 96:
        return ""
    machine, characteristics = struct.unpack_from("<H16xH", head, start + 4)
    magic = int.from_bytes(head[start + 24 : start + 26], "little")
    if machine != 0x14C or magic != 0x10B:
        kind = {0x8664: "64-bit Windows (x86-64)", 0xAA64: "Windows on ARM", 0x1C0: "Windows CE"}
        return f"this is a program for {kind.get(machine, f'another processor ({machine:04X}h)')}"
    if characteristics & 0x2000:
        return "this is a library (DLL), not a program"
    version = struct.unpack_from("<HH", head, start + 24 + 48)
    subsystem = int.from_bytes(head[start + 24 + 68 : start + 24 + 70], "little")
    if subsystem not in (2, 3):
        return f"this is no program for Windows (subsystem {subsystem})"
    if version > NEWEST_SUBSYSTEM:
        asked = f"{version[0]}.{version[1]}"
        return f"its header asks for Windows {asked} or newer, and Windows 98 is 4.10"
    return ""


def missing(
    imports: Mapping[str, Collection[str]],
    beside: Collection[str],
    exports: Callable[[str], frozenset[str]],
) -> str:
    """Why the program's imports cannot be met by Windows 98; "" when nothing speaks against it.

    `imports` are function names for each library, `beside` the files that lie beside the program,
    `exports` gives the names that a library of Windows 98 has, none where they are not known.
    """
    here = {name.replace("\\", "/").rpartition("/")[2].lower() for name in beside}
    for library, names in imports.items():
        if library.lower() in here:
            continue
        if library.lower().startswith(_LATER_LIBRARIES):
            return f"it needs {library}, which Windows 98 does not have"
        known = exports(library)
        lacking = [name for name in names if name not in known] if known else []
        if lacking:
            more = f" and {len(lacking) - 1} more" if lacking[1:] else ""
            return f"it needs {lacking[0]}{more} of {library}, which Windows 98 does not have"
    return ""
