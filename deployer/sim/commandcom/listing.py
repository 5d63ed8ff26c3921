"""DIR, as Windows 98 lists a directory; with /B bare names (facts B34 for what is not known)."""

from __future__ import annotations

import time
from dataclasses import replace
from typing import TYPE_CHECKING

from deployer.sim.commandcom import messages
from deployer.sim.commandcom.dialect import Complaint, NotModelled
from deployer.sim.commandcom.dos import is_pattern, split_path
from deployer.sim.commandcom.sysparse import END, OK, Grammar, Parser
from deployer.sim.commandcom.words import show_volume
from deployer.sim.disk import Code, DiskError, Entry

if TYPE_CHECKING:
    from deployer.sim.commandcom.shell import CommandCom

_GRAMMAR = Grammar(0, 1, switches=frozenset({"P", "W", "B", "A", "L", "ON", "O:N", "S", "V", "4"}))
_PLAYED = frozenset({"B", "W", "A", "L", "ON", "O:N", "P"})


def directory(shell: CommandCom, tail: str) -> None:
    """DIR [path] [/B] [/W] [/A] [/L] [/ON]."""
    parser = Parser(tail, _GRAMMAR, quoted=shell.quoted)
    path, switches = "", set[str]()
    while (found := parser.next()).code != END:
        if found.code != OK:
            shown = f" - {found.text}" if found.text else ""
            raise Complaint(messages.PARSE.get(found.code, messages.INVALID_SWITCH) + shown)
        if found.switch:
            switches.add(found.switch)
        path = path or found.text
    if switches - _PLAYED or (switches & {"B"} and not shell.dialect.bare_dir):
        if not shell.dialect.bare_dir:
            raise Complaint(messages.INVALID_SWITCH)
        raise NotModelled(f"DIR /{min(switches - _PLAYED)}")
    folder, pattern, entries = _entries(shell, path, everything="A" in switches)
    if switches & {"ON", "O:N"}:
        entries.sort(key=lambda e: (not e.directory, e.short))
    lower = "L" in switches
    if "B" in switches:
        if not entries:
            raise Complaint(messages.of_code(Code.FILE_NOT_FOUND))
        for entry in entries:
            shell.write_line(entry.long.lower() if lower else entry.long)
        return
    fits = folder + "*.*" == pattern
    _long_listing(shell, folder, entries, everything_fits=fits, wide="W" in switches, lower=lower)


def _entries(shell: CommandCom, path: str, *, everything: bool) -> tuple[str, str, list[Entry]]:
    """The directory that a path means, the whole pattern, and what fits it."""
    if not is_pattern(path) and (not path or path[-1] in ":\\" or shell.dos.is_dir(path)):
        folder, name = path + ("\\" if path and path[-1] not in ":\\" else ""), "*.*"
    else:
        folder, name = split_path(path)
        if "." not in name:
            name += ".*"
    try:
        found = list(shell.dos.search(folder + name, concealed=everything, directories=True))
    except DiskError as error:
        raise Complaint(messages.of_code(error.code)) from error
    return folder, folder + name, found


def _long_listing(
    shell: CommandCom,
    folder: str,
    entries: list[Entry],
    *,
    everything_fits: bool,
    wide: bool,
    lower: bool,
) -> None:
    full = shell.dos.full(folder or ".")
    if everything_fits and full[3:]:
        entries = [*_dots(shell, full), *entries]
    show_volume(shell, full[0])
    shell.write_line(f" Directory of {full}")
    shell.write_line()
    if not entries:
        raise Complaint(messages.of_code(Code.FILE_NOT_FOUND))
    lines = [_wide(e) if wide else _line(e) for e in entries]
    if wide:
        lines = ["".join(lines[i : i + 5]).rstrip() for i in range(0, len(lines), 5)]
    for line in lines:
        shell.write_line(line.lower() if lower else line)
    files = [e for e in entries if not e.directory]
    free = shell.dos.drives[full[0]].free()
    shell.write_line(f"{len(files):10} file(s) {sum(e.size for e in files):14,} bytes")
    shell.write_line(f"{len(entries) - len(files):10} dir(s) {free:15,} bytes free")


def _dots(shell: CommandCom, full: str) -> list[Entry]:
    """What each directory but the root begins with."""
    own = shell.dos.drives[full[0]].stat("C" + full[1:])
    return [replace(own, short=name, long=name) for name in (".", "..")]


def _line(entry: Entry) -> str:
    base, extension = entry.short, ""
    if not entry.short.startswith("."):
        base, _, extension = entry.short.partition(".")
    size = "<DIR>      " if entry.directory else f"{entry.size:,}"
    when = time.localtime(entry.mtime)
    clock = f"{when.tm_hour % 12 or 12:2}:{when.tm_min:02}{'p' if when.tm_hour > 11 else 'a'}"
    day = time.strftime("%m-%d-%y", when)
    return f"{base:<8} {extension:<3}{size:>14}  {day} {clock} {entry.long}"


def _wide(entry: Entry) -> str:
    return f"{'[' + entry.short + ']' if entry.directory else entry.short:<16}"
