"""DIR, as Windows 98 lists a directory; with /B bare names (facts B34 for what is not known)."""

from __future__ import annotations

import re
import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

from deployer.sim.commandcom import messages
from deployer.sim.commandcom.commands.sysparse import END, OK, Grammar, Parser
from deployer.sim.commandcom.commands.words import show_volume
from deployer.sim.commandcom.dialect import Complaint, Dialect, NotModelled
from deployer.sim.commandcom.dos import is_pattern, split_path
from deployer.sim.commandcom.shell import Shell
from deployer.sim.disk import Attribute, Code, DirectoryEntry, DiskError

_ATTRIBUTES = {
    "H": Attribute.HIDDEN, "S": Attribute.SYSTEM, "R": Attribute.READ_ONLY, "A": Attribute.ARCHIVE,
}  # fmt: skip
_ORDERS: dict[str, Callable[[DirectoryEntry], Any]] = {
    "N": lambda e: e.short.partition(".")[0],
    "E": lambda e: e.short.partition(".")[2],
    "S": lambda e: e.size,
    "D": lambda e: e.mtime,
    "G": lambda e: not e.directory,
}


class _Switches:
    """The switches of Windows 98's DIR; of MS-DOS 4.00's only /P and /W."""

    def __init__(self, dialect: Dialect) -> None:
        more = r"|B|L|S|V|4|A(:?(-?[DRHAS])*)|O(:?(-?[NESDG])*)" if dialect.bare_dir else ""
        self._known = re.compile(f"[PW]{more}")

    def __contains__(self, switch: object) -> bool:
        return self._known.fullmatch(str(switch)) is not None


def directory(shell: Shell, tail: str) -> None:
    """DIR [path] [/B] [/W] [/L] [/A[:DRHAS]] [/O[:NESDG]] [/P], and /S with /B."""
    parser = Parser(tail, Grammar(0, 1, switches=_Switches(shell.dialect)), quoted=shell.quoted)
    path, switches = "", set[str]()
    while (found := parser.next()).code != END:
        if found.code != OK:
            what = f" - {found.text}" if found.text else ""
            raise Complaint(messages.PARSE.get(found.code, messages.INVALID_SWITCH) + what)
        if found.switch:
            switches.add(found.switch)
        path = path or found.text
    if switches & {"V", "4"} or ("S" in switches and "B" not in switches):
        raise NotModelled(f"DIR{tail}")
    shown = _Shown(
        next((s[1:].lstrip(":") for s in switches if s[0] == "A"), None),
        next((s[1:].lstrip(":") or "GN" for s in switches if s[0] == "O"), ""),
        lower="L" in switches,
        wide="W" in switches,
    )
    folder, pattern, entries = _entries(shell, path, shown)
    if "B" in switches:
        if not _bare(shell, folder, pattern, entries, shown, deep="S" in switches):
            raise Complaint(messages.of_code(Code.FILE_NOT_FOUND))
        return
    _long_listing(shell, folder, entries, shown, everything_fits=folder + "*.*" == pattern)


@dataclass(frozen=True, slots=True)
class _Shown:
    """What DIR shows of a directory and how. `wanted` are letters of /A, None without it."""

    wanted: str | None
    order: str
    lower: bool
    wide: bool

    def takes(self, entry: DirectoryEntry) -> bool:
        """Whether an entry has, or with - lacks, all that /A names; by itself it shows all."""
        for sign, letter in re.findall(r"(-?)(\w)", self.wanted or ""):
            bit = entry.directory if letter == "D" else entry.attributes & _ATTRIBUTES[letter]
            if bool(bit) is bool(sign):
                return False
        return True

    def sort(self, entries: list[DirectoryEntry]) -> None:
        """As /O says: the last letter first, since sorting keeps what is equal as it was."""
        for sign, letter in reversed(re.findall(r"(-?)(\w)", self.order)):
            entries.sort(key=_ORDERS[letter], reverse=bool(sign))

    def text(self, line: str) -> str:
        """A line as it is written."""
        return line.lower() if self.lower else line


def _bare(
    shell: Shell,
    folder: str,
    pattern: str,
    entries: list[DirectoryEntry],
    shown: _Shown,
    *,
    deep: bool,
) -> bool:
    """DIR /B: names; with /S whole paths, and those of all directories below. Any at all?"""
    prefix = shell.dos.full(folder or ".").rstrip("\\") + "\\" if deep else ""
    for entry in entries:
        shell.write_line(shown.text(prefix + entry.long))
    some = bool(entries)
    below = [e for e in shell.dos.listing(folder or ".") if deep and e.directory]
    for entry in below:
        inner = f"{prefix}{entry.long}\\"
        _, name = split_path(pattern)
        _folder, _pattern, found = _entries(shell, inner + name, shown)
        some = _bare(shell, inner, inner + name, found, shown, deep=True) or some
    return some


def _entries(shell: Shell, path: str, shown: _Shown) -> tuple[str, str, list[DirectoryEntry]]:
    """The directory that a path means, the whole pattern, and what fits it."""
    if not is_pattern(path) and (not path or path[-1] in ":\\" or shell.dos.is_dir(path)):
        folder, name = path + ("\\" if path and path[-1] not in ":\\" else ""), "*.*"
    else:
        folder, name = split_path(path)
        if "." not in name:
            name += ".*"
    try:
        concealed = shown.wanted is not None
        found = list(shell.dos.search(folder + name, concealed=concealed, directories=True))
    except DiskError as error:
        raise Complaint(messages.of_code(error.code)) from error
    found = [entry for entry in found if shown.takes(entry)]
    shown.sort(found)
    return folder, folder + name, found


def _long_listing(
    shell: Shell,
    folder: str,
    entries: list[DirectoryEntry],
    shown: _Shown,
    *,
    everything_fits: bool,
) -> None:
    full = shell.dos.full(folder or ".")
    if everything_fits and full[3:]:
        entries = [*_dots(shell, full), *entries]
    show_volume(shell, full[0])
    shell.write_line(f" Directory of {full}")
    shell.write_line()
    if not entries:
        raise Complaint(messages.of_code(Code.FILE_NOT_FOUND))
    lines = [_wide(e) if shown.wide else _line(e) for e in entries]
    if shown.wide:
        lines = ["".join(lines[i : i + 5]).rstrip() for i in range(0, len(lines), 5)]
    for line in lines:
        shell.write_line(shown.text(line))
    files = [e for e in entries if not e.directory]
    free = shell.dos.drives[full[0]].free()
    shell.write_line(f"{len(files):10} file(s) {sum(e.size for e in files):14,} bytes")
    shell.write_line(f"{len(entries) - len(files):10} dir(s) {free:15,} bytes free")


def _dots(shell: Shell, full: str) -> list[DirectoryEntry]:
    """What each directory but the root begins with."""
    own = shell.dos.drives[full[0]].stat("C" + full[1:])
    return [replace(own, short=name, long=name) for name in (".", "..")]


def _line(entry: DirectoryEntry) -> str:
    base, extension = entry.short, ""
    if not entry.short.startswith("."):
        base, _, extension = entry.short.partition(".")
    size = "<DIR>      " if entry.directory else f"{entry.size:,}"
    when = time.localtime(entry.mtime)
    clock = f"{when.tm_hour % 12 or 12:2}:{when.tm_min:02}{'p' if when.tm_hour > 11 else 'a'}"
    day = time.strftime("%m-%d-%y", when)
    return f"{base:<8} {extension:<3}{size:>14}  {day} {clock} {entry.long}"


def _wide(entry: DirectoryEntry) -> str:
    return f"{'[' + entry.short + ']' if entry.directory else entry.short:<16}"
