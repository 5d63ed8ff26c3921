"""Checks of what stands after a command: how many names, which switches, of which form."""

from __future__ import annotations

import re
from collections.abc import Iterator

from deployer.core.lint.commands import outside_quotes
from deployer.core.lint.model import Context, Hit
from deployer.core.lint.parse import Command, Script

#: Commands of the shell whose names may have directories, and how many names each takes.
_MOST = {"CD": 1, "CHDIR": 1, "MD": 1, "MKDIR": 1, "RD": 1, "RMDIR": 1, "REN": 2, "RENAME": 2}
_MOST |= {"COPY": 2}
_LEAST = {"COPY": 1, "DEL": 1, "ERASE": 1, "TYPE": 1, "MD": 1, "MKDIR": 1, "RD": 1, "RMDIR": 1}
_LEAST |= {"REN": 2, "RENAME": 2}
_ROOM = 128  # what the 256 bytes of facts B22 leave beside the variables of Windows itself
_OF_THE_SHELL = frozenset(_MOST) | {"DEL", "ERASE", "TYPE"}
_PATHS = _OF_THE_SHELL | {"XCOPY", "MOVE"}


def names_many(script: Script, _context: Context) -> Iterator[Hit]:
    """More names than the command takes."""
    for command in script.commands:
        most = _MOST.get(command.name)
        if most is not None and len(command.operands) > most:
            count = "one name" if most == 1 else "two names"
            yield command.hit(f"{command.name} takes {count}; with more it does nothing")


def names_few(script: Script, _context: Context) -> Iterator[Hit]:
    """Fewer names than the command needs."""
    for command in script.commands:
        if len(command.operands) < _LEAST.get(command.name, 0):
            yield command.hit(f"{command.name} lacks a name and does nothing")


def on_off(script: Script, _context: Context) -> Iterator[Hit]:
    """VERIFY, BREAK and LFNFOR take ON and OFF."""
    for command in script.commands:
        word = command.rest.strip(" =,;\t").upper()
        known = word in ("", "ON", "OFF", "/?") or "%" in word
        if command.name in ("VERIFY", "BREAK", "LFNFOR") and not known:
            yield command.hit(f"{command.name} takes ON or OFF, nothing else")


def pipe_end(script: Script, _context: Context) -> Iterator[Hit]:
    """A pipe with nothing on one side."""
    for line in script.lines:
        text = outside_quotes(line.text)
        if line.pipes and re.search(r"^[\s@=,;]*\||\|[\s=,;]*$", text):
            yield line.number, line.pipes[0], "| needs a command on both sides"


def environment_full(script: Script, _context: Context) -> Iterator[Hit]:
    """More text in variables than the block has room for."""
    total = 0
    longest: dict[str, int] = {}
    for command in script.commands:
        name, equals, value = command.rest.lstrip(" =,;\t").partition("=")
        if command.name != "SET" or not equals:
            continue
        size = len(name) + len(value) + 2 if value else 0
        total += max(0, size - longest.get(name.upper(), 0))
        longest[name.upper()] = max(size, longest.get(name.upper(), 0))
        if total > _ROOM:
            yield command.hit(f"{total} bytes of variables, and more do not fit")
            return


def slash_in_name(script: Script, _context: Context) -> Iterator[Hit]:
    """A slash between directories starts a switch."""
    for command in script.commands:
        text = outside_quotes(command.rest)
        glued = re.match(r"/\w[\w.]+", text) if command.name in _OF_THE_SHELL else None
        match = glued or re.search(r"[\w.]+/\w[\w.]+", text)
        if command.name in _PATHS and match:
            yield command.hit(f"{match.group()}: / starts a switch")


def for_list(script: Script, _context: Context) -> Iterator[Hit]:
    """A slash in the list of FOR splits an item, and quotes do not hold one together."""
    for command in script.commands:
        match = re.search(r"\bIN[ =,;\t]*\((.*?)\)", command.rest, re.IGNORECASE)
        if command.name != "FOR" or match is None:
            continue
        if re.search(r'"[^"]*[ =,;\t][^"]*"', match.group(1)):
            yield command.hit("quotes in the list of FOR hold nothing together")
        elif re.search(r"/[ =,;\t]*[^ =,;\t]", outside_quotes(match.group(1))):
            yield command.hit("/ in the list of FOR splits the item")


def set_redirects(script: Script, _context: Context) -> Iterator[Hit]:
    """> and < in a SET line redirect."""
    for line in script.lines:
        last = line.commands[-1].name if line.commands else ""
        for redirection in line.redirections:
            if last == "SET" and line.commands[-1].rest.strip():
                yield (
                    line.number,
                    redirection.column,
                    f"{redirection.operator} redirects: the value ends in front of it",
                )


def _copies(script: Script) -> Iterator[tuple[Command, str, str]]:
    """Each COPY from one name to another."""
    for command in script.commands:
        if command.name == "COPY" and len(command.operands) == 2:
            yield command, command.operands[0], command.operands[1]


def copy_pattern(script: Script, _context: Context) -> Iterator[Hit]:
    """A pattern copied to one name is a join."""
    for command, source, target in _copies(script):
        if not set(source) & set("*?") or set(target) & set("*?") or "+" in source:
            continue
        bare = target.rpartition("\\")[2].upper()
        if bare.strip(".") and bare != "NUL" and not target.endswith(":"):
            yield command.hit(
                f"if there is no directory {target}, all files are joined into one of that name"
            )


def copy_refused(script: Script, _context: Context) -> Iterator[Hit]:
    """A target with a backslash at its end, and one that is the source."""
    for command, source, target in _copies(script):
        if re.search(r"[^:\\]\\$", target):
            yield command.hit(f"{target}: COPY takes no \\ at the end of a directory")
        elif source.upper() == target.upper():
            yield command.hit(f"COPY does not copy {source} onto itself")


def copy_in_place(script: Script, _context: Context) -> Iterator[Hit]:
    """Appending to the first source."""
    for command in script.commands:
        names = command.operands
        if command.name != "COPY" or not names or "+" not in names[0]:
            continue
        first = names[0].upper().split("+")[0]
        if len(names) == 1 or names[1].upper() == first:
            yield command.hit(f"a full disk deletes {first}, old bytes and all")


def choice_form(script: Script, _context: Context) -> Iterator[Hit]:
    """CHOICE /C:YN /N /S /T:Y,10, and nothing else."""
    for command in script.commands:
        if command.name != "CHOICE" and not command.word.upper().endswith("CHOICE.COM"):
            continue
        if what := _wrong_choice(command.rest):
            yield command.hit(f"{what}: CHOICE ends with 255 and asks nothing")


def _wrong_choice(rest: str) -> str:
    keys, default = "YN", ""
    for word in outside_quotes(rest).split():
        upper = word.upper()
        if upper.startswith("/C"):
            keys = upper[2:].removeprefix(":")
            if not keys:
                return f"{word} has no keys glued to it"
        elif upper.startswith("/T"):
            match = re.fullmatch(r"/T:?(.),\d{1,2}", upper)
            if match is None:
                return f"{word} is not of the form /T:Y,10 (0 to 99 seconds)"
            default = match.group(1)
        elif upper.startswith("/") and upper not in ("/N", "/S", "/?") and "%" not in upper:
            return f"there is no switch {word}"
    if default and default not in keys and "%" not in keys + default:
        return f"the default {default} is none of the keys {keys}"
    return ""


def find_form(script: Script, _context: Context) -> Iterator[Hit]:
    """FIND's text stands in quotes."""
    for command in script.commands:
        asked = command.rest.strip() in ("", "/?")
        quoted = re.match(r'([ \t]*/[VCNI])*[ \t]*"', command.rest, re.IGNORECASE)
        if command.name == "FIND" and not asked and not quoted:
            yield command.hit("FIND without quotes around the text refuses")


def ftp_switches(script: Script, _context: Context) -> Iterator[Hit]:
    """The switches that FTP.EXE has on every 9x, in front of the host."""
    for command in script.commands:
        bare = command.word.upper().rpartition("\\")[2]
        if bare not in ("FTP", "FTP.EXE"):
            continue
        text = command.rest[len(command.word) - len(command.name) :]
        host = False
        for word in text.split():
            if not word.startswith("-"):
                host = True
            elif host:
                yield command.hit(f"{word} stands after the host")
            elif word in ("-s", "-s:"):
                yield command.hit("a blank after -s: ends FTP at once")
            elif not re.fullmatch(r"-[vnidg]|-s:\S+", word):
                yield command.hit(f"FTP.EXE of Windows 98 has no {word}")


def start_form(script: Script, _context: Context) -> Iterator[Hit]:
    """START's switches, and SHIFT, which has none."""
    for command in script.commands:
        text = command.rest.lstrip(" =,;\t")
        if command.name == "SHIFT" and text:
            yield command.hit("SHIFT moves all arguments, whatever stands there")
        elif command.name == "START" and text.startswith('"'):
            yield command.hit("START takes no title: it opens what is quoted")
        elif command.name == "START" and (match := re.match(r"/(\w+)", text)):
            switch = match.group(1).upper()
            if switch not in ("M", "MAX", "R", "W", "WAIT", "MIN", "MINIMIZED", "MAXIMIZED"):
                yield command.hit(f"START has no switch /{switch}")


def start_wait(script: Script, _context: Context) -> Iterator[Hit]:
    """START without /W does not wait for an exit code."""
    before: Command | None = None
    for command in script.commands:
        asked = any(condition.kind == "errorlevel" for condition in command.conditions)
        if asked and before is not None:
            yield (
                before.line,
                before.column,
                "START without /W does not wait, and knows no exit code",
            )
        if command.name not in ("IF", "REM", "ECHO") or asked:
            waits = re.search(r"/W(AIT)?\b", command.rest, re.IGNORECASE)
            before = command if command.name == "START" and not waits else None
