"""Programs and batch files: found along %PATH%, and run (MSDOS4 PATH1, PATH2, TMISC1)."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING

from deployer.sim.commandcom import batching, messages, redirecting
from deployer.sim.commandcom.dialect import Complaint, End, NotModelled, ShellHang
from deployer.sim.commandcom.dos import split_path
from deployer.sim.commandcom.parse import parse_line
from deployer.sim.commandcom.text import DELIMITERS, shield, skip_delimiters, unquote, upper
from deployer.sim.disk import DiskError

if TYPE_CHECKING:
    from deployer.sim.commandcom.shell import CommandCom

_RANK = {"COM": 8, "EXE": 4, "BAT": 2}


def name_end(line: str, *, quoted: bool) -> int:
    """Where the name of a program ends and its tail begins."""
    text = shield(line) if quoted else line
    pos = skip_delimiters(text)
    while pos < len(text) and text[pos] not in DELIMITERS and text[pos] != "/":
        pos += 1
    return pos


def run(shell: CommandCom) -> None:
    """Run the program or batch file that the line names; `Bad command or file name` without one."""
    path = locate(shell)
    if path is None:
        raise Complaint(messages.BAD_COMMAND)
    if path.endswith(".BAT"):
        batching.start(shell, path)
        return
    redirecting.set_up(shell)
    bare = path.rpartition("\\")[2]
    program = shell.programs.get(path) or shell.programs.get(bare)
    program = program or _OF_THE_SHELL.get(bare)
    if program is not None:
        code = program(shell.tail, shell)
    elif shell.run_file is not None:
        code = shell.run_file(path, shell.tail, shell)
    else:
        raise NotModelled(f"the program {path}")
    shell.errorlevel = code & 0xFF


def locate(shell: CommandCom) -> str | None:
    """The full path, in capitals, of what the first word names: .COM before .EXE before .BAT."""
    first = shell.words.words[0]
    if first.switch or first.wild:
        return None
    word = unquote(shell.words.text(0))
    prefix, name = split_path(word)
    if not name:
        return None
    found = _best(shell, prefix, name, messages.INVALID_DRIVE)
    if found or "\\" in prefix:
        return found
    for directory in (shell.environment.get("PATH") or "").split(";"):
        if directory:
            folder = directory.rstrip("\\") + "\\"
            if found := _best(shell, folder, name, "Invalid drive in search path"):
                return found
    return None


def _best(shell: CommandCom, folder: str, name: str, complaint: str) -> str | None:
    """The best file of that name in a directory, None without one."""
    if folder[1:2] == ":" and upper(folder[0]) not in shell.dos.drives:
        shell.write_line(complaint)
        return None
    explicit = "." in name
    best, rank = "", 0
    try:
        for entry in shell.dos.search(
            folder + (name if explicit else name + ".???"), concealed=True
        ):
            worth = _RANK.get(entry.short.rpartition(".")[2], 0)
            if worth > rank:
                best, rank = entry.short, worth
        return upper(shell.dos.truename(folder + best)) if best else None
    except DiskError:
        return None


def command(tail: str, shell: CommandCom) -> int:
    """COMMAND.COM in COMMAND.COM. Its own exit code is always 0 (facts B9)."""
    size, rest = _environment_size(tail.strip(" \t"))
    other = shell.child(size)
    if not rest:
        _ended(other.interact())
        return 0
    option, text = rest[:2].upper(), rest[2:]
    if option == "/C":
        _ended(other.run_single(text.lstrip(" \t")))
        return 0
    raise NotModelled(f"COMMAND{tail}")


def start(tail: str, shell: CommandCom) -> int:
    """START [/W] program: in a window of its own. Only with /W its exit code is heard (facts B10).

    Windows are played one after the other: the program has ended before START comes back.
    """
    match = re.match(
        r"((?:[ \t]*/(?:W|WAIT|M|MIN|MINIMIZED|MAX|MAXIMIZED|R)\b)*)[ \t]*(.*)", tail, re.I
    )
    assert match is not None
    switches, rest = match[1].upper(), match[2]
    if not rest or rest.startswith("/"):
        raise NotModelled(f"START{tail}")
    other = shell.child()
    other.words = parse_line(rest, quoted=other.quoted)
    if locate(other) is None:
        shell.error(f"Cannot find the file '{rest.split()[0]}' (or one of its components).")
        return 255
    _ended(other.run_single(rest))
    return other.errorlevel if "/W" in switches else 0


_OF_THE_SHELL: Mapping[str, Callable[[str, CommandCom], int]] = {
    "COMMAND.COM": command,
    "START.EXE": start,
}


def _environment_size(text: str) -> tuple[int, str]:
    """The number of /E:nnnn, 0 without one, and what stands behind it."""
    match = re.match(r"/E:(\d+)(?=[ \t/]|$)[ \t]*", text, re.IGNORECASE)
    if match is None:
        return 0, text
    if not 160 <= int(match[1]) <= 32768:
        raise NotModelled(f"COMMAND {text}")
    return int(match[1]), text[match.end() :]


def _ended(end: End) -> None:
    if end is not End.EXITED:
        raise ShellHang("a COMMAND /C that never ends")
