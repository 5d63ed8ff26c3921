"""COMMAND.COM and START.EXE, started from a COMMAND.COM: another shell on the same disks."""

from __future__ import annotations

import re
from collections.abc import Mapping

from deployer.sim.commandcom.dialect import End, NotModelled, ShellHang
from deployer.sim.commandcom.external import locate
from deployer.sim.commandcom.interpreter import interact, run_single
from deployer.sim.commandcom.line.parse import parse_line
from deployer.sim.commandcom.shell import Program, Shell


def command(tail: str, shell: Shell) -> int:
    """COMMAND.COM in COMMAND.COM. Its own exit code is always 0 (facts B9)."""
    size, rest = _environment_size(tail.strip(" \t"))
    other = shell.child(size)
    if not rest:
        _ended(interact(other))
        return 0
    option, text = rest[:2].upper(), rest[2:]
    if option == "/C":
        _ended(run_single(other, text.lstrip(" \t")))
        return 0
    raise NotModelled(f"COMMAND{tail}")


def start(tail: str, shell: Shell) -> int:
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
    _ended(run_single(other, rest))
    return other.errorlevel if "/W" in switches else 0


def _environment_size(text: str) -> tuple[int, str]:
    """The number of /E:nnnn, 0 without one, and what stands after it."""
    match = re.match(r"/E:(\d+)(?=[ \t/]|$)[ \t]*", text, re.IGNORECASE)
    if match is None:
        return 0, text
    if not 160 <= int(match[1]) <= 32768:
        raise NotModelled(f"COMMAND {text}")
    return int(match[1]), text[match.end() :]


def _ended(end: End) -> None:
    if end is not End.EXITED:
        raise ShellHang("a COMMAND /C that never ends")


#: The programs that need a whole COMMAND.COM, by their names.
PROGRAMS: Mapping[str, Program] = {
    "COMMAND.COM": command,
    "START.EXE": start,
}
