"""Checks of the file as a whole: its bytes, lines and lengths, its labels, its percent signs."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator

from deployer.core.lint.model import Context, Hit
from deployer.core.lint.parse import Command, Script, label_key, variables

#: Variables that Windows 98 sets itself, and how long their values may be.
KNOWN_VARIABLES = {
    "OS": 10, "WINDIR": 16, "WINBOOTDIR": 16, "TEMP": 20, "TMP": 20, "COMSPEC": 24, "PROMPT": 12,
    "PATH": 100, "CMDLINE": 60, "BLASTER": 40, "DIRCMD": 20, "COPYCMD": 4, "CONFIG": 20,
}  # fmt: skip
_DYNAMIC = """
ERRORLEVEL CD DATE TIME RANDOM CMDEXTVERSION USERNAME USERPROFILE COMPUTERNAME APPDATA
LOCALAPPDATA PROGRAMFILES SYSTEMROOT SYSTEMDRIVE HOMEDRIVE HOMEPATH PUBLIC
"""
#: Pseudo variables of NT's shell; on 98 they are empty.
DYNAMIC = frozenset(_DYNAMIC.split())
_NAME = re.compile(r"[A-Za-z0-9_.$#@!?'`(){}\[\]&~^-]+")


def bytes_of_line(script: Script) -> Iterator[tuple[int, bytes]]:
    """Each line of the raw file with its number; lines end with LF, CR or both."""
    pieces = re.split(rb"\r\n|\n|\r", script.data)
    yield from enumerate(pieces, 1)


def ascii_only(script: Script, _context: Context) -> Iterator[Hit]:
    """Bytes that are no printable 7-bit ASCII."""
    for number, line in bytes_of_line(script):
        if number == 1 and line.startswith((b"\xef\xbb\xbf", b"\xff\xfe", b"\xfe\xff")):
            yield (
                number,
                1,
                "a byte order mark stands at the beginning and spoils the first command",
            )
        elif match := re.search(rb"[^\x09\x1a\x20-\x7e]", line):
            yield (
                number,
                match.start() + 1,
                (
                    f"byte {match.group()[0]:02X}h is no ASCII; windows of 98 show it differently"
                    if match.group()[0] > 126
                    else f"control character {match.group()[0]:02X}h"
                ),
            )


def ctrl_z(script: Script, _context: Context) -> Iterator[Hit]:
    """1Ah ends the file."""
    for number, line in bytes_of_line(script):
        if (at := line.find(b"\x1a")) >= 0:
            yield number, at + 1, "Ctrl-Z (1Ah) ends the file here; the rest is never read"
            return


def line_end(script: Script, _context: Context) -> Iterator[Hit]:
    """Each line must end with CR LF."""
    for number, match in enumerate(re.finditer(rb"\r\n|\n|\r", script.data), 1):
        if match.group() == b"\n":
            yield number, 0, "the line ends with LF alone; the shell reads on to the next CR"
            return
        if match.group() == b"\r":
            yield number, 0, "the line ends with CR alone; the byte behind it is swallowed"
            return


def last_line(script: Script, _context: Context) -> Iterator[Hit]:
    """The last line needs its CR LF too."""
    if script.data and not script.data.endswith((b"\n", b"\r")):
        last = script.lines[-1] if script.lines else None
        what = (
            "the last line is a label without CR LF: the command before it runs a second time"
            if last is not None and last.label is not None
            else "the last line has no CR LF"
        )
        yield len(script.lines), 0, what


def length(script: Script, context: Context) -> Iterator[Hit]:
    """More than 127 bytes are cut."""
    for line in script.lines:
        if len(line.text) > context.limits.line and line.label is None:
            yield (
                line.number,
                context.limits.line + 1,
                (f"{len(line.text)} bytes; all behind byte {context.limits.line} is dropped"),
            )


def worst_length(script: Script, context: Context, name: str, seen: frozenset[str]) -> int:
    """How long a variable's value may get."""
    key = name.upper()
    given = {k.upper(): v for k, v in context.environment.items()}
    if key in given:
        return len(given[key])
    if key in script.sets and key not in seen:
        return max(
            _expanded(script, context, value, seen | {key}, {}) for value in script.sets[key]
        )
    return KNOWN_VARIABLES.get(key, context.limits.variable)


def _expanded(
    script: Script, context: Context, text: str, seen: frozenset[str], loop: dict[str, int]
) -> int:
    total = len(text)
    for kind, name, column in variables(text):
        if kind == "percent":
            total -= 1
            variable = text[column + 1 : column + 2]
            if variable in loop:
                total += loop[variable] - 2
        elif kind == "parameter":
            limit = context.limits.own_name if name == "0" else context.limits.parameter
            total += limit - 2
        elif kind == "variable" and _NAME.fullmatch(name):
            total += worst_length(script, context, name, seen) - len(name) - 2
    return total


def _loops(commands: tuple[Command, ...], context: Context) -> dict[str, int]:
    """The longest item of each FOR on the line, by its variable."""
    loops = {}
    for command in commands:
        match = re.match(r"[\s=,;]*%%(\S)[\s=,;]+IN[\s=,;]*\((.*?)\)", command.rest, re.IGNORECASE)
        if command.name == "FOR" and match:
            items = [w for w in re.split(r"[ =,;\t]+", match.group(2)) if w] or [""]
            longest = max(
                len(item.rpartition("\\")[0]) + 1 + context.limits.file_name
                if set(item) & set("*?")
                else len(item)
                for item in items
            )
            loops[match.group(1)] = longest
    return loops


def expanded(script: Script, context: Context) -> Iterator[Hit]:
    """A line must stay within 120 bytes when everything is filled in."""
    for line in script.lines:
        if line.label is not None:
            continue
        size = _expanded(script, context, line.text, frozenset(), {})
        loops = _loops(line.commands, context)
        if loops and (body := next((c for c in line.commands if c.in_for), None)):
            inner = line.text[body.column - 1 :]
            size = max(size, _expanded(script, context, inner, frozenset(), loops))
        if size > context.limits.expanded and len(line.text) <= context.limits.line:
            yield (
                line.number,
                0,
                (
                    f"may grow to {size} bytes when its variables are filled in; "
                    f"more than {context.limits.expanded} can be cut, or hang the shell"
                ),
            )


def label_same(script: Script, _context: Context) -> Iterator[Hit]:
    """Two labels that are one."""
    first: dict[str, tuple[int, str]] = {}
    for number, label in script.labels:
        key = label_key(label)
        if key in first:
            line, other = first[key]
            yield (
                number,
                0,
                (f":{label} is the same as :{other} in line {line}; GOTO always finds that one"),
            )
        elif key:
            first[key] = (number, label)


def _targets(script: Script) -> Iterator[tuple[Command, str]]:
    for command in script.commands:
        if command.name == "GOTO":
            words = command.words
            target = words[0] if words else ""
            if target[:1] == ".":  # GOTO.X: the dot is the separator
                target = target[1:]
            yield command, target[1:] if target.startswith(":") else target


def label_missing(script: Script, _context: Context) -> Iterator[Hit]:
    """GOTO to nowhere ends every batch file that is running."""
    keys = {label_key(label) for _, label in script.labels}
    for command, target in _targets(script):
        if "%" in target:
            continue
        if not target:
            yield command.line, command.column, "GOTO without a label"
        elif label_key(target) not in keys and target.upper() != "EOF":
            yield command.line, command.column, f"there is no label :{target}"


def goto_eof(script: Script, _context: Context) -> Iterator[Hit]:
    """:EOF is a label like any other."""
    keys = {label_key(label) for _, label in script.labels}
    for command, target in _targets(script):
        if target.upper() == "EOF" and "EOF" not in keys:
            yield command.line, command.column, "GOTO :EOF finds no label and ends all batch files"


_BAD_IN_LABEL = re.compile(r'[."/\\\[\]:<>|+=;,?*]')


def label_characters(script: Script, _context: Context) -> Iterator[Hit]:
    """Characters that end a label's name for GOTO."""
    for command, target in _targets(script):
        if match := _BAD_IN_LABEL.search(target):
            yield (
                command.line,
                command.column,
                (
                    f"GOTO {target} looks for :{target[: match.start()]}; "
                    f"{match.group()} ends the name"
                ),
            )


def label_at(script: Script, _context: Context) -> Iterator[Hit]:
    """@:X is not a label."""
    for line in script.lines:
        if match := re.match(r"[ =,;\t]*@[@ =,;\t]*:(\S*)", line.text):
            yield (
                line.number,
                match.start() + 1,
                (f"@:{match.group(1)} is not found as a label and runs as an unknown command"),
            )


def percent(script: Script, _context: Context) -> Iterator[Hit]:
    """A % that has no partner takes text with it."""
    for line in script.lines:
        if line.label is not None or _for_header(line.commands):
            continue
        for kind, name, column in variables(line.text):
            if kind == "lone":
                if line.text[column : column + 1] in ("~", "*"):
                    continue  # tilde() says it better
                yield line.number, column, "a single % is dropped, and perhaps text with it"
            elif kind == "variable" and not _NAME.fullmatch(name) and name[:1] not in "~*":
                if ":" in name and _NAME.fullmatch(name.split(":", 1)[0]):
                    continue  # substring() says it better
                yield line.number, column, f"%{name}% is read as one variable and vanishes"


def _for_header(commands: tuple[Command, ...]) -> bool:
    return any(c.name == "FOR" and re.match(r"[\s=,;]*%[^%]", c.rest) for c in commands)


def for_percent(script: Script, _context: Context) -> Iterator[Hit]:
    """FOR needs %%V in a batch file."""
    for command in script.commands:
        if command.name == "FOR" and re.match(r"[\s=,;]*%[^%]", command.rest):
            yield command.line, command.column, "in a batch file FOR needs %%V; one % is taken away"


def for_variable(script: Script, _context: Context) -> Iterator[Hit]:
    """FOR's variable is one character."""
    for command in script.commands:
        if command.name != "FOR" or _for_header((command,)):
            continue
        if re.match(r"[\s=,;]*/", command.rest):
            continue
        good = re.match(
            r"[ =,;\t]*%%[^%\s=,;][ =,;\t]+IN[ =,;\t]+\([^)]*\)[ =,;\t]+DO[ =,;\t]+\S",
            command.rest,
            re.IGNORECASE,
        )
        if not good:
            yield (
                command.line,
                command.column,
                ("FOR must read FOR %%V IN (list) DO command, with a variable of one character"),
            )


def dynamic(script: Script, context: Context) -> Iterator[Hit]:
    """%ERRORLEVEL% and its like do not exist."""
    given = {k.upper() for k in context.environment} | set(script.sets)
    for line in script.lines:
        for kind, name, column in variables(line.text):
            if line.label is None and kind == "variable" and name.upper() in DYNAMIC - given:
                yield line.number, column, f"%{name}% does not exist on Windows 98 and is empty"


def tilde(script: Script, _context: Context) -> Iterator[Hit]:
    """%~1, %%~F and %* are NT's."""
    for line in script.lines:
        if line.label is None and (match := re.search(r"%%?~[a-zA-Z0-9$]*|(?<!%)%\*", line.text)):
            yield line.number, match.start() + 1, f"{match.group()} is not expanded"


def substring(script: Script, _context: Context) -> Iterator[Hit]:
    """%V:~0,3% and %V:a=b% are NT's."""
    for line in script.lines:
        for kind, name, column in variables(line.text):
            if line.label is not None or kind != "variable" or ":" not in name:
                continue
            if _NAME.fullmatch(name.split(":", 1)[0]) and re.search(r":(~|[^:]*=)", name):
                yield line.number, column, f"%{name}% is not a part of a variable here; it is empty"


def many_variables(script: Script, context: Context) -> Iterator[Hit]:
    """The environment is small."""
    names = Counter(
        name for name, values in script.sets.items() if any(values) and name not in KNOWN_VARIABLES
    )
    if len(names) > context.limits.variables:
        last = list(names)[context.limits.variables]
        line = next(
            c.line
            for c in script.commands
            if c.name == "SET" and c.rest.lstrip(" =,;\t").upper().startswith(last + "=")
        )
        yield (
            line,
            0,
            (f"{len(names)} variables are set; the environment has 256 bytes and may be full"),
        )
